"""A drawing in plain pixels, its y axis pointing down, that matplotlib writes as SVG.

The same strokes give the same bytes. Ink is the reader's text colour, so that a drawing is legible on light and on
dark paper; everything that has a colour of its own has a shape, a place or a word of its own as well.
"""

import io
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

from report.page.formats import squeezed

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]

INK = "#010203"
"""Stands for the reader's text colour until the drawing is finished."""
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
"""Okabe and Ito's (2008), which colour-blind readers tell apart: 3 to 1 or more on light paper and on dark."""
WIDTH = 480.0
SIZE = 13.0
"""Of text, in pixels. On a phone a drawing is 350 pixels wide, and its text 9 or more: no text is below `_SMALLEST`."""

_SMALLEST = 12.5

RANGES = {"points": " (0 to 100)", "proportion": " (0 to 1)", "coefficient": " (−1 to 1)"}
"""What an axis says of the unit of a score."""

SCHEME = (
    "<style>svg{color:#1f2328;background:#fff}"
    "@media (prefers-color-scheme:dark){svg{color:#e6edf3;background:#0f1419}}</style>"
)
"""The reader's light or dark scheme, for a drawing as a file of its own; within a page the page has it."""
_ALIGNED = {"start": "left", "middle": "center", "end": "right"}


@dataclass(frozen=True)
class Picture:
    """A figure: its SVG file, what it shows, and its data as text."""

    svg: str
    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def inline(self) -> str:
        """Returns the drawing for use within a page, whose own colours it takes."""
        return self.svg.replace(SCHEME, "").strip()


class Drawing:
    """Strokes, areas and texts on a sheet of ``width`` by ``height`` pixels; the origin is its upper left corner."""

    def __init__(self, height: float, width: float = WIDTH) -> None:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        # 72 pixels an inch, so that matplotlib's points are our pixels.
        self._figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        self._figure.patch.set_visible(False)
        self._canvas = FigureCanvasSVG(self._figure)
        self._place: Any = Affine2D().scale(1, -1).translate(0, height)

    def line(
        self,
        points: Iterable[Point],
        *,
        colour: str = INK,
        width: float = 1.0,
        opacity: float = 1.0,
        dashes: tuple[float, float] | None = None,
    ) -> None:
        """Draws straight strokes from point to point."""
        from matplotlib.lines import Line2D

        across, down = zip(*points, strict=True)
        # matplotlib counts dashes in widths of the stroke.
        style: Any = (0, tuple(length / width for length in dashes)) if dashes else "-"
        stroke = Line2D(across, down, color=colour, linewidth=width, linestyle=style, alpha=opacity)
        self._add(stroke)

    def boxes(
        self, boxes: Sequence[tuple[float, float, float, float]], *, colour: str = INK, opacity: float = 1.0
    ) -> None:
        """Fills boxes, each given by its left, top, width and height."""
        outlines = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in boxes]
        self.areas(outlines, colour=colour, opacity=opacity)

    def areas(self, outlines: Sequence[Sequence[Point]], *, colour: str = INK, opacity: float = 1.0) -> None:
        """Fills areas with straight edges."""
        from matplotlib.path import Path

        if outlines:
            paths = [Path([*outline, outline[0]], closed=True) for outline in outlines]
            self._fill(Path.make_compound_path(*paths), colour=colour, opacity=opacity)

    def ribbon(
        self, start: tuple[Point, Point], end: tuple[Point, Point], *, colour: str = INK, opacity: float = 1.0
    ) -> None:
        """Fills what flows from one upright edge to another, each given by its upper and its lower end."""
        from matplotlib.path import Path

        (top, bottom), (far_top, far_bottom) = start, end
        middle = (top[0] + far_top[0]) / 2
        points = [
            top, (middle, top[1]), (middle, far_top[1]), far_top,
            far_bottom, (middle, far_bottom[1]), (middle, bottom[1]), bottom, top,
        ]  # fmt: skip
        curve = [Path.CURVE4] * 3
        self._fill(
            Path(points, [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]), colour=colour, opacity=opacity
        )

    def dot(
        self, at: Point, *, radius: float = 5.0, colour: str = INK, hollow: bool = False, opacity: float = 1.0
    ) -> None:
        """Draws a dot, or a ring."""
        from matplotlib.patches import Circle

        look: Any = {"fill": False, "linewidth": 2} if hollow else {"linewidth": 0}
        self._add(Circle(at, radius - (1 if hollow else 0), color=colour, alpha=opacity, **look))

    def text(
        self,
        at: Point,
        words: str,
        *,
        anchor: Anchor = "start",
        size: float = SIZE,
        bold: bool = False,
        soft: bool = False,
        within: float | None = None,
    ) -> None:
        """Writes words on the line at ``at``, shortened where they need more than ``within``; soft: to be read last."""
        words = squeezed(words).strip()
        if within is not None:
            size, words = fitted(words, within, size, bold=bold)
        self._figure.text(
            *at,
            words,
            transform=self._place,
            ha=_ALIGNED[anchor],
            va="baseline",
            fontsize=size,
            fontweight=700 if bold else 400,
            color=INK,
            alpha=0.75 if soft else None,
            parse_math=False,
        )

    def svg(self, name: str, title: str, words: str) -> str:
        """Returns the drawing with a title and a description; ``name`` begins its ids, as a page has many drawings."""
        import matplotlib

        settings: Any = {"svg.hashsalt": name, "svg.fonttype": "none"}
        text = io.StringIO()
        # The reader's machine chooses the font: what matplotlib's own font lacks does not matter.
        with matplotlib.rc_context(settings), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            self._canvas.print_svg(text, metadata=nothing)
        return _finished(text.getvalue(), name, squeezed(title).strip(), squeezed(words).strip())

    def _fill(self, path: Any, *, colour: str, opacity: float) -> None:
        from matplotlib.patches import PathPatch

        self._add(PathPatch(path, facecolor=colour, alpha=opacity, linewidth=0))

    def _add(self, artist: Any) -> None:
        artist.set_transform(self._place)
        self._figure.add_artist(artist)
        # In the order of drawing, whatever kind of stroke it is.
        artist.set_zorder(1)


