"""Two versions of one study: what has changed since the earlier one, in its scores and in what made them."""

from collections.abc import Iterator, Sequence

from harness_tasks.files import sha256_file
from report.compare.measures import measure, metric_keys
from report.compare.models import Entry, Given
from report.compare.pairs import difference_fact, score_difference, told_with
from report.facts.current import read_facts
from report.facts.measured import interval_fact
from report.facts.schema.compared import ChangedScore, ChangedSetting, ChangeVerdict, VersionChanges
from report.facts.schema.parts import Fact, Known, is_known
from report.facts.schema.scores import ScoredTask
from report.facts.schema.training import Trained
from report.facts.schema.whole import Facts
from report.facts.values import fact, missing
from report.statistics import intervals, paired_tests
from report.statistics.directions import metric_direction
from report.statistics.intervals import Estimate

Row = tuple[str, str, str]
"""A part of the study, whose it is, and what: `recipe`, a checkpoint, `learning_rate`."""

_STUDY = ("name", "title", "seeds", "methods", "sampling_seed", "dtype", "batch_size")
_CHECKPOINT = ("method", "seed", "dtype", "epochs", "steps", "tokens_input", "tokens_supervised", "base_fingerprint")
_TASK = ("version", "setting", "cluster", "primary", "scored", "available")
_DATA = ("source", "name", "revision", "fingerprint", "rows")


def version_facts(given: Given) -> VersionChanges | None:
    """Returns what changed from the first to the second argument; None unless both are folders of one study.

    Two studies of a grid are no versions of each other.

    Raises:
        UserError: a facts.json is none of ours.
    """
    if len(given.paths) != 2 or not all((path / "facts.json").is_file() for path in given.paths):
        return None
    known = [read_facts(path / "facts.json") for path in given.paths]
    names = {str(facts.study.name.value) for facts in known}
    if len(names) == 2 and all("/" in name for name in names):
        return None
    sides = [dict(_settings(facts, name)) for facts, name in zip(known, given.names, strict=True)]
    absent = missing("not in this version")
    rows = [row for row in dict.fromkeys((*sides[0], *sides[1])) if _differ(*(side.get(row, absent) for side in sides))]
    source = {
        "file": f"{given.names[1]}/facts.json",
        "pointer": "",
        "sha256": sha256_file(given.paths[1] / "facts.json"),
    }
    return VersionChanges(
        earlier=fact(given.names[0], "text", source),
        later=fact(given.names[1], "text", source),
        settings=[
            ChangedSetting(
                part=fact(part, "text", source),
                whose=fact(whose, "text", source),
                what=fact(what, "text", source),
                before=sides[0].get((part, whose, what), absent),
                after=sides[1].get((part, whose, what), absent),
            )
            for part, whose, what in rows
        ],
        scores=_scores(given.entries),
        gone=_only(given.entries, 0, source),
        new=_only(given.entries, 1, source),
    )


def _settings(facts: Facts, version: str) -> Iterator[tuple[Row, Fact]]:
    """Yields what made the scores of a study's version, each as the fact it is; its source now names the version."""
    for row, found in _recorded(facts):
        parts = [part for part in (found if isinstance(found, list) else [found]) if is_known(part)]
        if not parts:
            continue
        values = [part.value for part in parts]  # several values, such as seeds, are one setting
        value = ", ".join(map(str, values)) if len(values) > 1 or not isinstance(values[0], int | float) else values[0]
        source = parts[0].source
        yield row, fact(value, "setting", source.model_copy(update={"file": f"{version}/{source.file}"}))


def _recorded(facts: Facts) -> Iterator[tuple[Row, Fact | list[Known]]]:
    """Yields every setting of a study's facts: a row's kind, what it is of and its name, and the fact."""
    for key in _STUDY:
        yield ("study", "the study", key), getattr(facts.study, key)
    for key, found in facts.model:
        yield ("model", "the base model", key), found
    yield from _of_training(facts)
    yield from _of_tasks(facts)
    for package in facts.reproduction.versions:
        yield ("version", str(package.where.value), str(package.name.value)), package.version


