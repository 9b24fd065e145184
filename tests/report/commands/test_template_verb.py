"""`aftertune template`: what there is, and copies of it; and the document of the facts' names."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from report.commands.template import template
from report.page.arranged import FILTERS as ARRANGED
from report.page.formats import FILTERS
from report.page.template.lookup import REPLACEABLE
from report.page.template.readme import FILTERS as DESCRIBED
from report.page.template.readme import document, paths
from report.page.whole import collect
from studies import load_study
from tests.report.synthetic import folder_of, write_study

TEMPLATES = Path(str(files("templates")))


def run(*words: str) -> Result:
    return CliRunner().invoke(template, list(words))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    file = tmp_path / "course" / "week.yaml"
    file.parent.mkdir()
    file.write_text("title: x\n", encoding="utf-8")
    return file


def test_list_names_every_template() -> None:
    lines = run("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(REPLACEABLE)
    assert not any("(yours)" in line for line in lines)


def test_copy_then_list(study: Path) -> None:
    copied = study.parent / "templates" / "report.md.j2"
    result = run("copy", str(study), "report.md.j2", "answer_hub.md.j2")
    assert (result.exit_code, result.stdout) == (0, f"{copied}\n{copied.with_name('answer_hub.md.j2')}\n")
    assert copied.read_text() == (TEMPLATES / "report.md.j2").read_text()
    copied.with_name("answer_ethics.md.j2").write_text("Ethics.")
    yours = [line.split()[0] for line in run("list", str(study)).stdout.splitlines() if line.endswith("(yours)")]
    assert yours == ["report.md.j2", "answer_hub.md.j2", "answer_ethics.md.j2"]


def test_list_names_the_lines_that_claim_something_by_themselves(study: Path) -> None:
    own = study.parent / "templates"
    own.mkdir()
    (own / "answer_ethics.md.j2").write_text("Ethics.\n\nNothing is better than 2.\n", encoding="utf-8")
    lines = run("list", str(study)).stdout.splitlines()
    width = max(map(len, REPLACEABLE))
    assert lines[-1] == " " * width + "  line 3: nothing, better, 2"
    assert lines[-2].split()[0] == "answer_ethics.md.j2"


def test_copy_overwrites_nothing_and_copies_all_or_none(study: Path) -> None:
    run("copy", str(study), "report.md.j2")
    mine = study.parent / "templates" / "report.md.j2"
    mine.write_text("mine")
    result = run("copy", str(study), "answer_hub.md.j2", "report.md.j2")
    assert result.exit_code == 2
    assert result.stderr == (
        f"Found: {mine} is there already\nWhy it matters: what you changed in it would be lost\n"
        "To mend it: move it away, and copy again\n"
    )
    assert mine.read_text() == "mine"
    assert [path.name for path in mine.parent.iterdir()] == ["report.md.j2"]


@pytest.mark.parametrize("name", ["answer_score.md.j2", "../report.md.j2", "checkpoint_card.md.j2"])
def test_copy_of_what_is_no_template(study: Path, name: str) -> None:
    result = run("copy", str(study), name)
    assert result.exit_code == 2
    assert f"Found: there is no template {name!r} to copy\nWhy it matters: nothing would look it up\n" in result.stderr
    assert "To mend it: copy " in result.stderr
    assert not (study.parent / "templates").exists()


def test_no_study() -> None:
    for words in (["list", "none.yaml"], ["copy", "none.yaml", "report.md.j2"]):
        result = run(*words)
        assert result.exit_code == 2
        assert "Found: there is no study file none.yaml" in result.stderr


def test_the_document_is_current() -> None:
    assert (TEMPLATES / "README.md").read_text(encoding="utf-8") == document(), (
        "write it anew: python -m report.page.template.readme > templates/README.md"
    )


def test_every_filter_and_every_template_is_in_the_document() -> None:
    assert set(DESCRIBED) == {*FILTERS, *ARRANGED}
    text = document()
    assert [name for name in [*FILTERS, *ARRANGED, *REPLACEABLE] if f"| `{name}` |" not in text] == []
    page = ("answer_", "audit.", "report.", "findings", "explanations", "macros", "reproduce", "preamble", "model_card")
    looked_up = {path.name for path in TEMPLATES.iterdir() if path.name.startswith(page) and path.suffix != ".js"}
    assert looked_up == set(REPLACEABLE)


def test_every_fact_is_in_the_document_with_its_unit(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    facts = json.loads(json.dumps(collect(load_study(study), study, folder_of(study)).as_json()))
    known = {path: unit for path, unit, _ in paths()}
    found: dict[str, set[str]] = {}
    _walk(facts, "", found)
    stated = {path: _unit(known, path) for path in found}
    assert [path for path, unit in stated.items() if unit is None] == []
    allowed = {"score": {"proportion", "points", "coefficient"}, "word": {"str"}, "yes or no": {"bool"}}
    wrong = {
        path: (unit, stated[path])
        for path, units in found.items()
        for unit in units
        if stated[path] and unit not in allowed.get(str(stated[path]), {stated[path]}) and unit != "missing"
    }
    assert wrong == {}


def _unit(known: dict[str, str], path: str) -> str | None:
    """Returns the unit that the document states; `` where it describes the whole that ``path`` is in."""
    if path in known:
        return known[path]
    parts = path.split(".")
    wholes = [".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]
    return "" if any(whole in known for whole in wholes) else None


def _walk(value: Any, path: str, found: dict[str, set[str]]) -> None:
    if isinstance(value, dict) and "unit" in value and "source" in value:
        found.setdefault(path, set()).add(value["unit"])
    elif isinstance(value, dict) and set(value) == {"missing"}:
        found.setdefault(path, set()).add("missing")
    elif isinstance(value, dict):
        for key, part in value.items():
            _walk(part, f"{path}.{key}" if path else key, found)
    elif isinstance(value, list):
        for part in value:
            _walk(part, f"{path}[]", found)
    elif value is not None:
        found.setdefault(path, set()).add(type(value).__name__)
