"""The tokens of prompts, outputs and gold answers that were counted beside a task's scores."""

from collections.abc import Mapping
from pathlib import Path

from harness_tasks.errors import UserError
from report.reading import kinds
from report.reading.results import Document, read_rows


def read_lengths(folder: Path, home: str, samples: Mapping[str, str]) -> Document | None:
    """Returns the header and the rows of `lengths.jsonl` in ``home``; None where there is none.

    ``samples``: the source of the sample rows beside it.

    Raises:
        UserError: the file is damaged, or counts the tokens of other samples.
    """
    name = f"{home}/lengths.jsonl"
    if not (folder / name).exists():
        return None
    found = read_rows(folder, name, kinds.LENGTHS, head=kinds.LENGTHS_HEAD)
    if found.content[0].get("samples_sha256", samples["sha256"]) != samples["sha256"]:
        raise UserError(
            f"{name} counts the tokens of other samples than those beside it",
            "prompts and outputs would be wrongly reported as truncated, or as not truncated",
            f"delete {folder / home} and run the study again",
        )
    return found


def gold_within(found: Document | None) -> dict[int, list[str]]:
    """Returns, by `doc_id`, the gold answers cut at the tokens that an output may have, where one has more."""
    rows = found.content[1:] if found else []
    return {row["doc_id"]: row["gold_within"] for row in rows if "gold_within" in row}
