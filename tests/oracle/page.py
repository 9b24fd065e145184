"""A report's page as blocks of visible text, the same from Markdown and from HTML.

Only what a reader sees is kept: escapes are undone, emphasis is dropped, white space is squeezed. What could hide a
text (a comment, a script, an attribute that is read aloud or overlaid) is kept as an oddity, which is a problem.
"""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

Kind = Literal["heading", "text", "item", "quote", "table", "code", "figure", "fold", "end"]

DRAWING = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands in the text of a cell where a drawing does."""


@dataclass(frozen=True)
class Label:
    """A text within a drawing, and where it stands there (None: it does not say)."""

    text: str
    x: float | None = None
    y: float | None = None


@dataclass
class Block:
    """A piece of the page; which fields are filled depends on its kind."""

    kind: Kind
    text: str = ""
    """Heading, paragraph, list item, quote or code; of a figure or a fold what it is called."""
    level: int = 0
    """Of a heading: 1 to 6."""
    rows: list[list[str]] = field(default_factory=list)
    """The cells of a table, the header first; of a figure its data, where the page has them."""
    links: list[tuple[str, str]] = field(default_factory=list)
    """Text and target of each link."""
    path: str = ""
    """Of a figure in Markdown: its file."""
    labels: list[Label] = field(default_factory=list)
    """Of a figure in HTML: the texts of the drawing."""
    about: dict[str, str] = field(default_factory=dict)
    """Of a figure in HTML: `title`, `desc`, `caption`, `summary`."""
    drawings: list["Block"] = field(default_factory=list)
    """Of a table: the drawings within its cells, in their order."""


@dataclass
class Page:
    """A whole page; what only HTML has is empty in Markdown."""

    html: bool
    blocks: list[Block] = field(default_factory=list)
    title: str = ""
    description: str = ""
    contents: list[tuple[str, str]] = field(default_factory=list)
    """Text and target of each line of the table of contents."""
    anchors: dict[str, str] = field(default_factory=dict)
    """The id of a heading to its text."""
    noted: list[tuple[str, str]] = field(default_factory=list)
    """The number of its note and the text of each number that has one."""
    scripts: list[str] = field(default_factory=list)
    """What stands in each script element, in their order."""
    has_items: bool = False
    """Whether it has the explorer, which shows samples and claims nothing; it is read by nobody here."""
    aside: list[str] = field(default_factory=list)
    """Texts beside the content: the link that skips to it, the title of the table of contents."""
    oddities: list[str] = field(default_factory=list)


def squeezed(text: str) -> str:
    """Returns ``text`` with runs of white space and control characters as one space, none at the ends.

    >>> squeezed(" a\\n  b\\t")
    'a b'
    """
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()


def read_page(text: str) -> Page:
    """Returns the page in ``text``; its content, not a file's name, tells HTML from Markdown.

    >>> [block.text for block in read_page("# A\\n\\nb *c*\\nd").blocks]
    ['A', 'b c d']
    """
    if re.match(r"\s*<(!doctype\s+html|html)\b", text, flags=re.IGNORECASE):
        reader = _Reader()
        reader.feed(text)
        reader.close()
        reader.flush()
        return reader.page
    return _from_markdown(text)


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


_FENCED = re.compile(r"(^(`{3,})[^\n]*\n.*?^\2$)", flags=re.MULTILINE | re.DOTALL)
_NOTE = re.compile(r"^\[\^(\d+)\]: (.*)$", flags=re.MULTILINE)
_NOTED = re.compile(r"^Sources\.\[\^(\d+)\]$", flags=re.MULTILINE)


def _without_footnotes(text: str, page: Page) -> str:
    """Returns the page with each footnote where it is called; one that is called twice or never is an oddity.

    What stands in a block of code is no footnote, whatever it looks like.
    """
    parts = _FENCED.split(text)  # text, a block of code, its fence, text, and so on
    prose = [_NOTE.findall(part) for part in parts[::3]]
    notes = dict(found for part in prose for found in part)
    called = [number for part in parts[::3] for number in _NOTED.findall(part)]
    if sum(map(len, prose)) != len(notes) or sorted(called) != sorted(notes):
        page.oddities.append("a footnote that is not called once, or a call of none")
    for place in range(0, len(parts), 3):
        plain = _NOTE.sub("", parts[place])
        parts[place] = _NOTED.sub(lambda found: f"Sources: {notes.get(found[1], '')}", plain)
    return "".join(part for place, part in enumerate(parts) if place % 3 != 2)


def _from_markdown(text: str) -> Page:
    page = Page(html=False)
    text = _without_footnotes(text, page)
    environment: dict[str, dict[str, dict[str, str]]] = {}
    within: list[str] = []
    table = Block("table")
    level = 0
    for token in _MARKDOWN.parse(text, environment):
        name = token.type.removesuffix("_open").removesuffix("_close")
        if token.nesting == 1:
            within.append(name)
            level = int(token.tag[1]) if name == "heading" else level
            if name == "table":
                table = Block("table")
                page.blocks.append(table)
            elif name == "tr":
                table.rows.append([])
        elif token.nesting == -1:
            within.pop()
        elif token.type == "inline":
            shown, links, images = _inline(token.children or [])
            if "table" in within:
                table.rows[-1].append(shown)
                table.links += links
                table.drawings += map(_image, images)
            elif folds := _folds(token.content):
                page.blocks += folds
                images = []  # a summary is HTML: GitHub reads no Markdown in it
            elif shown == DRAWING:
                page.blocks.append(_image(images[0]))
            elif "heading" in within:
                page.blocks.append(Block("heading", shown, level=level, links=links))
            else:
                page.blocks.append(Block(_kind(within), shown, links=links))
            if images and shown != DRAWING and "table" not in within:
                page.oddities.append(f"an image within a text: {images[0].content}")
        elif token.type in ("fence", "code_block"):
            page.blocks.append(Block("code", squeezed(token.content)))
        else:
            page.oddities.append(f"a piece of Markdown of the kind {token.type}")
    for name, target in environment.get("references", {}).items():
        page.oddities.append(f"a link definition that no reader sees: {name} {target.get('href')}")
    return page


_FOLD = re.compile(r"<details>\n<summary>([^\n]*)</summary>")


def _folds(markdown: str) -> list[Block]:
    """Returns the beginning or the end of what a reader opens by hand; of any other paragraph nothing.

    Each is a paragraph of its own: GitHub reads Markdown within it only after an empty line.
    """
    if found := _FOLD.fullmatch(markdown):
        return [Block("fold", squeezed(html.unescape(found[1])))]
    return [Block("end")] if markdown == "</details>" else []


def _image(token: Token) -> Block:
    return Block("figure", _inline(token.children or [])[0], path=str(token.attrGet("src")))


def _kind(within: Iterable[str]) -> Kind:
    """Returns what a paragraph is by what it stands in."""
    return "quote" if "blockquote" in within else "item" if {"list_item", "li"} & set(within) else "text"


def _inline(tokens: Iterable[Token]) -> tuple[str, list[tuple[str, str]], list[Token]]:
    """Returns the visible text, the links and the images of a paragraph's tokens."""
    parts: list[str] = []
    links: list[tuple[str, str]] = []
    images: list[Token] = []
    begun = 0
    target = ""
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            images.append(token)
            parts.append(DRAWING)
        elif token.type == "link_open":
            begun, target = len(parts), str(token.attrGet("href"))
        elif token.type == "link_close":
            links.append((squeezed("".join(parts[begun:])), target))
        else:
            parts.append(token.content)
    return squeezed("".join(parts)), links, images


