"""What the peers are asked, taken from what lm_eval noted of asking `hf`: prompts, choices, stops, and its answers."""

from collections.abc import Mapping, Sequence
from typing import Any

Answer = str | int | None
"""A text without the space around it, or which choice is the likeliest; None: a peer could not tell."""


def asked(samples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns a row for the peers of each of lm_eval's sample rows.

    ``prompt`` is all that the model reads. Rows with ``choices`` ask which of these continuations is the likeliest, and
    ``target`` is that one's place; the others ask for at most ``new_tokens`` tokens, which end before any of ``stop``.
    """
    return [_row(sample) for sample in samples]


def answered(samples: Sequence[Mapping[str, Any]]) -> dict[int, Answer]:
    """Returns what lm_eval's sample rows say that the model answered, by ``doc_id``."""
    return {sample["doc_id"]: _answer(sample["filtered_resps"]) for sample in samples}


def different(ours: Mapping[int, Answer], others: Mapping[int, Answer]) -> list[int]:
    """Returns the rows that were not answered alike; raises ValueError where not the same rows were.

    >>> different({1: "Denver", 4: "1999"}, {1: "Denver", 4: "in 1999"})
    [4]
    """
    if ours.keys() != others.keys():
        raise ValueError(f"not the same rows were answered: {sorted(ours.keys() ^ others.keys())[:8]}")
    return [number for number, answer in ours.items() if answer != others[number]]


def _row(sample: Mapping[str, Any]) -> dict[str, Any]:
    requests = [sample["arguments"][f"gen_args_{place}"] for place in range(len(sample["arguments"]))]
    row = {"id": sample["doc_id"], "prompt": requests[0]["arg_0"]}
    if isinstance(requests[0]["arg_1"], str):
        return {**row, "choices": [one["arg_1"] for one in requests], "target": int(sample["target"])}
    given = requests[0]["arg_1"]
    if given.get("do_sample") or given.get("temperature"):
        raise ValueError(f"row {sample['doc_id']} is sampled: no two programs draw the same answer")
    target = sample["target"]
    return {
        **row,
        "stop": given["until"],
        "new_tokens": given["max_gen_toks"],
        "target": target if isinstance(target, str) else target[0],
    }


def _answer(responses: Sequence[Any]) -> Answer:
    if isinstance(responses[0], str):
        return responses[0].strip()
    values = [float(value) for value, _ in responses]
    return values.index(max(values))
