"""Why a score is what it is: against what needs no model, and by what was measured of the answers. Nothing else."""

from typing import NamedTuple

from report.facts.schema.diagnosis import (
    Calibration,
    Choices,
    Classification,
    Diagnosis,
    Extraction,
    Generation,
    Prior,
    Side,
)
from report.facts.schema.parts import Absent, Fact, is_known
from report.facts.schema.scores import MetricScores, ScoredTask, TrivialBaseline, Unscored
from report.facts.schema.whole import CauseFindings, Finding, MeasuredFacts, TaskFindings
from report.reading.results import pointer
from report.sentences.rules import decide, direction, finding

_ALWAYS_SAID = ("baseline", "errors", "unexplained")
"""The kinds that stand with the causes whatever they say: what points are compared with, counted, or left."""


class _Said(NamedTuple):
    """What was found of one kind in a model's answers."""

    kind: str
    finding: Finding
    items: int = 0
    """How many items it cost; 0: no cause of lost points, or not known."""


_MOST_BESIDE = 6
"""Models side by side: a table with one column more, for what they are compared in, can still be read."""


def why(facts: MeasuredFacts, index: int) -> list[TaskFindings]:
    """Returns what was found in the answers to one task, kind by kind, of the base model and of each checkpoint.

    What costs points comes first, by how many items it cost the one that it cost most. Of many checkpoints, the first
    part has the base model and five, each other part up to six.
    """
    at, task = pointer("tasks", index), facts.tasks[index]
    if isinstance(task, Unscored):
        unscored = finding("unscored", {"reason": f"{at}/absent"})
        return [TaskFindings(task=f"{at}/name", unscored=unscored, checkpoints=[], causes=[], beside=[])]
    common = {"task": f"{at}/name", "setting": f"{at}/setting", "positive": f"{at}/positive"}
    first = next((comparison.primary for comparison in task.comparisons), None)
    sides = [_side(f"{at}/before", at, task, task.before, common, first, first.before_place if first else None)]
    for c, comparison in enumerate(task.comparisons):
        here, primary = f"{at}/comparisons/{c}", comparison.primary
        evidence = common | {"checkpoint": f"{here}/display_name"}
        place = primary.after_place if primary else None
        sides.append(_side(f"{here}/after", at, task, comparison.after, evidence, primary, place))
    kinds = list(dict.fromkeys(said.kind for side in sides for said in side))
    most = {kind: max(said.items for side in sides for said in side if said.kind == kind) for kind in kinds}
    causes = sorted((kind for kind in kinds if most[kind] and kind not in _ALWAYS_SAID), key=lambda kind: -most[kind])
    before, after = _ALWAYS_SAID[:2], _ALWAYS_SAID[2:]
    shown = [kind for kind in (*before, *causes, *after) if kind in kinds]

    def rows(chosen: list[str], first: int) -> list[CauseFindings]:
        said = {kind: [_of_kind(side, kind) for side in sides[first : first + _MOST_BESIDE]] for kind in chosen}
        named = {kind: finding(f"kind_{kind}", {}) for kind in chosen}
        return [
            CauseFindings(kind=named[kind], base=None if first else row[0], after=row if first else row[1:])
            for kind, row in said.items()
            if any(row)
        ]

    places = [f"{at}/comparisons/{c}/display_name" for c in range(len(task.comparisons))]
    return [
        TaskFindings(
            task=f"{at}/name",
            setting=None if first else f"{at}/setting",
            checkpoints=places[max(0, first - 1) : first + _MOST_BESIDE - 1],
            causes=rows(shown, first),
            beside=rows([kind for kind in kinds if kind not in shown], first),
        )
        for first in range(0, len(sides), _MOST_BESIDE)
    ]


def _of_kind(side: list[_Said], kind: str) -> Finding | None:
    return next((said.finding for said in side if said.kind == kind), None)


