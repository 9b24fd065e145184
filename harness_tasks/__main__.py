"""`python -m harness_tasks`: lm_eval's own command line behind a check of our tasks' data, and what is measured beside
scores: sampling by cluster, shards, overlap with the training rows, the content-free prior.
"""

import atexit
import gc
import json
import math
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn
from unittest import mock

import typer

from harness_tasks import TASKS_PATH
from harness_tasks.collection import no_search_for_cycles
from harness_tasks.errors import UserError, exit_on_user_error

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Score models on this project's tasks.")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    help="Run lm_eval with these arguments; our tasks are found without --include_path, their data checked first. "
    "With --shard K/N: part K of N of the task's items. With --allow GUARD: although that guard fails.",
)
def run(context: typer.Context) -> None:
    """Hands all arguments to ``lm_eval run``, once every task of ours that they name can load its data.

    Beside lm_eval's model classes there are `hf-shared`, which answers as `hf` does in less time, `hf-recorded`, and
    `hf-seqcls` and `hf-span`, for heads. ``--shard K/N`` scores one part of the items, for `merge-shards` to join;
    ``--allow GUARD`` goes on where a guard of scoring fails.
    Where a class of ours generates, a file says beside lm_eval's samples why each generation ended.
    """
    from harness_tasks.guards import take_allowed
    from harness_tasks.shard_run import shard_run, take_shard

    with exit_on_user_error(), ExitStack() as stack:
        arguments, shard = take_shard(context.args)
        arguments, allowed = take_allowed(arguments)
        # A --config file may name a folder of its own, which an argument would override.
        given = {argument.split("=")[0] for argument in arguments}
        if not given & {"--include_path", "--config", "-C"}:
            arguments += ["--include_path", str(TASKS_PATH)]
        with no_search_for_cycles():
            import lm_eval.tasks
            import torch
            from lm_eval.__main__ import cli_evaluate
            from lm_eval.api.registry import get_model

            from harness_tasks.environment import reported_early
            from harness_tasks.generations import noted_beside
            from harness_tasks.models import MODELS, register_models
            from harness_tasks.models.files import asking
            from harness_tasks.models.several import score_each, with_model_args
            from harness_tasks.prompts import rows_argument

            if not given & {"--device", "--config", "-C"}:
                # lm_eval's own default is cuda:0; without a GPU it takes the processor, and its results say cuda:0.
                arguments += ["--device", "cuda:0" if torch.cuda.is_available() else "cpu"]
            asks_for_help = bool({"-h", "--help"} & set(arguments))
            if not asks_for_help:
                stack.enter_context(reported_early())
            checked = Checked(None, False, []) if asks_for_help else check_arguments(arguments, allowed)
            part = None
            if shard and checked.config:
                part = shard_run(shard, checked.config, include_path=checked.config.include_path or TASKS_PATH)
                if not part.mine:
                    for model_args in checked.several or [checked.config.model_args]:
                        part.write_empty(Path(checked.config.output_path), model_args)
                    print(f"shard {shard} of {part.task} holds none of its {len(part.whole):,} items")
                    return
                arguments += part.samples()
            elif checked.config and checked.config.samples:  # lm_eval takes them in any order, and mixes them up
                samples = {name: rows_argument(rows) for name, rows in checked.config.samples.items()}
                arguments += ["--samples", json.dumps(samples)]
            if checked.passed_over:  # results that somebody finds say so too
                own = _own_metadata(checked.config)
                arguments += ["--metadata", json.dumps({**own, "allowed": list(checked.passed_over)})]
            register_models()
            if checked.model in MODELS:
                get_model(checked.model)  # imports it
            gc.freeze()
        manager = lm_eval.tasks.TaskManager
        if checked.ours_alone:  # lm_eval would index its own 14,000 tasks first, which takes seconds
            manager = partial(manager, include_defaults=False)

        def evaluate(words: list[str]) -> None:
            sys.argv = ["lm_eval", "run", *words]
            output = Path(checked.config.output_path) if checked.config and checked.config.output_path else None
            place = checked.config.model_args.get("pretrained") if checked.config else None
            with (
                asking(str(checked.model), place),
                noted_beside(output),
                mock.patch.object(lm_eval.tasks, "TaskManager", manager),
                part.scored() if part else nullcontext(),
            ):
                cli_evaluate()

        if checked.several:
            score_each(checked.several, lambda given: evaluate(with_model_args(arguments, given)))
        else:
            evaluate(arguments)


