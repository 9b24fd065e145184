"""Why a score may be said to be what it is: against what needs no model, and by what was measured of the answers."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.oracle import lines
from tests.oracle.lines import Fact, Line, count, counted, joined, known, line, number, percent, reason, text
from tests.oracle.ways import way

Part = Mapping[str, Any]

_AGAINST_FLOOR = {
    "up": "{who} is above {how} ({floor}): the difference is {by}.",
    "down": "{who} is below {how} ({floor}): the difference is {by}.",
    "open": "{who} cannot be told from {how} ({floor}): the difference is {by}.",
    "same": "{who} gives each item what {how} ({floor}) gives it: it does no better and no worse.",
    "unknown": "{who} could not be set against {how}: no interval of the difference is known.",
}


def why(task: Part) -> Iterator[Line]:
    """Yields what may be said of the scores on one task: of the base model's, then of each checkpoint's."""
    if "before" not in task:
        yield line("Nothing is known: {why}.", why=reason(task["absent"]))
        return
    compared = task["comparisons"]
    yield from _side(task, task["before"], compared[0] if compared else None, base=True)
    for comparison in compared:
        yield from _side(task, comparison["after"], comparison, base=False)


def _side(task: Part, side: Part, comparison: Part | None, *, base: bool) -> Iterator[Line]:
    if "diagnosis" not in side:
        return
    yield _against_floor(task, side, None if base or comparison is None else comparison["checkpoint"])
    diagnosis, is_explained = side["diagnosis"], False
    if "classification" in diagnosis:
        found = diagnosis["classification"]
        yield from (_prior(task, found["prior"]), _lean(task, found), _errors(task, found))
        yield _calibrated(found["calibration"])
        if _any(found["ties"]):
            yield _tied(found)
        yield _truncated(found)
        is_explained = way(found["bias"]) in ("up", "down") or _any(found["truncated"])
    elif "extraction" in diagnosis:
        found = diagnosis["extraction"]
        yield _abstains(found)
        if found["contentless"]["value"]:
            yield _contentless(found)
        yield from (_holds_more(found), _words(found), _cut_off(found))
        if _any(found["gold_too_long"]):
            yield _gold_too_long(found)
        yield _truncated(found)
        is_explained = _loses(found) or any(_any(found[key]) for key in ("holds_more", "cut_off", "truncated"))
    if not is_explained:
        who = "base" if base else "fine-tuned"
        yield line(_UNEXPLAINED[_is_perfect(comparison, "before" if base else "after")], who=who)


_UNEXPLAINED = {
    False: "Nothing that was measured explains the {who} model's score.",
    True: "The {who} model's score is what the gold answers themselves score: there is no lost point to explain.",
}


def _is_perfect(comparison: Part | None, side: str) -> bool:
    """Returns whether the primary score is the ceiling."""
    scores = comparison["scores"] if comparison else []
    primary = next((score for score in scores if score["primary"]), None)
    return primary is not None and primary[f"{side}_place"].get("value") == 1


def _any(fact: Fact) -> bool:
    return bool(fact.get("value"))


def _loses(found: Part) -> bool:
    """Returns whether points are lost by abstaining, by answering where there is no answer, or by answers without
    content."""
    missed, spared = found["abstained_answerable"].get("value"), found["abstained_unanswerable"].get("value")
    empty, credited = found["contentless"]["value"], found["contentless_credited"]["value"]
    if missed or empty > credited:
        return True
    asked = found["unanswerable"]["value"]
    return spared is not None and round(asked * (1 - spared)) > credited


def _against_floor(task: Part, side: Part, checkpoint: Fact | None) -> Line:
    """Returns where one side stands beside what needs no model; the base model's where ``checkpoint`` is None."""
    floor, above = task["floor"], side["above_floor"]
    if not known(floor["score"]):
        if checkpoint is None:
            return line(
                "No score without a model is known for this task, so it cannot be said whether the base model has "
                "learned it at all."
            )
        return line("Nor can the fine-tuned model ({c}) be set against one.", c=text(checkpoint))
    who = (
        line("The base model ({s})", s=text(task["setting"]))
        if checkpoint is None
        else line("The fine-tuned model ({c})", c=text(checkpoint))
    )
    went = way(above)
    if went == "same" and not _item_by_item(above):
        went = "open"
    by = lines.by(above) if went in ("up", "down", "open") else ()
    return line(_AGAINST_FLOOR[went], who=who, how=text(floor["how"]), floor=lines.value(floor["score"]), by=by)


