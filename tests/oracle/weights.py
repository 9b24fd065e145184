"""What may be said of the checkpoints themselves: their weights, their parameters, what training changed.

Each function takes a checkpoint and how it is called; `of_each` says once what would read alike of several.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.oracle.lines import Line, count, joined, known, line, percent, reason, text

Part = Mapping[str, Any]
_ANYBODY: Line = ("\0",)


def of_each(checkpoints: Sequence[Part], say: Callable[[Part, Line], Line]) -> Iterator[Line]:
    """Yields what is said of each of the study's checkpoints, once of all of which it is the same."""
    alike: dict[Line, list[Part]] = {}
    for checkpoint in checkpoints:
        alike.setdefault(say(checkpoint, _ANYBODY), []).append(checkpoint)
    for group in alike.values():
        every = line("each of the {n} checkpoints", n=count({"value": len(group)}))
        is_all = len(alike) == 1 and len(group) > 1
        yield say(group[0], every if is_all else named([text(one["display_name"]) for one in group]))


def named(names: Sequence[Line]) -> Line:
    """Returns names in a row: `a`, `a and b`, `a; b and c`."""
    rest = joined(names[:-1], "; ")
    return line("{rest} and {last}", rest=rest, last=names[-1]) if rest else names[-1]


def counts(base: Part, checkpoint: Part, who: Line) -> Line:
    """Returns whether a checkpoint has as many parameters as the base model, whose ledger ``base`` is."""
    own = checkpoint["parameters"]
    common = {"who": who}
    unknown = "Whether the count in {who} is the base model's is not known: "
    if "total" not in base or "total" not in own:
        lacking = base["absent"] if "total" not in base else own["absent"]
        return line(unknown + "{reason}.", reason=reason(lacking), **common)
    common |= {"before": count(base["total"]), "after": count(own["total"]), "added": count(own["added"])}
    if not known(base["total"]) or not known(own["total"]):
        return line(unknown + "base {before}, checkpoint {after}.", **common)
    more = own["total"]["value"] - base["total"]["value"]
    if more == 0:
        words = "In {who}, the count is the base model's, {after}: fine-tuning changed values and added no parameter."
    elif more == own["added"].get("value"):
        words = (
            "In {who}, the count is {after}, in the base model {before}: the two differ by exactly the {added} "
            "parameters that fine-tuning added."
        )
    elif more > 0:
        words = (
            "In {who}, the count is {after}, more than the base model's {before}, and what was recorded as added "
            "({added}) does not account for the difference."
        )
    else:
        words = "In {who}, the count is {after}, fewer than the base model's {before}."
    return line(words, **common)


def trained_share(checkpoint: Part, who: Line) -> Line:
    """Returns how many of a checkpoint's parameters were trained."""
    own = checkpoint["parameters"]
    total, trained = own.get("total", {}), own.get("trainable", {})
    if not known(total) or not known(trained):
        return line("How many parameters of {who} were trained is not known.", who=who)
    if trained["value"] == total["value"]:
        return line("In {who}, all {total} parameters were trained.", who=who, total=count(total))
    return line(
        "In {who}, {trained} of {total} parameters were trained ({share}); the others were frozen.",
        who=who,
        trained=count(trained),
        total=count(total),
        share=percent(own["trained_share"]),
    )


def selected(model: Part, checkpoint: Part, who: Line) -> Line:
    """Returns whether a checkpoint was trained from the very weights that the page is about."""
    if "elsewhere" in checkpoint:
        return line(
            "{who} was trained elsewhere: no hash in its files proves which weights that started from.", who=who
        )
    one, two = model["fingerprint"], checkpoint.get("base_fingerprint", {})
    if not known(one) or not known(two):
        words = "Whether the training of {who} started from these very weights is not known: a hash is missing."
    elif one["value"] == two["value"]:
        words = "The training of {who} started from these very weights: the hash in its record is the one below."
    else:
        words = (
            "The training of {who} did not start from these weights: the hash in its record is another one, so its "
            "scores say nothing about this model."
        )
    return line(words, who=who)