def fitted(words: str, within: float, size: float = SIZE, *, bold: bool = False) -> tuple[float, str]:
    """Returns the size at which ``words`` take at most ``within`` pixels, and the words, shortened where they must be.

    They lose their middle: names are the user's, and often differ only where they end. The reader's
    font is not known: the width is that of a wide font.

    >>> fitted("base", 60), fitted("organisation/model-of-7b", 100)
    ((13.0, 'base'), (12.5, 'organi…-of-7b'))
    """
    letter = 0.66 if bold else 0.6
    size = max(_SMALLEST, min(size, round(within / (letter * max(1, len(words))), 1)))
    most = max(3, int(within / (letter * size)))
    half = (most - 1) // 2
    return size, words if len(words) <= most else f"{words[:half]}…{words[-half:]}"


def _finished(svg: str, prefix: str, title: str, words: str) -> str:
    """Returns matplotlib's drawing, smaller, with a title and a description and in the reader's text colour."""
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    # Tags alone: a word that reads like one of these must stay what it is.
    svg = re.sub(r"<[^>]*>", lambda tag: _shortened(tag[0]), svg)
    svg = re.sub(r"<g>\s*(<path [^>]*/>|<text[^>]*>[^<]*</text>)\s*</g>", r"\1", svg)
    svg = re.sub(r">\s+<", ">\n<", svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None
    width = box[0].split()[2]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box[0]} width="{width}" role="img" '
        f'aria-labelledby="{prefix}-title {prefix}-desc" font-family="system-ui, sans-serif" stroke-linejoin="round">'
    )
    about = f'<title id="{prefix}-title">{escape(title)}</title><desc id="{prefix}-desc">{escape(words)}</desc>'
    return f"{head}{SCHEME}{about}{svg.split('>', 1)[1].strip()}\n"


def _shortened(tag: str) -> str:
    """Returns a tag of matplotlib's without ids and fonts, its numbers rounded, its ink the reader's."""
    tag = re.sub(r' (id="[^"]*"|transform="rotate\(-0 [^"]*\)")', "", tag)
    tag = re.sub(r"font-family: [^;\"]*(; |(?=\"))", "", tag)
    tag = re.sub(r"(?<![\w.#])-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), tag)
    return re.sub(r"\s+", " ", tag).replace(' "', '"').replace(INK, "currentColor")
