"""`make` in folders of any name: it works there, or says before anything else what it cannot do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def make(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # `make test` tells its own state to every make below it, and these are to be a user's.
    own = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(["make", *words], cwd=folder, env={**own, **variables}, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of the name that is given, with the Makefile, and an environment whose Python says what it was asked."""
    made = tmp_path / request.param
    (made / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", made)
    for name in ("requirements.txt", "requirements-demo.txt", "requirements-test.txt", "pyproject.toml"):
        (made / name).touch()
    python = made / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nfor word in "$0" "$@"; do printf "[%s]" "$word"; done\necho\n')
    python.chmod(0o755)
    os.utime(made / "requirements.txt", (0, 0))
    for name in ("requirements-demo.txt", "requirements-test.txt", "pyproject.toml"):
        os.utime(made / name, (0, 0))
    (made / ".venv" / "ready").touch()
    return made


NAMES = ["plain", "two words", 'a"b', "a'b", "a\\b", "a;b", "a%b", "a#b", "a`b", "a*b?", "a&b|c", "a<b>", "[a]", "(a)",
         "~a", "a=b,c", "it's \\ a;b", "é雪", "-a", "!a"]  # fmt: skip


@pytest.mark.parametrize("folder", NAMES, indirect=True)
def test_a_target_runs_the_environments_python_whatever_the_folders_name(folder: Path) -> None:
    done = make(folder, "plan", STUDY="studies/a b.yaml")
    assert done.returncode == 0, done.stderr
    # The environment's own Python, by its whole path: no part of the name was taken for something else.
    assert done.stdout == f"[{folder}/.venv/bin/python][-m][aftertune][plan][studies/a b.yaml]\n"
    assert not done.stderr


@pytest.mark.parametrize(
    ("folder", "sign"),
    [
        ("a:b", ":"),
        ("a{b", "{"),
        ("a}b", "}"),
        ("a$b", "$"),
        ("a$(b)", "$"),
        ("a\nb", "a line break"),
        ("a\tb", "a tab"),
        ('a "b', 'a space and "'),
        ("a `b`", "a space and `"),
    ],
    indirect=["folder"],
)
@pytest.mark.parametrize("target", ["help", "report"])
def test_a_name_that_pip_or_the_path_cannot_have_is_told(folder: Path, sign: str, target: str) -> None:
    done = make(folder, target)
    assert done.returncode == 2
    assert f"This folder has {sign} in its name" in done.stderr
    assert "move the project into one without" in done.stderr
    assert not done.stdout
