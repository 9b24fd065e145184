"""The passages and questions written for this project, shipped beside this file."""

from pathlib import Path
from typing import Any

from harness_tasks import data
from harness_tasks.squad.hooks import from_json

_FOLDER = Path(__file__).resolve().parent


def load(**metadata: Any) -> data.Splits:
    """Returns the splits of ``passages_demo``.

    ``train`` is the few-shot pool too: it has no passage in common with ``test``.
    """

    def make() -> dict[str, list[data.Row]]:
        train, test = (from_json((_FOLDER / file).read_text(encoding="utf-8")) for file in ("train.json", "test.json"))
        return {"train": train, "test": test, "fewshot": train}

    origin = data.Origin("shipped", "passages_demo")
    proofs: dict[str, data.Proof] = dict.fromkeys(("train", "test", "fewshot"), "shipped")
    return data.deliver(metadata, origin, make, key="passages_demo", kind="answers", proofs=proofs)
