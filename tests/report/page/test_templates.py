"""Templates compute nothing and hold no number in any tag."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from report.page import formats

FOLDER = Path(str(files("templates")))
PAGE = ("answer_", "audit.", "report.", "findings", "explanations", "macros", "reproduce")
OURS = sorted(path for path in FOLDER.glob("*.j2") if path.name.startswith(PAGE))


def parsed(path: Path) -> nodes.Template:
    environment = Environment()
    environment.filters.update(formats.FILTERS)
    return environment.parse(path.read_text(encoding="utf-8"))


def test_all_of_the_page_is_linted() -> None:
    assert len(OURS) == 15


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_no_number_and_no_arithmetic(path: Path) -> None:
    tree = parsed(path)
    for constant in tree.find_all(nodes.Const):
        assert isinstance(constant.value, str | bool | None), constant
        assert not re.search(r"\d", str(constant.value).removesuffix(".md.j2").removesuffix(".tex.j2")), constant
    arithmetic = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg)
    assert not list(tree.find_all(arithmetic))
    computing = {"sum", "round", "int", "float", "length", "abs", "min", "max", "format"}
    assert not computing & {found.name for found in tree.find_all(nodes.Filter)}


def test_html_of_a_template_loads_nothing() -> None:
    shell = (FOLDER / "report.html.j2").read_text() + (FOLDER / "report.css").read_text()
    assert not re.search(r"https?:|//|@import|src=|url\(", shell)
    script = (FOLDER / "report.js").read_text()
    assert not re.search(r"https?:|fetch|XMLHttp|import\(|innerHTML|insertAdjacent|eval\(|document\.write", script)
    for needed in ('lang="en"', "<title>", 'name="viewport"', 'class="skip"', "prefers-color-scheme", "@media print"):
        assert needed in shell
