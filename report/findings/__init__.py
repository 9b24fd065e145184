"""Which sentences the page says: chosen by rules over facts, so that none can contradict a number.

A finding is the name of a sentence (a macro in `templates/findings.md.j2`) and the facts it is said of. The rules of
one claim exclude each other and cover every case; `_decide` fails where they do not.
"""

from collections.abc import Mapping
from typing import Any, Literal

from report.facts import Fact, is_known, missing
from report.results import pointer

Direction = Literal["higher", "lower", "equal", "unclear", "missing"]
Finding = dict[str, Any]
"""`id`, and `evidence`: a name in the sentence to a JSON pointer into the facts."""


def direction(difference: Fact) -> Direction:
    """Returns what a paired difference allows to be said.

    `equal` where both scores are the same number; `unclear` where the interval holds 0, or touches it; `missing`
    where there is no difference or no interval. As `report.statistics.direction`, but from a fact, without scipy.

    >>> direction({"value": 0.1, "interval": {"lower": 0.02, "upper": 0.2}})
    'higher'
    >>> direction({"value": 0.1, "interval": {"lower": -0.02, "upper": 0.2}})
    'unclear'
    """
    if is_known(difference) and difference["value"] == 0:
        return "equal"
    if not is_known(difference) or "interval" not in difference:
        return "missing"
    lower, upper = difference["interval"]["lower"], difference["interval"]["upper"]
    if lower > 0:
        return "higher"
    if upper < 0:
        return "lower"
    return "unclear"


