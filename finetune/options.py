"""The options that `aftertune train` and `plan-training` share, and recipe files, which hold the same values."""

import functools
import inspect
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import BaseModel, Field, ValidationError, create_model

from finetune.heads import Head
from finetune.recipe import IDENTICAL, Method, Recipe
from finetune.run import DEV, Dtype, Run
from harness_tasks import TASKS_PATH
from harness_tasks.errors import UserError
from harness_tasks.reading import Kind, checked, read_yaml
from harness_tasks.validation import first_invalid, short_repr, unknown_key

Default = Recipe()
TRACKERS = {"tensorboard": "tensorboard", "wandb": "wandb", "trackio": "trackio"}
"""The trackers that `--report-to` takes, and the package that each needs."""
_CHOICES = {"method": get_args(Method), "head": get_args(Head), "dtype": get_args(Dtype)}
_LISTS = ("scored_on", "allow", "report_to")


_Words = Annotated[str, Field(max_length=1000)]
RECIPE = Kind(
    "the recipe",
    "the run's values are taken from it",
    "correct it there; studies/recipes/ holds some",
    limit_mib=4,
    schema=dict[str, Any],
)


def _declared(
    model: Annotated[str | None, typer.Option(help="Base model: Hub id or folder.", show_default="needed")] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="Any lm_eval task with a training split; rows are rendered with its prompt.", show_default="needed"
        ),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="YAML file with any of these options; the command line overrides it.")
    ] = None,
    method: Annotated[str, typer.Option(help="lora, dora, qlora, full, or head (only the head is trained).")] = "lora",
    head: Annotated[
        str, typer.Option(help="causal, sequence-classification (a choice) or question-answering (a span).")
    ] = "causal",
    revision: Annotated[str | None, typer.Option(help="Commit of the model on the Hub.")] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Folder or Hub id of a tokenizer.", show_default="the model's own")
    ] = None,
    include_path: Annotated[Path, typer.Option(help="Folder of task YAMLs.", show_default="our own")] = TASKS_PATH,
    metadata: Annotated[str, typer.Option(help='JSON object for the task, e.g. \'{"data_dir": "DIR"}\'.')] = "{}",
    num_fewshot: Annotated[int, typer.Option(min=0, help="Few-shot examples in each prompt.")] = 0,
    apply_chat_template: Annotated[bool, typer.Option(help="Render prompts with the chat template.")] = False,
    train_rows: Annotated[
        int | None, typer.Option(min=1, help="Most training rows, drawn with --sampling-seed.", show_default="all")
    ] = None,
    min_words: Annotated[int | None, typer.Option(min=1, help="Leave out rows with fewer words.")] = None,
    exclude_overlap: Annotated[
        str,
        typer.Option(
            help="Training rows to leave out: identical (scored rows), a task (those, and rows contained in a "
            "scored row of that task), or none."
        ),
    ] = IDENTICAL,
    epochs: Annotated[float, typer.Option(help="Epochs; may be a fraction.")] = Default.epochs,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Rows per optimiser step, over all processes.")
    ] = Default.batch_size,
    gradient_accumulation_steps: Annotated[
        int, typer.Option(min=1, help="Parts that a step's rows are split into, to save memory.")
    ] = Default.gradient_accumulation_steps,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Peak learning rate.", show_default="5e-4 lora and dora, 2e-4 qlora, 2e-5 full, 1e-3 head"),
    ] = None,
    warmup_ratio: Annotated[
        float, typer.Option(help="Share of the steps (0 to 1) over which the learning rate rises.")
    ] = Default.warmup_ratio,
    schedule: Annotated[
        str, typer.Option(help="Learning rate schedule after the warm-up: linear, cosine or constant.")
    ] = Default.schedule,
    weight_decay: Annotated[float, typer.Option(help="AdamW's decoupled weight decay.")] = Default.weight_decay,
    max_grad_norm: Annotated[float, typer.Option(help="Gradients are clipped to this norm.")] = Default.max_grad_norm,
    lora_r: Annotated[int, typer.Option(min=1, help="Rank of the LoRA matrices.")] = Default.lora_r,
    lora_alpha: Annotated[
        int | None, typer.Option(min=1, help="LoRA's scale is this divided by the rank.", show_default="2 × lora-r")
    ] = None,
    lora_dropout: Annotated[float, typer.Option(help="Dropout before the LoRA matrices.")] = Default.lora_dropout,
    lora_targets: Annotated[
        str, typer.Option(help="Modules with LoRA: all-linear, or names joined by commas.")
    ] = Default.lora_targets,
    lora_last_layers: Annotated[
        int | None, typer.Option(min=1, help="LoRA in the last N layers only.", show_default="all layers")
    ] = None,
    max_length: Annotated[
        int, typer.Option(min=8, help="Longest row, in tokens; a longer one stops the run.")
    ] = Default.max_length,
    dev_share: Annotated[
        float,
        typer.Option(help="Share of the training rows (0 to 1) held out, by whole cluster, to select the checkpoint."),
    ] = Default.dev_share,
    select_on: Annotated[
        str, typer.Option(help="Split that selects the checkpoint: dev (see --dev-share), or a split of the task.")
    ] = DEV,
    eval_steps: Annotated[
        int | None, typer.Option(min=1, help="Steps between evaluations on that split.", show_default="an epoch")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            min=1, help="Early stopping: evaluations without a lower loss before training stops.", show_default="never"
        ),
    ] = None,
    scored_on: Annotated[
        str | None,
        typer.Option(help="Tasks that the checkpoint will be scored on, joined by commas.", show_default="the task"),
    ] = None,
    shuffle_targets: Annotated[
        bool,
        typer.Option(
            "--shuffle-targets",
            help="A control: each row learns the target of another row (of its cluster, where answers are written), "
            "drawn with --sampling-seed.",
        ),
    ] = False,
    allow: Annotated[str | None, typer.Option(help="Guards whose failure is only a warning, joined by commas.")] = None,
    save_steps: Annotated[
        int, typer.Option(min=1, help="Steps between the trainer's checkpoints.")
    ] = Default.save_steps,
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the order of rows.")] = 1,
    sampling_seed: Annotated[int, typer.Option(help="Seed of --train-rows, --dev-share and --shuffle-targets.")] = 1,
    dtype: Annotated[str, typer.Option(help="auto (a short probe picks the faster), float32 or bfloat16.")] = "auto",
    device: Annotated[str | None, typer.Option(help="cpu, cuda or mps.", show_default="a GPU if any")] = None,
    scratch: Annotated[
        Path | None, typer.Option(help="Folder for the trainer's checkpoints.", show_default="beside --output")
    ] = None,
    report_to: Annotated[
        str | None, typer.Option(help="tensorboard, wandb or trackio, joined by commas.", show_default="none")
    ] = None,
    proof: Annotated[
        bool, typer.Option(help="Load the finished checkpoint in a new process and compare its outputs.")
    ] = True,
) -> None:
    """The signature is what counts: `with_run_options` gives it to a verb."""


