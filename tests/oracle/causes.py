"""Why a score may be said to be what it is: against what needs no model, and by what was measured of the answers.

Of each kind of cause there is a row: what it says of the base model, and of each checkpoint. What costs points comes
first, by how many items it cost the model that it cost most.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.oracle import lines
from tests.oracle.expected import NOTHING, Expected, Table, folded, paragraph, table
from tests.oracle.lines import Fact, Line, count, counted, joined, known, line, number, percent, reason, text
from tests.oracle.ways import way

Part = Mapping[str, Any]


class Cause(NamedTuple):
    """What is said of one kind in one model's answers."""

    said: Line
    lost: int = 0
    """Items that it cost, as far as that is known."""


_NAMES = {
    "floor": "trivial baseline",
    "errors": "errors",
    "lean": "label bias",
    "prior": "content-free prior",
    "calibration": "calibration",
    "ties": "ties",
    "abstains": "abstention",
    "contentless": "outputs without a word",
    "more": "over-long answers",
    "words": "length of answers",
    "cut off": "truncated answers",
    "gold": "long gold answers",
    "truncated": "truncated prompts",
    "place": "bias to a choice",
    "longest": "length bias",
    "unread": "outputs not read",
    "empty": "empty outputs",
    "repeated": "repetition",
    "other script": "script of outputs",
    "same": "the same output",
    "loss": "where the loss lies",
    "nothing": "not explained",
}
"""What the row of each kind is called."""
_FIRST, _LAST = ("floor", "errors"), ("nothing",)
"""Rows that stand with the causes whatever they say, before and after them."""


def why(task: Part) -> Iterator[Expected]:
    """Yields what may be said of the scores on one task."""
    if "before" not in task:
        yield paragraph(line("{task}: Not known: {why}.", task=text(task["name"]), why=reason(task["absent"])))
        return
    compared = task["comparisons"]
    sides = [_side(task, task["before"], compared[0] if compared else None, "before")]
    sides += [_side(task, comparison["after"], comparison, "after") for comparison in compared]
    kinds = [kind for number, side in enumerate(sides) for kind in side if not any(kind in s for s in sides[:number])]
    most = {kind: max(side[kind].lost for side in sides if kind in side) for kind in kinds}
    causes = sorted((kind for kind in kinds if most[kind] > 0), key=lambda kind: most[kind], reverse=True)
    shown = [*(k for k in _FIRST if k in kinds), *causes, *(k for k in _LAST if k in kinds)]
    beside = [kind for kind in kinds if kind not in shown]
    names = [line("base, {setting}", setting=text(task["setting"]))]
    names += [text(comparison["display_name"]) for comparison in compared]
    for start in range(0, len(sides), _MODELS):
        models = list(zip(names, sides, strict=True))[start : start + _MODELS]
        yield _rows(task, models, shown)
        if any(kind in side for kind in beside for _, side in models):
            yield from folded(line("Also looked at: {task}", task=text(task["name"])), [_rows(task, models, beside)])


_MODELS = 6
"""Models beside each other at most."""


def _rows(task: Part, models: Sequence[tuple[Line, Mapping[str, Cause]]], kinds: Sequence[str]) -> Table:
    header = " | ".join(["{task}", *(f"{{_{i}}}" for i, _ in enumerate(models))])
    slots = {f"_{i}": name for i, (name, _) in enumerate(models)}
    rows = [
        [line(_NAMES[kind]), *(side[kind].said if kind in side else NOTHING for _, side in models)]
        for kind in kinds
        if any(kind in side for _, side in models)
    ]
    return table(header, rows, task=text(task["name"]), **slots)


def _side(task: Part, side: Part, comparison: Part | None, which: str) -> dict[str, Cause]:
    """Returns what is said of one model by kind; nothing of one that was not scored."""
    if "diagnosis" not in side:
        return {}
    said = {"floor": Cause(_against_floor(task, side, _is_cost(comparison)))}
    diagnosis = side["diagnosis"]
    if "classification" in diagnosis:
        said |= _classified(task, diagnosis["classification"])
    elif "extraction" in diagnosis:
        said |= _answered(diagnosis["extraction"])
    elif "choices" in diagnosis:
        said |= _chosen(diagnosis["choices"])
    elif "generation" in diagnosis:
        said |= _generated(diagnosis["generation"])
    elif "texts" in diagnosis:  # of which none is wrong
        return said | {"loss": Cause(_loss(diagnosis["texts"]))}
    if not any(cause.lost for cause in said.values()):
        nothing = "no cause was measured"
        if "choices" in diagnosis or "generation" in diagnosis:
            nothing = "what was measured explains none of the wrong answers"
        if _is_perfect(comparison, which):
            nothing = "nothing to explain: the score is that of the gold answers"
        said["nothing"] = Cause(line(nothing))
    return said


