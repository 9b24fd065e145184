"""Sentences on what checkpoints keep of what they were not trained on: kept, lost, or not to be told."""

from collections.abc import Iterator

from report.facts.schema.parts import is_known
from report.facts.schema.retention import ScoreBeside
from report.facts.schema.whole import Finding, MeasuredFacts, RetainedFindings, RetentionFindings
from report.reading.results import pointer
from report.sentences.rules import decide, finding

_KEPT, _LOST = ("retention_kept", "retention_same"), "retention_lost"


def retention(facts: MeasuredFacts) -> RetentionFindings:
    """Returns the verdict on each score that retention was asked for, and on all of them together."""
    verdicts = list(_verdicts(facts))
    kept = all(verdict.id in _KEPT for verdict in verdicts)
    lost = any(verdict.id == _LOST for verdict in verdicts)
    cases = {"all_kept": kept, "some_lost": lost, "some_open": not kept and not lost}
    return RetentionFindings(
        whole=finding(decide("retention", cases), {}),
        scores=[
            RetainedFindings(score=pointer("retention", "scores", i), verdict=verdict)
            for i, verdict in enumerate(verdicts)
        ],
    )


def losses(facts: MeasuredFacts) -> list[Finding]:
    """Returns the sentences on scores that are lost, which are among the warnings."""
    return [
        finding("warning_lost", {key: pointer("retention", "scores", i, key) for key in _SAID})
        for i, verdict in enumerate(_verdicts(facts))
        if verdict.id == _LOST
    ]


_SAID = ("task", "checkpoint", "label", "difference", "margin")


def _verdicts(facts: MeasuredFacts) -> Iterator[Finding]:
    for i, score in enumerate(facts.retention.scores if facts.retention else []):
        at = pointer("retention", "scores", i)
        if isinstance(score, ScoreBeside):
            yield finding(_verdict(score, facts.family.level.value), {key: f"{at}/{key}" for key in _USED})
        else:
            yield finding("retention_missing", {"reason": f"{at}/absent"})


_USED = ("kept_p", "lost_p", "needed")


def _verdict(score: ScoreBeside, level: float) -> str:
    """Returns the case that holds: a loss that is shown to be within the margin is kept, though it may be clear."""
    tested = is_known(score.kept_p) and is_known(score.lost_p)
    kept = is_known(score.kept_p) and score.kept_p.value < level
    lost = is_known(score.lost_p) and score.lost_p.value < level
    same = not tested and _is_unchanged(score)
    return decide(
        "retention",
        {
            "kept": tested and kept,
            "lost": tested and lost and not kept,
            "open": tested and not kept and not lost,
            "same": same,
            "untested": not tested and not same,
        },
    )


def _is_unchanged(score: ScoreBeside) -> bool:
    """Returns whether no item changed: the difference is 0, and so are both ends of its interval."""
    interval = score.difference.interval
    return score.difference.value == 0 and interval is not None and interval.ends == (0, 0)
