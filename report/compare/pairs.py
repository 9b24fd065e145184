"""Two models on one metric: whether their scores may be set against each other, the difference, and its p-value.

Where both were scored on the same items the difference is paired, item by item, as in a study's page. Where they were
not, or where one has no samples, the two scores are taken as independent: the standard error is the root of the sum of
squares, and t has Welch's degrees of freedom. A paired difference is the sharper one: an item that is hard is hard for
both.

Welch, B. L. (1947), Biometrika 34, 28-35; Satterthwaite, F. E. (1946), Biometrics Bulletin 2, 110-114.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import hypot, isinf
from typing import Any

from harness_tasks.rendering import render_from_results
from report.compare.asked import Seen, filter_of, repeats, seen, told_by_names, told_by_samples, told_by_seeds
from report.compare.measures import Measure
from report.facts.measured import interval_fact
from report.facts.pairing import ItemPair, paired
from report.facts.replicated import ReplicatedScore, paired_replicates, replicated_difference
from report.facts.schema.parts import Fact, Unit
from report.facts.values import fact, missing
from report.reading.task_runs import Run
from report.statistics import intervals, paired_tests
from report.statistics.intervals import Estimate
from report.statistics.metrics import metric_of
from report.statistics.recorded_errors import CONFIDENCE

_SETTINGS = {
    "num_fewshot": "the numbers of few-shot examples in the prompt",
    "chat_template_sha": "the chat templates",
    "system_instruction_sha": "the system instructions",
    "fewshot_as_multiturn": "the ways in which few-shot examples are given",
    "fewshot": "the ways in which few-shot examples are chosen",
    "fewshot_delimiter": "the signs between few-shot examples",
    "generation_kwargs": "the settings of generation",
}
"""What dresses a question. All else that `render_parts` holds is the question itself."""

_OF_EXAMPLES = ("fewshot", "fewshot_as_multiturn")
"""How examples are chosen and given, which says nothing where there are none."""

_UNTOLD = "how the prompts were rendered is not recorded for both"

DEGREES_OF_NORMAL = 1e12
"""Degrees of freedom with which t is normal."""

WELCH = "unpaired: standard errors of two independent scores, Welch's t"


@dataclass(frozen=True)
class ScoreDifference:
    """One score minus another.

    ``refused``: why the two may not be compared; there is then no interval. ``unpaired``: why it is not paired, empty
    where it is. ``flags``: what else differs between the two. ``p`` is two-sided; where it is None, ``p_method`` says
    why.
    """

    refused: str = ""
    unpaired: str = ""
    flags: tuple[str, ...] = ()
    interval: Estimate | None = None
    p: float | None = None
    p_method: str = ""


@dataclass(frozen=True)
class Relation:
    """How two scores stand to each other.

    ``refused``: why they may not be compared. ``items``: the items of both, where they are paired; else ``unpaired``
    says why they are not. ``flags``: what else differs. ``explained``: whether what differs in their settings makes
    other prompts. ``seen``: what the samples of both say of prompts and gold answers.
    """

    refused: str = ""
    unpaired: str = ""
    flags: tuple[str, ...] = ()
    explained: bool = False
    items: ItemPair | None = None

    @cached_property
    def seen(self) -> Seen:
        """What the samples of both say of prompts and gold answers."""
        return seen(self.items) if self.items else Seen(0, 0, 0)


def score_difference(one: Measure, other: Measure) -> ScoreDifference:
    """Returns ``one`` minus ``other`` in the metric's own scale, or why there is no such difference."""
    found = relation(one, other)
    flags = found.flags
    if found.refused:
        return ScoreDifference(refused=found.refused)
    if found.items is None:
        flags += (*_limits(one, other), *told_by_names(one.run, other.run, explained=bool(flags)))
        return ScoreDifference("", found.unpaired, flags, *_independent(one, other))
    flags += told_by_samples(found.seen, len(found.items.one.values), explained=found.explained)
    flags += told_by_seeds(one.run, other.run) if found.seen.unknown else ()
    if one.replicated and other.replicated:
        return _by_replicates(one.replicated, other.replicated, flags)
    encoded = found.items.encoded(one_last=True)
    test = paired_tests.paired_test(encoded)
    return ScoreDifference("", "", flags, intervals.difference(encoded, confidence=CONFIDENCE), test.p, test.method)