def _is_perfect(comparison: Part | None, side: str) -> bool:
    """Returns whether the primary score is the ceiling."""
    scores = comparison["scores"] if comparison else []
    primary = next((score for score in scores if score["primary"]), None)
    return primary is not None and primary[f"{side}_place"].get("value") == 1


def _is_cost(comparison: Part | None) -> bool:
    """Returns whether less of the primary score is better, such as of a perplexity."""
    ways = [score["higher_is_better"] for score in (comparison["scores"] if comparison else []) if score["primary"]]
    return ways[:1] == [False]


def _any(fact: Fact) -> bool:
    return bool(fact.get("value"))


_AGAINST_FLOOR = {
    "up": "{by} above {how}",
    "down": "{by}, below {how}",
    "open": "not to be told from {how}: {by}",
    "same": "each item scores what {how} gives it",
    "unknown": "not compared with {how}: the difference has no interval",
}


_OF_COSTS = {
    "up": "{by}, worse than {how}: lower is better",
    "down": "{by}, better than {how}: lower is better",
}


def _against_floor(task: Part, side: Part, is_cost: bool) -> Line:
    """Returns where one model stands beside what needs no model."""
    floor, above = task["floor"], side["above_floor"]
    if not known(floor["score"]):
        return line("none is known for this task")
    went = way(above)
    if went == "same" and not _item_by_item(above):
        went = "open"
    words = (_AGAINST_FLOOR | _OF_COSTS if is_cost else _AGAINST_FLOOR)[went]
    return line(words, how=text(floor["how"]), by=lines.change(above) if known(above) else ())


def _item_by_item(difference: Fact) -> bool:
    """Returns whether two scores agree on every item: then their difference has an interval of no width."""
    ends = difference.get("interval")
    return ends is not None and ends["lower"] == ends["upper"]


def _classified(task: Part, found: Part) -> dict[str, Cause]:
    more, fewer = found["false_positive"]["value"], found["false_negative"]["value"]
    is_lean = way(found["bias"]) in ("up", "down")
    said = {
        "errors": Cause(_errors(found)),
        # A model without a lean would be wrong as often in either way.
        "lean": Cause(_lean(task, found), max(more, fewer) - min(more, fewer) if is_lean else 0),
        "prior": Cause(_prior(task, found["prior"])),
        "calibration": Cause(_calibrated(found["calibration"])),
    }
    return said | _ties(found) | {"truncated": _truncated(found)}


def _ties(found: Part) -> dict[str, Cause]:
    """Returns what is said of items whose two highest log-likelihoods are equal; nothing where there are none."""
    if not _any(found["ties"]):
        return {}
    words = (
        "{some} of {all} items with two equal highest log-likelihoods, of which the first choice counts: {right} are "
        "correct by that rule alone"
    )
    return {"ties": Cause(_some_of(words, found["ties"], right=count(found["ties_correct"])))}


_PRIOR = "{share} is the mean probability of {positive} without a text ({inputs}), {even} an even split: "


def _prior(task: Part, prior: Part) -> Line:
    """Returns what the model says before it has read anything."""
    share, even = prior["share"], prior.get("even", {})
    if not known(share) or not known(even):
        return line("not known: {why}", why=reason(share))
    lean = "towards" if share["value"] > even["value"] else "against"
    words = "not biased" if share["value"] == even["value"] else f"biased {lean} it"
    inputs = [line("{i}: {p}", i=text(one["input"]), p=percent(one["share"])) for one in prior["inputs"]]
    return line(
        _PRIOR + words,
        inputs=joined(inputs),
        positive=text(task["positive"]),
        share=percent(share),
        even=percent(even),
    )


_LEANS = {
    "up": "biased towards it; a high recall is then no skill",
    "down": "biased against it",
    "open": "no clear bias",
    "unknown": "whether that is a bias is not known, for want of an interval",
}


def _lean(task: Part, found: Part) -> Line:
    """Returns which label the answers lean to, beside the gold labels of the same items."""
    went = way(found["bias"])
    return line(
        "{predicted} predicted {positive}, {gold} gold: " + _LEANS["open" if went == "same" else went],
        positive=text(task["positive"]),
        predicted=percent(found["predicted_share"]),
        gold=percent(found["gold_share"]),
    )


def _errors(found: Part) -> Line:
    """Returns how many errors there are of either kind."""
    more, fewer = found["false_positive"], found["false_negative"]
    if not more["value"] and not fewer["value"]:
        return line("no wrong answer")
    return line(
        "{wrong} wrong: false positives {more}, false negatives {fewer}",
        wrong=count(found["wrong"]),
        more=count(more),
        fewer=count(fewer),
    )