def changes(checkpoint: Part, who: Line) -> Line:
    """Returns whether exactly those tensors changed that were trained."""
    found = checkpoint.get("changes", checkpoint)
    if "absent" in found:
        words = "Which tensors of {who} changed is not known: {why}."
        return line(words, who=who, why=reason(found["absent"]))
    keys = ("frozen", "frozen_changed", "trained", "trained_changed")
    if "elsewhere" in checkpoint:
        if found["adapted"]:
            words = "the adapter adds to {trained} matrices of the base model."
        elif checkpoint["elsewhere"]["identical"]:
            words = "every one is the base model's bit by bit: the weights are identical."
        else:
            words = "compared with the base model one by one, {trained} differ and {frozen} are the same bit by bit"
            if "new" in found:
                words += "; tensors that only the checkpoint has: {new}"
            if "rows" in found:
                words += "; rows of the embeddings that differ: {rows_moved} of {rows}"
            words += "."
            keys = (*keys, *(key for key in ("new", "rows", "rows_moved") if key in found))
        return line("In {who}, " + words, who=who, **{key: count(found[key]) for key in keys})
    frozen, thawed, trained, moved = (found[key]["value"] for key in keys)
    if thawed:
        words = "{frozen_changed} of {frozen} tensors that should have been frozen have another hash after training."
    elif moved < trained:
        words = (
            "only {trained_changed} of the {trained} trained tensors changed; all {frozen} frozen ones have the same "
            "hash after training as before it."
        )
    elif frozen:
        words = "all {trained} trained matrices changed, and all {frozen} frozen tensors have the same hash as before."
    else:
        words = "no tensor was frozen, and all {trained} changed."
    return line("In {who}, " + words, who=who, **{key: count(found[key]) for key in keys})


_MEANING = {
    "own": "In {who}, the base model's {before} parameters are as pre-training set them; all that fine-tuning learnt "
    "is in the {added} added ones.",
    "more": "In {who}, fine-tuning added {added} parameters that pre-training had never set, and went on with ones "
    "that it had: {trained} were trained in all.",
    "all": "In {who}, pre-training and fine-tuning set the same {after} parameters. Fine-tuning added none and kept "
    "none as it was, so what it learnt is in their values alone, and no count shows it.",
    "part": "In {who}, pre-training set all {after} parameters, and fine-tuning went on with {trained} of them; the "
    "others still have their pre-trained values, and none was added.",
    "none": "What the counts of {who} mean for pre-training and fine-tuning cannot be told: which tensors changed does "
    "not agree with what was counted as trained.",
}


def meaning(base: Part, checkpoint: Part, who: Line) -> Line:
    """Returns what the counts mean for pre-training and fine-tuning; ``base`` is the base model's ledger."""
    own, found = checkpoint["parameters"], checkpoint.get("changes", checkpoint)
    reasons = [part["absent"] for part in (base, own, found) if "absent" in part]
    if not reasons:
        counted = {"before": base["total"], "after": own["total"], "added": own["added"], "trained": own["trainable"]}
        reasons = [one for one in counted.values() if not known(one)]
    if reasons:
        words = "What the counts of {who} mean for pre-training and fine-tuning is not known: {why}."
        return line(words, who=who, why=reason(reasons[0]))
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
    return line(_MEANING[case], who=who, **{key: count(one) for key, one in counted.items()})


def moved(checkpoint: Part) -> Line | None:
    """Returns how far training moved each kind of matrix; None where no change was recorded."""
    found = checkpoint.get("changes", {})
    if not found.get("kinds"):
        return None
    words = "Relative weight change (Frobenius) in {name}: {kinds}."
    if found["adapted"]:
        words = "Relative weight change (Frobenius) by the adapter of {name}: {kinds}."
    kinds = [
        line(
            "{kind} {mean} on average, {most} at most",
            kind=text(row["kind"]),
            mean=percent(row["mean"]),
            most=percent(row["largest"]),
        )
        for row in found["kinds"]
    ]
    return line(words, name=text(checkpoint["display_name"]), kinds=joined(kinds, "; "))
