"""The result files of lm_eval, whoever made them: where they lie, whose scores they are, and their sample rows.

Two layouts are known: lm_eval's own (`<model>/results_<time>.json` with `samples_<task>_<time>.jsonl` beside it) and a
study's (`scores/<checkpoint>/<task>/results.json` with `samples.jsonl`). A file with a NaN is not refused as a whole,
as a study's own would be: other people's results hold some, and then that score is missing.
"""

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from report.compare.names import distinct, public_parts, short_name
from report.results import Document
from report.texts import one_line
from report.unfinished import FILE, undone

_TIME = re.compile(r"_(\d{4}-\d\d-\d\dT[\d.-]+)$")
_KEPT = ("filter", "doc_id", "doc", "doc_hash", "prompt_hash")


@dataclass(frozen=True)
class Run:
    """One model's scores on one task or group of tasks.

    ``samples``: its sample rows; None where there is no file of them. ``leaves``: a group's tasks.
    """

    task: str
    results: Document
    samples: Document | None
    folder: Path
    leaves: tuple["Run", ...] = ()

    @property
    def scores(self) -> dict[str, Any]:
        """The numbers that lm_eval recorded, by metric and filter such as `acc,none`."""
        return self.results.content["results"][self.task]

    @property
    def configuration(self) -> dict[str, Any]:
        """The task's configuration as lm_eval recorded it; empty for a group."""
        return (self.results.content.get("configs") or {}).get(self.task) or {}

    @property
    def metadata(self) -> dict[str, Any]:
        """What the task says of itself."""
        found = self.configuration.get("metadata")
        return found if isinstance(found, dict) else {}

    def per_task(self, key: str) -> Any:
        """Returns the task's entry under a key of the results such as `versions`; None where there is none."""
        return (self.results.content.get(key) or {}).get(self.task)

    @property
    def counted(self) -> tuple[int | None, int | None]:
        """How many items were scored, and how many there were."""
        samples = self.per_task("n-samples") or {}
        return samples.get("effective", self.scores.get("sample_len")), samples.get("original")


@dataclass
class Entry:
    """A model that takes part: what it is called, which argument named it (from 0), and its scores by task.

    ``own``: its name before others of the same name were told apart. ``folder``: where its files lie.
    """

    own: str
    argument: int
    folder: Path
    runs: dict[str, Run] = field(default_factory=dict)
    name: str = ""
    replaced: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Given:
    """What the arguments of the command hold: their names that may be published, and the models found in them."""

    paths: list[Path]
    names: list[str]
    entries: list[Entry]


def read_all(paths: Sequence[Path]) -> Given:
    """Returns the models found in ``paths``, each a result file or a folder with some, however deep.

    Raises:
        UserError: a path does not exist or holds no results, or a file is cut off.
    """
    names = distinct([public_parts(path) for path in paths])
    entries: list[Entry] = []
    for argument, (path, name) in enumerate(zip(paths, names, strict=True)):
        found: dict[tuple[Path, str], Entry] = {}
        for file in _result_files(path):
            _add(found, file, path, name, argument)
        entries += found.values()
    broken = [path / FILE for path in paths if (path / FILE).is_file()]
    if broken and not entries:
        raise UserError(
            "nothing in these folders has been scored",
            "there is nothing to compare",
            f"see why in {broken[0]}, and run the study again",
        )
    _tell_apart(entries, names)
    return Given(list(paths), names, entries)