_CALIBRATED = {
    "up": "overconfident by {by}",
    "down": "underconfident ({by})",
    "open": "neither over- nor underconfidence is clear ({by})",
}


def _calibrated(found: Part) -> Line:
    """Returns whether the answers are as often right as they are sure."""
    went = way(found["overconfidence"])
    if went == "unknown":
        return line("not known")
    return line(
        "{sure} mean confidence, {right} accuracy: " + _CALIBRATED["open" if went == "same" else went],
        sure=percent(found["confidence"]),
        right=percent(found["right"]),
        by=lines.by(found["overconfidence"]),
    )


def _some_of(words: str, found: Fact, **others: Line) -> Line:
    """Returns a sentence on ``some`` of ``all`` that were counted for a fact."""
    return line(words, some=count(found), all=counted(found, "n"), **others)


def _answered(found: Part) -> dict[str, Cause]:
    empty = found["contentless"]["value"]
    said = {"abstains": Cause(_abstains(found), _wrongly_silent(found) + _wrongly_loud(found))}
    if empty:
        said["contentless"] = Cause(_contentless(found), empty - found["contentless_credited"]["value"])
    said["more"] = _holds_more(found)
    said["words"] = Cause(_words(found))
    said["cut off"] = _cut_off(found)
    if _any(found["gold_too_long"]):
        said["gold"] = Cause(_gold_too_long(found))
    return said | {"truncated": _truncated(found)}


_AWAY = {
    "down": "biased against long choices ({by})",
    "open": "no clear bias ({by})",
    "up": "biased towards long choices ({by})",
    "unknown": "whether that is a bias is not known, for want of an interval",
}


def _chosen(found: Part) -> dict[str, Cause]:
    """Returns what is said of choices, of which there may be any number."""
    errors = line("no wrong answer")
    if found["wrong"]["value"]:
        words = "{some} of {all} wrong; most often {instead} instead of {gold}, in {times}"
        names = {"instead": text(found["confused_chosen"]), "gold": text(found["confused_gold"])}
        errors = _some_of(words, found["wrong"], **names, times=count(found["confused"]))
    said = {"errors": Cause(errors), "place": _place(found)}
    if known(found["length_bias"]):
        went = way(found["length_bias"])
        shares = "{chosen} of the choices made are the longest, {gold} of the gold ones: "
        told = line(
            shares + _AWAY["open" if went == "same" else went],
            chosen=percent(found["longest_chosen"]),
            gold=percent(found["longest_gold"]),
            by=lines.by(found["length_bias"]),
        )
        said["longest"] = Cause(told, found["length_excess"]["value"] if went in ("up", "down") else 0)
    said["calibration"] = Cause(_calibrated(found["calibration"]))
    return said | _ties(found) | {"truncated": _truncated(found)}


def _place(found: Part) -> Cause:
    """Returns which choice is made too often, and how many items that is."""
    went = way(found["position_bias"])
    tails = {
        "up": ": biased towards it by {by}",
        "unknown": ": whether that is a bias is not known, for want of an interval",
    }
    tail = tails.get(went, ", and no other is further above its gold share: no clear bias ({by})")
    told = line(
        "{place} is {chosen} of the choices made, {gold} of the gold ones" + tail,
        place=text(found["position"]),
        chosen=percent(found["position_chosen"]),
        gold=percent(found["position_gold"]),
        by=lines.by(found["position_bias"]),
    )
    return Cause(told, found["position_excess"]["value"] if went == "up" else 0)


_OUTPUTS = {
    "unread": (
        "the filter extracted an answer from each of {all} outputs",
        "the filter extracted nothing from {some} of {all} outputs: a cause of lost points",
    ),
    "empty": ("none of {all}", "{some} of {all}"),
    "repeated": (
        "none of {all} outputs repeats one string for half of its length",
        "{some} of {all} outputs repeat one string for half of their length or more",
    ),
    "other script": (
        "each of {all} outputs is in a script of its gold answer",
        "{some} of {all} outputs are mostly in a script that the gold answer has no letter of",
    ),
}
"""What is said where there is none of a kind, and where there are some."""
_LENGTHS = {"up": ": longer by {by}", "down": ": shorter ({by})", "unknown": ""}


def _generated(found: Part) -> dict[str, Cause]:
    """Returns what is said of generated outputs."""
    said = dict[str, Cause]()
    for kind, (without, some) in _OUTPUTS.items():
        fact = found[kind.replace(" ", "_")]
        if known(fact):
            said[kind] = Cause(_some_of(some if fact["value"] else without, fact), fact["value"])
    said["same"] = Cause(_some_of("the most frequent output is that of {some} of {all} items", found["same"]))
    tail = _LENGTHS.get(way(found["longer"]), ": no clear difference ({by})")
    lengths = {"words": number(found["words"]), "gold": number(found["gold_words"])}
    told = "{words} words on average, gold answers {gold}" + tail
    said["words"] = Cause(line(told, **lengths, by=lines.by(found["longer"])))
    return said | {"cut off": _cut_off(found), "truncated": _truncated(found)}


