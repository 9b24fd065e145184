"""The sample rows of a task: in which file each lm_eval put them, and what a comparison needs of them.

samples_<task>_<time>.jsonl          0.4.3 and later, one row a line
samples_<task>_<time>.json           before it, from May 2024, one list; the time may be a little later
<model_args>_<task>.jsonl            0.4.0 to 0.4.2, one list in spite of its name
<task>_write_out_info.json           0.3 with `--write_out`, one list
samples.jsonl                        a study's
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NoReturn

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_text
from harness_tasks.reading import Kind, parse_json, parse_rows, read_bytes, sha256_of, text_of
from report.reading.degenerate_answers import answers_of
from report.reading.harnesses import NO_ITEMS, Place, Table
from report.reading.item_texts import ItemTexts, first_prompt, item_texts
from report.reading.lm_eval_results import RESULT_FILE, ResultFile
from report.reading.results import NOT_METRICS, pointer, read_replicates, value_at
from report.reading.task_runs import SampleRows

SAMPLE_FILE = Kind(
    "the sample file",
    NO_ITEMS,
    "score again with --log_samples, or remove the file: the recorded scores are compared unpaired",
    limit_mib=4096,
    finite=False,
)

_TIMED = re.compile(r"samples_(.+)_(\d{4}-\d\d-\d\dT[\d.-]+)\.jsonl?$")
_RESULTS = re.compile(r"_(\d{4}-\d\d-\d\dT[\d.-]+)\.json$")
_KEPT = ("filter", "doc_id", "doc", "doc_hash", "prompt_hash", "target_hash")
_NOT_SCORES = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
_NOT_SCORES |= {"doc_hash", "prompt_hash", "target_hash", "truth", "scores_per_repeat"}


@dataclass(frozen=True)
class Folder:
    """What lies in a folder: asked once, since a thousand result files with a hundred tasks each may lie in one."""

    path: Path

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all that lies there."""
        return frozenset(path.name for path in self.path.iterdir())

    @cached_property
    def timed(self) -> dict[str, list[tuple[str, str]]]:
        """The sample files with a time in their names, by task: the time and the name, the earlier first."""
        found: dict[str, list[tuple[str, str]]] = {}
        for name in sorted(self.names):
            if match := _TIMED.match(name):
                found.setdefault(match[1], []).append((match[2], name))
        return {task: sorted(files) for task, files in found.items()}

    @cached_property
    def times(self) -> list[str]:
        """The times in the names of result files, the earlier first."""
        return sorted(match[1] for name in self.names if (match := _RESULTS.search(name)) and not _TIMED.match(name))

    @cached_property
    def untimed(self) -> list[str]:
        """The sample files of lm_eval 0.4.0 to 0.4.2, where one result file lies beside them; else none."""
        lone = sum(name.endswith(".json") for name in self.names) == 1
        return sorted(name for name in self.names if name.endswith(".jsonl")) if lone else []


def samples_of(
    file: Path,
    folder: Folder,
    results: ResultFile,
    task: str,
    embedded: Sequence[dict[str, Any]] | None,
    name: Callable[[Path], str],
) -> SampleRows | None:
    """Returns the rows of ``task`` that were written together with the result file; None where there are none.

    ``embedded``: the rows in the result file itself. ``name``: what a file is called in what is published.

    Raises:
        UserError: their file, or the one of their replicates, cannot be read, or does not hold what it should.
    """
    if embedded:
        shown, digest = results.file, results.sha256
        place = (*results.prefix, "samples", task)
        rows = _light_rows(embedded, file, results, task)
        return SampleRows(shown, digest, *rows, place, partial(_texts, file, place))
    found = next((one for one in _names(file, folder, results, task) if one in folder.names), None)
    if found is None:
        return None
    path = file.parent / found
    content = read_bytes(path, SAMPLE_FILE)
    text = text_of(content, path, SAMPLE_FILE)
    rows = _rows_in(text, path)
    samples = SampleRows(
        name(path), sha256_of(content), *_light_rows(rows, path, results, task), texts=partial(_texts, path)
    )
    beside = f"replicates{path.stem.removeprefix('samples')}.json"
    if not found.startswith("samples") or beside not in folder.names:
        return samples
    replicates = read_replicates(path.parent, beside, replace(samples, file=found), f"score {task} again")
    return replace(samples, replicates=replicates and replace(replicates, file=name(path.with_name(beside))))


