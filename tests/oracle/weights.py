"""What may be said of the checkpoints themselves: their weights, their parameters, what training changed and took."""

from collections.abc import Mapping
from typing import Any

from tests.oracle.lines import Line, count, duration, joined, known, line, percent, reason, size, text

Part = Mapping[str, Any]


def counts(base: Part, checkpoint: Part) -> Line:
    """Returns whether a checkpoint has as many parameters as the base model, whose ledger ``base`` is."""
    own = checkpoint["parameters"]
    common = {"checkpoint": text(checkpoint["name"])}
    unknown = "Whether {checkpoint} has as many parameters as the base model is not known: "
    if "total" not in base or "total" not in own:
        lacking = base["absent"] if "total" not in base else own["absent"]
        return line(unknown + "{reason}.", reason=reason(lacking), **common)
    common |= {"before": count(base["total"]), "after": count(own["total"]), "added": count(own["added"])}
    if not known(base["total"]) or not known(own["total"]):
        return line(unknown + "base {before}, checkpoint {after}.", **common)
    more = own["total"]["value"] - base["total"]["value"]
    if more == 0:
        words = (
            "{checkpoint} has exactly as many parameters as the base model, {after}: the counts are equal, because "
            "fine-tuning changed values and added none."
        )
    elif more == own["added"].get("value"):
        words = (
            "{checkpoint} has {after} parameters, the base model {before}: the counts are not equal, and the "
            "difference is exactly the {added} parameters that fine-tuning added."
        )
    elif more > 0:
        words = (
            "{checkpoint} has {after} parameters, more than the base model's {before}: the counts are not equal, and "
            "what was recorded as added ({added}) does not account for the difference."
        )
    else:
        words = "{checkpoint} has {after} parameters, fewer than the base model's {before}: the counts are not equal."
    return line(words, **common)


def trained_share(checkpoint: Part) -> Line:
    """Returns how many of a checkpoint's parameters were trained."""
    own, name = checkpoint["parameters"], text(checkpoint["name"])
    total, trained = own.get("total", {}), own.get("trainable", {})
    if not known(total) or not known(trained):
        return line("How many parameters of {checkpoint} were trained is not known.", checkpoint=name)
    if trained["value"] == total["value"]:
        return line("In {checkpoint} all {total} parameters were trained.", checkpoint=name, total=count(total))
    return line(
        "In {checkpoint}, {trained} of {total} parameters were trained ({share}); the others kept their values.",
        checkpoint=name,
        trained=count(trained),
        total=count(total),
        share=percent(own["trained_share"]),
    )


def selected(model: Part, checkpoint: Part) -> Line:
    """Returns whether a checkpoint was trained from the very weights that the page is about."""
    one, two = model["fingerprint"], checkpoint.get("base_fingerprint", {})
    name = text(checkpoint["name"])
    if not known(one) or not known(two):
        words = "Whether {checkpoint} was trained from these very weights is not known: a fingerprint is missing."
    elif one["value"] == two["value"]:
        words = "{checkpoint} was trained from these very weights: the fingerprint in its record is the one below."
    else:
        words = (
            "{checkpoint} was not trained from these weights: the fingerprint in its record is another one, so its "
            "scores say nothing about this model."
        )
    return line(words, checkpoint=name)


def changes(checkpoint: Part) -> Line:
    """Returns whether exactly those tensors changed that were trained."""
    name = text(checkpoint["name"])
    found = checkpoint.get("changes", checkpoint)
    if "absent" in found:
        words = "Which tensors of {checkpoint} changed is not known: {why}."
        return line(words, checkpoint=name, why=reason(found["absent"]))
    keys = ("frozen", "frozen_changed", "trained", "trained_changed")
    frozen, thawed, trained, moved = (found[key]["value"] for key in keys)
    if thawed:
        words = "{frozen_changed} of {frozen} tensors that should have been frozen have another hash after training."
    elif moved < trained:
        words = (
            "only {trained_changed} of the {trained} trained tensors changed; all {frozen} frozen ones have the same "
            "hash after training as before it."
        )
    elif frozen:
        words = (
            "all {trained} trained matrices changed, and all {frozen} frozen tensors have the same hash after training "
            "as before it."
        )
    else:
        words = "no tensor was frozen, and all {trained} changed."
    return line("In {checkpoint}, " + words, checkpoint=name, **{key: count(found[key]) for key in keys})