_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCKS = {"p", "li", "ul", "ol", "blockquote", "td", "th", "pre", "table", "figure", "section", "div", "main", "nav"}
_BLOCKS |= _HEADINGS | {"figcaption", "summary", "details", "tr", "thead", "tbody"}
_PHRASES = {"a", "code", "strong", "em", "br", "span"}
_SHELL = {"html", "head", "body", "meta", "title", "style", "script"}
_DRAWING = {"svg", "g", "path", "circle", "text", "tspan", "defs", "use", "clippath", "rect", "line", "desc"}
_TEXTS = {"svg", "text", "title", "desc", "style", "script"}
"""What is no block and yet ends the text before it."""
_EMPTY = {"meta", "br"}
_ATTRIBUTES = {"class", "id", "href", "scope", "tabindex", "lang", "charset", "name", "content", "style", "aria-label"}
_OWN_ATTRIBUTES = {("span", "data-n"), ("script", "type")}
_POLICY = re.compile(
    r"default-src 'none'; script-src (?:'sha256-[A-Za-z0-9+/]{43}=' )+'self' file:; style-src 'unsafe-inline'; "
    r"img-src 'self' file: data:; base-uri 'none'; form-action 'none'"
)
"""The one thing that a `meta` may have the browser do: refuse what is not the page's own."""
_PRINT = re.compile(r"@media print\s*\{(?:[^{}]|\{[^{}]*\})*\}")
_TELLING = re.compile(r"(?<![-\w])content\s*:|display\s*:\s*none|visibility|opacity\s*:\s*0|@import|url\(")


