"""Result files, whoever made them: which files they are, read within bounds, and whose scores they hold.

lm_eval writes `<model>/results_<time>.json` (0.4.3 and later), `results.json` (0.4.0 to 0.4.2), or the name that was
given (`<name>.json`, later `<name>_<time>.json`); a study has `scores/<checkpoint>/<task>/results.json`. Of other names
a file is taken where none of these lies beside it and it holds results. Those of other harnesses (Inspect, lighteval,
Every Eval Ever) are translated into lm_eval's shape by a reader each. A file that cannot be used is passed over, and
named; only where nothing is left is that an error.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from finetune.kinds import FINETUNE
from harness_tasks.errors import UserError
from harness_tasks.reading import checked, parse_json, read_bytes, read_json, sha256_of, text_of
from harness_tasks.secrets import cleaned
from report.compare.clusters import name_clusters, refuse_unknown
from report.compare.grouping import Found, entries_of, tell_apart
from report.compare.models import Entry, Given, PassedOver
from report.compare.peer_files import ARCHIVE, MARKS, translated, translated_archive
from report.compare.same_items import name_alike
from report.facts.unfinished import FILE, undone
from report.reading.harnesses import LM_EVAL, Harness, Translated
from report.reading.lm_eval_results import RESULT_FILE, ResultFile, in_one_shape, number, parts_of
from report.reading.published_names import distinct, public_parts, short_name
from report.reading.sample_files import Folder, samples_of, table_rows
from report.reading.scored import refuse_other
from report.reading.task_runs import Run, SampleRows
from report.reading.texts import one_line
from studies.experiments import is_few_shot
from studies.study import CONTROL_SUFFIX

TIME = re.compile(r"_(\d{4}-\d\d-\d\dT[\d.-]+)$")
_ANY = replace(RESULT_FILE, schema=None)
_OF_INSPECT = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d[+-]\d\d-\d\d_.+\.json")
_MARKS = (b'"results"', b"_stderr", b",none", *MARKS)
"""One of these stands in every result file; others need not be parsed to see that they are none."""


@dataclass(frozen=True)
class _Candidate:
    """A file that may hold results; ``named``: its name, or the user, says that it does."""

    path: Path
    named: bool
    folder: Folder


def read_all(paths: Sequence[Path], clusters: Mapping[str, str] | None = None) -> Given:
    """Returns the models found in ``paths``, each a result file or a folder with some, however deep.

    ``clusters``: the field by which a task's items are clustered, where the command names it.

    Raises:
        UserError: a path does not exist or holds no results, or no file could be used; a task of ``clusters`` has none.
    """
    clusters = clusters or {}
    names = distinct([public_parts(path) for path in paths])
    entries: list[Entry] = []
    passed_over: list[PassedOver] = []
    for argument, (path, name) in enumerate(zip(paths, names, strict=True)):
        candidates = _candidates(path)
        left_out = list(_not_looked_into(path, name))
        passed_over += left_out
        found = [part for file in candidates for part in _read(file, path, name, clusters, passed_over)]
        nothing = not found and not left_out and not any(file.named for file in candidates)
        if nothing and not (path / FILE).is_file():
            raise UserError(
                f"{path} holds no results of lm_eval (no results*.json), Inspect, lighteval or Every Eval Ever",
                "there is nothing to compare",
                "name the folder that was lm_eval's --output_path, a study's folder, or a file of results",
            )
        entries += entries_of(found, argument)
    if not entries:
        raise passed_over[0].error if passed_over else _nothing_scored(paths)
    refuse_unknown(entries, clusters)
    name_alike(entries)
    tell_apart(entries, names)
    return Given(list(paths), names, entries, passed_over)


def _nothing_scored(paths: Sequence[Path]) -> UserError:
    broken = next((path / FILE for path in paths if (path / FILE).is_file()), None)
    return UserError(
        "nothing in these folders has been scored",
        "there is nothing to compare",
        f"see why in {broken}, and run the study again" if broken else "score a task, and compare then",
    )


def _candidates(path: Path) -> list[_Candidate]:
    """Returns the files in ``path`` that may hold results, the older first."""
    if not path.exists():
        raise UserError(
            f"{path} is neither a file nor a folder", "there is nothing to compare", "correct the path, or score first"
        )
    if not path.is_dir():
        return [_Candidate(path, named=True, folder=Folder(path.parent))]
    folders: dict[Path, list[Path]] = {}
    for pattern in ("*.json", f"*{ARCHIVE}"):
        for file in _root(path).rglob(pattern):
            folders.setdefault(file.parent, []).append(file)
    lacking = undone(path)
    whole = [folder for folder in sorted(folders) if (folder.parent.name, folder.name) not in lacking]
    return [candidate for folder in whole if not _explains(folder, path) for candidate in _in_folder(folders[folder])]


def _explains(folder: Path, path: Path) -> bool:
    """Returns whether scores are those of a study's experiment, a control or the base model with few-shot examples.

    Those are no models to rank; where one is named, it is compared.
    """
    own = folder.parent
    if is_few_shot(own.name) and path not in (folder, own) and (own.parent / "base").is_dir():
        return True
    record = own.parent.parent / "checkpoints" / own.name / "finetune.json"
    if not own.name.endswith(CONTROL_SUFFIX) or path in (folder, own) or not record.is_file():
        return False
    return bool(read_json(record, FINETUNE).get("recipe", {}).get("shuffle_targets"))


def _root(path: Path) -> Path:
    """Returns where in a folder results are looked for: a study's scratch holds what its `scores` hold once more."""
    is_study = any((path / name).is_file() for name in ("facts.json", "model.json", FILE))
    return path / "scores" if is_study else path


