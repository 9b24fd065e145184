"""The page's figures of scores and of training: their titles, descriptions, labels and data."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.oracle import tables
from tests.oracle.expected import Figure, Table, table
from tests.oracle.lines import Fact, Line, count, joined, known, line, number, setting, text, value

Part = Mapping[str, Any]


def named(
    title: Line, path: Fact, words: Line, labels: Sequence[Line], data: Table, *, has_axes: bool = False
) -> Figure:
    """Returns a figure that is called by its title, in the file that a fact names."""
    file = re.sub(r"[^A-Za-z0-9/._-]", "-", str(path["value"]))
    return Figure(name=title, path=file, title=title, words=words, labels=labels, data=data, has_axes=has_axes)


_WHOLE = {"points": (0.0, 100.0), "proportion": (0.0, 1.0), "share": (0.0, 1.0), "coefficient": (-1.0, 1.0)}


def score(task: Part, comparison: Part, row: Part) -> Figure:
    """Returns the small drawing of a primary score before and after, on the whole scale of its unit."""
    shown = [fact for fact in (row["before"], row["after"]) if known(fact)]
    unit = shown[0]["unit"]
    floor = task["floor"]["score"]
    words_alone = [comparison["simpler"]["score"]] if "simpler" in comparison else []
    values = [fact["value"] for fact in (*shown, floor, *words_alone) if known(fact)]
    values += [end for fact in shown if "interval" in fact for end in (fact["interval"][k] for k in ("lower", "upper"))]
    values += [one["interval"][key] for one in (floor, *words_alone) for key in ("lower", "upper") if "interval" in one]
    lower = min(0.0, *values)
    start, end = _WHOLE.get(unit, (lower, max(values) if max(values) > lower else lower + 1))
    beside = f", {comparison['simpler']['name']['value']} {{score}}" if words_alone else ""
    words = (
        f"{{before}} before, {{after}} after, trivial baseline {{floor}}{beside}; the scale from {{start}} to {{end}}"
    )
    return Figure(
        name=line("Both scores with their intervals on the metric's scale"),
        path=re.sub(r"[^A-Za-z0-9/._-]", "-", str(comparison["figures"]["score"]["value"])),
        title=line(
            "{label} on {task}: base and {name}",
            label=text(row["label"]),
            task=text(task["name"]),
            name=text(comparison["display_name"]),
        ),
        words=line(
            words,
            before=value(row["before"]),
            after=value(row["after"]),
            floor=value(floor),
            score=joined(map(value, words_alone)),
            start=number({"value": start, "unit": unit}),
            end=number({"value": end, "unit": unit}),
        ),
        is_in_cell=True,
    )


def loss(checkpoint: Part) -> Figure:
    """Returns a checkpoint's training loss by step, beside its loss on the development split where there is one."""
    curve = checkpoint["loss"]["curve"]["value"]
    dev = [(step, found) for step, _, found, _ in _development(checkpoint)]
    (first, _), (last, _) = curve[0], curve[-1]
    words = line(
        "{points} points from step {first} to step {last}: the loss goes from {one} to {other}.",
        points=setting({"value": len(curve)}),
        first=setting({"value": first}),
        last=setting({"value": last}),
        one=_loss(curve[0][1]),
        other=_loss(curve[-1][1]),
    )
    labels = [line("training loss (nats)" if not dev else "loss (nats)"), line("optimiser step")]
    data = tables.loss(checkpoint["loss"]["curve"])
    if dev:
        more = " On the development split it goes from {a} to {b}."
        words = line("{words}" + more, words=words, a=_loss(dev[0][1]), b=_loss(dev[-1][1]))
        labels += [line("training"), line("dev split")]
        rows = []
        for step in sorted({step for step, _ in [*curve, *dev]}):
            both = [dict(points).get(step) for points in (curve, dev)]
            rows.append((count({"value": step}), *(line("not noted") if one is None else _loss(one) for one in both)))
        data = table("step | training loss | loss on the development split", rows)
    title = line("Training loss of {name}", name=text(checkpoint["display_name"]))
    return named(title, checkpoint["loss"]["figure"], words, labels, data, has_axes=True)


def _loss(found: float) -> Line:
    return number({"value": found, "unit": "number"})


def _development(checkpoint: Part) -> Sequence[Any]:
    """Returns the rows of step, tokens, loss and accuracy of a checkpoint's development curve; none without one."""
    found: Sequence[Any] = (checkpoint.get("development") or {"curve": {"value": []}})["curve"]["value"]
    return found


def development(checkpoint: Part) -> Iterator[Figure]:
    """Yields the accuracy on the development split over training tokens, where there is such a split."""
    curve = _development(checkpoint)
    if not curve:
        return
    found = checkpoint["development"]
    labels = [line("accuracy on the development split (0 to 1)"), line("training tokens read")]
    if known(found["chosen"]) and found["chosen"]["value"] in [step for step, *_ in curve]:
        labels.append(line("kept"))
    yield named(
        line("Accuracy on the development split over training tokens: {name}", name=text(checkpoint["display_name"])),
        found["figure"],
        line(
            "{n} evaluations; the accuracy goes from {first} to {last}.",
            n=count({"value": len(curve)}),
            first=_accuracy(curve[0][3]),
            last=_accuracy(curve[-1][3]),
        ),
        labels,
        table(
            "step | training tokens read | accuracy",
            [(count({"value": step}), count({"value": tokens}), _accuracy(right)) for step, tokens, _, right in curve],
        ),
        has_axes=True,
    )


def _accuracy(found: float) -> Line:
    return number({"value": found, "unit": "proportion"})


def over_tokens(task: Part) -> Iterator[Figure]:
    """Yields a task's primary score over training tokens, where checkpoints of different ones were scored."""
    found = task["over_tokens"]
    if not found:
        return
    points = found["points"]
    primary = text(task["primary"])
    told = [
        line(
            "{name}: {score} after {tokens} tokens",
            name=text(point["checkpoint"]),
            score=number(point["score"]),
            tokens=count(point["tokens"]),
        )
        for point in points
    ]
    rows = [
        (text(point["checkpoint"]), text(point["method"]), count(point["tokens"]), value(point["score"]))
        for point in points
    ]
    methods = dict.fromkeys(point["method"]["value"] for point in points)
    spans = {"proportion": " (0 to 1)", "points": " (0 to 100)", "coefficient": " (−1 to 1)"}
    span = spans.get(points[0]["score"]["unit"], "")
    yield named(
        line("Scores over training tokens on {task}: {metric}", metric=primary, task=text(task["name"])),
        found["figure"],
        joined(told, "; "),
        [
            line("{primary}" + span, primary=primary),
            line("training tokens read"),
            *(text({"value": method}) for method in methods),
        ],
        table("checkpoint | method | training tokens read | {metric}", rows, metric=primary),
        has_axes=True,
    )
