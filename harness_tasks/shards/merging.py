"""Shards joined: the results and the sample rows of one run, in lm_eval's form, with every score computed again.

The sample rows are the shards' own lines, in the order of the whole run, and the scores are what lm_eval's functions
give for them: where the shards' answers are those of a whole run, so are both files, but for `config.shards` and what
tells of the machine and the time.
"""

import copy
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness_tasks import TASKS_PATH
from harness_tasks.errors import UserError
from harness_tasks.files import write_jsonl, write_text
from harness_tasks.generations import ItemGenerations, read_generations
from harness_tasks.loading import doc_hash, load_task
from harness_tasks.models.files import refusals
from harness_tasks.overlap import unscorable
from harness_tasks.replicates import write_replicates
from harness_tasks.shards.division import Shard, whole_record
from harness_tasks.shards.files import Row, ShardFiles, read_shard
from harness_tasks.shards.same_settings import check_same_settings, without_differing

_BOOTSTRAP_ITERATIONS = 100_000


class MergedTask(NamedTuple):
    """What was joined."""

    task: str
    items: int
    shards: int


def merge(
    folders: Sequence[Path],
    *,
    output: Path,
    include_path: str | Path = TASKS_PATH,
    metadata: Mapping[str, Any] | None = None,
) -> MergedTask:
    """Returns what it joined from ``folders``, one a shard, into ``output``: `results.json` and `samples.jsonl`.

    Beside them `generations.jsonl` and `replicates.json` where a run of the whole would leave them.
    ``metadata`` is what lm_eval's ``--metadata`` took; the task is loaded, for its functions and to compare its rows.

    Raises:
        UserError: a file is damaged, a shard or an item is missing or there twice, the shards were not scored in the
            same way, or the task here is not the one that was scored.
    """
    shards = _in_order([read_shard(folder) for folder in folders])
    scored = [shard for shard in shards if shard.rows]
    check_same_settings(scored)
    _check_items(shards)
    name = shards[0].task
    task = load_task(name, include_path=include_path, metadata=metadata)
    _check_task(task, scored)
    for shard in scored:
        _check_scores(task, shard)

    filters = list(dict.fromkeys(row.filter for row in scored[0].rows))
    rows = [row for shard in scored for row in shard.rows]
    rows.sort(key=lambda row: (filters.index(row.filter), row.doc_id))
    results = _results(task, scored, rows)
    results["config"]["shards"] = len(shards)
    write_text(output / "samples.jsonl", "".join(row.line + "\n" for row in rows))
    _merge_generations(scored, output / "generations.jsonl")
    _write_replicates(task, rows, output / "samples.jsonl")
    # As lm_eval writes it; last, because who finds it may take the rows to be there.
    write_text(output / "results.json", json.dumps(results, indent=2, ensure_ascii=False))
    return MergedTask(name, len({row.doc_id for row in rows}), len(shards))


def _merge_generations(shards: Sequence[ShardFiles], output: Path) -> None:
    """Writes what was noted of the shards' generations, where it was; an item of none is unknown to who reads it."""
    files = [file for shard in shards for file in sorted(shard.folder.rglob("generations*.jsonl"))]
    found: dict[int, ItemGenerations] = {}
    for file in files:
        found |= read_generations(file)
    if found:
        write_jsonl(output, [found[doc_id].model_dump() for doc_id in sorted(found)])


def _write_replicates(task: Any, rows: Sequence[Row], samples: Path) -> None:
    """Writes the replicates of the whole beside its ``samples``, as a run of the whole would."""
    docs = task.eval_docs
    whole = [
        {"doc_id": row.doc_id, "doc": docs[row.doc_id], "doc_hash": row.doc_hash, "filter": row.filter}
        | {"metrics": list(row.scores), **row.scores}
        for row in rows
    ]
    write_replicates(samples, task, whole, (task.config.metadata or {}).get("cluster"))


def _in_order(shards: list[ShardFiles]) -> list[ShardFiles]:
    """Returns the shards by number; raises UserError where they are not all the shards of one run, each once."""
    first = shards[0]
    for shard in shards:
        differing = {
            "task": (shard.task, first.task),
            "number of shards": (shard.shard.of, first.shard.of),
            "whole": (shard.whole, first.whole),
        }
        for what, (one, other) in differing.items():
            if one != other:
                raise UserError(
                    f"{shard.name} in {shard.folder} has the {what} {one}, {first.name} in {first.folder} {other}",
                    "they are parts of different runs, so together they are none",
                    "name the folders of one run's shards, and score those anew that are of an older one",
                )
    of = first.shard.of
    found: dict[int, ShardFiles] = {}
    for shard in shards:
        if shard.shard.number in found:
            raise UserError(
                f"{shard.name} is there twice: in {found[shard.shard.number].folder} and in {shard.folder}",
                "its items would count twice",
                "name each shard's folder once",
            )
        found[shard.shard.number] = shard
    if missing := [str(Shard(number, of)) for number in range(1, of + 1) if number not in found]:
        raise UserError(
            f"{len(missing)} of {of} shards of {first.task} missing: {', '.join(missing[:8])}",
            "a score of some of the items is not the task's score",
            f"score it with --shard {missing[0]}, and name its folder too",
        )
    return [found[number] for number in sorted(found)]


