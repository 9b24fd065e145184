"""A copy of the project in which the tiny study has been run once, and what to look at in it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("harness_tasks", "finetune", "report", "templates", "studies", "workflow")


class House:
    """A copy of the project's folders, to run studies in and to change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for room in ROOMS:
            shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "aftertune.py", folder)
        self.study = folder / "studies" / "tiny.yaml"
        with self.study.open("a") as file:
            file.write("metadata: {course: natural language processing}\n")  # JSON in every command
            file.write("experiments: {baselines: [bag-of-words, nearest-passage-sentence], few_shot: [2]}\n")
        self.build = folder / "build" / "tiny"

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "aftertune", *words]

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return {**kept, "PYTHONPATH": str(self.folder), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Runs the study to its end and returns what was printed."""
        return subprocess.run(
            self.command("run", str(self.study.relative_to(self.folder)), *options),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=1800,
        )

    def to_do(self) -> set[str]:
        """Returns the steps that a run would do now, as `rule` or `rule name task`."""
        shown = self.run("--dry-run")
        assert shown.returncode == 0, shown.stderr
        text = shown.stdout + shown.stderr
        steps = set()
        for match in re.finditer(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", text, re.MULTILINE):
            wildcards = re.search(r"wildcards: (.*)", match[2])
            named = dict(re.findall(r"(\w+)=([\w./-]+)", wildcards[1]) if wildcards else [])
            values = [value for key, value in named.items() if key not in ("study", "base")]
            steps.add(" ".join([match[1], *values]))
        return steps - {"all"}

    def outputs(self) -> dict[str, int]:
        """Returns each finished step's file with the time at which it was written."""
        names = ("results.json", "lengths.jsonl", "prior.json", "finetune.json", "tensors.json", "model.json")
        pages = ("facts.json", "report.md", "report.html")
        return {
            str(path.relative_to(self.build)): path.stat().st_mtime_ns
            for path in sorted(self.build.rglob("*"))
            if "scratch" not in path.parts
            and (
                path.name in names + pages
                or path.name.startswith(("overlap_", "bag-of-words_", "nearest-passage-sentence_"))
                or path.parent.name == "parameters"
            )
        }


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house of one's own in which the study has been run: by the first worker that asks, copied by the others."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "whole-run"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            first = House(base / "first-run")
            done = first.run()
            assert done.returncode == 0, done.stdout + done.stderr
            assert done.stdout.splitlines()[-1] == "build/tiny/report.html"
            first.folder.rename(shared)
    house = House(tmp_path_factory.mktemp("house"))
    shutil.copytree(shared, house.folder, symlinks=True, dirs_exist_ok=True)  # with the times of its files
    return house