def _by_replicates(one: ReplicatedScore, other: ReplicatedScore, flags: tuple[str, ...]) -> ScoreDifference:
    made = replicated_difference(other, one)
    assert not isinstance(made, str)  # `_paired` would have said so
    return ScoreDifference("", "", flags, made[0], made[1].p, made[1].method)


def difference_fact(found: ScoreDifference, unit: Unit, source: dict[str, str], also: list[dict[str, str]]) -> Fact:
    """Returns a difference as a fact; missing where there is none."""
    if found.interval is None:
        return missing(found.refused)
    return interval_fact(found.interval, unit, source, also=also)


def told_with(found: ScoreDifference, source: dict[str, str], *cautions: str) -> dict[str, Any]:
    """Returns the fields of `ToldDifference`; ``cautions`` are said with the flags, where they are not empty."""
    return {
        "unpaired": fact(found.unpaired, "text", source) if found.unpaired else None,
        "flags": [fact(flag, "text", source) for flag in (*found.flags, *cautions) if flag],
    }


def relation(one: Measure, other: Measure) -> Relation:
    """Returns whether two may be compared, whether they are paired, and what differs."""
    if one.run.harness.key != other.run.harness.key:
        return _of_two_harnesses(one, other)
    if refused := _refusal(one, other):
        return Relation(refused)
    refused, flags, explained = _questions(one, other)
    if refused:
        return Relation(refused)
    items, unpaired = _paired(one, other)
    found = Relation("", unpaired, flags, explained, items)
    if items and not found.seen.unknown:  # then the prompts themselves say whether they are the same
        found = replace(found, flags=tuple(flag for flag in flags if flag != _UNTOLD))
    classes = backend(one), backend(other)
    if classes[0] == classes[1]:
        return found
    if None in classes:
        told = "which class of lm_eval asked is not recorded for both"
    elif items and found.seen.changed:
        changed, n = found.seen.changed, len(items.one.values)
        return Relation(f"two lm_eval model classes with different prompt templates: on {changed:,} of {n:,} items")
    else:
        told = f"answered by two classes of lm_eval: {_shown(classes[0])} and {_shown(classes[1])}"
    return replace(found, flags=(*found.flags, told))


def _of_two_harnesses(one: Measure, other: Measure) -> Relation:
    """Returns how two scores of two harnesses stand to each other: what each calls a setting says nothing to the other.

    Only the texts of their items show that both scored the same: then they are paired, else they are not compared.
    """
    names = f"{one.run.harness.shown} and {other.run.harness.shown}"
    if refused := _of_scales(one, other):
        return Relation(refused)
    items, unpaired = (None, "a group's") if one.run.leaves or other.run.leaves else _paired(one, other)
    if items is None:
        return Relation(f"two harnesses scored, {names}, and no texts show that the items are the same: {unpaired}")
    told = f"scored by two harnesses, each with prompts and a reading of answers of its own: {names}"
    # Each writes a gold answer in its own way, as a number, a letter or a text.
    unknown = [None] * len(items.one.values)
    items = replace(items, one=replace(items.one, targets=unknown), other=replace(items.other, targets=unknown))
    return Relation("", "", (told,), explained=True, items=items)


def backend(found: Measure) -> str | None:
    """Returns the class of lm_eval that asked the model; None where the results do not say."""
    said = found.run.results.value("config", "model")
    return said if isinstance(said, str) else None