def _not_looked_into(path: Path, label: str) -> Iterator[PassedOver]:
    """Yields what may hold results and is not read: links to folders elsewhere, and compressed files."""
    for folder, names, files in os.walk(_root(path)) if path.is_dir() else ():
        for name in sorted(names):
            link = Path(folder, name)
            if link.is_symlink() and not link.resolve().is_relative_to(path.resolve()):
                yield _left_out(link, path, label, "is a link to a folder elsewhere", f"name {link} itself")
        for name in sorted(files):
            if re.fullmatch(r"(?:results|samples_).*\.jsonl?\.(?:gz|bz2|xz|zst|zip)", name):
                yield _left_out(Path(folder, name), path, label, "is compressed", f"unpack {Path(folder, name)}")


def _left_out(file: Path, root: Path, label: str, found: str, mend: str) -> PassedOver:
    error = UserError(f"{file} {found}", "there may be scores in it, which are not compared", mend)
    return PassedOver(_published(file, root, label, {}), file, error, stranger=True)


def _in_folder(files: Sequence[Path]) -> list[_Candidate]:
    """Returns the files of one folder that may hold results: those named so, else all but samples and replicates."""
    files = [file for file in files if not file.name.startswith(("samples", "replicates"))]
    named = [file for file in files if _is_named(file)]
    chosen = sorted(named or files, key=lambda file: (time_of(file), file.name))
    folder = Folder(chosen[0].parent) if chosen else None
    return [_Candidate(file, named=bool(named), folder=folder) for file in chosen if folder]


def _is_named(file: Path) -> bool:
    """Returns whether a file's name is one that lm_eval, lighteval or Inspect gives to results."""
    ours = file.name.startswith("results") or bool(time_of(file))
    return ours or file.suffix == ARCHIVE or bool(_OF_INSPECT.fullmatch(file.name))


def time_of(file: Path) -> str:
    """Returns the time in a file's name, as lm_eval writes it; empty where there is none."""
    found = TIME.search(file.stem)
    return found[1] if found else ""


class _StrangerError(UserError):
    """It holds nothing to compare."""


@dataclass(frozen=True)
class _Part:
    """The results of one model in a file; ``embedded``: lm_eval's own samples in them, by task."""

    results: Translated
    embedded: Mapping[str, Any]
    is_lm_evals: bool


def _parts_in(candidate: _Candidate, root: Path) -> tuple[bytes, list[_Part]] | None:
    """Returns a file's content, and the results in it; None where nothing says that it holds any.

    Raises UserError where it should hold results, and cannot be used.
    """
    file = candidate.path
    try:
        content = read_bytes(file, RESULT_FILE)
    except UserError:
        if candidate.named:
            raise
        return None
    if file.suffix == ARCHIVE:
        return content, [_Part(translated_archive(content, file), {}, is_lm_evals=False)]
    if not candidate.named and not any(mark in content for mark in _MARKS):
        return None
    value = parse_json(text_of(content, file, RESULT_FILE), file, _ANY)
    if (others := translated(value, file, root)) is not None:
        return content, [_Part(others, {}, is_lm_evals=False)]
    parts = parts_of(value)
    for _, part in parts:
        checked(part, file, RESULT_FILE)
    if not parts and candidate.named:
        raise _StrangerError(
            f"{file} holds no `results` by task",
            "it is not a result file of lm_eval, so there is nothing in it to compare",
            "name the folder that was lm_eval's --output_path, or its results_*.json",
        )
    return content, [_lm_evals(place, part) for place, part in parts]


def _lm_evals(place: tuple[str, ...], part: dict[str, Any]) -> _Part:
    content, places = in_one_shape(part)
    version = content.get("lm_eval_version")
    harness = Harness(LM_EVAL, version if isinstance(version, str) else "", ("lm_eval_version",))
    embedded = part.get("samples") or {}
    return _Part(Translated(harness, content, places, {}, place), embedded, is_lm_evals=True)