def _item_by_item(difference: Fact) -> bool:
    """Returns whether two scores agree on every item: then their difference has an interval of no width."""
    ends = difference.get("interval")
    return ends is not None and ends["lower"] == ends["upper"]


_PRIOR = (
    "With an input that says nothing ({inputs}) it gives {positive} a probability of {share} on average, where an even "
    "split is {even}: it is "
)


def _prior(task: Part, prior: Part) -> Line:
    """Returns what the model says before it has read anything."""
    share, even = prior["share"], prior.get("even", {})
    if not known(share) or not known(even):
        return line("What it says to an input that says nothing is not known: {why}.", why=reason(share))
    lean = "for" if share["value"] > even["value"] else "against"
    words = "for neither answer" if share["value"] == even["value"] else f"{lean} that answer"
    inputs = [line("{i}: {p}", i=text(one["input"]), p=percent(one["share"])) for one in prior["inputs"]]
    return line(
        f"{_PRIOR}{words} before it has read anything.",
        inputs=joined(inputs),
        positive=text(task["positive"]),
        share=percent(share),
        even=percent(even),
    )


_SAYS = "It says {positive} on {predicted} of the items, where {gold} are"
_LEAN = "the items that it thereby gets wrong are a measured cause of its lost points"
_LEANS = {
    "up": f"{_SAYS}. It leans to that answer; {_LEAN}, and a high recall is then no skill.",
    "down": f"{_SAYS}. It leans away from that answer; {_LEAN}.",
    "open": f"{_SAYS}; no lean to either label is clear, so a lean does not explain its score.",
    "unknown": f"{_SAYS}; whether that is a lean is not known, for want of an interval.",
}


def _lean(task: Part, found: Part) -> Line:
    """Returns which label the answers lean to, beside the gold labels of the same items."""
    went = way(found["bias"])
    return line(
        _LEANS["open" if went == "same" else went],
        positive=text(task["positive"]),
        predicted=percent(found["predicted_share"]),
        gold=percent(found["gold_share"]),
    )


def _errors(task: Part, found: Part) -> Line:
    """Returns which kind of error is more frequent."""
    more, fewer = found["false_positive"]["value"], found["false_negative"]["value"]
    if more == fewer == 0:
        return line("It gets no item wrong.")
    kind = "more of the first kind" if more > fewer else "more of the second kind"
    return line(
        "Of its {wrong} wrong answers, {more} say {positive} where it is not, and {fewer} miss it: "
        f"{'as many of either kind' if more == fewer else kind}.",
        wrong=count(found["wrong"]),
        more=count(found["false_positive"]),
        fewer=count(found["false_negative"]),
        positive=text(task["positive"]),
    )


_SURE = "Its answers have a probability of {sure} on average, and {right} are right: "
_CALIBRATED = {
    "up": f"{_SURE}it is surer than it is right, by {{by}}.",
    "down": f"{_SURE}it is less sure than it is right ({{by}}).",
    "open": f"{_SURE}no lack or excess of confidence is clear ({{by}}).",
}


def _calibrated(found: Part) -> Line:
    """Returns whether the answers are as often right as they are sure."""
    went = way(found["overconfidence"])
    if went == "unknown":
        return line("How sure its answers are is not known.")
    return line(
        _CALIBRATED["open" if went == "same" else went],
        sure=percent(found["confidence"]),
        right=percent(found["right"]),
        by=lines.by(found["overconfidence"]),
    )


def _tied(found: Part) -> Line:
    """Returns on how many items the order of the choices decides."""
    words = (
        "On {some} of the {all} items the two highest log-likelihoods are equal, and the first of the choices counts "
        "as its answer: {correct} of these items are correct by that rule alone."
    )
    return _some_of(words, found["ties"], correct=count(found["ties_correct"]))


def _some_of(words: str, found: Fact, **others: Line) -> Line:
    """Returns a sentence on ``some`` of ``all`` that were counted for a fact."""
    return line(words, some=count(found), all=counted(found, "n"), **others)


