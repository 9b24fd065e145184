"""Why a score is what it is: against what needs no model, and by what was measured of the answers. Nothing else."""

from report.facts.schema.diagnosis import Calibration, Classification, Extraction, Prior, Side
from report.facts.schema.parts import Fact, is_known
from report.facts.schema.scores import ScoredTask, TrivialBaseline, Unscored
from report.facts.schema.whole import Finding, MeasuredFacts, TaskFindings
from report.reading.results import pointer
from report.sentences.rules import decide, direction, finding


def why(facts: MeasuredFacts, index: int) -> TaskFindings:
    """Returns the sentences on one task: on the base model's score, then on each checkpoint's."""
    at, task = pointer("tasks", index), facts.tasks[index]
    if isinstance(task, Unscored):
        return TaskFindings(task=f"{at}/name", sentences=[finding("unscored", {"reason": f"{at}/absent"})])
    common = {"task": f"{at}/name", "setting": f"{at}/setting", "positive": f"{at}/positive"}
    sentences = []
    compared = task.comparisons
    if isinstance(task.before, Side):
        first = compared[0].primary if compared else None
        place = first.before_place if first else None
        sentences += _side("base", f"{at}/before", at, task, task.before, common, place)
    for c, comparison in enumerate(compared):
        if isinstance(comparison.after, Side):
            here, primary = f"{at}/comparisons/{c}", comparison.primary
            evidence = common | {"checkpoint": f"{here}/checkpoint"}
            place = primary.after_place if primary else None
            sentences += _side("tuned", f"{here}/after", at, task, comparison.after, evidence, place)
    return TaskFindings(task=f"{at}/name", sentences=sentences)


def _side(
    who: str,
    place: str,
    at: str,
    task: ScoredTask,
    side: Side,
    evidence: dict[str, str],
    score: Fact | None,
) -> list[Finding]:
    """Returns the sentences on one checkpoint; ``score`` is its normalised primary score."""
    floor = evidence | {"floor": f"{at}/floor/score", "how": f"{at}/floor/how", "above": f"{place}/above_floor"}
    found = [finding(_against_floor(who, task.floor, side.above_floor), floor)]
    diagnosis = side.diagnosis
    if diagnosis.classification:
        sentences, explained = _classified(f"{place}/diagnosis/classification", diagnosis.classification, evidence)
    elif diagnosis.extraction:
        sentences, explained = _answered(f"{place}/diagnosis/extraction", diagnosis.extraction, evidence)
    else:
        sentences, explained = [], False
    perfect = is_known(score) and score.value == 1
    if not explained:
        sentences = [*sentences, finding(f"{who}_perfect" if perfect else f"{who}_unexplained", evidence)]
    return found + sentences


def _against_floor(who: str, floor: TrivialBaseline, above: Fact) -> str:
    way, known = direction(above), is_known(floor.score)
    return decide(
        f"{who}_floor",
        {
            "none": not known,
            "above": known and way == "higher",
            "below": known and way == "lower",
            "same": known and way == "equal" and _certain(above),
            "level": known and (way == "unclear" or (way == "equal" and not _certain(above))),
            "unknown": known and way == "missing",
        },
    )


def _certain(difference: Fact) -> bool:
    """Returns whether the two agree item by item: then the interval has no width."""
    interval = difference.interval if is_known(difference) else None
    return interval is not None and interval.lower == interval.upper


def _classified(at: str, found: Classification, evidence: dict[str, str]) -> tuple[list[Finding], bool]:
    """Returns the sentences on a classifier's answers, and whether one of them is a cause of lost points."""
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
            "mostly_positive": more > fewer,
            "mostly_negative": more < fewer,
            "balanced": more == fewer and wrong > 0,
        },
    )
    keys = ("predicted_share", "gold_share", "wrong", "false_positive", "false_negative")
    facts = evidence | {key: f"{at}/{key}" for key in keys}
    sentences = [_prior(f"{at}/prior", found.prior, evidence), finding(lean, facts), finding(errors, facts)]
    sentences.append(_calibrated(f"{at}/calibration", found.calibration, evidence))
    if found.ties.value:
        sentences.append(finding("ties", evidence | {key: f"{at}/{key}" for key in ("ties", "ties_correct")}))
    cut, truncated = _truncated(at, found, evidence)
    return sentences + cut, way in ("higher", "lower") or truncated


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


def _answered(at: str, found: Extraction, evidence: dict[str, str]) -> tuple[list[Finding], bool]:
    """Returns the sentences on written answers, and whether one of them is a cause of lost points."""
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
    sentences = [finding(abstains, evidence | {key: f"{at}/{key}" for key in keys})]
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
        sentences.append(finding(contentless, evidence | facts))
    more = found.holds_more.value
    holds = decide("holds_more", {"some": bool(more), "none": more == 0, "unknown": more is None})
    sentences.append(finding(holds, evidence | {"share": f"{at}/holds_more", "answerable": f"{at}/answerable"}))
    words = decide("words", {"counted": is_known(found.words), "unknown": not is_known(found.words)})
    sentences.append(finding(words, evidence | {key: f"{at}/{key}" for key in ("words", "gold_words")}))
    ends = found.cut_off.value
    cut_off = decide("cut_off", {"some": bool(ends), "none": ends == 0, "unknown": ends is None})
    sentences.append(finding(cut_off, evidence | {key: f"{at}/{key}" for key in ("cut_off", "most_tokens")}))
    if found.gold_too_long.value:
        facts = {key: f"{at}/{key}" for key in ("gold_too_long", "most_tokens")}
        known = is_known(found.gold_cut)
        sentences.append(finding(decide("gold_too_long", {"cut": known, "whole": not known}), evidence | facts))
    cut, truncated = _truncated(at, found, evidence)
    lost = _lost_by_abstaining(found) or credited < empty
    return sentences + cut, lost or bool(more) or bool(ends) or truncated


def _lost_by_abstaining(found: Extraction) -> bool:
    """Returns whether answerable questions were left unanswered, or unanswerable ones answered."""
    missed, spared = found.abstained_answerable.value, found.abstained_unanswerable.value
    asked, credited = found.unanswerable.value, found.contentless_credited.value
    return bool(missed) or (spared is not None and round(spared * asked) + credited < asked)


def _truncated(at: str, found: Classification | Extraction, evidence: dict[str, str]) -> tuple[list[Finding], bool]:
    """Returns the sentence on truncated prompts, and whether some were."""
    cut = found.truncated.value
    name = decide("truncated", {"some": bool(cut), "none": cut == 0, "unknown": cut is None})
    return [finding(name, evidence | {"truncated": f"{at}/truncated"})], bool(cut)
