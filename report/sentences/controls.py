"""Sentences on a gain beside its control's: whether it is mostly format or mostly skill."""

from collections.abc import Iterator

from report.facts.schema.control import ControlledGain
from report.facts.schema.whole import ControlFindings, Finding, MeasuredFacts
from report.reading.results import pointer
from report.sentences.rules import decide, direction, finding

MOSTLY_FORMAT = "control_mostly_format"
"""The sentence that a reader must know before taking a gain for skill."""


def controls(facts: MeasuredFacts) -> list[ControlFindings]:
    """Returns each gain that a study sets beside a control's, and its sentence where no warning says it."""
    return [
        ControlFindings(gain=at, verdict=None if verdict.id == MOSTLY_FORMAT else verdict)
        for at, verdict in _verdicts(facts)
    ]


def _verdicts(facts: MeasuredFacts) -> Iterator[tuple[str, Finding]]:
    """Yields the place of each gain, and the sentence on it."""
    for i, gain in enumerate(facts.controls or []):
        at = pointer("controls", i)
        evidence = {key: f"{at}/{key}" for key in ("task", "checkpoint")}
        if isinstance(gain, ControlledGain):
            keys = ("label", "format", "skill", "total", "balance")
            verdict = finding(_verdict(gain), evidence | {key: f"{at}/{key}" for key in keys})
        else:
            verdict = finding("control_missing", evidence | {"reason": f"{at}/absent"})
        yield at, verdict


def mostly_format(facts: MeasuredFacts) -> list[Finding]:
    """Returns the sentences on gains that are mostly format, which are among the warnings."""
    return [verdict for _, verdict in _verdicts(facts) if verdict.id == MOSTLY_FORMAT]


def _verdict(gain: ControlledGain) -> str:
    """Returns the case that holds: the greater part is named where format minus skill is clearly on its side.

    As the two sum to the total, that part is more than half of a gain.
    """
    judged, better = gain.higher_is_better is not None, "higher" if gain.higher_is_better else "lower"
    total, balance = direction(gain.total), direction(gain.balance)
    gained = judged and total == better
    return decide(
        "control",
        {
            "mostly_format": gained and balance == better,
            "mostly_skill": gained and balance in ("higher", "lower") and balance != better,
            "not_told": gained and balance in ("unclear", "equal"),
            "no_interval": judged and (total == "missing" or (gained and balance == "missing")),
            "no_gain": judged and total not in (better, "missing"),
            "unjudged": not judged,
        },
    )
