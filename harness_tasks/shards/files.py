"""The files of one scored shard, read strictly: its results, and its sample rows as they stand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harness_tasks.kinds import SHARD_RESULTS, SHARD_SAMPLES
from harness_tasks.reading import only_file, parse_json, read_json, read_text
from harness_tasks.shards.division import Shard


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
    """Returns what `aftertune score --shard` left in ``folder``, however deep.

    Raises UserError where that is not one shard's files.
    """
    results_file, samples_file = (
        only_file(
            folder,
            pattern,
            why="a shard's scores and rows are read from one file each",
            mend="name the --output_path of one shard's run, which wrote nothing else there",
        )
        for pattern in ("results*.json", "samples*.jsonl")
    )
    results = read_json(results_file, SHARD_RESULTS)
    record, task = results["config"]["shard"], next(iter(results["n-samples"]))
    shard = Shard(record["number"], record["of"])
    rows, seen = list[Row](), set[tuple[str, int]]()
    for number, line in enumerate(read_text(samples_file, SHARD_SAMPLES).split("\n"), 1):  # a row may hold U+2028
        if not line.strip():
            continue
        row = parse_json(line, samples_file, SHARD_SAMPLES, line=number)
        key = row["filter"], row["doc_id"]
        hashes = row["doc_hash"] + row["prompt_hash"] + row["target_hash"]
        scores = {metric: row[metric] for metric in row["metrics"]}
        rows.append(Row(key[1], key[0], row["doc_hash"], hashes, scores, line, key in seen))
        seen.add(key)
    return ShardFiles(folder, task, shard, record["items"], dict(record["whole"]), results, rows)