def with_run_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Returns ``verb(values, **own)`` as a Typer command whose options are its own and those of a run.

    ``values`` holds the options that were given, with those of the recipe file under them, for `run_of`.
    """
    declared = inspect.signature(_declared).parameters
    own = {name: value for name, value in inspect.signature(verb).parameters.items() if name != "values"}

    @functools.wraps(verb)
    def command(context: typer.Context, **options: Any) -> None:
        mine = {name: options.pop(name) for name in own}
        sources = {name: context.get_parameter_source(name) for name in options}
        given = {
            name: value for name, value in options.items() if (source := sources[name]) and source.name != "DEFAULT"
        }
        verb(given, **mine)

    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *own.values(), *declared.values()]
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    )
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def load_recipe(path: Path) -> dict[str, Any]:
    """Returns the values of a recipe file: a flat mapping whose keys are the options' names, with underscores.

    Raises:
        UserError: the file is missing, no YAML or no mapping, or has a key that is no option.
    """
    values: dict[str, Any] = read_yaml(path, RECIPE)
    known = _recipe_file().model_fields
    for key in values:
        if key not in known:
            why = "a mistyped key would be ignored, and the run would do something else than it says"
            raise unknown_key(f"the recipe {path}", key, known=sorted(known), why=why)
    checked(values, path, replace(RECIPE, schema=_recipe_file()))
    return values


@functools.cache
def _recipe_file() -> type[BaseModel]:
    """Returns the schema of a recipe file: of which type each option is. What shapes a run is `Recipe`'s to judge."""
    types: dict[str, Any] = {"output": _Words}
    for name, parameter in inspect.signature(_declared).parameters.items():
        declared, option = get_args(parameter.annotation)
        one: Any = bool if declared is bool else _Words
        if declared in (int, int | None):
            one = Annotated[int, Field(ge=option.min or 0, lt=2**32)]
        if name in _LISTS:
            one = _Words | list[_Words]
        elif name == "metadata":
            one = _Words | dict[str, Any]
        elif name in Recipe.model_fields:
            one = Any
        types[name] = one if parameter.default is not None else one | None
    del types["recipe"]
    fields: Any = {name: (one, None) for name, one in types.items()}
    return create_model("RecipeFile", **fields)


