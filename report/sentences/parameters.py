"""Sentences on the checkpoints themselves: their weights, their parameter counts, what training changed and cost."""

from report.facts.schema.parts import Absent, is_known
from report.facts.schema.training import Trained, Untrained, WeightChanges, is_from_elsewhere
from report.facts.schema.whole import Finding, MeasuredFacts
from report.reading.results import pointer
from report.sentences.rules import decide, finding


def selected(facts: MeasuredFacts, index: int) -> Finding:
    """Returns the sentence on whether a checkpoint was trained from the selected model's weights."""
    at, own = pointer("checkpoints", index), facts.checkpoints[index]
    if is_from_elsewhere(own):
        return finding("selected_elsewhere", {"checkpoint": f"{at}/display_name"})
    one = facts.model.fingerprint.value
    two = own.base_fingerprint.value if isinstance(own, Trained) else None
    known = one is not None and two is not None
    name = decide("selected", {"same": known and one == two, "other": known and one != two, "unknown": not known})
    return finding(name, {"checkpoint": f"{at}/display_name"})


def counts(facts: MeasuredFacts, index: int) -> Finding:
    """Returns the sentence on whether a checkpoint has as many parameters as the base model."""
    at, base, own = pointer("checkpoints", index), facts.parameters, facts.checkpoints[index].parameters
    evidence = {"checkpoint": f"{at}/display_name"}
    if isinstance(base, Absent) or isinstance(own, Absent):
        lacking = "/parameters/absent" if isinstance(base, Absent) else f"{at}/parameters/absent"
        return finding("counts_missing", evidence | {"reason": lacking})
    before, after, added = base.total.value, own.total.value, own.added.value
    known = before is not None and after is not None
    name = decide(
        "counts",
        {
            "equal": known and after == before,
            "adapter": known and after != before and after - before == added,
            "more": known and after > before and after - before != added,
            "fewer": known and after < before and after - before != added,
            "unknown": not known,
        },
    )
    places = {"before": "/parameters/total", "after": f"{at}/parameters/total", "added": f"{at}/parameters/added"}
    return finding(name, evidence | _told(name, places))


_TOLD = {
    "counts_equal": ["after"],
    "counts_fewer": ["before", "after"],
    "counts_unknown": ["before", "after"],
    "changes_as_meant": ["trained", "frozen"],
    "changes_all": ["trained"],
    "changes_frozen_too": ["frozen_changed", "frozen"],
    "changes_not_all": ["trained_changed", "trained", "frozen"],
    "meaning_added_only": ["before", "added"],
    "meaning_added_and_more": ["added", "trained"],
    "meaning_same_all": ["after"],
    "meaning_same_part": ["after", "trained"],
    "meaning_untold": [],
}
"""The facts that a sentence tells, where these are not all: what reads alike of two checkpoints is said of the same."""


def _told(name: str, places: dict[str, str]) -> dict[str, str]:
    return {slot: places[slot] for slot in _TOLD.get(name, places)}


def trained_share(facts: MeasuredFacts, index: int) -> Finding:
    """Returns the sentence on how many of a checkpoint's parameters were trained."""
    at, own = pointer("checkpoints", index), facts.checkpoints[index].parameters
    evidence = {
        "checkpoint": f"{at}/display_name",
        "total": f"{at}/parameters/total",
        "trained": f"{at}/parameters/trainable",
    }
    total, trained = (None, None) if isinstance(own, Absent) else (own.total.value, own.trainable.value)
    known = total is not None and trained is not None
    name = decide(
        "trained",
        {"all": known and trained == total, "part": known and trained != total, "unknown": not known},
    )
    if name == "trained_part":
        evidence["share"] = f"{at}/parameters/trained_share"
    return finding(name, evidence if known else {"checkpoint": f"{at}/display_name"})


def change(facts: MeasuredFacts, index: int) -> Finding:
    """Returns the sentence on whether the trained tensors changed, and no other."""
    at, own = pointer("checkpoints", index), facts.checkpoints[index]
    evidence = {"checkpoint": f"{at}/display_name"}
    found = own.changes if isinstance(own, Trained) else None
    if not isinstance(found, WeightChanges):
        reason = f"{at}/changes/absent" if isinstance(own, Trained) else f"{at}/absent"
        return finding("changes_missing", evidence | {"reason": reason})
    if isinstance(own, Trained) and own.elsewhere:
        whole = not found.adapted
        name = decide(
            "compared",
            {
                "adapter": not whole,
                "identical": whole and own.elsewhere.identical,
                "weights": whole and not own.elsewhere.identical,
            },
        )
        if name != "compared_identical":
            told = ("trained", "frozen", *(key for key in ("new", "rows", "rows_moved") if key in found))
            evidence |= {key: f"{at}/changes/{key}" for key in told}
        return finding(name, evidence)
    keys = ("frozen", "frozen_changed", "trained", "trained_changed")
    frozen, frozen_changed, trained, trained_changed = (getattr(found, key).value for key in keys)
    name = decide(
        "changes",
        {
            "as_meant": frozen > 0 and frozen_changed == 0 and trained_changed == trained,
            "all": frozen == 0 and trained_changed == trained,
            "frozen_too": frozen_changed > 0,
            "not_all": frozen_changed == 0 and trained_changed < trained,
        },
    )
    return finding(name, evidence | _told(name, {key: f"{at}/changes/{key}" for key in keys}))