def _side(
    place: str,
    at: str,
    task: ScoredTask,
    side: Side | Absent,
    evidence: dict[str, str],
    primary: MetricScores | None,
    score: Fact | None,
) -> list[_Said]:
    """Returns what was found of one model, nothing where it was not scored; ``score``: its normalised primary score."""
    if not isinstance(side, Side):
        return []
    floor = evidence | {"floor": f"{at}/floor/score", "how": f"{at}/floor/how", "above": f"{place}/above_floor"}
    lower_is_better = primary is not None and primary.higher_is_better is False
    found = [_Said("baseline", finding(_against_floor(task.floor, side.above_floor, lower_is_better), floor))]
    found += _diagnosed(f"{place}/diagnosis", side.diagnosis, evidence)
    if not any(said.items for said in found) and not side.diagnosis.texts:
        perfect = is_known(score) and score.value == 1
        looked = bool(side.diagnosis.choices or side.diagnosis.generation)
        name = decide(
            "cause",
            {"perfect": perfect, "not_found": looked and not perfect, "unexplained": not looked and not perfect},
        )
        found.append(_Said("unexplained", finding(name, evidence)))
    return found


def _diagnosed(at: str, diagnosis: Diagnosis, evidence: dict[str, str]) -> list[_Said]:
    """Returns what was found of the answers, by the kind of the task."""
    if diagnosis.classification:
        return _classified(f"{at}/classification", diagnosis.classification, evidence)
    if diagnosis.extraction:
        return _answered(f"{at}/extraction", diagnosis.extraction, evidence)
    if diagnosis.choices:
        return _chosen(f"{at}/choices", diagnosis.choices, evidence)
    if diagnosis.generation:
        return _generated(f"{at}/generation", diagnosis.generation, evidence)
    if diagnosis.texts:
        keys = ("texts", "costly", "costly_loss", "costly_bytes")
        facts = evidence | {key: f"{at}/texts/{key}" for key in keys}
        return [_Said("loss", finding("loss", facts))]
    return []


def _against_floor(floor: TrivialBaseline, above: Fact, lower_is_better: bool) -> str:
    way, known = direction(above), is_known(floor.score)
    return decide(
        "baseline",
        {
            "none": not known,
            "above": known and way == "higher" and not lower_is_better,
            "below": known and way == "lower" and not lower_is_better,
            "worse": known and way == "higher" and lower_is_better,
            "better": known and way == "lower" and lower_is_better,
            "same": known and way == "equal" and _certain(above),
            "level": known and (way == "unclear" or (way == "equal" and not _certain(above))),
            "unknown": known and way == "missing",
        },
    )


def _certain(difference: Fact) -> bool:
    """Returns whether the two agree item by item: then the interval has no width."""
    interval = difference.interval if is_known(difference) else None
    return interval is not None and interval.lower == interval.upper


def _classified(at: str, found: Classification, evidence: dict[str, str]) -> list[_Said]:
    """Returns what was found in a classifier's answers.

    Label bias costs as many items as there are wrong answers of one kind more than of the other.
    """
    way, wrong = direction(found.bias), found.wrong.value
    more, fewer = found.false_positive.value, found.false_negative.value
    lean = decide(
        "bias",
        {
            "positive": way == "higher",
            "negative": way == "lower",
            "unclear": way in ("unclear", "equal"),
            "unknown": way == "missing",
        },
    )
    errors = decide(
        "errors",
        {
            "none": wrong == 0,
            "counted": wrong > 0,
        },
    )
    keys = ("predicted_share", "gold_share", "wrong", "false_positive", "false_negative")
    facts = evidence | {key: f"{at}/{key}" for key in keys}
    said = [
        _Said("errors", finding(errors, facts)),
        _Said("bias", finding(lean, facts), abs(more - fewer) if way in ("higher", "lower") else 0),
        _Said("prior", _prior(f"{at}/prior", found.prior, evidence)),
        _Said("calibration", _calibrated(f"{at}/calibration", found.calibration, evidence)),
    ]
    if found.ties.value:
        facts = evidence | {key: f"{at}/{key}" for key in ("ties", "ties_correct")}
        said.append(_Said("ties", finding("ties", facts)))
    return [*said, _truncated(at, found, evidence)]


