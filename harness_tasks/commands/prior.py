"""`aftertune prior` asks a model for its label bias."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks import TASKS_PATH
from harness_tasks.commands.options import IncludePath, Metadata, Task
from harness_tasks.errors import exit_on_user_error


def prior(
    task: Task,
    output: Annotated[Path, typer.Option(help="JSON file to write: log-likelihoods and probabilities (0 to 1).")],
    model: Annotated[str, typer.Option(help="lm_eval's model class.")] = "hf",
    model_args: Annotated[
        str, typer.Option("--model_args", help="As lm_eval's --model_args: pretrained=DIR,..., or JSON.")
    ] = "",
    num_fewshot: Annotated[int, typer.Option("--num_fewshot", min=0, help="Few-shot examples in the prompt.")] = 0,
    apply_chat_template: Annotated[
        bool, typer.Option("--apply_chat_template", help="Render the prompt with the chat template.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.", show_default="a GPU if any")] = "cuda:0",
    batch_size: Annotated[str, typer.Option("--batch_size", help="Batch size, in prompts.")] = "1",
    metadata: Metadata = None,
    include_path: IncludePath = TASKS_PATH,
) -> None:
    """Measure a model's label bias: its probabilities of the labels for the inputs "", "N/A" and "[MASK]".

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