def _of_training(facts: Facts) -> Iterator[tuple[Row, Fact]]:
    for checkpoint in facts.checkpoints:
        name = str(checkpoint.name.value)
        for key in _CHECKPOINT:
            if key in checkpoint:
                yield ("recipe", name, key), getattr(checkpoint, key)
        if isinstance(checkpoint, Trained):
            for setting in checkpoint.recipe:
                yield ("recipe", name, str(setting.name.value)), setting.value
            for key in _DATA:
                yield ("training data", name, key), getattr(checkpoint.data, key)


def _of_tasks(facts: Facts) -> Iterator[tuple[Row, Fact]]:
    for task in facts.tasks:
        if isinstance(task, ScoredTask):
            name = str(task.name.value)
            for key in _TASK:
                yield ("task", name, key), getattr(task, key)
            for key in ("source", "name", "revision"):
                yield ("scored data", name, key), getattr(task.data, key)
            for split in task.data.splits:
                yield ("scored data", name, f"{split.split.value}: hash"), split.fingerprint


def _differ(one: Fact, other: Fact) -> bool:
    return bool(one.value != other.value)


def _only(entries: Sequence[Entry], argument: int, source: dict[str, str]) -> list[Known]:
    """Returns the models that one version alone has."""
    others = {entry.own for entry in entries if entry.argument != argument}
    return [fact(e.own, "text", source) for e in entries if e.argument == argument and e.own not in others]


def _scores(entries: Sequence[Entry]) -> list[ChangedScore]:
    """Returns each score of both versions and the later minus the earlier; Holm's correction over the primary ones."""
    rows: list[ChangedScore] = []
    primary: list[tuple[ChangedScore, float | None]] = []
    for before in (entry for entry in entries if entry.argument == 0):
        after = next((entry for entry in entries if entry.argument == 1 and entry.own == before.own), None)
        for task in before.runs if after else ():
            if after is None or task not in after.runs:
                continue
            keys = [key for key in metric_keys(before.runs[task]) if key in metric_keys(after.runs[task])]
            for key in keys:
                row, p = _score(before, after, task, key, primary=key == keys[0])
                rows.append(row)
                if row.primary:
                    primary.append((row, p))
    for (row, _), p in zip(primary, paired_tests.holm([p for _, p in primary]), strict=True):
        if p is not None:
            row.adjusted = fact(p, "p", row.after.source)
    return rows


def _score(before: Entry, after: Entry, task: str, key: str, *, primary: bool) -> tuple[ChangedScore, float | None]:
    """Returns a score of both versions, its p-value not corrected yet, and that p-value."""
    one, two = (measure(entry.runs[task], key) for entry in (before, after))
    found = score_difference(two, one)
    better = metric_direction(two.metric, [*one.run.with_leaves, *two.run.with_leaves]).better
    source = two.source
    levels = [
        interval_fact(side.level, side.unit, side.source, also=side.also or None, value=side.value)
        for side in (one, two)
    ]
    row = ChangedScore(
        task=fact(task, "text", source),
        checkpoint=fact(before.own, "text", source),
        metric=fact(key.removesuffix(",none"), "text", source),
        primary=primary,
        before=levels[0],
        after=levels[1],
        difference=difference_fact(found, two.unit, source, [one.source]),
        adjusted=missing("there is no p-value" if primary else "it is no primary metric"),
        **told_with(found, source),
        verdict="refused" if found.interval is None else _verdict(found.interval, better),
    )
    return row, found.p


def _verdict(difference: Estimate, better: bool | None) -> ChangeVerdict:
    """Returns what may be said of a change: a direction only where its interval excludes 0."""
    way = intervals.estimated_direction(difference)
    if way not in ("higher", "lower") or better is None:
        return way
    return "better" if (way == "higher") == better else "worse"