def meaning(facts: MeasuredFacts, index: int) -> Finding:
    """Returns the sentence on what equal or unequal counts mean, by what was trained and what changed."""
    at, base, own = pointer("checkpoints", index), facts.parameters, facts.checkpoints[index]
    evidence = {"checkpoint": f"{at}/display_name"}
    counted, changes = own.parameters, own.changes if isinstance(own, Trained) else None
    if isinstance(base, Absent):
        return finding("meaning_unknown", evidence | {"reason": "/parameters/absent"})
    if isinstance(counted, Absent):
        return finding("meaning_unknown", evidence | {"reason": f"{at}/parameters/absent"})
    if not isinstance(changes, WeightChanges):
        reason = f"{at}/absent" if changes is None else f"{at}/changes/absent"
        return finding("meaning_unknown", evidence | {"reason": reason})
    places = {
        "before": ("/parameters/total", base.total),
        "after": (f"{at}/parameters/total", counted.total),
        "added": (f"{at}/parameters/added", counted.added),
        "trained": (f"{at}/parameters/trainable", counted.trainable),
    }
    for place, known in places.values():
        if not is_known(known):
            return finding("meaning_unknown", evidence | {"reason": place})
    before, after, added, trained = (known.value for _, known in places.values())
    sound = changes.frozen_changed.value == 0
    sound = sound and changes.trained_changed.value == changes.trained.value > 0
    grown = sound and after - before == added > 0
    same = sound and after == before
    frozen = changes.frozen.value
    agrees = (grown and (trained > added or (trained == added and frozen > 0))) or (
        same and ((trained == after and frozen == 0) or (trained < after and frozen > 0))
    )
    name = decide(
        "meaning",
        {
            "added_only": agrees and grown and trained == added,
            "added_and_more": agrees and grown and trained > added,
            "same_all": agrees and same and trained == after,
            "same_part": agrees and same and trained < after,
            "untold": not agrees,
        },
    )
    return finding(name, evidence | _told(name, {key: place for key, (place, _) in places.items()}))


def moved(facts: MeasuredFacts, index: int) -> Finding | None:
    """Returns the sentence on the relative weight change of each kind of matrix; None where that is not known."""
    at, own = pointer("checkpoints", index), facts.checkpoints[index]
    changes = own.changes if isinstance(own, Trained) else None
    if not isinstance(changes, WeightChanges) or not changes.kinds:
        return None
    evidence = {"checkpoint": f"{at}/display_name", "kinds": f"{at}/changes/kinds"}
    return finding("moved_adapted", evidence) if changes.adapted else finding("moved_weights", evidence)


def published(facts: MeasuredFacts) -> Finding:
    """How many checkpoints are on the Hub."""
    every = {pointer("checkpoints", i, "display_name"): one for i, one in enumerate(facts.checkpoints)}
    there = [at for at, one in every.items() if one.hub.published]
    cases = {"none": not there, "some": 0 < len(there) < len(every), "all": 0 < len(there) == len(every)}
    return finding(decide("published", cases), {"checkpoints": list(every), "published": there})


def cost(facts: MeasuredFacts, index: int) -> Finding:
    """Returns the sentence on the time, memory and tokens of a training run."""
    at, own = pointer("checkpoints", index), facts.checkpoints[index]
    if isinstance(own, Untrained):
        return finding("cost_missing", {"checkpoint": f"{at}/display_name", "reason": f"{at}/absent"})
    name, keys = "cost_counted", ["steps", "tokens_input", "tokens_supervised", "seconds", "peak_memory"]
    if is_from_elsewhere(own):
        name, keys = "cost_recorded", [key for key in ("steps", "epochs", "seconds") if is_known(getattr(own, key))]
    return finding(name, {"checkpoint": f"{at}/display_name"} | {key: f"{at}/{key}" for key in keys})