def _chosen(at: str, found: Choices, evidence: dict[str, str]) -> list[_Said]:
    """Returns what was found in the choices of one of several.

    A bias costs as many items as what it prefers is chosen too often.
    """
    way, wrong = direction(found.position_bias), found.wrong.value
    errors = decide("errors", {"none": wrong == 0, "confused": wrong > 0})
    confused = ("wrong", "confused_gold", "confused_chosen", "confused")
    said = [_Said("errors", finding(errors, evidence | {key: f"{at}/{key}" for key in confused}))]
    lean = decide(
        "position",
        # The largest of differences whose sum is 0 is not below 0.
        {"over": way == "higher", "unclear": way in ("unclear", "equal", "lower"), "unknown": way == "missing"},
    )
    shares = ("position", "position_chosen", "position_gold", "position_bias")
    facts = evidence | {key: f"{at}/{key}" for key in shares}
    said.append(_Said("position", finding(lean, facts), found.position_excess.value if way == "higher" else 0))
    if is_known(found.length_bias):
        way = direction(found.length_bias)
        cases = {"over": way == "higher", "under": way == "lower", "unclear": way in ("unclear", "equal")}
        lean = decide("length", cases | {"unknown": way == "missing"})
        keys = ("longest_chosen", "longest_gold", "length_bias")
        excess = found.length_excess.value if way in ("higher", "lower") else 0
        said.append(_Said("length", finding(lean, evidence | {key: f"{at}/{key}" for key in keys}), excess))
    said.append(_Said("calibration", _calibrated(f"{at}/calibration", found.calibration, evidence)))
    if found.ties.value:
        said.append(_Said("ties", finding("ties", evidence | {key: f"{at}/{key}" for key in ("ties", "ties_correct")})))
    return [*said, _truncated(at, found, evidence)]


def _prior(at: str, prior: Prior, evidence: dict[str, str]) -> Finding:
    """Returns the sentence on the content-free prior (contextual calibration, Zhao et al. 2021)."""
    share, even = prior.share.value, prior.even.value if prior.even else None
    known = share is not None and even is not None
    name = decide(
        "prior",
        {
            "for": known and share > even,
            "against": known and share < even,
            "even": known and share == even,
            "unknown": not known,
        },
    )
    keys = ("share", "even", "inputs") if known else ("share",)
    return finding(name, evidence | {key: f"{at}/{key}" for key in keys})


def _calibrated(at: str, calibration: Calibration, evidence: dict[str, str]) -> Finding:
    """Returns the sentence on whether the model is overconfident or underconfident."""
    way = direction(calibration.overconfidence)
    name = decide(
        "calibration",
        {
            "over": way == "higher",
            "under": way == "lower",
            "unclear": way in ("unclear", "equal"),
            "unknown": way == "missing",
        },
    )
    keys = ("overconfidence",) if name == "calibration_unknown" else ("confidence", "right", "overconfidence")
    return finding(name, evidence | {key: f"{at}/{key}" for key in keys})


