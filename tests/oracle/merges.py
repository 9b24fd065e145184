"""What must stand of a merged model beside its adapter: on what evidence it is one, and whether it kept the adapter."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.oracle.expected import Expected, paragraph, table
from tests.oracle.lines import Line, change, count, counted, known, line, number, percent, reason, text

Part = Mapping[str, Any]

_BY_WEIGHTS = "what differs from the base model is {multiple} times what the adapter adds (cosine {cosine})."
_READ = (
    "on {items} items of {task} ({positions} positions, {dtype}) its logits differ from the adapter's by {mean} on "
    "average"
)
_SHARE = f"{_READ}, {{share}} of what the adapter changes; the most likely token is the same at {{same}}."


def basis(merge: Part) -> str:
    """Returns why a model counts as a merge: the file, the weights, both, or the file against the weights."""
    if not merge["recorded"]:
        return "weights"
    if merge["in_weights"]:
        return "both"
    return "against" if known(merge["cosine"]) else "file"


def objects(merge: Part) -> bool:
    """Returns whether a reader must look at a merge: half the adapter's work is lost in it, or its file is not so."""
    share = merge["share"]
    return basis(merge) == "against" or (known(share) and not share["value"] < 0.5)


_BASIS = {
    "weights": f"{{merged}} counts as a merge of the adapter {{adapter}} by its weights alone: {_BY_WEIGHTS}",
    "both": f"{{merged}} is a merge of the adapter {{adapter}}: merged_from.json names it, and the weights show it: "
    f"{_BY_WEIGHTS}",
    "against": "merged_from.json of {merged} names the adapter {adapter}, and the weights do not show that: what "
    "differs from the base model has a cosine of {cosine} with what the adapter adds; other tensors that differ: "
    "{others}.",
    "file": "{merged} is a merge of the adapter {adapter} by its merged_from.json; whether its weights show it is not "
    "known: {why}.",
}


def said(merge: Part) -> Iterator[Line]:
    """Yields the two sentences on a merge."""
    names = {key: text(merge[key]) for key in ("merged", "adapter")}
    found, why = basis(merge), reason(merge["cosine"]) if not known(merge["cosine"]) else ()
    slots = {"others": count(merge["others"]), "why": why}
    yield line(_BASIS[found], **names, **slots, **{key: number(merge[key]) for key in ("multiple", "cosine")})
    if not known(merge["mean"]):
        words = "Whether {merged} kept the adapter {adapter} was not measured: {why}."
        yield line(words, **names, why=reason(merge["mean"]))
        return
    read = {key: count(merge[key]) for key in ("items", "positions")}
    read |= {"task": text(merge["task"]), "dtype": text(merge["dtype"]), "mean": number(merge["mean"])}
    read |= {key: percent(merge[key]) for key in ("share", "same")}
    share = merge["share"]
    if not known(share):
        words = f"Whether {{merged}} kept the adapter {{adapter}} is not judged: {{why}}; {_READ}, and the most likely "
        yield line(f"{words}output is the same at {{same}}.", **names, **read, why=reason(share))
    elif share["value"] > 0.05:
        far = "is near the adapter {adapter}, and not the same"
        far = far if share["value"] < 0.5 else "did not keep the adapter {adapter}"
        yield line(f"{{merged}} {far}: {_SHARE}", **names, **read)
    else:
        yield line(f"{{merged}} kept the adapter {{adapter}}: {_SHARE}", **names, **read)


def measured(merge: Part) -> Iterator[Expected]:
    """Yields the tables of a merge beside its adapter."""
    rows: list[tuple[str, Line]] = [
        ("adapter", text(merge["adapter"])),
        ("what differs from the base model: cosine with what the adapter adds", number(merge["cosine"])),
        ("multiple of it", number(merge["multiple"])),
        ("tensors that differ beside the adapted ones", count(merge["others"])),
        ("items read", count(merge["items"])),
        ("task", text(merge["task"])),
        ("dtype", text(merge["dtype"])),
        ("positions", count(merge["positions"])),
        ("mean difference of logits: adapter and merge", number(merge["mean"])),
        ("mean difference of logits: adapter and base model", number(merge["effect"])),
        ("the former, as a share of the latter", percent(merge["share"])),
        ("largest difference of logits: adapter and merge", number(merge["largest"])),
        ("largest KL divergence from the adapter, nats", number(merge["divergence"])),
        ("positions with the same most likely output", percent(merge["same"])),
    ]
    yield table("property | value", rows)
    if known(merge["most_tokens"]):
        words = (
            "Both read what was asked of an item with its gold answer, of each the last {n} tokens or fewer; the items "
            "are those whose hashes come first in the alphabet."
        )
        yield paragraph(line(words, n=count(merge["most_tokens"])))
    if merge["scores"]:
        scores = [
            (
                line("{task}, {label}", task=text(row["task"]), label=text(row["label"])),
                change(row["difference"]),
                count(row["same"]),
                counted(row["same"], "n"),
            )
            for row in merge["scores"]
        ]
        yield table("task, primary metric | merge minus adapter | items with the same answer | items", scores)
