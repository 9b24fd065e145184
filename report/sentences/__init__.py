"""Which sentences the page says: chosen by rules over facts, so that none can contradict a number.

A finding is the name of a sentence (a macro in `templates/findings.md.j2`) and the facts it is said of. The rules of
one claim exclude each other and cover every case; `decide` fails where they do not.
"""

from typing import Any

from report.facts.schema.parts import Fact, is_known
from report.facts.schema.scores import Comparison, ScoredTask, UntestedEquivalence
from report.facts.schema.whole import ComparisonFindings, Finding, Findings, MeasuredFacts
from report.reading.results import pointer
from report.sentences.causes import why
from report.sentences.controls import controls
from report.sentences.limits import limits, overlap_verdict, warnings
from report.sentences.parameters import change, cost, counts, meaning, moved, published, selected, trained_share
from report.sentences.retention import retention
from report.sentences.rules import comparisons, decide, direction, finding, primary_index
from report.sentences.simpler_means import UNBEATEN, beside_simpler
from report.sentences.summary import badge, checks, sizes
from report.sentences.verdicts import groups, headline, result, scoreboard


def find(facts: MeasuredFacts) -> Findings:
    """Returns the findings of every part of the page.

    Raises RuntimeError where the rules of a claim allow none, or several: see `decide`.
    """
    compared = list(comparisons(facts))
    checkpoints = range(len(facts.checkpoints))
    # left out of the findings where the study asks for none, so that a template can ask whether they are defined
    asked: dict[str, Any] = {"groups": groups(facts)} if facts.groups else {}
    asked |= {"controls": controls(facts)} if facts.controls else {}
    asked |= {"retention": retention(facts)} if facts.retention else {}
    return Findings(
        selected=[selected(facts, i) for i in checkpoints],
        result=result(facts),
        scoreboard=scoreboard(facts),
        **asked,
        headline=[headline(*where) for where in compared],
        sizes=sizes(facts),
        badge=badge(facts),
        checks=checks(facts),
        counts=[counts(facts, i) for i in checkpoints],
        trained_share=[trained_share(facts, i) for i in checkpoints],
        changes=[change(facts, i) for i in checkpoints],
        published=published(facts),
        meaning=[meaning(facts, i) for i in checkpoints],
        moved=[found for i in checkpoints if (found := moved(facts, i))],
        cost=[cost(facts, i) for i in checkpoints],
        why=[part for i in range(len(facts.tasks)) for part in why(facts, i)],
        difference=[_difference(facts, *where) for where in compared],
        equivalences=[_equivalence(facts, i) for i in range(len(facts.equivalences))],
        spreads=[_spread(i) for i in range(len(facts.spreads))],
        limits=limits(facts),
        warnings=warnings(facts),
    )


def _difference(
    facts: MeasuredFacts, task_at: str, task: ScoredTask, at: str, comparison: Comparison
) -> ComparisonFindings:
    """Returns the test of the headline, every metric by what its interval says, and the items that changed."""
    by_way: dict[str, list[str]] = {}
    for i, score in enumerate(comparison.scores):
        by_way.setdefault(direction(score.difference), []).append(f"{at}/scores/{i}")
    metrics = [
        finding(f"metrics_{way}", {"scores": by_way[way]})
        for way in ("higher", "lower", "unclear", "equal", "missing")
        if way in by_way
    ]
    shift, counts, overlap = comparison.shift, comparison.transitions, comparison.overlap
    evidence = {key: f"{at}/shift/{key}" for key in ("what", "change")}
    simpler = beside_simpler(task_at, at, comparison)
    return ComparisonFindings(
        task=task_at,
        comparison=at,
        headline=headline(task_at, task, at, comparison),
        tests=_tested(facts, at, comparison),
        shift=finding(_shift(shift.change), evidence) if shift else None,
        transitions=finding("transitions_counted", {"counts": f"{at}/transitions"}) if counts else None,
        overlap=overlap_verdict(at, comparison, overlap) if overlap else None,
        metrics=metrics,
        **({"simpler": simpler} if simpler and simpler.id not in UNBEATEN else {}),  # those are among the warnings
    )


def _tested(facts: MeasuredFacts, at: str, comparison: Comparison) -> list[Finding]:
    """Returns whether the primary difference is significant by the Holm-adjusted p; if not, the MDE as well."""
    index = primary_index(comparison)
    if index is None:
        return []
    score, place = comparison.scores[index], f"{at}/scores/{index}"
    way = direction(score.difference)
    known = is_known(score.adjusted)
    significant = known and score.adjusted.value < facts.family.level.value
    clear = way in ("higher", "lower")
    name = decide(
        "test",
        {
            "significant": known and significant and clear,
            "corrected_away": known and not significant and clear,
            "at_the_border": known and significant and not clear,
            "not_significant": known and not significant and not clear,
            "missing": not known,
        },
    )
    evidence = {"p_value": f"{place}/p_value", "adjusted": f"{place}/adjusted"}
    evidence |= {"size": "/family/size", "level": "/family/level"}
    found = [finding(name, evidence)]
    if way in ("unclear", "equal"):
        could = "power_known" if is_known(score.detectable) else "power_unknown"
        found.append(finding(could, {"detectable": f"{place}/detectable", "power": "/family/power"}))
    return found


def _shift(change: Fact) -> str:
    way = direction(change)
    return decide(
        "shift",
        {
            "rises": way == "higher",
            "falls": way == "lower",
            "unclear": way == "unclear",
            "equal": way == "equal",
            "missing": way == "missing",
        },
    )


def _equivalence(facts: MeasuredFacts, index: int) -> Finding:
    """Returns the sentence on whether two methods are equivalent within the study's margin."""
    at, found = pointer("equivalences", index), facts.equivalences[index]
    evidence = {key: f"{at}/{key}" for key in ("task", "one", "other")}
    if isinstance(found, UntestedEquivalence):
        return finding("equivalence_missing", evidence | {"reason": f"{at}/absent"})
    evidence |= {key: f"{at}/{key}" for key in ("label", "margin", "difference", "p_value")}
    known = is_known(found.p_value)
    same = known and found.p_value.value < facts.family.level.value
    clear = direction(found.difference) in ("higher", "lower")
    return finding(
        decide(
            "equivalence",
            {
                "shown": known and same and not clear,
                "shown_though_different": known and same and clear,
                "not_shown": known and not same and not clear,
                "different": known and not same and clear,
                "untested": not known,
            },
        ),
        evidence | {"level": "/family/level"},
    )


def _spread(index: int) -> Finding:
    """Returns the sentence on the spread of the scores over seeds."""
    at = pointer("spreads", index)
    keys = ("task", "method", "label", "seeds", "mean", "deviation", "lowest", "highest")
    return finding("spread_counted", {key: f"{at}/{key}" for key in keys})