def run_of(values: dict[str, Any]) -> Run:
    """Returns the run that the options ``values`` describe; ``recipe`` among them names a file with more of them.

    Raises:
        UserError: an option that is needed is missing, or one has a value that it cannot have.
    """
    if "recipe" in values:
        values = {**load_recipe(Path(values["recipe"])), **values}
        del values["recipe"]
    for name, why in (
        ("model", "training starts from a model"),
        ("task", "its rows are trained on"),
        ("output", "the checkpoint is written there"),
    ):
        if not values.get(name):
            raise UserError(f"no --{name}", why, f"give --{name}, or `{name}:` in the recipe file")
    for name, choices in _CHOICES.items():
        if name in values and values[name] not in choices:
            raise UserError(
                f"--{name} is {values[name]!r}", "there is no such choice", f"choose one of {', '.join(choices)}"
            )
    lists = {name: _names(values[name]) for name in _LISTS if values.get(name)}
    _check_trackers(lists.get("report_to", ()))
    include_path = Path(values.get("include_path", TASKS_PATH))
    if not include_path.is_dir():
        raise UserError(
            f"--include-path {include_path} is not a folder",
            "the task's YAML is looked for in it",
            "name the folder that holds the YAML files",
        )
    own = {name: value for name, value in values.items() if name not in Recipe.model_fields}
    paths = {name: Path(own[name]) for name in ("output", "scratch") if own.get(name)}
    return Run(
        **{
            **own,
            **lists,
            **paths,
            "include_path": include_path,
            "metadata": _metadata(values.get("metadata", {})),
            "recipe": _recipe({name: value for name, value in values.items() if name in Recipe.model_fields}),
            "command": _command_line(),
        }
    )


def _command_line() -> str:
    """Returns the command that started this process: `aftertune`, `python -m` a package, or another program."""
    program = Path(sys.argv[0])
    if program.stem == "aftertune":
        start = ["aftertune"]
    elif program.name == "__main__.py":
        start = ["python", "-m", program.parent.name]
    else:
        start = [str(program)]
    return shlex.join([*start, *sys.argv[1:]])


def run_of_command(words: Sequence[str]) -> Run:
    """Returns the run of a command `aftertune train ...`, given as words; raises as `run_of` does."""
    from finetune.__main__ import app

    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    context = command.make_context("train", list(words[words.index("train") + 1 :]))
    given = {
        name: value
        for name, value in context.params.items()
        if (source := context.get_parameter_source(name)) and source.name != "DEFAULT"
    }
    return replace(run_of(given), command=shlex.join(words))


def _names(value: Any) -> tuple[str, ...]:
    return tuple(value.split(",")) if isinstance(value, str) else tuple(str(name) for name in value)


def _check_trackers(names: tuple[str, ...]) -> None:
    import importlib.util

    for name in names:
        if name not in TRACKERS:
            raise UserError(f"--report-to {name}", "no such tracker is known", f"choose among {', '.join(TRACKERS)}")
        if importlib.util.find_spec(TRACKERS[name]) is None:
            raise UserError(
                f"--report-to {name}, and the package {TRACKERS[name]} is not installed",
                "the loss curve could not be sent there",
                f"pip install {TRACKERS[name]}, or leave the option out",
            )


def _recipe(values: dict[str, Any]) -> Recipe:
    try:
        return Recipe(**values)
    except ValidationError as error:
        problem = first_invalid(error)
        raise UserError(
            f"--{str(problem.location[0]).replace('_', '-')} is {short_repr(problem.value)}: {problem.reason}",
            "the run would not be the one you meant",
            "give a value that aftertune train --help allows",
        ) from None


def _metadata(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"--metadata is not JSON ({error})",
                "the task reads its data folder from it",
                'quote it: \'{"key": "value"}\'',
            ) from None
    if not isinstance(value, dict):
        raise UserError(
            "--metadata is not a JSON object", "its keys are the task's settings", 'write \'{"key": "value"}\''
        )
    return value
