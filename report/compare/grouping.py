"""Whose scores they are: result files of one model become one entry, and two entries never have one name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report.compare.models import Entry
from report.reading.lm_eval_results import ResultFile
from report.reading.model_identity import Identity, differing, identity_of
from report.reading.published_names import distinct, public_parts, short_name
from report.reading.task_runs import Run
from report.reading.texts import one_line


@dataclass(frozen=True)
class Found:
    """The results in a file: its runs by task, whether it is a study's own, and the time in its name."""

    file: Path
    results: ResultFile
    runs: Mapping[str, Run]
    ours: bool
    time: str

    @property
    def home(self) -> Path:
        """The folder of the model: in a study that of the checkpoint, else the one that the file lies in."""
        return self.file.parent.parent if self.ours else self.file.parent


def entries_of(found: Sequence[Found], argument: int) -> list[Entry]:
    """Returns the models that the results of one argument are of, the older results first in ``found``.

    A run of the same model on the same task with the same settings, in the same folder, takes the place of an earlier
    one, and that is said. With other settings, or elsewhere, it is another entry.
    """
    identities = [None if part.ours else identity_of(part.results.content) for part in found]
    commits, dtypes = _known(identities, _commit), _known(identities, lambda who: (who.dtype,))
    by_model: dict[Any, list[Entry]] = {}
    for part, who in zip(found, identities, strict=True):
        key: Any = part.home if part.ours else (part.file, part.results.prefix) if who is None else None
        settings: dict[str, str] = {}
        if who is not None:
            commit = _commit(who)
            # A run that could not look its commit up is taken for the same model only where there is one to choose.
            shown = {"commit": " ".join(commit)[:12]} if len(commits[who.key]) > 1 and any(commit) else {}
            shown |= {"dtype": who.dtype} if len(dtypes[who.key]) > 1 and who.dtype else {}
            settings = {**who.settings, **shown}
            key = who.key, tuple(shown.items())
        same = by_model.setdefault(key, [])
        for task, run in part.runs.items():
            if any(_is_copy(entry.runs.get(task), run) for entry in same):
                continue
            entry = _taking(same, task, run)
            if entry is None:
                entry = Entry(_name(part, who), argument, part.home, who.place if who else None)
                entry.settings = {**settings, **(_settings(run) if same else {})}
                if same and not same[0].settings.keys() & _settings(run).keys():
                    same[0].settings |= _settings(same[0].runs[task])
                same.append(entry)
            if task in entry.runs:
                entry.replaced.append(task)
            entry.runs[task] = run
    return [entry for same in by_model.values() for entry in same]


def _is_copy(before: Run | None, run: Run) -> bool:
    """Returns whether two files hold one run: the same values, wherever they lie."""
    return before is not None and before.results.content == run.results.content


def _taking(same: Sequence[Entry], task: str, run: Run) -> Entry | None:
    """Returns the entry of a model that a run belongs to; None where it is another than all of them."""
    for entry in same:
        before = entry.runs.get(task)
        if before is None or (before.folder == run.folder and _settings(before) == _settings(run)):
            return entry
    return None


def _settings(run: Run) -> dict[str, str]:
    """Returns how a task was run, as far as one may choose it when calling lm_eval."""
    shots, _ = run.shots
    generation = run.results.value("config", "gen_kwargs")
    return {
        "harness": run.harness.shown if run.harness.record else run.harness.name,
        "few-shot": " and ".join(map(str, shots)) or "unknown",
        "items": str(run.counted[0] or run.limit or "all"),
        "version": str(run.per_task("versions")),
        "generation": str(generation or "as the task says"),
    }


def _name(found: Found, who: Identity | None) -> str:
    if who is not None:
        return who.name
    if found.ours:
        return short_name(found.home.name)
    if found.results.prefix:
        return short_name(found.results.prefix[-1])
    return short_name(found.file.parent.name if found.file.stem.startswith("results") else found.file.stem)


def _commit(who: Identity) -> tuple[str, ...]:
    return tuple(who.commits.get(key, "") for key in ("model_sha", "peft_sha", "delta_sha"))


def _known(
    identities: Sequence[Identity | None], of: Callable[[Identity], tuple[str, ...]]
) -> dict[Any, set[tuple[str, ...]]]:
    """Returns what is known of each model: its commits, or what it ran in."""
    known: dict[Any, set[tuple[str, ...]]] = {}
    for who in identities:
        if who is not None:
            known.setdefault(who.key, set()).update({of(who)} if any(of(who)) else ())
    return known


def tell_apart(entries: Sequence[Entry], names: Sequence[str]) -> None:
    """Gives models of one name what they differ in, then the name of the argument or folder that they come from."""
    for same in _of_one_name(entries):
        for entry, shown in zip(same, differing([entry.settings for entry in same]), strict=True):
            entry.own = f"{entry.own} ({one_line(shown).strip()})" if shown else entry.own
    for entry in entries:
        others = [other for other in entries if other.own == entry.own]
        entry.name = entry.own
        if len(others) > 1:
            within = [other for other in others if other.argument == entry.argument]
            place = names[entry.argument]
            if len(within) > 1:
                place = f"{place}: {_places(within)[within.index(entry)]}"
            entry.name = f"{entry.own} ({one_line(place).strip()})"
    labels = distinct([(entry.name,) for entry in entries])
    for entry, label in zip(entries, labels, strict=True):
        entry.name = label


def _places(entries: Sequence[Entry]) -> list[str]:
    """Returns where each lies: the folder above the model's, which lm_eval names after it, where that tells them."""
    above = [public_parts(entry.folder.parent) for entry in entries]
    return distinct(above if len(set(above)) == len(above) else [public_parts(entry.folder) for entry in entries])


def _of_one_name(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yields the entries of one argument that have one name."""
    groups: dict[tuple[int, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.argument, entry.own), []).append(entry)
    yield from groups.values()