def table_rows(table: Table, file: Path, results: ResultFile, task: str, name: Callable[[Path], str]) -> SampleRows:
    """Returns the rows of ``task`` that a reader of another harness's files has translated; see `samples_of`."""
    shown, digest = (name(Path(table.file)), table.sha256) if table.file else (results.file, results.sha256)
    texts = item_texts(table.rows)
    place = () if table.file else table.place
    return SampleRows(shown, digest, *_light_rows(table.rows, file, results, task), place, lambda: texts)


def _rows_in(text: str, path: Path) -> Any:
    return parse_json(text, path, SAMPLE_FILE) if text.lstrip().startswith("[") else parse_rows(text, path, SAMPLE_FILE)


def _texts(path: Path, place: Place = ()) -> ItemTexts:
    """Returns the texts of the items in a file of samples, or of results at ``place``, read again: few need them."""
    kind = RESULT_FILE if place else SAMPLE_FILE
    text = text_of(read_bytes(path, kind), path, kind)
    rows = (
        value_at(parse_json(text, path, replace(kind, schema=None)), pointer(*place)) if place else _rows_in(text, path)
    )
    rows = [_written_out(row) if "prompt_0" in row else row for row in rows]
    for row in rows:
        _fill_hashes(row)
    return item_texts(rows)


def _names(file: Path, folder: Folder, results: ResultFile, task: str) -> Iterator[str]:
    """Yields the names that the file may have, the surest first."""
    found = _RESULTS.search(file.name)
    time = found[1] if found else ""
    shown = list(dict.fromkeys((task, re.sub(r"\W", "_", task))))
    if time:
        yield from (f"samples_{one}_{time}.{ending}" for one in shown for ending in ("jsonl", "json"))
        # Before lm_eval 0.4.3 each file was given its own time: the first after the results, before the next results.
        end = next((other for other in folder.times if other > time), "9")
        yield from (name for one in shown for moment, name in folder.timed.get(one, ()) if time <= moment < end)
    model_args = results.value("config", "model_args")
    if isinstance(model_args, str):
        yield f"{re.sub('/|=', '__', model_args)}_{task}.jsonl"
    yield f"{task}_write_out_info.json"
    if len(results.content["results"]) == 1:
        yield "samples.jsonl"
    if not time and folder.untimed:
        # The arguments were given in another spelling, or the file was renamed: the only one with the task's name.
        ends = sorted(results.content["results"], key=len, reverse=True)
        own = [name for name in folder.untimed if _ending(name, ends) == task]
        if len(own) == 1:
            yield own[0]


def _ending(name: str, tasks: Sequence[str]) -> str | None:
    """Returns the longest of ``tasks``, longest first, that the name ends with."""
    return next((task for task in tasks if name.endswith(f"_{task}.jsonl")), None)


