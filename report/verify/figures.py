"""The page's figures: their titles, descriptions, labels and data."""

import re
from collections.abc import Mapping
from typing import Any

from report.verify import tables
from report.verify.expected import Figure
from report.verify.lines import Fact, Line, joined, known, line, number, setting, text

Part = Mapping[str, Any]


def summary(facts: Part) -> Figure:
    """Returns the chart of the primary scores before and after."""
    words: list[Line] = []
    labels: list[Line] = []
    for task in facts["tasks"]:
        for comparison in task.get("comparisons", []):
            score = next((score for score in comparison["scores"] if score["primary"]), None)
            if score is None or not (known(score["before"]) or known(score["after"])):
                continue
            name = line(
                "{task}, {label}: base and {checkpoint}",
                task=text(task["name"]),
                label=text(score["label"]),
                checkpoint=text(comparison["checkpoint"]),
            )
            before, after = score["before"], score["after"]
            words.append(line("{n}: {b} before, {a} after", n=name, b=_value(before), a=_value(after)))
            labels += [name, *[number(side) for side in (before, after) if known(side)]]
    labels += [line("base"), line("fine-tuned"), line("without a model (floor)")]
    return Figure(
        name=line("Primary scores before and after fine-tuning"),
        path=str(facts["summary_figure"]["path"]["value"]),
        title=line("Primary scores before and after fine-tuning, with their intervals"),
        words=joined(words, "; "),
        labels=labels,
    )


def _value(fact: Fact) -> Line:
    return number(fact) if known(fact) else ("missing",)


def loss(checkpoint: Part) -> Figure:
    """Returns a checkpoint's training loss by step."""
    curve = checkpoint["loss"]["curve"]
    (first, _), (last, _) = curve["value"][0], curve["value"][-1]
    title = line("Training loss of {name}", name=text(checkpoint["name"]))
    words = line(
        "{points} points from step {first} to step {last}: the loss goes from {one} to {other}.",
        points=setting({"value": len(curve["value"])}),
        first=setting({"value": first}),
        last=setting({"value": last}),
        one=number({**checkpoint["loss"]["first"], "value": curve["value"][0][1]}),
        other=number({**checkpoint["loss"]["last"], "value": curve["value"][-1][1]}),
    )
    return Figure(
        name=title,
        path=re.sub(r"[^A-Za-z0-9/._-]", "-", str(checkpoint["loss"]["figure"]["value"])),
        title=title,
        words=words,
        labels=[line("step"), line("training loss")],
        data=tables.loss(curve),
        has_axes=True,
    )
