"""The figures as SVG text: the primary scores before and after, and each checkpoint's loss curve.

The same facts give the same bytes. Colours follow the reader's light or dark scheme.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from report.facts import Fact, is_known
from report.formats import decimals

_SCHEME = "<style>svg{color:#1f2328}@media (prefers-color-scheme:dark){svg{color:#e6edf3}}</style>"
_INK = "#010203"  # stands for the reader's text colour until the drawing is finished
_WIDTH, _ROW, _LEFT, _RIGHT = 720, 84, 16, 16


@dataclass(frozen=True)
class Picture:
    """A figure: its SVG file, what it shows, and its data as text where no table of the page has it."""

    svg: str
    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def inline(self) -> str:
        """Returns the drawing for use within a page: no XML prologue, and the page's own colours."""
        return self.svg[self.svg.index("<svg") :].replace(_SCHEME, "").strip()


def pictures(facts: Mapping[str, Any]) -> dict[str, Picture]:
    """Returns the page's figures by file name."""
    drawn = {}
    summary = _summary(facts)
    if summary and facts["summary_figure"]:
        drawn[facts["summary_figure"]["path"]["value"]] = summary
    for number, checkpoint in enumerate(facts["checkpoints"], 1):
        loss = checkpoint.get("loss", {})
        if loss and is_known(loss["curve"]):
            drawn[loss["figure"]["value"]] = _loss(checkpoint["name"]["value"], loss["curve"], f"loss{number}")
    return drawn


def _summary(facts: Mapping[str, Any]) -> Picture | None:
    """Returns the dumbbell chart: a row a checkpoint and task, hollow dot before, full dot after, with intervals."""
    rows = []
    for task in facts["tasks"]:
        for comparison in task.get("comparisons", []):
            score = next((score for score in comparison["scores"] if score["primary"]), None)
            if score and (is_known(score["before"]) or is_known(score["after"])):
                metric, checkpoint = score["label"]["value"], comparison["checkpoint"]["value"]
                name = f"{task['name']['value']}, {metric}: base and {checkpoint}"
                rows.append((name, score, task["floor"]["score"]))
    if not rows:
        return None
    height = _ROW * len(rows) + 34
    title = "Primary scores before and after fine-tuning, with their intervals"
    parts = [_row(*row, top=_ROW * i) for i, row in enumerate(rows)]
    legend = (
        f'<g transform="translate({_LEFT + 6},{height - 16})" font-size="12">'
        '<circle r="5" fill="none" stroke="currentColor" stroke-width="2"/><text x="12" y="4">base</text>'
        '<circle cx="70" r="6" fill="#2f6fde"/><text x="82" y="4">fine-tuned</text>'
        '<path d="M176 -6V6" stroke="#c2410c" stroke-width="2" stroke-dasharray="3 2"/>'
        '<text x="184" y="4">without a model (floor)</text></g>'
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-labelledby="summary-title summary-desc" font-family="system-ui, sans-serif" fill="currentColor">'
        f"{_SCHEME}"
        f'<title id="summary-title">{title}</title><desc id="summary-desc">{escape(_in_words(rows))}</desc>'
        f"{''.join(parts)}{legend}</svg>\n"
    )
    return Picture(svg, title)


def _row(name: str, score: Mapping[str, Any], floor: Fact, *, top: int) -> str:
    upper = {"points": 100.0}.get((score["before"] if is_known(score["before"]) else score["after"])["unit"], 1.0)

    def place(value: float) -> str:
        return f"{_LEFT + (_WIDTH - _LEFT - _RIGHT) * min(1.0, max(0.0, value / upper)):.1f}"

    line = top + 52
    parts = [
        f'<text x="{_LEFT}" y="{top + 20}" font-size="14" font-weight="600">{escape(name)}</text>',
        f'<path d="M{_LEFT} {line}H{_WIDTH - _RIGHT}" stroke="currentColor" stroke-opacity=".22" stroke-width="2"/>',
    ]
    if is_known(floor):
        x = place(floor["value"])
        dashes = 'stroke="#c2410c" stroke-width="2" stroke-dasharray="3 2"'
        parts.append(f'<path d="M{x} {line - 11}V{line + 11}" {dashes}/>')
    for side, colour in (("before", "currentColor"), ("after", "#2f6fde")):
        known = score[side]
        if not is_known(known):
            continue
        x = place(known["value"])
        if "interval" in known:
            low, high = place(known["interval"]["lower"]), place(known["interval"]["upper"])
            parts.append(f'<path d="M{low} {line}H{high}" stroke="{colour}" stroke-opacity=".55" stroke-width="6"/>')
        hollow = 'r="5" fill="none" stroke="currentColor" stroke-width="2"'
        look = f'r="6" fill="{colour}"' if side == "after" else hollow
        parts.append(f'<circle cx="{x}" cy="{line}" {look}/>')
        anchor = "start" if float(x) < 60 else "end" if float(x) > _WIDTH - 60 else "middle"
        height = line + 22 if side == "after" else line - 12
        parts.append(f'<text x="{x}" y="{height}" font-size="12" text-anchor="{anchor}">{_value(known)}</text>')
    return "".join(parts)


def _value(known: Fact) -> str:
    return decimals(known["value"], known["unit"]) if is_known(known) else "missing"


def _in_words(rows: list[tuple[str, Any, Any]]) -> str:
    values = ((name, _value(score["before"]), _value(score["after"])) for name, score, _ in rows)
    return "; ".join(f"{name}: {before} before, {after} after" for name, before, after in values)


def _loss(checkpoint: str, curve: Fact, salt: str) -> Picture:
    """Returns the training loss by step."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    steps, losses = zip(*curve["value"], strict=True)
    ink = dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "text.color"), _INK)
    settings: Any = {
        "svg.hashsalt": salt,
        "svg.fonttype": "none",
        "font.family": ["sans-serif"],
        "font.size": 11,
        **ink,
    }
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(7.2, 2.8), layout="constrained")
        canvas = FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        marker = "o" if len(steps) < 30 else None
        axes.plot(steps, losses, color="#2f6fde", linewidth=1.6, marker=marker, markersize=3.5)
        axes.set_xlabel("step")
        axes.set_ylabel("training loss")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.25)
        figure.patch.set_alpha(0)
        axes.patch.set_alpha(0)
        text = io.StringIO()
        canvas.print_svg(text, metadata={"Date": None, "Creator": None})
    title = f"Training loss of {checkpoint}"
    first, last = (decimals(loss, "number") for loss in (losses[0], losses[-1]))
    words = f"{len(steps)} points from step {steps[0]} to step {steps[-1]}: the loss goes from {first} to {last}."
    rows = tuple((f"{step:,}", decimals(loss, "number")) for step, loss in curve["value"])
    return Picture(_finished(text.getvalue(), salt, title, words), title, ("step", "training loss"), rows)


def _finished(svg: str, prefix: str, title: str, words: str) -> str:
    """Returns matplotlib's drawing with a title and a description, ids of its own, and the reader's text colour."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{prefix}-", svg)
    svg = svg.replace(_INK, "currentColor")
    head, rest = svg.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    named = f'{head} role="img" aria-labelledby="{prefix}-title {prefix}-desc">{_SCHEME}'
    about = f'<title id="{prefix}-title">{escape(title)}</title><desc id="{prefix}-desc">{escape(words)}</desc>'
    return f"{named}{about}{rest}"
