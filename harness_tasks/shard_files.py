"""The files of one scored shard, read strictly: its results, and its sample rows as they stand."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from harness_tasks.errors import UserError
from harness_tasks.shards import Shard


class Row(NamedTuple):
    """What merging needs of a sample row, and its ``line`` without the end.

    ``scores`` is what the item gives to each metric, in lm_eval's order; ``hashes`` is what `task_hashes` is made of;
    ``is_repeated`` says that an earlier row of the file has the same item and filter.
    """

    doc_id: int
    filter: str
    doc_hash: str
    hashes: str
    scores: dict[str, Any]
    line: str
    is_repeated: bool


@dataclass(frozen=True)
class ShardFiles:
    """One shard: where it lies, which one it is, and what it holds.

    ``items`` is how many items its run scored; ``whole`` is the record of the whole run's items.
    """

    folder: Path
    task: str
    shard: Shard
    items: int
    whole: dict[str, Any]
    results: dict[str, Any]
    rows: list[Row]

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"shard {self.shard}"


def read_shard(folder: Path) -> ShardFiles:
    """Returns what `run --shard` left in ``folder``, however deep; UserError where that is not one shard's files."""
    results_file, samples_file = _only(folder, "results*.json"), _only(folder, "samples*.jsonl")
    results = _parse(_text(results_file), results_file, "")
    try:
        record, task = results["config"]["shard"], next(iter(results["n-samples"]))
        shard = Shard(int(record["number"]), int(record["of"]))
        items, whole = int(record["items"]), dict(record["whole"])
    except (KeyError, TypeError, ValueError, StopIteration):
        raise UserError(
            f"{results_file} does not say which shard it is",
            "only shards of one run are merged; any other rows may be of other items, or behind other shots",
            "score it with `python -m harness_tasks run --shard K/N`",
        ) from None
    lines = [line for line in _text(samples_file).split("\n") if line.strip()]  # a row may hold U+2028
    rows, seen = list[Row](), set[tuple[str, int]]()
    for number, line in enumerate(lines, 1):
        row = _parse(line, samples_file, f"line {number} of ")
        try:
            key = row["filter"], row["doc_id"]
            hashes = row["doc_hash"] + row["prompt_hash"] + row["target_hash"]
            scores = {metric: row[metric] for metric in row["metrics"]}
        except (KeyError, TypeError) as error:
            _damaged(samples_file, f"line {number} of ", f"no sample row of lm_eval ({type(error).__name__}: {error})")
        rows.append(Row(key[1], key[0], row["doc_hash"], hashes, scores, line, key in seen))
        seen.add(key)
    return ShardFiles(folder, task, shard, items, whole, results, rows)


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(path for path in folder.rglob(pattern) if path.is_file())
    if len(found) != 1:
        raise UserError(
            f"{folder} holds {len(found)} files {pattern}",
            "a shard's scores and rows are read from one file each",
            "name the --output_path of one shard's run, which wrote nothing else there",
        )
    return found[0]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        _damaged(path, "", f"not to be read ({error})")


def _parse(text: str, path: Path, place: str) -> dict[str, Any]:
    try:
        found = json.loads(text)  # lm_eval writes a bare NaN
    except ValueError as error:
        _damaged(path, place, f"not whole JSON ({error})")
    if not isinstance(found, dict):
        _damaged(path, place, "no JSON object")
    return found


def _damaged(path: Path, place: str, what: str) -> NoReturn:
    raise UserError(
        f"{place}{path} is {what}",
        "it was cut off while it was written or copied, so its numbers cannot be trusted",
        "copy it again, or score the shard anew",
    )
