"""The compiled code of our templates: used where everything that made it is the same, and nowhere else."""

import marshal
import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from report.page.template.kept_code import KeptCode


class Counted(Environment):
    """Jinja, which counts what it compiles."""

    compiled = 0

    def compile(self, *arguments: Any, **options: Any) -> Any:
        Counted.compiled += 1
        return super().compile(*arguments, **options)


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is taken for that of our templates."""
    monkeypatch.setattr("report.page.template.kept_code.OURS", tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(Counted, "compiled", 0)
    (tmp_path / "a.md.j2").write_text("{{ n }} rows")
    return tmp_path


def shown(folder: Path, *made_with: str) -> str:
    made = Counted(loader=FileSystemLoader(folder), bytecode_cache=KeptCode(*made_with))
    return made.get_template("a.md.j2").render(n=7)


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "__pycache__").glob("*"))


def test_a_template_is_compiled_once(ours: Path) -> None:
    assert shown(ours) == shown(ours) == "7 rows"
    assert Counted.compiled == 1
    assert [path.suffix for path in kept(ours)] == [".j2c"]


def test_a_template_that_was_changed_is_compiled_anew(ours: Path) -> None:
    shown(ours)
    (ours / "a.md.j2").write_text("{{ n }} lines")
    assert shown(ours) == shown(ours) == "7 lines"
    assert Counted.compiled == 2
    assert len(kept(ours)) == 1


def test_other_code_of_ours_compiles_anew(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown(ours)
    monkeypatch.setattr("report.page.template.kept_code._tools", lambda: ("another",))
    assert shown(ours) == "7 rows"
    assert Counted.compiled == 2


def test_environments_do_not_share_code(ours: Path) -> None:
    assert shown(ours, "html") == shown(ours, "markdown") == shown(ours, "html") == "7 rows"
    assert Counted.compiled == len(kept(ours)) == 2


@pytest.mark.parametrize(
    "damage", [lambda kept: b"", lambda kept: kept[:-1], lambda kept: kept[:32] + marshal.dumps(1)]
)
def test_a_file_that_was_changed_is_not_used(ours: Path, damage: Any) -> None:
    shown(ours)
    (path,) = kept(ours)
    path.write_bytes(damage(path.read_bytes()))
    assert shown(ours) == shown(ours) == "7 rows"
    assert Counted.compiled == 2


def test_nothing_is_kept_of_a_study_s_own_or_where_python_keeps_nothing(
    ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ours / "own"
    own.mkdir()
    (own / "a.md.j2").write_text("{{ n }} of mine")
    assert shown(own) == "7 of mine"
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert shown(ours) == "7 rows"
    assert kept(own) == kept(ours) == []


def test_where_nothing_can_be_written_it_is_compiled_each_time(ours: Path) -> None:
    (ours / "__pycache__").write_text("no folder")
    assert shown(ours) == shown(ours) == "7 rows"
    assert Counted.compiled == 2
