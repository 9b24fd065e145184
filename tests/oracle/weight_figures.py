"""The figures of the weights: parameters by component, and how much training changed each layer."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.oracle.expected import Figure, table
from tests.oracle.figures import named
from tests.oracle.lines import Line, count, joined, known, line, text
from tests.oracle.numerals import Number, Whole

Part = Mapping[str, Any]

_NAMED = 0.12
"""Share of the most parameters of any model from which on a component of the base model is named in the drawing."""
_MOST_LAYERS = 12
"""Layers that are named in the drawing at most: all, every second, fifth and so on."""


def parameters(facts: Part) -> Iterator[Figure]:
    """Yields the bars of the models' parameters, where those of the base model were counted."""
    base = facts["parameters"]
    if not base.get("components"):
        return
    name = text(facts["model"]["name"]) if known(facts["model"]["name"]) else line("base model")
    tuned = [
        (text(one["display_name"]), one["parameters"])
        for one in facts["checkpoints"]
        if one["parameters"].get("components")
    ]
    most = max(own["total"]["value"] for own in (base, *(own for _, own in tuned)))
    labels: list[Line] = [name, (total := line("{n} in total", n=count(base["total"])))]
    labels += [text(row["component"]) for row in base["components"] if row["counted"]["value"] >= _NAMED * (most or 1)]
    told = [line("{name}: {total}", name=name, total=total)]
    rows: list[tuple[Line | str, ...]] = [
        (name, text(row["component"]), count(row["counted"]), "none") for row in base["components"]
    ]
    for one, own in tuned:
        said = line("{n} in total, {t} trained", n=count(own["total"]), t=_number(own["trainable"]))
        labels += [one, said]
        told.append(line("{name}: {said}", name=one, said=said))
        rows += [
            (one, text(row["component"]), count(row["counted"]), _number(row["trainable"])) for row in own["components"]
        ]
    labels += [line("trained"), line("not trained")]
    title = line("Parameters by component, and the part that was trained")
    yield Figure(
        name=title,
        path="figures/parameters.svg",
        title=title,
        words=joined(told, "; "),
        labels=labels,
        data=table("model | component | parameters | trained", rows),
    )


def _number(fact: Part) -> Line:
    """Returns a count in a drawing, where there is no room for the reason that one is not known."""
    return count(fact) if known(fact) else line("unknown")


def changes(checkpoint: Part) -> Iterator[Figure]:
    """Yields the heat map of how much training changed each layer, where anything of a layer was trained."""
    found = checkpoint["changes"]
    if not known(found["grid"]):
        return
    cells = {(layer, module): size for layer, module, size in found["grid"]["value"]}
    layers = sorted({layer for layer, _ in cells})
    modules = list(dict.fromkeys(module for _, module in cells))
    largest = _percent(max(size for size in cells.values() if size is not None))
    every = next(step for step in (1, 2, 5, 10, 20, 50, len(layers)) if len(layers) / step <= _MOST_LAYERS)
    labels: list[Line] = [line("layer"), *((Whole(layer),) for layer in layers[::every])]
    labels += [text({"value": module}) for module in modules]
    labels += [line("change"), line("0 %"), largest, line("not trained")]
    yield named(
        line("How much training changed each layer of {name}", name=text(checkpoint["display_name"])),
        found["figure"],
        line(
            "{layers} layers by {modules} kinds of matrices; the largest relative change is {most}.",
            layers=(Whole(len(layers)),),
            modules=(Whole(len(modules)),),
            most=largest,
        ),
        labels,
        table(
            " | ".join(["layer", *(f"{{_{i}}}" for i in range(len(modules)))]),
            [[(Whole(layer),), *(_cell(cells, layer, module) for module in modules)] for layer in layers],
            **{f"_{i}": text({"value": module}) for i, module in enumerate(modules)},
        ),
    )


def _cell(cells: Mapping[tuple[int, str], float | None], layer: int, module: str) -> Line:
    if (layer, module) not in cells:
        return line("none")
    size = cells[layer, module]
    return line("not trained") if size is None else _percent(size)


def _percent(share: float) -> Line:
    return (Number(share, 2, scale=100, after=" %"),)