def find(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the findings of every part of the page."""
    comparisons = list(_comparisons(facts))
    return {
        "selected": [_selected(facts, i) for i, _ in enumerate(facts["checkpoints"])],
        "headline": [_headline(*where) for where in comparisons],
        "counts": [_counts(facts, i) for i, _ in enumerate(facts["checkpoints"])],
        "trained_share": [_trained_share(facts, i) for i, _ in enumerate(facts["checkpoints"])],
        "why": [_why(facts, i, *found) for i, found in enumerate(_grouped(facts))],
        "difference": [_difference(*where) for where in comparisons],
        "limits": _limits(facts),
        "warnings": _warnings(facts),
    }


def _decide(claim: str, cases: Mapping[str, bool]) -> str:
    """Returns the one case that holds."""
    holding = [name for name, holds in cases.items() if holds]
    if len(holding) != 1:
        raise RuntimeError(f"the rules of the claim `{claim}` allow {holding or 'nothing'}; exactly one must hold")
    return f"{claim}_{holding[0]}"


def _finding(name: str, evidence: Mapping[str, str]) -> Finding:
    return {"id": name, "evidence": dict(evidence)}


def _comparisons(facts: Mapping[str, Any]) -> Any:
    """Yields (pointer, task, pointer, comparison) of everything that was scored."""
    for t, task in enumerate(facts["tasks"]):
        for c, comparison in enumerate(task.get("comparisons", [])):
            yield pointer("tasks", t), task, pointer("tasks", t, "comparisons", c), comparison


def _grouped(facts: Mapping[str, Any]) -> list[list[Any]]:
    groups: list[list[Any]] = [[] for _ in facts["tasks"]]
    for where in _comparisons(facts):
        groups[int(where[0].rsplit("/", 1)[1])].append(where)
    return groups


def _primary(comparison: Mapping[str, Any]) -> int | None:
    return next((i for i, score in enumerate(comparison["scores"]) if score["primary"]), None)


def _headline(task_at: str, task: Mapping[str, Any], at: str, comparison: Mapping[str, Any]) -> Finding:
    """What fine-tuning did to the task's primary metric."""
    evidence = {"task": f"{task_at}/name", "setting": f"{task_at}/setting", "checkpoint": f"{at}/checkpoint"}
    index = _primary(comparison)
    if index is None:
        return _finding("headline_undeclared", evidence)
    score = comparison["scores"][index]
    way, both = direction(score["difference"]), is_known(score["before"]) and is_known(score["after"])
    good = score["higher_is_better"]
    evidence |= {key: f"{at}/scores/{index}/{key}" for key in ("label", "before", "after", "difference")}
    name = _decide(
        "headline",
        {
            "rises": way == "higher" and good,
            "falls": way == "lower" and good,
            "rises_for_the_worse": way == "higher" and not good,
            "falls_for_the_better": way == "lower" and not good,
            "unclear": way == "unclear",
            "equal": way == "equal",
            "refused": way == "missing" and comparison["refused"] is not None,
            "no_interval": way == "missing" and comparison["refused"] is None and both,
            "missing": way == "missing" and comparison["refused"] is None and not both,
        },
    )
    if name == "headline_refused":
        evidence["reason"] = f"{at}/refused"
    return _finding(name, evidence)


def _difference(task_at: str, task: Mapping[str, Any], at: str, comparison: Mapping[str, Any]) -> dict[str, Any]:
    """Every metric by what its interval says, and the items that changed sides."""
    groups: dict[str, list[str]] = {}
    for i, score in enumerate(comparison["scores"]):
        groups.setdefault(direction(score["difference"]), []).append(f"{at}/scores/{i}")
    sentences = [
        _finding(f"metrics_{way}", {"scores": groups[way]})  # type: ignore[dict-item]
        for way in ("higher", "lower", "unclear", "equal", "missing")
        if way in groups
    ]
    if comparison["shift"]:
        evidence = {key: f"{at}/shift/{key}" for key in ("what", "change")}
        sentences.append(_finding(_shift(comparison["shift"]["change"]), evidence))
    if comparison["transitions"]:
        sentences.append(_finding("transitions_counted", {"counts": f"{at}/transitions"}))
    return {"headline": _headline(task_at, task, at, comparison), "sentences": sentences}


def _shift(change: Fact) -> str:
    way = direction(change)
    return _decide(
        "shift",
        {
            "rises": way == "higher",
            "falls": way == "lower",
            "unclear": way == "unclear",
            "equal": way == "equal",
            "missing": way == "missing",
        },
    )


def _why(facts: Mapping[str, Any], index: int, *found: Any) -> dict[str, Any]:
    """Why the performance on a task is what it is: against the floor, and by what was measured of the answers."""
    at, task = pointer("tasks", index), facts["tasks"][index]
    if "before" not in task:
        return {"task": f"{at}/name", "sentences": [_finding("unscored", {"reason": f"{at}/absent"})]}
    common = {"task": f"{at}/name", "setting": f"{at}/setting", "positive": f"{at}/positive"}
    sides = [("base", f"{at}/before", task["before"], common)]
    for *_, place, comparison in found:
        sides.append(("tuned", f"{place}/after", comparison["after"], common | {"checkpoint": f"{place}/checkpoint"}))
    sentences = []
    for who, place, side, evidence in sides:
        if "diagnosis" not in side:
            continue
        floor = evidence | {"floor": f"{at}/floor/score", "above": f"{place}/above_floor"}
        kind = task["floor"]["kind"]
        sentences.append(_finding(_against_floor(who, kind, side["above_floor"]), floor))
        sentences += _diagnosed(who, place, side["diagnosis"], evidence)
    return {"task": f"{at}/name", "sentences": sentences}


def _against_floor(who: str, kind: str, above: Fact) -> str:
    way = direction(above)
    if kind == "none":
        return f"{who}_floor_none"
    return _decide(
        f"{who}_{kind}",
        {
            "above": way == "higher",
            "below": way == "lower",
            "same": way == "equal" and _certain(above),
            "level": way == "unclear" or (way == "equal" and not _certain(above)),
            "unknown": way == "missing",
        },
    )


def _certain(difference: Fact) -> bool:
    """Returns whether the two agree item by item: then the interval has no width."""
    return "interval" in difference and difference["interval"]["lower"] == difference["interval"]["upper"]


def _diagnosed(who: str, place: str, diagnosis: Mapping[str, Any], evidence: Mapping[str, str]) -> list[Finding]:
    if "classification" in diagnosis:
        found, at = diagnosis["classification"], f"{place}/diagnosis/classification"
        way = direction(found["bias"])
        more, fewer = found["false_positive"]["value"], found["false_negative"]["value"]
        lean = _decide(
            f"{who}_bias",
            {
                "positive": way == "higher",
                "negative": way == "lower",
                "unclear": way in ("unclear", "equal"),
                "unknown": way == "missing",
            },
        )
        errors = _decide(
            "errors",
            {
                "none": more + fewer == 0,
                "mostly_positive": more > fewer,
                "mostly_negative": more < fewer,
                "balanced": more == fewer and more > 0,
            },
        )
        keys = ("predicted_share", "gold_share", "wrong", "false_positive", "false_negative")
        facts = dict(evidence) | {key: f"{at}/{key}" for key in keys}
        return [_finding(lean, facts), _finding(errors, facts)]
    if "extraction" in diagnosis:
        found, at = diagnosis["extraction"], f"{place}/diagnosis/extraction"
        share, asked = found["abstained"]["value"], found["unanswerable"]["value"]
        name = _decide(
            f"{who}_abstains",
            {
                "never": share == 0 and asked > 0,
                "never_all_answerable": share == 0 and asked == 0,
                "always": share == 1,
                "sometimes": 0 < share < 1 and asked > 0,
                "though_all_answerable": 0 < share < 1 and asked == 0,
            },
        )
        keys = ("abstained", "abstained_answerable", "abstained_unanswerable", "answerable", "unanswerable")
        return [_finding(name, dict(evidence) | {key: f"{at}/{key}" for key in keys})]
    return [_finding(f"{who}_unexplained", evidence)]


def _counts(facts: Mapping[str, Any], index: int) -> Finding:
    """Whether a checkpoint has as many parameters as the base."""
    at, base, own = pointer("checkpoints", index), facts["parameters"], facts["checkpoints"][index]["parameters"]
    evidence = {"checkpoint": f"{at}/name"}
    if "total" not in base or "total" not in own:
        lacking = "/parameters/absent" if "total" not in base else f"{at}/parameters/absent"
        return _finding("counts_missing", evidence | {"reason": lacking})
    before, after, added = base["total"].get("value"), own["total"].get("value"), own["added"].get("value")
    known = before is not None and after is not None
    return _finding(
        _decide(
            "counts",
            {
                "equal": known and after == before,
                "adapter": known and after != before and after - before == added,
                "more": known and after > before and after - before != added,
                "fewer": known and after < before and after - before != added,
                "unknown": not known,
            },
        ),
        evidence
        | {"before": "/parameters/total", "after": f"{at}/parameters/total", "added": f"{at}/parameters/added"},
    )


def _trained_share(facts: Mapping[str, Any], index: int) -> Finding:
    """How many of a checkpoint's parameters were trained."""
    at, own = pointer("checkpoints", index), facts["checkpoints"][index]["parameters"]
    evidence = {"checkpoint": f"{at}/name", "total": f"{at}/parameters/total", "trained": f"{at}/parameters/trainable"}
    total, trained = (own.get(key, missing("")).get("value") for key in ("total", "trainable"))
    known = total is not None and trained is not None
    name = _decide(
        "trained",
        {"all": known and trained == total, "part": known and trained != total, "unknown": not known},
    )
    if name == "trained_part":
        evidence["share"] = f"{at}/parameters/trained_share"
    return _finding(name, evidence if known else {"checkpoint": f"{at}/name"})


def _selected(facts: Mapping[str, Any], index: int) -> Finding:
    """Whether a checkpoint was trained from the very weights that the page calls the selected model."""
    at, own = pointer("checkpoints", index), facts["checkpoints"][index]
    one = facts["model"]["fingerprint"].get("value")
    two = own.get("base_fingerprint", missing("")).get("value")
    known = one is not None and two is not None
    name = _decide("selected", {"same": known and one == two, "other": known and one != two, "unknown": not known})
    return _finding(name, {"checkpoint": f"{at}/name"})


def _limits(facts: Mapping[str, Any]) -> list[Finding]:
    """What the numbers do not cover."""
    one_seed = len(facts["study"]["seeds"]) == 1
    found = [_finding("seeds_one" if one_seed else "seeds_several", {"seeds": "/study/seeds"})]
    for t, task in enumerate(facts["tasks"]):
        at = pointer("tasks", t)
        if "before" not in task:
            continue
        if task["limited"]:
            found.append(_finding("limit_applied", {k: f"{at}/{k}" for k in ("name", "scored", "available")}))
        if not task["clustered"]:
            found.append(_finding("clusters_undeclared", {"name": f"{at}/name"}))
        before = task["before"].get("dtype", missing(""))
        for c, comparison in enumerate(task["comparisons"]):
            place, after = f"{at}/comparisons/{c}", comparison["after"].get("dtype", missing(""))
            if is_known(before) and is_known(after) and before["value"] != after["value"]:
                evidence = {"task": f"{at}/name", "checkpoint": f"{place}/checkpoint"}
                evidence |= {"before": f"{at}/before/dtype", "after": f"{place}/after/dtype"}
                found.append(_finding("dtype_differs", evidence))
    return found


def _warnings(facts: Mapping[str, Any]) -> list[Finding]:
    """What a reader must know before believing a score."""
    found = []
    for task_at, _, at, comparison in _comparisons(facts):
        evidence = {"task": f"{task_at}/name", "checkpoint": f"{at}/checkpoint", "trained_on": f"{at}/trained_on"}
        if comparison["overlaps"]:
            found.append(_finding("warning_overlap", evidence))
        if comparison["refused"]:
            found.append(_finding("warning_refused", evidence | {"reason": f"{at}/refused"}))
    return found