def _light_rows(rows: Any, path: Path, results: ResultFile, task: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Returns the rows with what a comparison needs of them, and what the answers are like by filter."""
    _check(rows, path)
    config = results.content["configs"].get(task) or {}
    cluster = (config.get("metadata") or {}).get("cluster")
    rows = [_written_out(row) if "prompt_0" in row else row for row in rows]
    _name_filters(rows, results.content["results"][task])
    by_filter: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_filter.setdefault(str(row.get("filter")), []).append(row)
    answers = {name: answers_of(part, config) for name, part in by_filter.items()}
    try:
        return [_light(row, cluster) for row in rows], answers
    except (RecursionError, ValueError):
        _refuse(path, "holds a document that is nested too deeply")


def _check(rows: Any, path: Path) -> None:
    if not isinstance(rows, list) or not rows:
        _refuse(path, "holds no rows")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or "doc_id" not in row:
            _refuse(path, f"holds rows without `doc_id` (row {number})")
        if not isinstance(row["doc_id"], int) or not isinstance(row.get("filter"), str | None):
            _refuse(path, f"has a `doc_id` that is no number, or a `filter` that is no name (row {number})")


def _refuse(path: Path, found: str) -> NoReturn:
    raise UserError(f"{path} {found}", SAMPLE_FILE.why, SAMPLE_FILE.mend)


def _name_filters(rows: Sequence[dict[str, Any]], scores: Mapping[str, Any]) -> None:
    """Gives rows of lm_eval before 0.4.3 the filter that they lack: an item's stand in the order of the filters."""
    names = [key.partition(",")[2] for key in scores if "," in key and key.partition(",")[0] not in NOT_METRICS]
    filters = list(dict.fromkeys(names))
    if len(filters) < 2 or any("filter" in row for row in rows):
        return
    if set(Counter(row["doc_id"] for row in rows).values()) != {len(filters)}:
        return
    seen: Counter[int] = Counter()
    for row in rows:
        row["filter"] = filters[seen[row["doc_id"]]]
        seen[row["doc_id"]] += 1


def _written_out(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row of lm_eval 0.3 in today's shape: its document are its prompts, and its scores were text."""
    prompts = {key: value for key, value in row.items() if re.fullmatch(r"prompt_\d+", key)}
    scores = {key: value for key, value in row.items() if not re.match(r"(prompt|logit)_\d+$|doc_id$|truth$", key)}
    known = {key: _score(value) for key, value in scores.items()}
    asked = {"arguments": [[prompts["prompt_0"]]], "target": row.get("truth")}
    return {"doc_id": row["doc_id"], "doc": {**prompts, "truth": row.get("truth")}, **asked, **known}


def _score(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value in ("True", "False"):
        return float(value == "True")
    try:
        return float(value)
    except ValueError:
        return value


def _light(row: dict[str, Any], cluster: Any) -> dict[str, Any]:
    """Returns what a comparison needs of a row: its names, of its document the field ``cluster``, and its scores.

    Texts that a thousand models have in common are held once.
    """
    doc = row.get("doc")
    _fill_hashes(row)
    known = isinstance(doc, dict) and isinstance(cluster, str) and cluster in doc
    row["doc"] = {cluster: sys.intern(str(doc[cluster]))} if known else {}  # type: ignore[index]
    for key in ("doc_hash", "prompt_hash", "target_hash"):
        if isinstance(row.get(key), str):
            row[key] = sys.intern(row[key])
    scores = row.get("metrics")
    listed = isinstance(scores, list) and all(isinstance(name, str) for name in scores)
    names = scores if listed else [key for key in row if key not in _NOT_SCORES]
    return {key: row[key] for key in dict.fromkeys((*_KEPT, *names)) if key in row}  # type: ignore[misc]


def _fill_hashes(row: dict[str, Any]) -> None:
    """Adds to a row the hashes that lm_eval writes since 0.4.3, where they are lacking, as it makes them.

    A row without a document is known by its prompt; without that too its `doc_hash` is empty.
    """
    if not isinstance(row.get("prompt_hash"), str):
        prompt = first_prompt(row.get("arguments"))
        row["prompt_hash"] = None if prompt is None else sha256_text(prompt)
    if not isinstance(row.get("target_hash"), str):
        target = row.get("target")
        row["target_hash"] = sha256_text(str(target)) if isinstance(target, str | int) else None
    if not isinstance(row.get("doc_hash"), str):
        doc = row.get("doc")
        text = json.dumps(doc, indent=2, ensure_ascii=False)
        row["doc_hash"] = sha256_text(text) if doc else row["prompt_hash"] or ""
