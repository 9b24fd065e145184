"""The script `aftertune`: its verbs, that users are told no other command, and that help loads nothing long."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from aftertune import app

VERBS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
SLOW = ("torch", "transformers", "lm_eval", "datasets", "evaluate", "peft", "scipy", "matplotlib", "huggingface_hub",
        "jinja2", "snakemake", "numpy")  # fmt: skip
"""What takes a tenth of a second or more to load."""
ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("finetune", "harness_tasks", "report", "workflow")
ALIAS = re.compile(
    rf"python -m (?:{'|'.join(ROOMS)})\b(?!\.)"  # a module within is no verb
    rf"|(?:-m |`)(?:{'|'.join(ROOMS)}) (?:run|{'|'.join(VERBS)})(?![\w-])"
)
TOLD = re.compile(r"\baftertune ([a-z][a-z-]*(?:\|[a-z-]+)*)")


def _documents() -> Iterator[tuple[str, str]]:
    """Yields name and text of what users read; docs/demo is left out, whose commands are those that were run."""
    endings = {".md", ".yaml", ".yml", ".j2", ".js", ".toml"}
    kept = [ROOT / name for name in ("Makefile", "pyproject.toml", "workflow/Snakefile")]
    kept += ROOT.glob("*.md")
    for folder in (*ROOMS, "studies", "templates", "docs", "benchmarks", ".github"):
        kept += [path for path in (ROOT / folder).rglob("*") if path.suffix in endings]
    for path in sorted(kept):
        if not path.is_relative_to(ROOT / "docs" / "demo"):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def _strings() -> Iterator[tuple[str, str]]:
    """Yields place and text of each string of the product's code: error texts, help, sentences, docstrings."""
    for path in sorted(
        [ROOT / "aftertune.py", *(p for room in (*ROOMS, "studies") for p in (ROOT / room).rglob("*.py"))]
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", node.value


def test_users_are_told_the_script_and_the_aliases_once() -> None:
    texts = [*_documents(), *_strings()]
    assert [name for name, text in texts for _ in ALIAS.findall(text)] == [
        "CONTRIBUTING.md",
        "docs/how-to/step-by-step.md",
    ]


def test_every_verb_that_is_told_is_there() -> None:
    told = [(name, verb) for name, text in (*_documents(), *_strings()) for verb in TOLD.findall(text)]
    assert [(name, verbs) for name, verbs in told if not {*verbs.split("|")} <= {*VERBS}] == []
    assert len({name for name, _ in told}) > 60


def test_every_command_of_the_documents_has_options_that_its_verb_takes() -> None:
    shown = [
        command
        for _, text in _documents()
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for command in re.findall(r"^(?:.* -m )?(aftertune .*)$", block, re.MULTILINE)
    ]
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert len(shown) > 40
    for command in shown:
        _, verb, *words = shlex.split(command)
        verbs[verb].make_context(verb, words)  # ends with a usage error where an option is not there


def test_the_verbs_are_flat() -> None:
    assert VERBS == [
        "audit", "baseline", "build", "check", "compare", "diff", "embedded", "export", "merge", "merge-shards",
        "overlap", "params", "plan", "plan-training", "prior", "push", "read-checkpoint", "run", "sample",
        "score", "task", "tasks-path", "template", "train", "verify",
    ]  # fmt: skip


def test_they_are_those_of_the_rooms() -> None:
    import finetune.__main__
    import harness_tasks.__main__
    import report.__main__
    import workflow.__main__

    renamed = {("finetune", "plan"): "plan-training", ("harness_tasks", "run"): "score"}
    rooms = (finetune.__main__, harness_tasks.__main__, report.__main__, workflow.__main__)
    verbs = {
        renamed.get((room.__name__.partition(".")[0], verb), verb)
        for room in rooms
        for verb in typer.main.get_command(room.app).commands  # type: ignore[attr-defined]
    }
    assert sorted({*verbs, "tasks-path"}) == VERBS


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["compare", "--help"], ["template", "--help"]])
def test_help_loads_nothing_that_takes_long(words: list[str]) -> None:
    code = (
        f"import sys\nsys.argv = ['aftertune', *{words!r}]\nfrom aftertune import app\n"
        "try:\n    app()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('loaded:', sorted({{*{SLOW!r}}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("loaded: []\n"), done.stdout[-300:]
