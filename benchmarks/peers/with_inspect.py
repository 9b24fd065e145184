"""inspect_ai's `eval` with its `hf` provider on rows of ours, timed. Runs where inspect_ai is installed.

python -m benchmarks.peers.with_inspect TAKEN.json ROWS.jsonl MODEL BATCH_SIZE DTYPE

The provider generates, and cannot be asked how likely a continuation is. Choices of one token each it can rank
nevertheless: by the log-probabilities of one new token, of which it gives the likeliest few.
"""

import importlib.metadata
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import inspect_ai.model._providers.hf as provider
from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig, Model, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate

from benchmarks.peers.taken import Taken

TOP_TOKENS = 1000
"""How many candidates for the next token are asked for. The documentation says 20 at most; the `hf` provider gives as
many as are asked for, and among 20 a base model's often are not those of our choices."""

AS_IT_IS = "{% for message in messages %}{{ message.content }}{% endfor %}"
"""A chat template that adds nothing. With none at all the provider writes "user: " before the prompt."""


def main() -> None:
    """Scores the rows; writes what that took and which row was answered how."""
    output, rows_path, name, batch_size, dtype = sys.argv[1:]
    rows = [json.loads(line) for line in Path(rows_path).read_text(encoding="utf-8").splitlines()]
    taken = Taken()
    # All that the model does is in this function; the second that each answer waits to be fetched is not.
    provider._generate_batch = taken.timed(provider._generate_batch)
    model = get_model(
        "hf/local", model_path=name, device="cpu", dtype=dtype, chat_template=AS_IT_IS, do_sample=False, memoize=False
    )
    tokens = _tokens(rows[0], model)
    targets = [row["choices"][row["target"]] if "choices" in row else row["target"] for row in rows]
    samples = [
        Sample(input=row["prompt"], target=target, id=row["id"]) for row, target in zip(rows, targets, strict=True)
    ]
    task = Task(MemoryDataset(samples), solver=generate(), scorer=match(), config=_config(rows[0], int(batch_size)))
    (log,) = evaluate(task, model=model, log_dir="logs", display="none")
    if log.status != "success":
        sys.exit(f"inspect_ai: {log.status}: {log.error}")
    answers = {int(sample.id): _answer(sample.output, rows[0], tokens) for sample in log.samples or []}
    taken.write(Path(output), answers=answers, version=importlib.metadata.version("inspect_ai"))


def _config(row: Mapping[str, Any], batch_size: int) -> GenerateConfig:
    """Returns how to answer rows like ``row``; the provider's batch is as many rows as there are connections."""
    if "choices" in row:
        return GenerateConfig(max_connections=batch_size, max_tokens=1, logprobs=True, top_logprobs=TOP_TOKENS)
    return GenerateConfig(max_connections=batch_size, max_tokens=row["new_tokens"], stop_seqs=row["stop"])


def _tokens(row: Mapping[str, Any], model: Model) -> list[str]:
    """Returns the one token of each choice, as the provider names it; exits where a choice has more."""
    tokenizer = model.api.tokenizer
    ids = [tokenizer.encode(choice, add_special_tokens=False) for choice in row.get("choices", [])]
    if any(len(each) != 1 for each in ids):
        sys.exit("inspect_ai: a choice has several tokens, and its hf provider gives no likelihood of several")
    return [tokenizer.convert_ids_to_tokens(each)[0] for each in ids]


def _answer(output: Any, row: Mapping[str, Any], tokens: Sequence[str]) -> str | int | None:
    """Returns the answer, cut before a stop string, which the provider leaves in; None: no choice was near the top."""
    if "choices" in row:
        top = {one.token: one.logprob for one in output.choices[0].logprobs.content[0].top_logprobs}
        values = [top.get(token, -math.inf) for token in tokens]
        return None if max(values) == -math.inf else values.index(max(values))  # of equal ones the first, as lm_eval
    text = str(output.completion)
    for stop in row["stop"]:
        text = text.split(stop)[0]
    return text.strip()


if __name__ == "__main__":
    main()
