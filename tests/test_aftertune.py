"""The script `aftertune`: its verbs, and that asking for help loads nothing that takes long."""

import subprocess
import sys

import pytest
import typer

from aftertune import app

VERBS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
SLOW = ("torch", "transformers", "lm_eval", "datasets", "evaluate", "peft", "scipy", "matplotlib", "huggingface_hub",
        "jinja2", "snakemake", "numpy")  # fmt: skip
"""What takes a tenth of a second or more to load."""


def test_the_verbs_are_flat() -> None:
    assert VERBS == [
        "audit", "build", "check", "compare", "embedded", "merge", "merge-shards", "overlap", "params", "plan",
        "plan-training", "prior", "push", "run", "sample", "score", "tasks-path", "template", "train", "verify",
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