def _result_files(path: Path) -> list[Path]:
    """Returns the result files in ``path``, the older first."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(
            f"{path} is neither a file nor a folder", "there is nothing to compare", "correct the path, or score first"
        )
    # A study's scratch holds what its `scores` hold once more, under lm_eval's names.
    is_study = any((path / name).is_file() for name in ("facts.json", "model.json", FILE))
    study = path / "scores" if is_study else path
    files = sorted(study.rglob("results*.json"), key=lambda file: (file.parent, _time(file), file.name))
    files = files or [file for file in sorted(study.glob("*.json")) if _holds_results(file)]
    lacking = undone(path)
    files = [file for file in files if (file.parent.parent.name, file.parent.name) not in lacking]
    if not files and not (path / FILE).is_file():
        raise UserError(
            f"{path} holds no results of lm_eval (no results*.json)",
            "there is nothing to compare",
            "name the folder that was lm_eval's --output_path, a study's folder, or a file of results",
        )
    return files


def _holds_results(file: Path) -> bool:
    try:
        return _is_results(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False


def _is_results(content: Any) -> bool:
    results = content.get("results") if isinstance(content, dict) else None
    return isinstance(results, dict) and all(isinstance(scores, dict) for scores in results.values())


def _time(file: Path) -> str:
    found = _TIME.search(file.stem)
    return found[1] if found else ""


def _add(found: dict[tuple[Path, str], Entry], file: Path, root: Path, label: str, argument: int) -> None:
    """Adds the scores in ``file`` to the model that they belong to."""
    content = _json(_text(file), file.name)
    if not _is_results(content):
        raise UserError(
            f"{file} holds no `results` by task",
            "it is no result file of lm_eval, so there is nothing to compare",
            "name the folder that was lm_eval's --output_path, or its results_*.json",
        )
    results = Document(_published(file, root, label, content), sha256_file(file), content)
    ours = file.name == "results.json" and file.parent.name in content["results"]
    own = short_name(file.parent.parent.name if ours else str(content.get("model_name") or file.parent.name))
    home = file.parent.parent if ours else file.parent
    entry = found.setdefault((home, own), Entry(own, argument, home))
    runs = _runs(file, root, label, results)
    for task, run in runs.items():
        if not any("," in key for key in run.scores):
            continue  # a group that aggregates nothing, or one of an lm_eval that is too old
        if task in entry.runs:
            entry.replaced.append(task)
        entry.runs[task] = run


def _runs(file: Path, root: Path, label: str, results: Document) -> dict[str, Run]:
    content = results.content
    groups = {name: parts for name, parts in (content.get("group_subtasks") or {}).items() if parts}
    runs: dict[str, Run] = {}
    for task in content["results"]:
        if task not in groups:
            samples = _samples(file, root, label, task, content)
            runs[task] = Run(task, results, samples, file.parent)
    for group in groups:
        if group in content["results"]:
            leaves = tuple(runs[task] for task in _leaves(group, groups, frozenset()) if task in runs)
            runs[group] = Run(group, results, None, file.parent, leaves)
    return runs


def _leaves(name: str, groups: dict[str, list[str]], above: frozenset[str]) -> list[str]:
    if name not in groups or name in above:
        return [name]
    found = (leaf for part in groups[name] for leaf in _leaves(part, groups, above | {name}))
    return list(dict.fromkeys(found))


def _samples(file: Path, root: Path, label: str, task: str, content: dict[str, Any]) -> Document | None:
    """Returns the sample rows that were written together with ``file``; None where there are none."""
    time = _time(file)
    names = [f"samples_{name}_{time}.jsonl" for name in (task, re.sub(r"\W", "_", task)) if time]
    if len(content["results"]) == 1:
        names.append("samples.jsonl")
    path = next((file.parent / name for name in names if "/" not in name and (file.parent / name).is_file()), None)
    if path is None:
        return None
    text = _text(path)
    # lm_eval before 0.4.3 wrote one list. Not splitlines: a text may hold other signs that end a line.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    rows = (
        _json(text, path.name)
        if text.lstrip().startswith("[")
        else [_json(line, f"line {number} of {path.name}") for number, line in lines]
    )
    if not rows or not all(isinstance(row, dict) and "doc_id" in row for row in rows):
        raise UserError(
            f"{path} holds {'no rows' if not rows else 'rows without `doc_id`'}",
            "a score without its items cannot be recounted",
            "score again with --log_samples, or take the file away: the recorded scores are then compared unpaired",
        )
    metadata = ((content.get("configs") or {}).get(task) or {}).get("metadata")
    cluster = metadata.get("cluster") if isinstance(metadata, dict) else None
    light = [_light(row, cluster) for row in rows]
    return Document(_published(path, root, label, content), sha256_file(path), light)


def _light(row: dict[str, Any], cluster: Any) -> dict[str, Any]:
    """Returns what a comparison needs of a row: its names, of its document the field ``cluster``, and its scores.

    Texts that a thousand models have in common are held once.
    """
    doc = row.get("doc")
    if "doc_hash" not in row:
        row["doc_hash"] = hashlib.sha256(json.dumps(doc, indent=2, ensure_ascii=False).encode()).hexdigest()
    row["doc"] = {cluster: sys.intern(str(doc[cluster]))} if isinstance(doc, dict) and cluster in doc else {}
    for key in ("doc_hash", "prompt_hash"):
        if isinstance(row.get(key), str):
            row[key] = sys.intern(row[key])
    scores = row.get("metrics")
    names = scores if isinstance(scores, list) else [key for key in row if key not in _NOT_SCORES]
    return {key: row[key] for key in dict.fromkeys((*_KEPT, *names)) if key in row}


_NOT_SCORES = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
_NOT_SCORES |= {"doc_hash", "prompt_hash", "target_hash"}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read: {error}", "its scores would be missing from the comparison", "score again"
        ) from None


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(
            f"{name} is not whole JSON: {error}",
            "it was cut off while it was written or copied, so its numbers cannot be trusted",
            "copy it again, or score again",
        ) from None


def _published(file: Path, root: Path, label: str, content: dict[str, Any]) -> str:
    """Returns the name of ``file`` in what is published: below its argument; lm_eval's folders are named by paths."""
    below = file.relative_to(root).parts if root.is_dir() else ()
    folder = str(content.get("model_name_sanitized") or "")
    shown = short_name(str(content.get("model_name") or "")).replace("/", "__")
    parts = [shown if part == folder or part.startswith("__") else one_line(part).strip() for part in below]
    return "/".join([label, *parts])


def _tell_apart(entries: list[Entry], names: list[str]) -> None:
    """Gives models of one name the name of the argument or of the folder that they come from."""
    for entry in entries:
        same = [other for other in entries if other.own == entry.own]
        entry.name = entry.own
        if len(same) > 1:
            within = [other for other in same if other.argument == entry.argument]
            place = names[entry.argument]
            if len(within) > 1:
                places = distinct([public_parts(other.folder.parent) for other in within])
                place = f"{place}: {places[within.index(entry)]}"
            entry.name = f"{entry.own} ({one_line(place).strip()})"
    labels = distinct([(entry.name,) for entry in entries])
    for entry, label in zip(entries, labels, strict=True):
        entry.name = label
