"""Inspect on the rows of tests/data/peers, by its `mockllm/model` and by a model's folder. Runs where it is installed.

python -m tests.peers.with_inspect ROWS_FOLDER OUTPUT MODEL
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inspect_ai import Epochs, Task, eval, task
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Scorer, Target, f1, match, mean, scorer, stderr
from inspect_ai.solver import TaskState, generate, prompt_template

ASKED = "{prompt}\nQuestion: Is this sentence positive or negative?\nAnswer:"
LABELS = ["negative", "positive"]


@scorer(metrics=[mean(), stderr()])
def length() -> Scorer:
    """Returns a scorer that gives the number of words of the answer: no share, and no right or wrong."""

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=len(state.output.completion.split()), answer=state.output.completion)

    return score


@task
def peer_reviews(rows: list[dict[str, Any]]) -> Task:
    """Returns the task: one prompt a row, answered by a word, and three scorers."""
    samples = [
        Sample(id=place, input=row["sentence"], target=LABELS[row["label"]], metadata={"film": row["film"]})
        for place, row in enumerate(rows, 1)
    ]
    return Task(
        dataset=samples,
        solver=[prompt_template(ASKED), generate()],
        scorer=[match(location="any"), f1(), length()],
        version=1,
    )


def answers(count: int, broken_at: int | None = None) -> Iterator[ModelOutput]:
    """Yields answers, two of three of them right or so; the one at ``broken_at`` ends the run."""
    for place in range(count):
        if place == broken_at:
            raise RuntimeError("the model went away")
        text = LABELS[(place * 7 // 3) % 2] if place % 5 else "I cannot say"
        # With a usage of its own it does not fetch a tokenizer to count tokens.
        yield ModelOutput(
            model="mockllm/model",
            choices=ModelOutput.from_content("mockllm/model", text).choices,
            usage=ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2),
        )


def main() -> None:
    """Runs the task five times: `.eval`, JSON and two epochs on a part of the rows, one that breaks off, a model's.

    Only the last asks the model in the folder MODEL, without sampling; the others `mockllm/model`, which says what it
    is told to.
    """
    folder, output, weights = map(Path, sys.argv[1:])
    rows = [json.loads(line) for line in (folder / "reviews.jsonl").read_text("utf-8").splitlines()]
    for name, options, count, broken_at in (
        ("eval", {}, 24, None),
        ("json", {"log_format": "json", "limit": 6}, 6, None),
        ("epochs", {"epochs": Epochs(2, "mean"), "limit": 8}, 16, None),
        ("broken", {}, 24, 15),
    ):
        model = get_model("mockllm/model", custom_outputs=answers(count, broken_at), memoize=False)
        eval(
            peer_reviews(rows),
            model=model,
            log_dir=str(output / name),
            display="none",
            max_connections=1,
            max_samples=1,
            log_realtime=False,
            **options,
        )
    config = GenerateConfig(max_tokens=8)
    model = get_model("hf/local", model_path=str(weights), device="cpu", do_sample=False, config=config)
    eval(peer_reviews(rows), model=model, log_dir=str(output / "hf"), display="none")


if __name__ == "__main__":
    main()
