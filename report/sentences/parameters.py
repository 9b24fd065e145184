"""Sentences on the checkpoints themselves: their weights, their parameter counts, what training changed and cost."""

from typing import Any

from report.facts.values import is_known, missing
from report.reading.results import pointer
from report.sentences.rules import Finding, decide, finding


def selected(facts: Any, index: int) -> Finding:
    """Whether a checkpoint was trained from the very weights that the page calls the selected model."""
    at, own = pointer("checkpoints", index), facts["checkpoints"][index]
    one = facts["model"]["fingerprint"].get("value")
    two = own.get("base_fingerprint", missing("")).get("value")
    known = one is not None and two is not None
    name = decide("selected", {"same": known and one == two, "other": known and one != two, "unknown": not known})
    return finding(name, {"checkpoint": f"{at}/name"})


def counts(facts: Any, index: int) -> Finding:
    """Whether a checkpoint has as many parameters as the base."""
    at, base, own = pointer("checkpoints", index), facts["parameters"], facts["checkpoints"][index]["parameters"]
    evidence = {"checkpoint": f"{at}/name"}
    if "total" not in base or "total" not in own:
        lacking = "/parameters/absent" if "total" not in base else f"{at}/parameters/absent"
        return finding("counts_missing", evidence | {"reason": lacking})
    before, after, added = base["total"].get("value"), own["total"].get("value"), own["added"].get("value")
    known = before is not None and after is not None
    return finding(
        decide(
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


def trained_share(facts: Any, index: int) -> Finding:
    """How many of a checkpoint's parameters were trained."""
    at, own = pointer("checkpoints", index), facts["checkpoints"][index]["parameters"]
    evidence = {"checkpoint": f"{at}/name", "total": f"{at}/parameters/total", "trained": f"{at}/parameters/trainable"}
    total, trained = (own.get(key, missing("")).get("value") for key in ("total", "trainable"))
    known = total is not None and trained is not None
    name = decide(
        "trained",
        {"all": known and trained == total, "part": known and trained != total, "unknown": not known},
    )
    if name == "trained_part":
        evidence["share"] = f"{at}/parameters/trained_share"
    return finding(name, evidence if known else {"checkpoint": f"{at}/name"})


def change(facts: Any, index: int) -> Finding:
    """Whether exactly the tensors changed that were trained."""
    at, own = pointer("checkpoints", index), facts["checkpoints"][index]
    evidence = {"checkpoint": f"{at}/name"}
    found = own.get("changes", {"absent": missing("it has not been trained")})
    if "absent" in found:
        if "changes" in own:
            evidence["reason"] = f"{at}/changes/absent"
        else:
            evidence["reason"] = f"{at}/absent"
        return finding("changes_missing", evidence)
    keys = ("frozen", "frozen_changed", "trained", "trained_changed")
    frozen, frozen_changed, trained, trained_changed = (found[key]["value"] for key in keys)
    name = decide(
        "changes",
        {
            "as_meant": frozen > 0 and frozen_changed == 0 and trained_changed == trained,
            "all": frozen == 0 and trained_changed == trained,
            "frozen_too": frozen_changed > 0,
            "not_all": frozen_changed == 0 and trained_changed < trained,
        },
    )
    return finding(name, evidence | {key: f"{at}/changes/{key}" for key in keys})


def meaning(facts: Any, index: int) -> Finding:
    """What equal or unequal counts mean for pre-training and fine-tuning, by what was trained and what changed."""
    at, base, own = pointer("checkpoints", index), facts["parameters"], facts["checkpoints"][index]
    after_all, changes = own["parameters"], own.get("changes")
    evidence = {"checkpoint": f"{at}/name"}
    lacking = [
        *(["/parameters/absent"] if "absent" in base else []),
        *([f"{at}/parameters/absent"] if "absent" in after_all else []),
        *([f"{at}/absent"] if changes is None else [f"{at}/changes/absent"] if "absent" in changes else []),
    ]
    if not lacking:
        places = {"before": ("/parameters/total", base["total"])}
        keys = {"after": "total", "added": "added", "trained": "trainable"}
        places |= {name: (f"{at}/parameters/{key}", after_all[key]) for name, key in keys.items()}
        lacking = [place for place, known in places.values() if not is_known(known)]
    if lacking or changes is None:
        return finding("meaning_unknown", evidence | {"reason": lacking[0]})
    before, after, added, trained = (known["value"] for _, known in places.values())
    sound = changes["frozen_changed"]["value"] == 0
    sound = sound and changes["trained_changed"]["value"] == changes["trained"]["value"] > 0
    grown = sound and after - before == added > 0
    same = sound and after == before
    frozen = changes["frozen"]["value"]
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
    return finding(name, evidence | {key: place for key, (place, _) in places.items()})


def moved(facts: Any, index: int) -> Finding | None:
    """How far training moved each kind of matrix; None where that is not known."""
    at, changes = pointer("checkpoints", index), facts["checkpoints"][index].get("changes", {})
    if not changes.get("kinds"):
        return None
    evidence = {"checkpoint": f"{at}/name", "kinds": f"{at}/changes/kinds"}
    return finding("moved_adapted", evidence) if changes["adapted"] else finding("moved_weights", evidence)


def cost(facts: Any, index: int) -> Finding:
    """What training took."""
    at, own = pointer("checkpoints", index), facts["checkpoints"][index]
    if "absent" in own:
        return finding("cost_missing", {"checkpoint": f"{at}/name", "reason": f"{at}/absent"})
    keys = ("steps", "tokens_input", "tokens_supervised", "seconds", "peak_memory")
    return finding("cost_counted", {"checkpoint": f"{at}/name"} | {key: f"{at}/{key}" for key in keys})