_MEANING = {
    "own": "For {checkpoint} this means: pre-training set the {before} parameters of the base model, and fine-tuning"
    " changed none of them; all that it learnt is in the {added} parameters that it added, and without these "
    "the model is the pre-trained one.",
    "more": "For {checkpoint} this means: fine-tuning added {added} parameters that pre-training had never set, and "
    "went on with ones that it had: {trained} were trained in all.",
    "all": "For {checkpoint} this means: pre-training and fine-tuning set the same {after} parameters. Fine-tuning "
    "added none and kept none as it was, so what it learnt is in their values alone, and no count shows it.",
    "part": "For {checkpoint} this means: pre-training set all {after} parameters, and fine-tuning went on with "
    "{trained} of them; the others still have their pre-trained values, and none was added.",
    "none": "What the counts of {checkpoint} mean for pre-training and fine-tuning cannot be told: which tensors "
    "changed does not agree with what was counted as trained.",
}


def meaning(base: Part, checkpoint: Part) -> Line:
    """Returns what the counts mean for pre-training and fine-tuning; ``base`` is the base model's ledger."""
    name, own = text(checkpoint["name"]), checkpoint["parameters"]
    found = checkpoint.get("changes", checkpoint)
    reasons = [part["absent"] for part in (base, own, found) if "absent" in part]
    if not reasons:
        counted = {"before": base["total"], "after": own["total"], "added": own["added"], "trained": own["trainable"]}
        reasons = [one for one in counted.values() if not known(one)]
    if reasons:
        words = "What the counts of {checkpoint} mean for pre-training and fine-tuning is not known: {why}."
        return line(words, checkpoint=name, why=reason(reasons[0]))
    total, new = own["total"]["value"], own["total"]["value"] - base["total"]["value"]
    trained = own["trainable"]["value"]
    keys = ("frozen", "frozen_changed", "trained", "trained_changed")
    frozen, thawed, meant, did = (found[key]["value"] for key in keys)
    case = "none"
    if not thawed and meant and meant == did:
        if new > 0 and new == own["added"]["value"]:
            case = "more" if trained > new else "own" if trained == new and frozen else "none"
        elif new == 0 and trained == total:
            case = "none" if frozen else "all"
        elif new == 0 and trained < total and frozen:
            case = "part"
    return line(_MEANING[case], checkpoint=name, **{key: count(one) for key, one in counted.items()})


def moved(checkpoint: Part) -> Line | None:
    """Returns how far training moved each kind of matrix; None where no change was recorded."""
    found = checkpoint.get("changes", {})
    if not found.get("kinds"):
        return None
    words = (
        "Relative to their norm, the adapter of {checkpoint} moves the matrices that it is put on so far: {kinds}."
        if found["adapted"]
        else "Relative to their norm, training moved the matrices of {checkpoint} so far: {kinds}."
    )
    kinds = joined(
        [
            line(
                "{kind} by {mean} on average and {most} at most",
                kind=text(row["kind"]),
                mean=percent(row["mean"]),
                most=percent(row["largest"]),
            )
            for row in found["kinds"]
        ],
        "; ",
    )
    return line(words, checkpoint=text(checkpoint["name"]), kinds=kinds)


def cost(checkpoint: Part) -> Line:
    """Returns what training took."""
    name = text(checkpoint["name"])
    if "absent" in checkpoint:
        words = "What training {checkpoint} took is not known: {why}."
        return line(words, checkpoint=name, why=reason(checkpoint["absent"]))
    return line(
        "Training {checkpoint} took {time}, {steps} steps, {read} tokens read, {supervised} of them with a loss, and "
        "{memory} of memory at its peak.",
        checkpoint=name,
        time=duration(checkpoint["seconds"]),
        steps=count(checkpoint["steps"]),
        read=count(checkpoint["tokens_input"]),
        supervised=count(checkpoint["tokens_supervised"]),
        memory=size(checkpoint["peak_memory"]),
    )
