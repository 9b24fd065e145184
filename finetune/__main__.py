"""The command line of the room: `python -m finetune train|merge|embedded`."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

from finetune.recipe import Method, Recipe
from harness_tasks import TASKS_PATH
from harness_tasks.errors import UserError, exit_on_user_error

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Makes checkpoints, and says how they were made.")

Default = Recipe()


@app.command()
def train(
    model: Annotated[str, typer.Option(help="Base model: Hub id or folder.")],
    task: Annotated[
        str, typer.Option(help="Any harness task with a training split; its prompt is what is trained on.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for the checkpoint; it appears when the run is whole.")],
    method: Annotated[str, typer.Option(help="lora or full.")] = "lora",
    revision: Annotated[str | None, typer.Option(help="Commit of the model on the Hub.")] = None,
    include_path: Annotated[Path, typer.Option(help="Folder of task YAMLs.", show_default="our own")] = TASKS_PATH,
    metadata: Annotated[str, typer.Option(help='JSON object for the task, e.g. \'{"data_dir": "DIR"}\'.')] = "{}",
    num_fewshot: Annotated[int, typer.Option(min=0, help="Worked examples before each row.")] = 0,
    apply_chat_template: Annotated[bool, typer.Option(help="Render prompts with the chat template.")] = False,
    train_rows: Annotated[int | None, typer.Option(min=1, help="Rows at most, a seeded sample.")] = None,
    min_words: Annotated[int | None, typer.Option(min=1, help="Leave out rows with fewer words.")] = None,
    exclude_overlap: Annotated[
        str | None, typer.Option(help="Leave out rows contained in a scored row of this task.")
    ] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the rows.")] = Default.epochs,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows an optimizer step.")] = Default.batch_size,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak learning rate.", show_default="5e-4 for lora, 2e-5 for full")
    ] = None,
    warmup_ratio: Annotated[float, typer.Option(help="Share of steps with a rising rate.")] = Default.warmup_ratio,
    schedule: Annotated[str, typer.Option(help="linear, cosine or constant.")] = Default.schedule,
    weight_decay: Annotated[float, typer.Option(help="AdamW's decoupled weight decay.")] = Default.weight_decay,
    max_grad_norm: Annotated[float, typer.Option(help="Gradients are scaled to this norm.")] = Default.max_grad_norm,
    lora_r: Annotated[int, typer.Option(min=1, help="Rank of the LoRA matrices.")] = Default.lora_r,
    lora_alpha: Annotated[int | None, typer.Option(min=1, help="LoRA's scale.", show_default="2 × lora-r")] = None,
    lora_dropout: Annotated[float, typer.Option(help="Dropout before the LoRA matrices.")] = Default.lora_dropout,
    lora_targets: Annotated[
        str, typer.Option(help="Modules with LoRA: all-linear, or names joined by commas.")
    ] = Default.lora_targets,
    lora_last_layers: Annotated[
        int | None, typer.Option(min=1, help="LoRA in the last N layers only.", show_default="all layers")
    ] = None,
    max_length: Annotated[int, typer.Option(min=8, help="Longest row in tokens; nothing is cut.")] = Default.max_length,
    save_steps: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = Default.save_steps,
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the order of rows.")] = 1,
    sampling_seed: Annotated[int, typer.Option(help="Seed of the sample that --train-rows takes.")] = 1,
    dtype: Annotated[str, typer.Option(help="auto (the faster one, probed), float32 or bfloat16.")] = "auto",
    device: Annotated[str | None, typer.Option(help="cpu, cuda or mps.", show_default="a GPU if any")] = None,
    scratch: Annotated[
        Path | None, typer.Option(help="Folder for the trainer's checkpoints.", show_default="beside --output")
    ] = None,
) -> None:
    """Fine-tunes a model on a task's training rows; interrupted, the same command goes on where it was."""
    options = dict(locals())
    with exit_on_user_error():
        recipe = _recipe({name: options[name] for name in Recipe.model_fields})
        _one_of("method", method, ("lora", "full"))
        _one_of("dtype", dtype, ("auto", "float32", "bfloat16"))
        if not include_path.is_dir():
            raise UserError(
                f"--include-path {include_path} is no folder",
                "the task's YAML is looked for in it",
                "name the folder that holds the YAML files",
            )
        from finetune.train import Run
        from finetune.train import train as run_training

        run = Run(
            model=model,
            task=task,
            output=output,
            method=cast(Method, method),
            recipe=recipe,
            revision=revision,
            include_path=include_path,
            metadata=_json_object(metadata),
            num_fewshot=num_fewshot,
            apply_chat_template=apply_chat_template,
            train_rows=train_rows,
            min_words=min_words,
            exclude_overlap=exclude_overlap,
            seed=seed,
            sampling_seed=sampling_seed,
            dtype=cast(Literal["auto", "float32", "bfloat16"], dtype),
            device=device,
            scratch=scratch,
            command="python -m finetune " + shlex.join(sys.argv[1:]),
        )
        print(run_training(run))


@app.command()
def merge(
    adapter: Annotated[Path, typer.Argument(help="Checkpoint folder with a LoRA adapter.")],
    output: Annotated[Path, typer.Option(help="Folder for the merged model.")],
    base: Annotated[str | None, typer.Option(help="Base model, where the adapter's own path is not found.")] = None,
) -> None:
    """Writes the base model's weights with the adapter's added."""
    with exit_on_user_error():
        from finetune.merge import merge as merge_adapter

        print(merge_adapter(adapter, output=output, base=base))


@app.command()
def embedded(
    output: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("build/base"),
) -> None:
    """Unpacks the embedded base model (SmolLM2-135M-Instruct) into a safetensors folder."""
    with exit_on_user_error():
        from finetune.embedded import write_embedded

        print(write_embedded(output))


def _recipe(values: dict[str, Any]) -> Recipe:
    from pydantic import ValidationError

    try:
        return Recipe(**values)
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        raise UserError(
            f"--{name.replace('_', '-')} is {problem['input']!r}: {problem['msg']}",
            "the run would not be what was meant",
            "give a value that python -m finetune train --help allows",
        ) from None


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UserError(f"--{name} is {value!r}", "there is no such choice", f"choose one of {', '.join(allowed)}")


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UserError(
            f"--metadata is no JSON ({error})",
            "the task reads its data folder from it",
            'quote it: \'{"key": "value"}\'',
        ) from None
    if not isinstance(value, dict):
        raise UserError(
            "--metadata is no JSON object", "its keys are the task's settings", 'write \'{"key": "value"}\''
        )
    return value


if __name__ == "__main__":
    app()
