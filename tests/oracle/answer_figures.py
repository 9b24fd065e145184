"""The figures of what was answered: their titles, descriptions, labels and data."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from tests.oracle.expected import Figure, table
from tests.oracle.figures import named
from tests.oracle.lines import Line, count, joined, line, percent, text
from tests.oracle.numerals import Whole

Part = Mapping[str, Any]
Sides = list[tuple[str, Part]]


def drawn(kind: Literal["confusion", "reliability", "distributions"], task: Part, comparison: Part) -> Iterator[Figure]:
    """Yields the figure of a kind, where the facts of a comparison have one."""
    if kind in comparison["figures"]:
        figure = {"confusion": _confusion, "reliability": _reliability, "distributions": _distributions}[kind]
        yield figure(task, comparison)


def _sides(task: Part, comparison: Part, kind: str) -> Sides:
    both = (("base", task["before"]), ("fine-tuned", comparison["after"]))
    return [(name, side["diagnosis"][kind]) for name, side in both if kind in side.get("diagnosis", {})]


def _title(template: str, task: Part, comparison: Part, **slots: Line) -> Line:
    names = {"task": text(task["name"]), "checkpoint": text(comparison["display_name"])}
    return line(f"{template} on {{task}}: base and {{checkpoint}}", **names, **slots)


_CELLS = (
    ("true_positive", "true positives"),
    ("false_negative", "false negatives"),
    ("false_positive", "false positives"),
    ("true_negative", "true negatives"),
)


def _matrix(task: Part, comparison: Part) -> Figure:
    """Returns the tables of more than two labels: numbered columns, a row a gold label, no number in empty cells."""
    both = (("base", task["before"]), ("fine-tuned", comparison["after"]))
    sides = [(name, side["matrix"]) for name, side in both if "matrix" in side]
    names = [text(label) for label in sides[0][1]["labels"]]
    labels, told, rows = list[Line](), list[Line](), list[tuple[Line | str, ...]]()
    for name, found in sides:
        counts = found["counts"]["value"]
        labels += [
            line(name),
            line("predicted"),
            line("gold label"),
            *((Whole(at),) for at in range(1, len(names) + 1)),
        ]
        for at, (label, row) in enumerate(zip(names, counts, strict=True), 1):
            labels.append(line("{at} {label}", at=(Whole(at),), label=label))
            labels += [(Whole(items),) for items in row if items]
            rows.append((name, label, *((Whole(items),) for items in row)))
        right, every = sum(counts[at][at] for at in range(len(counts))), sum(sum(row) for row in counts)
        told.append(line("{name}: {n} of {all} answers are correct", name=name, n=(Whole(right),), all=(Whole(every),)))
    labels += [line("correct"), line("wrong; the darker, the larger the share of its row")]
    header = " | ".join(["model", "gold label", *(f"{{l{at}}}" for at in range(len(names)))])
    return named(
        _title("Gold label and answer", task, comparison),
        comparison["figures"]["confusion"],
        joined(told, "; "),
        labels,
        table(header, rows, **{f"l{at}": name for at, name in enumerate(names)}),
    )


def _confusion(task: Part, comparison: Part) -> Figure:
    if "matrix" in task["before"] or "matrix" in comparison["after"]:
        return _matrix(task, comparison)
    positive = text(task["positive"])
    sides = _sides(task, comparison, "classification")
    labels = [line("gold label"), positive, line("other")]
    told = []
    for name, found in sides:
        counts = [count(found[key]) for key, _ in _CELLS]
        labels += [line(name), line("predicted"), positive, line("other"), *counts]
        every = joined(line(f"{{n}} {words}", n=n) for n, (_, words) in zip(counts, _CELLS, strict=True))
        told.append(line("{name}: {every}", name=name, every=every))
    labels += [line("correct"), line("wrong; the darker, the larger the share of its row")]
    header = " | ".join(["model", *(f"{{p}}: {words}" for _, words in _CELLS)])
    rows: list[tuple[Line | str, ...]] = [(name, *(count(found[key]) for key, _ in _CELLS)) for name, found in sides]
    return named(
        _title("Gold label and answer", task, comparison),
        comparison["figures"]["confusion"],
        joined(told, "; "),
        labels,
        table(header, rows, p=positive),
    )


def moves(task: Part, comparison: Part) -> Figure:
    """Returns the bands of items from right or wrong before to right or wrong after."""
    found = comparison["transitions"]
    ways = (
        ("both_right", "both correct"),
        ("broken", "broken"),
        ("fixed", "fixed"),
        ("both_wrong", "both wrong"),
    )
    value = {key: found[key]["value"] for key, _ in ways}
    right, wrong = value["both_right"] + value["broken"], value["fixed"] + value["both_wrong"]
    ends = ("both_right", "fixed", "broken", "both_wrong")
    labels = [line("base"), line("fine-tuned"), line("correct: {n}", n=(Whole(right),))]
    labels.append(line("wrong: {n}", n=(Whole(wrong),)))
    labels += [line(f"{dict(ways)[key]}: {{n}}", n=count(found[key])) for key in ends]
    return named(
        _title("Where items moved by {metric}", task, comparison, metric=text(found["label"])),
        comparison["figures"]["moves"],
        joined(line(f"{{n}} {words}", n=count(found[key])) for key, words in ways),
        labels,
        table("item by item | items", [(words, count(found[key])) for key, words in ways]),
    )


def _reliability(task: Part, comparison: Part) -> Figure:
    every = _sides(task, comparison, "classification") + _sides(task, comparison, "choices")
    sides = [(name, bins) for name, found in every if (bins := found["calibration"]["bins"])]
    told, rows = [], []
    for name, bins in sides:
        last = bins[-1]
        told.append(
            line(
                "{name}: of {n} answers of confidence {lower} or more {right} are correct",
                name=name,
                n=count(last["scored"]),
                lower=percent(last["lower"]),
                right=percent(last["right"]),
            )
        )
        for bin in bins:
            span = line("{a} to {b}", a=percent(bin["lower"]), b=percent(bin["upper"]))
            rows.append((name, span, count(bin["scored"]), percent(bin["confidence"]), percent(bin["right"])))
    return named(
        _title("Confidence and accuracy", task, comparison),
        comparison["figures"]["reliability"],
        joined(told, "; "),
        [
            line("accuracy, %"),
            line("confidence, % (the larger a dot, the more items)"),
            line("base"),
            line("fine-tuned"),
            line("perfect calibration"),
        ],
        table("model | confidence | items | mean confidence | accuracy", rows),
        has_axes=True,
    )


def _distributions(task: Part, comparison: Part) -> Figure:
    sides = [(name, found["distributions"]) for name, found in _sides(task, comparison, "extraction")]
    labels: list[Line] = []
    rows: list[tuple[Line | str, ...]] = []
    for key, what in (("words", "answer length, words"), ("f1", "token F1, 0 to 100")):
        labels.append(line(what))
        for name, found in sides:
            labels += [line(name), *((Whole(items),) for _, _, items in found[key]["value"])]
        for turn, (lower, upper, _) in enumerate(sides[0][1][key]["value"]):
            span = _span(lower, upper, 1 if key == "words" else 100)
            labels.append(span)
            rows.append((what, span, *((Whole(found[key]["value"][turn][2]),) for _, found in sides)))
    told = [
        line(
            "{name}: {none} of {all} questions without an answer, {perfect} answered perfectly",
            name=name,
            none=(Whole(found["words"]["value"][0][2]),),
            all=(Whole(found["words"]["n"]),),
            perfect=(Whole(found["f1"]["value"][-1][2]),),
        )
        for name, found in sides
    ]
    return named(
        _title("Lengths and scores of the answers", task, comparison),
        comparison["figures"]["distributions"],
        joined(told, "; "),
        labels,
        table(" | ".join(["distribution | range", *(name for name, _ in sides)]), rows),
    )


def _span(lower: float, upper: float | None, scale: int) -> Line:
    ends: list[Line] = [(Whole(round(end * scale)),) for end in (lower, upper) if end is not None]
    if upper is None:
        return line("{a}+", a=ends[0])
    return ends[0] if lower == upper else line("{a}–{b}", a=ends[0], b=ends[1])
