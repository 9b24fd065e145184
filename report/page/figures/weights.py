"""The weights: parameters by component with the part that was trained, and how much training changed each layer."""

from collections.abc import Mapping

from report.facts.schema.parts import Fact, is_known
from report.facts.schema.training import ParameterCounts, WeightChanges
from report.facts.schema.whole import MeasuredFacts
from report.page.figures.drawing import BLUE, WIDTH, Drawing, Picture
from report.page.formats import count, decimals

_MARGIN, _ROW = 14.0, 64.0
_LONG = WIDTH - 2 * _MARGIN
_WIDE = 0.12
"""Share of the longest bar from which on a component of the base model has its name beneath it."""


def parameters(facts: MeasuredFacts, name: str) -> Picture:
    """Returns a bar a model, all on one scale, its components side by side, and in blue what was trained."""
    models = counted_models(facts)
    longest = max(own.total.value for _, own in models) or 1
    line = _ROW * len(models) + 20
    drawing = Drawing(line + 14)
    for turn, (model, own) in enumerate(models):
        top = _ROW * turn
        drawing.text((_MARGIN, top + 18), model, bold=True, within=_LONG if turn else 0.6 * _LONG)
        # Below the base model's bar stand the names of its components.
        said, down = _said(own, is_base=not turn), 56 if turn else 18
        drawing.text((WIDTH - _MARGIN, top + down), said, anchor="end")
        _bar(drawing, own, top + 26, longest, is_base=not turn)
    drawing.boxes([(_MARGIN, line - 10, 12, 12)], colour=BLUE, opacity=0.95)
    drawing.text((_MARGIN + 18, line), "trained", soft=True)
    drawing.boxes([(_MARGIN + 82, line - 10, 12, 12)], opacity=0.2)
    drawing.text((_MARGIN + 100, line), "not trained", soft=True)
    title = "Parameters by component, and the part that was trained"
    words = "; ".join(f"{model}: {_said(own, is_base=not turn)}" for turn, (model, own) in enumerate(models))
    rows = tuple(
        (
            model,
            str(row.component.value),
            str(count(row.counted)),
            _trained(row.trainable) if turn else "none",
        )
        for turn, (model, own) in enumerate(models)
        for row in own.components
    )
    columns = ("model", "component", "parameters", "trained")
    return Picture(drawing.svg(name, title, words), title, columns, rows)


def _bar(drawing: Drawing, own: ParameterCounts, top: float, longest: int, *, is_base: bool) -> None:
    start = _MARGIN
    for row in own.components:
        width = _LONG * row.counted.value / longest
        # what of a model from elsewhere was trained is not told: nothing is drawn of it
        trained = _LONG * row.trainable.value / longest if is_known(row.trainable) and not is_base else 0.0
        drawing.boxes([(start, top, width, 16)] if width else [], opacity=0.2)
        # At least as wide as can be seen.
        drawing.boxes([(start, top, max(trained, 2.0), 16)] if trained else [], colour=BLUE, opacity=0.95)
        if width > 3:
            drawing.line([(start, top - 2), (start, top + 18)], opacity=0.6)
        if is_base and row.counted.value >= _WIDE * longest:
            drawing.text((start + 5, top + 30), str(row.component.value), soft=True)
        start += width


def counted_models(facts: MeasuredFacts) -> list[tuple[str, ParameterCounts]]:
    """Returns the name and the parameter counts of the base model, the first, and of each counted checkpoint."""
    base = str(facts.model.name.value) if is_known(facts.model.name) else "base model"
    models = [(base, facts.parameters), *((str(c.display_name.value), c.parameters) for c in facts.checkpoints)]
    counted = [(name, own) for name, own in models if isinstance(own, ParameterCounts) and own.components]
    return counted if counted and counted[0][1] is facts.parameters else []


def _said(own: ParameterCounts, *, is_base: bool) -> str:
    total = f"{count(own.total)} in total"
    return total if is_base else f"{total}, {_trained(own.trainable)} trained"


def _trained(number: Fact) -> str:
    return str(count(number)) if is_known(number) else "unknown"


_STEPS = 9
"""Shades of the heat map."""
_MOST_NAMED = 12
"""Layers whose number stands above the map, at most."""


def changes(found: WeightChanges, checkpoint: str, name: str) -> Picture:
    """Returns a heat map of the relative change of each kind of matrix in each layer."""
    grid = found.grid.value
    layers = sorted({layer for layer, _, _ in grid})
    modules = list(dict.fromkeys(module for _, module, _ in grid))
    sizes = {(layer, module): size for layer, module, size in grid}
    largest = max((size for size in sizes.values() if size is not None), default=0.0)
    left, top, tall = 96.0, 30.0, 20.0
    wide = min(26.0, (WIDTH - left - 14) / len(layers))
    below = top + tall * len(modules)
    drawing = Drawing(below + 44)
    drawing.text((left - 8, 18), "layer", anchor="end", soft=True)
    step = next(step for step in (1, 2, 5, 10, 20, 50, len(layers)) if len(layers) <= _MOST_NAMED * step)
    for turn in range(0, len(layers), step):
        drawing.text((left + wide * (turn + 0.5), 18), str(layers[turn]), anchor="middle", soft=True)
    for line, module in enumerate(modules):
        drawing.text((left - 8, top + tall * line + 14), module, anchor="end", within=left - 12)
    shades: dict[int, list[tuple[float, float, float, float]]] = {}
    for (layer, module), change in sizes.items():
        x, y = left + wide * layers.index(layer), top + tall * modules.index(module)
        shade = -1 if change is None else min(_STEPS - 1, int(_STEPS * change / largest)) if largest else 0
        shades.setdefault(shade, []).append((x, y, wide - 1, tall - 1))
    for shade, boxes in sorted(shades.items()):
        _shade(drawing, boxes, shade)
    below += 30
    drawing.text((left - 8, below), "change", anchor="end", soft=True)
    drawing.text((left, below), "0 %", soft=True)
    for shade in range(_STEPS):
        _shade(drawing, [(left + 30 + 13 * shade, below - 11, 13, 14)], shade)
    drawing.text((left + 36 + 13 * _STEPS, below), _percent(largest), soft=True)
    _shade(drawing, [(left + 226, below - 11, 16, 14)], -1)
    drawing.text((left + 248, below), "not trained", soft=True)
    title = f"How much training changed each layer of {checkpoint}"
    size = f"{count(len(layers))} layers by {count(len(modules))} kinds of matrices"
    words = f"{size}; the largest relative change is {_percent(largest)}."
    rows = tuple((str(layer), *(_cell(sizes, layer, module) for module in modules)) for layer in layers)
    return Picture(drawing.svg(name, title, words), title, ("layer", *modules), rows)


def _shade(drawing: Drawing, boxes: list[tuple[float, float, float, float]], shade: int) -> None:
    if shade < 0:
        drawing.boxes(boxes, opacity=0.09)
    else:
        drawing.boxes(boxes, colour=BLUE, opacity=round(0.12 + 0.88 * shade / (_STEPS - 1), 3))


def _cell(sizes: Mapping[tuple[int, str], float | None], layer: int, module: str) -> str:
    if (layer, module) not in sizes:
        return "none"
    size = sizes[layer, module]
    return "not trained" if size is None else _percent(size)


def _percent(share: float) -> str:
    """Returns a share in per cent with two decimals: changes of a weight are small."""
    return f"{decimals(100 * share, 'points')} %"