def _check_items(shards: Sequence[ShardFiles]) -> None:
    """Raises UserError where an item of the whole run is missing, or is there twice."""
    places: dict[tuple[str, int], ShardFiles] = {}
    for shard in shards:
        for row in shard.rows:
            if (other := places.setdefault((row.filter, row.doc_id), shard)) is not shard or row.is_repeated:
                raise UserError(
                    f"item {row.doc_id} is there twice: in {other.name} and in {shard.name}",
                    "it would count twice",
                    f"score {shard.name} anew, into an empty folder",
                )
        items = len({row.doc_id for row in shard.rows})
        if items != shard.items or len(shard.rows) != items * len({row.filter for row in shard.rows}):
            raise UserError(
                f"{shard.name} has {len(shard.rows):,} sample rows of {items:,} items, and scored {shard.items:,}",
                "a score of some of the items is not the task's score",
                f"copy {shard.folder} again, or score {shard.name} anew",
            )
    whole = whole_record(sorted({doc_id for _, doc_id in places}))
    if whole != shards[0].whole:
        raise UserError(
            f"the shards hold {whole['items']:,} items, and not those of the run, {shards[0].whole.get('items')}",
            "the items were divided in another way when some of them were scored",
            "score all the shards again",
        )


def _check_task(task: Any, shards: Sequence[ShardFiles]) -> None:
    """Raises UserError where the task is not, here, what the shards scored: another version, or other rows."""
    first = shards[0]
    versions = task.VERSION, first.results["versions"][first.task]
    docs, available = task.eval_docs, first.results["n-samples"][first.task]["original"]
    why, mend = (
        "scores are computed again with the task's own functions, and must be of its own rows",
        "merge where the ",
    )
    mend += "shards were scored, with the same --metadata, or score them anew"
    if versions[0] != versions[1]:
        raise UserError(f"{first.task} has version {versions[0]} here, and was scored at {versions[1]}", why, mend)
    if len(docs) != available:
        raise UserError(
            f"{first.task} has {len(docs):,} rows here, and had {available:,} when it was scored", why, mend
        )
    for shard in shards:
        for row in shard.rows:
            if doc_hash(docs[row.doc_id]) != row.doc_hash:
                raise UserError(f"item {row.doc_id} of {shard.name} is not row {row.doc_id} of {first.task}", why, mend)


def _check_scores(task: Any, shard: ShardFiles) -> None:
    """Raises UserError where a shard's rows do not give, here, the scores that its own run recorded."""
    from lm_eval.api.metrics import mean

    recorded = shard.results["results"][shard.task]
    for (metric, by_filter), values in _values(shard.rows).items():
        with refusals(unscorable(f"the sample file of {shard.name}", metric)):
            value = task.aggregation().get(metric, mean)(values)
        stated = recorded.get(f"{metric},{by_filter}")
        if not _same(value, stated):
            raise UserError(
                f"{metric} of {shard.name} is {stated} in its results, and {value} computed from its rows",
                "its rows or the task's functions are not what they were, so a merged score would be another one's",
                f"copy {shard.folder} again, or score {shard.name} anew",
            )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        # Sums may be split otherwise on another machine.
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def _values(rows: Iterable[Row]) -> dict[tuple[str, str], list[Any]]:
    """Returns what each row gives to each metric and filter, in lm_eval's order, which decides a sum's last digit."""
    values: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in rows:
        for metric, value in row.scores.items():
            values[metric, row.filter].append(value)
    return values


def _results(task: Any, shards: Sequence[ShardFiles], rows: Sequence[Row]) -> dict[str, Any]:
    """Returns the results of the whole run: the first shard's, with what depends on the items made anew."""
    from lm_eval.utils import hash_string

    results, name = copy.deepcopy(shards[0].results), shards[0].task
    without_differing(results, shards)
    del results["config"]["shard"]
    iterations = results["config"].get("bootstrap_iters", _BOOTSTRAP_ITERATIONS)
    values = _values(rows)
    scores, count = _aggregated(task, values, iterations), max(map(len, values.values()))
    kept = {key: value for key, value in results["results"][name].items() if key in ("name", "alias")}
    results["results"] = {name: {**kept, "sample_len": count, **scores}}
    results["n-samples"] = {name: {"original": len(task.eval_docs), "effective": count}}
    results["task_hashes"] = {name: hash_string("".join(row.hashes for row in rows))}
    results["date"] = min(shard.results["date"] for shard in shards)
    seconds = [float(shard.results["total_evaluation_time_seconds"]) for shard in shards]
    results["total_evaluation_time_seconds"] = str(math.fsum(seconds))
    return results


def _aggregated(task: Any, values: Mapping[tuple[str, str], list[Any]], iterations: Any) -> dict[str, Any]:
    """Returns each metric's score and standard error as a whole run of lm_eval has them."""
    from lm_eval.api.metrics import mean, stderr_for_metric

    found: dict[str, Any] = {}
    for (metric, by_filter), items in values.items():
        aggregate, stderr = task.aggregation().get(metric, mean), None
        if isinstance(iterations, int) and iterations > 0 and len(items) > 1:
            most = min(iterations, 100) if metric in ("bleu", "chrf", "chrf++", "ter") else iterations
            stderr = stderr_for_metric(metric=aggregate, bootstrap_iters=most)
        found[f"{metric},{by_filter}"] = aggregate(items)
        found[f"{metric}_stderr,{by_filter}"] = stderr(items) if stderr else "N/A"
    return found