@cache
def _own_styles() -> set[str]:
    """Returns the page's own style, which may hide what it likes: the page without and with its explorer."""
    one, other = ((files("templates") / name).read_text(encoding="utf-8") for name in ("report.css", "explorer.css"))
    return {squeezed(one), squeezed(one + other)}


class _Reader(HTMLParser):
    """Reads an HTML page into blocks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page(html=True)
        self.open: list[str] = []
        self.text: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.link: tuple[int, str] | None = None
        self.note: tuple[int, str] | None = None
        self.within_items = 0
        self.anchor = ""
        self.to_itself: int | None = None
        self.place: tuple[float | None, float | None] = (None, None)
        self.drawing: Block | None = None
        """The drawing within a cell that is being read."""
        self.cell: list[str] = []
        """What stands in the cell before it."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag == "section" and (self.within_items or given.get("id") == "explorer"):
            if self.within_items == 0:
                self.flush()
            self.within_items += 1
            self.page.has_items = True
        if self.within_items:
            return
        self._mind(tag, given)
        if tag == "svg" and {"td", "th"} & set(self.open) and "figure" not in self.open:
            self.cell, self.text = [*self.text, DRAWING], []
            self.drawing = Block("figure")
            self.page.blocks[-1].drawings.append(self.drawing)
        elif tag in _BLOCKS or tag in _TEXTS:
            self.flush()
        if tag not in _EMPTY:
            self.open.append(tag)
        if tag == "br":
            self.text.append(" ")
        elif tag == "table" and "figure" not in self.open:
            self.page.blocks.append(Block("table"))
        elif tag == "tr":
            self.page.blocks[-1].rows.append([])
        elif tag == "figure":
            self.page.blocks.append(Block("figure"))
        elif tag in _HEADINGS:
            self.anchor = given.get("id", "")
        elif tag == "a" and given.get("class") == "anchor":
            self._link_to_itself(given)
        elif tag == "a":
            self.link = (len(self.text), given.get("href", ""))
        elif tag == "span" and "data-n" in given:
            self.note = (len(self.text), given.get("data-n", ""))
        elif tag == "text":
            self.place = (_number(given.get("x")), _number(given.get("y")))
        elif tag == "meta" and given.get("name") == "description":
            self.page.description = given.get("content", "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.within_items:
            self.within_items -= tag == "section"
            return
        if tag == "a" and self.to_itself is not None:
            if "".join(self.text[self.to_itself :]) != "#":
                self.page.oddities.append("a heading's link to itself that says something")
            del self.text[self.to_itself :]
            self.to_itself = None
        elif tag == "a" and self.link is not None:
            begun, target = self.link
            self.links.append((squeezed("".join(self.text[begun:])), target))
            self.link = None
        if tag == "span" and self.note is not None:
            begun, number = self.note
            self.page.noted.append((number, squeezed("".join(self.text[begun:]))))
            self.note = None
        if tag == "script":
            self.page.scripts.append("".join(self.text).strip())
            self.text = []
        if tag in _BLOCKS or tag in _TEXTS:
            self.flush()
        if tag in self.open:
            while self.open.pop() != tag:
                pass
        if tag == "svg" and self.drawing:
            self.text, self.drawing = self.cell, None
        elif tag == "details" and "figure" not in self.open:
            self.page.blocks.append(Block("end"))

    def handle_data(self, data: str) -> None:
        if not self.within_items:
            self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.page.oddities.append(f"a comment: {squeezed(data)}")

    def flush(self) -> None:
        """Ends the text that was being read, and puts it where it belongs."""
        text, links = squeezed("".join(self.text)), self.links
        self.text, self.links, self.link = [], [], None
        # An element that holds only blocks has the line breaks between them as its text.
        if not text and not {"td", "th"} & set(self.open[-1:]):
            return
        within, page = self.open, self.page
        if "style" in within:
            if "svg" not in within and text not in _own_styles() and _TELLING.search(_PRINT.sub("", text)):
                page.oddities.append("a style that adds or hides text, or loads something")
        elif self.drawing:
            self._figure(self.drawing, text)
        elif "figure" in within:
            self._figure(page.blocks[-1], text)
        elif "summary" in within:
            page.blocks.append(Block("fold", text))
        elif "title" in within:
            page.title = text
        elif "nav" in within:
            if [name for name, _ in links] == [text]:
                page.contents += links
            else:
                page.aside.append(text)
        elif "td" in within or "th" in within:
            page.blocks[-1].rows[-1].append(text)
            page.blocks[-1].links += links
        elif heading := _HEADINGS & set(within):
            page.blocks.append(Block("heading", text, level=int(heading.pop()[1]), links=links))
            if self.anchor:
                page.anchors[self.anchor] = text
        elif "pre" in within:
            page.blocks.append(Block("code", text))
        elif "main" not in within and links and links[0][0] == text:
            page.aside.append(text)
        else:
            page.blocks.append(Block(_kind(within), text, links=links))

    def _link_to_itself(self, given: dict[str, str]) -> None:
        """Minds the link on a heading: it leads to that heading, and all that it says is where."""
        right = {"class": "anchor", "href": f"#{self.anchor}", "aria-label": "Link to this part"}
        if given != right or not _HEADINGS & set(self.open):
            self.page.oddities.append(f"a link of a heading that is none: {given}")
        self.to_itself = len(self.text)

    def _figure(self, figure: Block, text: str) -> None:
        if "svg" in self.open:
            if "text" in self.open:
                figure.labels.append(Label(text, *self.place))
            elif self.open[-1] in ("title", "desc"):
                figure.about[self.open[-1]] = text
                figure.text = figure.about.get("title", "")
            else:
                self.page.oddities.append(f"a text within a drawing that is no label: {text}")
        elif "td" in self.open or "th" in self.open:
            figure.rows[-1].append(text)
        elif self.open[-1] in ("figcaption", "summary"):
            figure.about[self.open[-1].removeprefix("fig")] = text
        else:
            self.page.oddities.append(f"a text within a figure that is none of its parts: {text}")

    def _mind(self, tag: str, given: dict[str, str]) -> None:
        """Notes what this page has no use for and what could show or hide something."""
        drawing = "svg" in self.open or tag == "svg"
        misplaced = tag == "script" and "main" in self.open
        if misplaced or (tag not in _BLOCKS | _PHRASES | _SHELL and not (drawing and tag in _DRAWING)):
            self.page.oddities.append(f"an element <{tag}>")
        policy = {"http-equiv": "Content-Security-Policy", "content": given.get("content", "")}
        if tag == "meta" and given == policy and _POLICY.fullmatch(policy["content"]):
            return
        for key, value in given.items():
            if key.startswith("on") or (not drawing and key not in _ATTRIBUTES and (tag, key) not in _OWN_ATTRIBUTES):
                self.page.oddities.append(f'an attribute {key}="{value}" of <{tag}>')
            elif key == "style" and not drawing and not re.fullmatch(r"text-align:\s*(left|right|center)", value):
                self.page.oddities.append(f'a style "{value}" of <{tag}>')
            elif key == "class" and tag != "a" and "skip" in value.split():
                self.page.oddities.append(f"a text out of sight, in <{tag}>")
            elif key == "aria-label" and (tag, value) not in (("nav", "Contents"), ("a", "Link to this part")):
                self.page.oddities.append(f'a label "{value}" of <{tag}> that only a screen reader reads')


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