def _answered(at: str, found: Extraction, evidence: dict[str, str]) -> list[_Said]:
    """Returns what was found in written answers, and how many items each of it cost."""
    share, asked = found.abstained.value, found.unanswerable.value
    empty, credited = found.contentless.value, found.contentless_credited.value
    abstains = decide(
        "abstains",
        {
            "never": share == 0 and asked > 0 and not empty,
            "never_all_answerable": share == 0 and asked == 0 and not empty,
            "never_in_words": share == 0 and empty > 0,
            "always": share == 1,
            "sometimes": 0 < share < 1 and asked > 0,
            "though_all_answerable": 0 < share < 1 and asked == 0,
        },
    )
    keys = ("abstained", "abstained_answerable", "abstained_unanswerable", "answerable", "unanswerable")
    said = [_Said("abstains", finding(abstains, evidence | {key: f"{at}/{key}" for key in keys}), _misplaced(found))]
    if empty:
        contentless = decide(
            "contentless",
            {
                "lost": credited == 0,
                "both": 0 < credited < empty,
                "credited": credited == empty,
            },
        )
        facts = {key: f"{at}/{key}" for key in ("contentless", "contentless_credited")}
        said.append(_Said("contentless", finding(contentless, evidence | facts), empty - credited))
    more = found.holds_more.value
    holds = decide("holds_more", {"some": bool(more), "none": more == 0, "unknown": more is None})
    facts = evidence | {"share": f"{at}/holds_more", "answerable": f"{at}/answerable"}
    said.append(_Said("holds_more", finding(holds, facts), _items(more, found.answerable.value)))
    words = decide("words", {"counted": is_known(found.words), "unknown": not is_known(found.words)})
    said.append(_Said("words", finding(words, evidence | {key: f"{at}/{key}" for key in ("words", "gold_words")})))
    said.append(_cut_off(at, found, evidence))
    if found.gold_too_long.value:
        facts = evidence | {key: f"{at}/{key}" for key in ("gold_too_long", "most_tokens")}
        known = is_known(found.gold_cut)
        said.append(_Said("gold_too_long", finding(decide("gold_too_long", {"cut": known, "whole": not known}), facts)))
    return [*said, _truncated(at, found, evidence)]


def _generated(at: str, found: Generation, evidence: dict[str, str]) -> list[_Said]:
    """Returns what was found in generated outputs; one may be of several kinds, and counts for each."""
    said = []
    for kind in ("unread", "empty", "repeated", "other_script"):
        count: Fact = getattr(found, kind)
        if is_known(count):
            name = decide(kind, {"some": count.value > 0, "none": count.value == 0})
            said.append(_Said(kind, finding(name, evidence | {"counted": f"{at}/{kind}"}), count.value))
    said.append(_Said("same", finding("same", evidence | {"same": f"{at}/same"})))
    way = direction(found.longer)
    longer = decide(
        "outputs",
        {
            "longer": way == "higher",
            "shorter": way == "lower",
            "as_long": way in ("unclear", "equal"),
            "unknown": way == "missing",
        },
    )
    keys = ("words", "gold_words", "longer")
    said.append(_Said("words", finding(longer, evidence | {key: f"{at}/{key}" for key in keys})))
    return [*said, _cut_off(at, found, evidence), _truncated(at, found, evidence)]


def _cut_off(at: str, found: Extraction | Generation, evidence: dict[str, str]) -> _Said:
    """Whether outputs ended by themselves."""
    ends = found.cut_off.value
    name = decide("cut_off", {"some": bool(ends), "none": ends == 0, "unknown": ends is None})
    facts = evidence | {key: f"{at}/{key}" for key in ("cut_off", "most_tokens")}
    return _Said("cut_off", finding(name, facts), ends or 0)


def _items(share: float | None, of: int) -> int:
    """Returns how many items a share of them is; 0 where it is not known."""
    return 0 if share is None else round(share * of)


def _misplaced(found: Extraction) -> int:
    """Returns how many questions lost all: answerable ones left unanswered, and unanswerable ones answered."""
    missed = _items(found.abstained_answerable.value, found.answerable.value)
    spared, asked = found.abstained_unanswerable.value, found.unanswerable.value
    answered = 0 if spared is None else asked - _items(spared, asked) - found.contentless_credited.value
    return missed + max(0, answered)


def _truncated(at: str, found: Classification | Extraction | Choices | Generation, evidence: dict[str, str]) -> _Said:
    """Whether prompts fitted into the context."""
    cut = found.truncated.value
    name = decide("truncated", {"some": bool(cut), "none": cut == 0, "unknown": cut is None})
    return _Said("truncated", finding(name, evidence | {"truncated": f"{at}/truncated"}), cut or 0)