@app.command()
def sample(
    task: Annotated[str, typer.Argument(help="A task, ours or one that lm_eval ships.")],
    limit: Annotated[int, typer.Option(help="The most rows to take; whole clusters only.")],
    output: Annotated[Path, typer.Option(help="The JSON file to write, for lm_eval's --samples.")],
    seed: Annotated[int, typer.Option(help="Decides which clusters are taken.")] = 1,
    metadata: Annotated[str | None, typer.Option(help="A JSON object for the task, as lm_eval's --metadata.")] = None,
    include_path: Annotated[Path, typer.Option(help="The folder in which tasks are looked for first.")] = TASKS_PATH,
) -> None:
    """Write which rows of a task a limited run scores: whole clusters, drawn with a seed."""
    from harness_tasks.files import write_json
    from harness_tasks.loading import load_task, parse_metadata
    from harness_tasks.sampling import sample_by_cluster

    with exit_on_user_error():
        loaded = load_task(task, include_path=include_path, metadata=parse_metadata(metadata))
        cluster = (loaded.config.metadata or {}).get("cluster")
        docs = loaded.eval_docs
        indices = sample_by_cluster(docs, cluster, limit, seed)
        write_json(output, {task: indices})
        print(f"{len(indices):,} of {len(docs):,} rows of {task}, {output}")


@app.command("merge-shards")
def merge_shards(
    folders: Annotated[list[Path], typer.Argument(help="The --output_path of each shard's run.")],
    output: Annotated[Path, typer.Option(help="The folder for results.json and samples.jsonl.")],
    metadata: Annotated[str | None, typer.Option(help="A JSON object for the task, as lm_eval's --metadata.")] = None,
    include_path: Annotated[Path, typer.Option(help="The folder in which tasks are looked for first.")] = TASKS_PATH,
) -> None:
    """Join what `run --shard K/N` scored: the whole run's sample rows, and every score computed again from them."""
    from harness_tasks.loading import parse_metadata
    from harness_tasks.merging import merge

    with exit_on_user_error():
        merged = merge(folders, output=output, include_path=include_path, metadata=parse_metadata(metadata))
        print(f"{merged.items:,} items of {merged.task} from {merged.shards} shards, {output}")