def question_of(found: Measure) -> dict[str, Any]:
    """Returns what was asked, and how it was scored: all that `relation` refuses a pair for, whatever dresses it."""
    parts = sorted(found.run.leaves, key=lambda leaf: leaf.task) or [found.run]
    return {
        "harness": found.run.harness.key,
        "version": found.run.per_task("versions"),
        "leaves": [leaf.task for leaf in found.run.leaves],
        "signature": (found.run.metadata.get("signature") or {}).get(found.metric),
        "declared": _declared(found),
        "scales": (found.scale, found.run.metadata.get("scale")),
        "cluster": [part.metadata.get("cluster") for part in parts],
        "filters": [filter_of(part, found.filter) for part in parts],
        "asked": [
            {key: value for key, value in _rendered(part).items() if key not in _SETTINGS} if _is_told(part) else None
            for part in parts
        ],
        "versions": [part.per_task("versions") for part in parts],
    }


def _is_told(run: Run) -> bool:
    """Returns whether the results say how the prompts were rendered."""
    return bool(run.configuration) and run.per_task("n-shot") is not None


def _rendered(run: Run) -> dict[str, Any]:
    return render_from_results(run.results.content, run.task)


def _refusal(one: Measure, other: Measure) -> str:
    """Returns why the two are not one metric of one task; empty where they are."""
    versions = [found.run.per_task("versions") for found in (one, other)]
    of_groups = one.run.leaves and other.run.leaves  # whose tasks' versions decide where a group's own is not known
    if said := _of_versions("the task's version", versions, unknown=not of_groups):
        return said
    if one.run.leaves or other.run.leaves:
        parts = [{leaf.task for leaf in found.run.leaves} for found in (one, other)]
        if parts[0] != parts[1]:
            return f"the group is made of other tasks: {len(parts[0])} and {len(parts[1])}"
    signatures = [(found.run.metadata.get("signature") or {}).get(one.metric) for found in (one, other)]
    if signatures[0] != signatures[1]:
        return "the metric was computed in two ways: its signatures differ"
    if signatures[0] is None and _declared(one) != _declared(other):
        return "the metric was computed in two ways: the task's list of metrics differs"
    return _of_scales(one, other)


def _of_scales(one: Measure, other: Measure) -> str:
    """Returns that two scores are on two scales; empty where they are not known to be."""
    if one.scale != other.scale and one.run.metadata.get("scale") != other.run.metadata.get("scale"):
        return "the metric has two scales"
    if metric_of(one.metric).is_share and 100 not in (one.scale, other.scale) and (one.value > 1) != (other.value > 1):
        return f"the scores seem to be on two scales, 0 to 1 and 0 to 100: {one.value:.6g} and {other.value:.6g}"
    return ""


def _of_versions(what: str, versions: Sequence[Any], *, unknown: bool) -> str:
    """Returns that two versions differ or, where that is asked too, that one of them is unknown; else empty."""
    known = [None if version == "N/A" else version for version in versions]
    if known[0] == known[1] or (None in known and not unknown):
        return ""
    told = "is not recorded for both" if None in known else "differs"
    return f"{what} {told}: {_shown(versions[0])} and {_shown(versions[1])}"


def _questions(one: Measure, other: Measure) -> tuple[str, tuple[str, ...], bool]:
    """Returns why the two were not asked the same, if so, and in what the questions were dressed differently.

    Last, whether that makes other prompts.
    """
    flags: list[str] = []
    explained = False
    parts = [sorted(found.run.leaves, key=lambda leaf: leaf.task) or [found.run] for found in (one, other)]
    for run, against in zip(*parts, strict=True):
        versions = [part.per_task("versions") for part in (run, against)]
        if said := _of_versions(f"the version of {run.task}", versions, unknown=True):
            return said, (), False
        filters = [filter_of(part, one.filter) for part in (run, against)]
        if None not in filters and filters[0] != filters[1]:
            return f"the answers were read in two ways: the filter {one.filter} of {run.task} differs", (), False
        flags += filter(None, [repeats(run, against)])
        if not (_is_told(run) and _is_told(against)):
            flags.append(_UNTOLD)
            continue
        rendered = [_rendered(part) for part in (run, against)]
        for key in dict.fromkeys((*rendered[0], *rendered[1])):
            if key == "version" or rendered[0].get(key) == rendered[1].get(key):
                continue
            if key in _OF_EXAMPLES and 0 in (rendered[0].get("num_fewshot"), rendered[1].get("num_fewshot")):
                continue
            if key not in _SETTINGS:
                return f"the task asks in two ways: `{key}` differs", (), False
            explained |= key != "generation_kwargs"
            flags.append(_dressed(key, rendered[0].get(key), rendered[1].get(key)))
    return "", tuple(dict.fromkeys(flags)), explained