def _loss(found: Part) -> Line:
    """Returns where the loss of texts lies."""
    return line(
        "of {all} texts, the {some} with the highest loss per byte hold {loss} of the loss and {bytes} of the bytes",
        all=count(found["texts"]),
        some=count(found["costly"]),
        loss=percent(found["costly_loss"]),
        bytes=percent(found["costly_bytes"]),
    )


def _wrongly_silent(found: Part) -> int:
    """Returns on how many questions with an answer none was given."""
    share = found["abstained_answerable"]
    return round(share["value"] * found["answerable"]["value"]) if known(share) else 0


def _wrongly_loud(found: Part) -> int:
    """Returns on how many questions without an answer one was given; an output without a word may pass as none."""
    share, asked = found["abstained_unanswerable"], found["unanswerable"]["value"]
    if not known(share):
        return 0
    return max(asked - round(share["value"] * asked) - found["contentless_credited"]["value"], 0)


def _abstains(found: Part) -> Line:
    """Returns how often no answer was given, and what that costs."""
    share, asked = found["abstained"]["value"], found["unanswerable"]["value"]
    if share == 0 and found["contentless"]["value"]:
        words = "never abstains"
    elif share == 0:
        words = (
            "never abstains, not on the {unanswerable} unanswerable questions either, which score nothing: a cause of "
            "lost points"
            if asked
            else "never abstains, and all {answerable} questions have an answer"
        )
    elif share == 1:
        words = (
            "always abstains: scores on the {unanswerable} unanswerable questions only, and loses the {answerable} "
            "answerable ones"
        )
    elif asked:
        words = "{wrongly} of {answerable} answerable questions, {rightly} of {unanswerable} unanswerable ones"
    else:
        words = (
            "abstains on {all} of the questions though all {answerable} have an answer; these score nothing: a cause "
            "of lost points"
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
    words = "{empty} of {all} outputs hold only punctuation or articles; "
    forgiven = "because their questions have no answer and the metric's normalisation leaves nothing of them"
    if not credited["value"]:
        words += "these score nothing: a cause of lost points"
    elif credited["value"] == empty["value"]:
        words += f"all score in full, {forgiven}"
    else:
        words += f"{{credited}} score in full, {forgiven}; the others score nothing: a cause of lost points"
    return line(words, empty=count(empty), all=counted(empty, "n"), credited=count(credited))


def _holds_more(found: Part) -> Cause:
    """Returns how often a gold answer stands among other words."""
    share, answerable = found["holds_more"], found["answerable"]
    if not known(share):
        return Cause(line("not known: {why}", why=reason(share)))
    if not share["value"]:
        return Cause(line("none"))
    said = line("{share} of {answerable} answerable questions", share=percent(share), answerable=count(answerable))
    return Cause(said, round(share["value"] * answerable["value"]))


def _words(found: Part) -> Line:
    """Returns how long the answers are."""
    words = found["words"]
    if not known(words):
        return line("not known: {why}", why=reason(words))
    told = "{words} words on average, gold answers {gold}"
    return line(told, words=number(words), gold=number(found["gold_words"]))


def _cut_off(found: Part) -> Cause:
    """Returns how many outputs never stopped."""
    ends = found["cut_off"]
    if not known(ends):
        return Cause(line("not known: {why}", why=reason(ends)))
    words = "{some} of {all} at max_gen_toks {most}" if ends["value"] else "none of {all} at max_gen_toks {most}"
    return Cause(_some_of(words, ends, most=count(found["most_tokens"])), ends["value"])


def _gold_too_long(found: Part) -> Line:
    """Returns how many questions have no gold answer that is short enough to be written."""
    words = (
        "{some} of the {all} questions with an answer have no gold answer that fits into max_gen_toks ({most}); the "
        "score of the gold answers counts "
    )
    words += "what fits" if known(found["gold_cut"]) else "them as if they did"
    return _some_of(words, found["gold_too_long"], most=count(found["most_tokens"]))


def _truncated(found: Part) -> Cause:
    """Returns how many prompts did not fit."""
    cut = found["truncated"]
    if not known(cut):
        return Cause(line("not known: {why}", why=reason(cut)))
    words = (
        "{some} of {all} prompts did not fit into the context and were truncated: a cause of lost points"
        if cut["value"]
        else "all {all} prompts fit into the context"
    )
    return Cause(_some_of(words, cut), cut["value"])