@app.command()
def check(
    task: Annotated[str, typer.Argument(help="A task, ours or one that lm_eval ships.")],
    num_fewshot: Annotated[int, typer.Option(min=0, help="Render this many worked examples too.")] = 0,
    training: Annotated[bool, typer.Option("--training", help="The task must have training rows too.")] = False,
    output: Annotated[Path | None, typer.Option(help="A JSON file for what was found.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="Go on where this guard of scoring fails.")] = None,
    metadata: Annotated[str | None, typer.Option(help="A JSON object for the task, as lm_eval's --metadata.")] = None,
    include_path: Annotated[Path, typer.Option(help="The folder in which tasks are looked for first.")] = TASKS_PATH,
) -> None:
    """Load a task's data and render a row of each split that is needed, without any model."""
    from harness_tasks.files import write_json
    from harness_tasks.guards import check_allowed, enforce
    from harness_tasks.guards.shots import shots
    from harness_tasks.loading import check_task, parse_metadata

    with exit_on_user_error():
        check_allowed(allow or [])
        loaded = check_task(
            task,
            include_path=include_path,
            metadata=parse_metadata(metadata),
            num_fewshot=num_fewshot,
            training=training,
        )
        enforce([shots(loaded, task, num_fewshot or None)], allow or [])
        found = {"task": task, "scored_rows": len(loaded.eval_docs)}
        if loaded.has_training_docs():
            found["training_rows"] = len(loaded.training_docs())
        compared = ((loaded.config.metadata or {}).get("data") or {}).get("compared_with") or {}
        if output:
            write_json(output, found | ({"compared_with": compared} if compared else {}))
        print(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in found.items()))
        for split, words in compared.items():
            print(f"{split}: compared with {words}")


@app.command()
def overlap(
    task: Annotated[str, typer.Argument(help="A task, ours or one that lm_eval ships.")],
    samples: Annotated[
        Path | None,
        typer.Option(help="lm_eval's sample file (JSON lines) of the task.", show_default="its whole scored split"),
    ] = None,
    training_rows: Annotated[
        Path | None,
        typer.Option(help="A checkpoint's train_rows.jsonl.", show_default="the task's whole training split"),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A JSON lines file: a header, then a row an item.")] = None,
    metadata: Annotated[str | None, typer.Option(help="A JSON object for the task, as lm_eval's --metadata.")] = None,
    include_path: Annotated[Path, typer.Option(help="The folder in which tasks are looked for first.")] = TASKS_PATH,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which scored rows resemble training rows, in three grades; with --samples also the scores apart."""
    import json

    from harness_tasks.files import write_jsonl
    from harness_tasks.loading import parse_metadata
    from harness_tasks.overlap import overlap as grade_overlap

    with exit_on_user_error():
        found = grade_overlap(
            task,
            samples=samples,
            training_rows=training_rows,
            metadata=parse_metadata(metadata),
            include_path=include_path,
        )
        if output:
            write_jsonl(output, [found.header, *found.items])
        print(json.dumps(found.as_json(), indent=2) if json_ else found.as_text())


@app.command()
def prior(
    task: Annotated[str, typer.Argument(help="A task, ours or one that lm_eval ships.")],
    output: Annotated[Path, typer.Option(help="The JSON file to write: log-likelihoods and probabilities (0 to 1).")],
    model: Annotated[str, typer.Option(help="lm_eval's model class.")] = "hf",
    model_args: Annotated[str, typer.Option("--model_args", help="As lm_eval's: pretrained=DIR,..., or JSON.")] = "",
    num_fewshot: Annotated[int, typer.Option("--num_fewshot", min=0, help="Worked examples before the prompt.")] = 0,
    apply_chat_template: Annotated[
        bool, typer.Option("--apply_chat_template", help="Render the prompt with the chat template.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.", show_default="a GPU if any")] = "cuda:0",
    batch_size: Annotated[str, typer.Option("--batch_size", help="Rows a batch.")] = "1",
    metadata: Annotated[str | None, typer.Option(help="A JSON object for the task, as lm_eval's --metadata.")] = None,
    include_path: Annotated[Path, typer.Option(help="The folder in which tasks are looked for first.")] = TASKS_PATH,
) -> None:
    """Write which label a model leans to where the task's prompt has no content: "", "N/A" and "[MASK]" as its input.

    A task without choices, or that does not declare its input, gets a file that says so; no model is loaded then.
    """
    from harness_tasks.files import write_json
    from harness_tasks.loading import parse_metadata, parse_model_args
    from harness_tasks.prior import prior as measure_prior

    with exit_on_user_error():
        found = measure_prior(
            task,
            model=model,
            model_args=parse_model_args(model_args),
            num_fewshot=num_fewshot,
            apply_chat_template=apply_chat_template,
            device=device,
            batch_size=batch_size,
            metadata=parse_metadata(metadata),
            include_path=include_path,
        )
        write_json(output, found)
        if "absent" in found:
            print(f"{task}: {found['absent']}")
        else:
            pairs = zip(found["labels"], found["probabilities"], strict=True)
            print(", ".join(f"{label} {probability:.4f}" for label, probability in pairs))


class Checked(NamedTuple):
    """What `check_arguments` found."""

    model: str | None
    """The model class."""
    ours_alone: bool
    """Whether every task is found without lm_eval's own."""
    several: list[dict[str, Any]]
    """The model arguments of each run, where adapters are named as a list."""
    config: Any = None
    """The arguments as lm_eval read them."""
    passed_over: Sequence[str] = ()
    """The guards that failed and were allowed."""


def check_arguments(arguments: list[str], allowed: Sequence[str] = ()) -> Checked:
    """Returns what lm_eval's ``arguments`` ask for, once it is known that it can be had.

    Raises UserError where they name an unknown task, one of ours whose data cannot be loaded, or a checkpoint with
    another head than the model class scores; GuardError where a guard fails that is not ``allowed``. Warns
    on stderr of tasks that share items with the checkpoint's own.

    Arguments that lm_eval itself refuses end the process with its message and exit code 2.
    """
    from lm_eval._cli import HarnessCLI
    from lm_eval.config.evaluate_config import EvaluatorConfig

    from harness_tasks.guards import enforce
    from harness_tasks.guards.adapter_base import adapter_base
    from harness_tasks.guards.shots import shots
    from harness_tasks.loading import check_task, load_task, matching, tags_of, task_manager, unknown_task
    from harness_tasks.models.heads import check_model, fetch_weights, warning_of_rounded_logarithms
    from harness_tasks.models.related import warning_of_related
    from harness_tasks.models.several import runs
    from harness_tasks.sampling import sample_indices

    try:
        config: Any = EvaluatorConfig.from_cli(HarnessCLI()._parser.parse_args(["run", *arguments]))
    except (ValueError, TypeError, OSError) as error:
        raise UserError(
            str(error), "lm_eval refuses these arguments", "`python -m harness_tasks run --help` lists the right ones"
        ) from error
    each = runs(config.model, config.model_args)
    for model_args in each:
        check_model(config.model, model_args, num_fewshot=config.num_fewshot or 0)
    include_path = config.include_path or TASKS_PATH
    asked = config.tasks if isinstance(config.tasks, list) else [config.tasks]
    asked = [name for item in asked for name in str(item).split(",")]
    names = [name for name in asked if not name.endswith(".yaml") and not Path(name).is_dir()]

    ours = task_manager(include_path)
    checked, generates, tasks = dict[str, int](), list[bool](), dict[str, Any]()
    is_known = len(names) == len(asked)  # whether every task that will be scored is one of ours
    for name in names:
        matches = matching(ours, name)
        if not matches:
            everything = task_manager(include_path, include_defaults=True)
            if not matching(everything, name):
                raise unknown_task(name, everything.all_subtasks)
            if config.num_fewshot and name in everything.all_subtasks:
                tasks[name] = load_task(name, include_path=include_path, metadata=config.metadata)
        # A tag of ours stands for its tasks; a group, and a name that lm_eval ships, are lm_eval's to check.
        tags = [match for match in matches if match in ours.all_tags]
        members = {task for task in ours.all_subtasks if set(tags) & tags_of(task, include_path)}
        known = sorted((set(matches) & set(ours.all_subtasks)) | members)
        is_known = is_known and bool(known) and name in ours.all_tasks
        for task in known:
            loaded = check_task(
                task,
                include_path=include_path,
                metadata=config.metadata,
                include_defaults=False,
                num_fewshot=config.num_fewshot or 0,
            )
            checked[task], tasks[task] = len(loaded.eval_docs), loaded
            generates.append(loaded.OUTPUT_TYPE == "generate_until")
    only_texts = is_known and all(generates)
    for model_args in each:
        # No logarithm is taken where all that is asked for is text.
        if not only_texts and (warning := warning_of_rounded_logarithms(config.model, model_args)):
            print(warning, file=sys.stderr)
        if warning := warning_of_related(model_args, checked, include_path):
            print(warning, file=sys.stderr)
    if config.samples is not None:
        config.samples = sample_indices(config.samples, checked, others=not is_known)
        if whole := [task for task in checked if task not in config.samples]:
            print(f"Warning: --samples names no rows of {', '.join(whole)}: every row is scored.", file=sys.stderr)
    verdicts = [
        shots(loaded, name, config.num_fewshot, seed=config.seed[3], rows=_scored_rows(config, name, loaded))
        for name, loaded in tasks.items()
    ]
    passed_over = enforce([*verdicts, *(adapter_base(model_args) for model_args in each)], allowed)
    for model_args in each:
        fetch_weights(config.model, model_args)
    # Not a pattern: it may stand for tasks of lm_eval's too.
    ours_alone = bool(asked) and len(names) == len(asked) and set(names) <= set(ours.all_tasks)
    several = each if isinstance(config.model_args.get("peft"), list) else []
    return Checked(config.model, ours_alone, several, config, passed_over)


def _own_metadata(config: Any) -> dict[str, Any]:
    """Returns the metadata that lm_eval was given; it adds the model's arguments to it."""
    model_args = config.model_args.items()
    return {name: value for name, value in config.metadata.items() if (name, value) not in model_args}


def _scored_rows(config: Any, name: str, task: Any) -> list[int]:
    """Returns the indices of the rows of a task that lm_eval scores, in the order in which it draws their shots."""
    available = len(task.eval_docs)
    if config.samples is not None and name in config.samples:
        return list(config.samples[name])
    limit = config.limit
    if limit is None:
        return list(range(available))
    return list(range(min(available, math.ceil(available * limit) if limit < 1 else int(limit))))


def _main() -> NoReturn:
    """Runs the command and ends the process without Python's own taking-down of torch, which is a third of a second.

    What was registered to be done at the end is done, and what was written is flushed; the system frees the rest.
    """
    code: int = 0
    try:
        app()
    except SystemExit as left:
        if not isinstance(left.code, int | None):  # Python's own way: what it is, on stderr, and 1
            print(left.code, file=sys.stderr)
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _main()