def _dressed(key: str, one: Any, other: Any) -> str:
    if key == "num_fewshot":
        return f"the numbers of few-shot examples in the prompt differ: {_shown(one)} and {_shown(other)}"
    if key in ("chat_template_sha", "system_instruction_sha") and (one is None) != (other is None):
        name = "chat template" if key.startswith("chat") else "system instruction"
        return f"one of the two was asked with a {name}, the other without"
    return f"{_SETTINGS[key]} differ"


def _declared(found: Measure) -> str:
    """Returns how the task lists the metric, without Python's sources, which change with every comment."""
    listed = found.run.configuration.get("metric_list") or []
    entry: dict[str, Any] = next((entry for entry in listed if entry.get("metric") == found.metric), {})
    sources = [key for key, value in entry.items() if isinstance(value, str) and ("def " in value or " at 0x" in value)]
    told = {key: value for key, value in entry.items() if key not in sources and value is not None}
    return json.dumps(told, sort_keys=True, default=str)


def _shown(version: Any) -> str:
    return "none" if version is None else str(version)


def _paired(one: Measure, other: Measure) -> tuple[ItemPair | None, str]:
    """Returns the items of both, paired by their names; None where they cannot be, and why."""
    for found in (one, other):
        if found.items is None:
            return None, "no samples of both" if found.why == "no samples" else found.why
        if not found.items.names:
            return None, "the samples do not say which item is which"
    assert one.items is not None
    assert other.items is not None
    items = paired(one.items, other.items)
    if differ := items.alignment.differ:
        return None, "the scored items differ: {:,} are the same, of {:,} and {:,}".format(*differ)
    if isinstance(one.items.values[0], tuple) != isinstance(other.items.values[0], tuple):
        return None, "the samples hold it in two ways"
    if one.replicated is None and other.replicated is None:
        return items, ""
    if one.replicated is None or other.replicated is None:
        return None, "the score without each cluster is known of one of the two"
    made = paired_replicates(one.replicated, other.replicated)
    return (None, made) if isinstance(made, str) else (items, "")


def _limits(one: Measure, other: Measure) -> tuple[str, ...]:
    """Returns that the two were scored on different numbers of items, where that is so."""
    counts = [found.run.counted[0] for found in (one, other)]
    if counts[0] == counts[1] or None in counts:
        return ()
    return (f"the numbers of scored items differ: {counts[0]:,} and {counts[1]:,}",)


def _independent(one: Measure, other: Measure) -> tuple[Estimate, float | None, str]:
    value, n = one.value - other.value, min(one.n or 0, other.n or 0)
    one_error, other_error = one.error, other.error
    if one_error is None or other_error is None:
        lacking = one if one_error is None else other
        reason = lacking.level.method.removeprefix("no interval: ")
        return Estimate(value, None, None, f"no interval: {reason}", n, n, CONFIDENCE), None, f"no p-value: {reason}"
    from scipy.special import stdtr, stdtrit

    error = hypot(one_error[0], other_error[0])
    parts = sum(spread**4 / degrees for spread, degrees in (one_error, other_error) if not isinf(degrees))
    degrees = error**4 / parts if parts else DEGREES_OF_NORMAL
    half = float(stdtrit(degrees, 0.5 + CONFIDENCE / 2)) * error
    p = float(2 * stdtr(degrees, -abs(value) / error))
    return Estimate(value, value - half, value + half, WELCH, n, n, CONFIDENCE, error), p, WELCH