def _read(
    candidate: _Candidate, root: Path, label: str, clusters: Mapping[str, str], passed_over: list[PassedOver]
) -> Iterator[Found]:
    """Yields the results in a file; adds it, or its sample files, to ``passed_over`` where they cannot be used."""
    file = candidate.path
    try:
        found = _parts_in(candidate, root)
    except UserError as error:
        is_stranger = isinstance(error, _StrangerError)
        passed_over.append(PassedOver(_published(file, root, label, {}), file, error, stranger=is_stranger))
        return
    if found is None:
        return
    content, parts = found
    digest = sha256_of(content)
    for part in parts:
        told, shaped = part.results, part.results.content
        name = partial(_published, root=root, label=label, content=shaped)
        results = ResultFile(name(file), digest, shaped, told.places, told.prefix, told.harness)
        name_clusters(results, clusters)
        ours = _is_ours(file, shaped)
        if ours:
            home, given = file.parent.parent, results.value("config", "model_args")
            is_ours = (home.parent.parent / "checkpoints").is_dir()
            refuse_other(home.parent.parent, results.file, home.name, given, is_ours=is_ours)
        runs = _runs(candidate, results, part, name, passed_over)
        if not runs and not any(part.path == file for part in passed_over):
            why = "; ".join(filter(None, told.cautions.values()))
            empty = UserError(
                f"{file} holds no score{why and f': {why}'}",
                "there is nothing in it to compare",
                "score a task, and compare then",
            )
            passed_over.append(PassedOver(results.file, file, empty, stranger=True))
        if runs:
            yield Found(file, results, runs, ours, time_of(file))


def _is_ours(file: Path, content: Mapping[str, Any]) -> bool:
    """Returns whether it lies where a study puts its scores: its folder then has the checkpoint's name."""
    place = file.parent
    return file.name == "results.json" and place.name in content["results"] and place.parent.parent.name == "scores"


def _runs(
    candidate: _Candidate,
    results: ResultFile,
    part: _Part,
    name: Callable[[Path], str],
    passed_over: list[PassedOver],
) -> dict[str, Run]:
    """Returns the tasks and groups with a score; a group that aggregates nothing has none."""
    file, content, groups = candidate.path, results.content, results.content["group_subtasks"]
    runs: dict[str, Run] = {}
    for task in content["results"]:
        if task in groups:
            continue
        samples: SampleRows | None = None
        try:
            samples = _samples(candidate, results, part, task, name)
        except UserError as error:
            passed_over.append(PassedOver(f"{results.file}: the samples of {one_line(task)}", file, error))
        runs[task] = Run(task, results, samples, file.parent, caution=part.results.cautions.get(task, ""))
    for group in groups:
        if group in content["results"]:
            leaves = tuple(runs[task] for task in _leaves(group, groups) if task in runs and task not in groups)
            runs[group] = Run(group, results, None, file.parent, leaves)
    for task, run in list(runs.items()):
        lacking = _lacking(file, task, run)
        if lacking is not None and task not in groups:
            passed_over.append(PassedOver(f"{results.file}: {one_line(task)}", file, lacking))
        if lacking is not None or not any("," in key for key in run.scores):
            del runs[task]
    return runs


def _samples(
    candidate: _Candidate, results: ResultFile, part: _Part, task: str, name: Callable[[Path], str]
) -> SampleRows | None:
    """Returns the sample rows of a task; None where there are none; UserError where they cannot be used."""
    if part.is_lm_evals:
        return samples_of(candidate.path, candidate.folder, results, task, part.embedded.get(task), name)
    if (error := part.results.unusable.get(task)) is not None:
        raise error
    table = part.results.tables.get(task)
    return table_rows(table, candidate.path, results, task, name) if table else None


def _lacking(file: Path, task: str, run: Run) -> UserError | None:
    """Returns why no recorded score of a task is one; None where one is, or none is recorded."""
    keys = [key for key in run.scores if "," in key and not key.partition(",")[0].endswith("_stderr")]
    if not keys or any(number(run.scores[key]) is not None and not key.startswith("bypass,") for key in keys):
        return None
    if all(key.startswith("bypass,") for key in keys):
        return UserError(
            f"{file} holds only answers to {one_line(task)}, no score (--predict_only)",
            "999 is what lm_eval writes in a score's place",
            "score the task without --predict_only",
        )
    told = ", ".join(f"{key.removesuffix(',none')} is {run.scores[key]!r:.40}" for key in keys[:3])
    return UserError(
        f"{file} holds no number for a score of {one_line(task)} ({one_line(told)})",
        "a score that is none can be compared with nothing",
        "see in the run's log why the task gave none, and score it again",
    )


def _leaves(group: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the tasks in a group and in the groups in it, each once, in their order."""
    found: dict[str, None] = {}
    seen, waiting = {group}, [group]
    while waiting:
        name = waiting.pop()
        if name not in groups:
            found[name] = None
            continue
        parts = [part for part in groups[name] if part not in groups or part not in seen]
        seen.update(parts)
        waiting += reversed(parts)
    return list(found)


def _published(file: Path, root: Path, label: str, content: Mapping[str, Any]) -> str:
    """Returns the name of ``file`` in what is published: below its argument; lm_eval's folders are named by paths."""
    below = file.relative_to(root).parts if root.is_dir() else ()
    folder = str(content.get("model_name_sanitized") or "")
    model = str(content.get("model_name") or "")
    shown = short_name(model).replace("/", "__")
    parts = [shown if part == folder or part.startswith("__") else one_line(part).strip() for part in below]
    text = "/".join([label, *parts])
    # lighteval puts a model's results into folders by the whole path that the model was named by.
    return cleaned(text.replace(f"/{model.strip('/')}/", f"/{shown}/") if "/" in model.strip("/") else text)
