"""What may be said of the checkpoints themselves: their weights, their parameters, what training changed and took."""

from collections.abc import Mapping
from typing import Any

from report.verify.lines import Line, count, duration, known, line, percent, reason, size, text

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