def _abstains(found: Part) -> Line:
    """Returns how often no answer was given, and what that costs."""
    share, asked = found["abstained"]["value"], found["unanswerable"]["value"]
    if share == 0 and found["contentless"]["value"]:
        words = "It abstains on no question."
    elif share == 0:
        words = (
            "It answers every question, also the {unanswerable} that have no answer in their passage; those score "
            "nothing, which is a measured cause of its lost points."
            if asked
            else "It answers every question, and all {answerable} have an answer, so abstaining costs it nothing."
        )
    elif share == 1:
        words = (
            "It answers no question at all: it scores on the {unanswerable} unanswerable ones only, and loses the "
            "{answerable} answerable ones because it abstains."
        )
    elif asked:
        words = (
            "It leaves {all} of the questions unanswered: {wrongly} of the {answerable} answerable ones, which score "
            "nothing, and {rightly} of the {unanswerable} unanswerable ones, which score in full."
        )
    else:
        words = (
            "It leaves {all} of the questions unanswered though all {answerable} have an answer; each of these scores "
            "nothing, which is a measured cause of its lost points."
        )
    shares = {"all": "abstained", "wrongly": "abstained_answerable", "rightly": "abstained_unanswerable"}
    return line(
        words,
        **{name: percent(found[key]) for name, key in shares.items()},
        answerable=count(found["answerable"]),
        unanswerable=count(found["unanswerable"]),
    )


def _contentless(found: Part) -> Line:
    """Returns how many outputs hold no word, and what becomes of them."""
    empty, credited = found["contentless"], found["contentless_credited"]
    words = "{empty} of its {all} outputs hold no word, only punctuation or articles: "
    if not credited["value"]:
        words += "no abstention, and an answer that scores nothing, which is a measured cause of its lost points."
    elif credited["value"] == empty["value"]:
        words += (
            "no abstentions, and all of them score in full, because their questions have no answer and the metric's "
            "normalisation leaves nothing of them."
        )
    else:
        words += (
            "no abstentions. {credited} of them score in full, because their questions have no answer and the metric's "
            "normalisation leaves nothing of them; the others score nothing, which is a measured cause of its lost "
            "points."
        )
    return line(words, empty=count(empty), all=counted(empty, "n"), credited=count(credited))


def _holds_more(found: Part) -> Line:
    """Returns how often a gold answer stands among other words."""
    share = found["holds_more"]
    if not known(share):
        return line("Whether its answers hold more than the gold ones is not known: {why}.", why=reason(share))
    if not share["value"]:
        return line("No answer of its holds a gold answer and more words beside it.")
    return line(
        "On {share} of the {answerable} answerable questions its answer holds a gold answer and more words beside it: "
        "no exact match, and precision lost, which is a measured cause of its lost points.",
        share=percent(share),
        answerable=count(found["answerable"]),
    )


def _words(found: Part) -> Line:
    """Returns how long the answers are."""
    if not known(found["words"]):
        return line("How long its answers are is not known: {why}.", why=reason(found["words"]))
    return line(
        "Its answers to answerable questions have {words} words on average, the gold answers to the same questions "
        "{gold}.",
        words=number(found["words"]),
        gold=number(found["gold_words"]),
    )


def _cut_off(found: Part) -> Line:
    """Returns how many outputs never stopped."""
    ends = found["cut_off"]
    if not known(ends):
        return line("Whether its outputs were cut off is not known: {why}.", why=reason(ends))
    words = (
        "{some} of its {all} outputs have the {most} tokens that are allowed and never stopped by themselves, which is "
        "a measured cause of its lost points."
        if ends["value"]
        else "Not one of its {all} outputs was cut off at the {most} tokens that are allowed."
    )
    return _some_of(words, ends, most=count(found["most_tokens"]))


def _gold_too_long(found: Part) -> Line:
    """Returns how many questions have no gold answer that is short enough to be written."""
    ceiling = (
        "of these the ceiling scores what fits"
        if known(found["gold_cut"])
        else "the ceiling scores them as if they did"
    )
    words = (
        "{some} of the {all} questions with an answer have no gold answer that fits into the {most} tokens that are "
        f"allowed: {ceiling}."
    )
    return _some_of(words, found["gold_too_long"], most=count(found["most_tokens"]))


def _truncated(found: Part) -> Line:
    """Returns how many prompts did not fit."""
    cut = found["truncated"]
    if not known(cut):
        return line("Whether its prompts fit into its context is not known: {why}.", why=reason(cut))
    words = (
        "{some} of the {all} prompts did not fit into its context and were cut, which is a measured cause of its lost "
        "points."
        if cut["value"]
        else "All {all} prompts fit into its context."
    )
    return _some_of(words, cut)
