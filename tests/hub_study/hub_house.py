"""A folder with a study whose model and data are the tests' Hub's, and what is done with it: plan, run, push, score."""

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from fake_hub import TOKEN, FakeHub
from hub_clients import ROOT, environment, run

TASKS = ROOT / "harness_tasks"


class HubHouse:
    """A folder of its own, a client's cache of its own, and one of the shipped studies made smaller in it."""

    def __init__(self, folder: Path, hub: FakeHub) -> None:
        self.folder, self.hub = folder, hub
        (folder / "studies").mkdir()
        shutil.copytree(ROOT / "tests" / "data" / "llama-3.2-1b", folder / "tests" / "data" / "llama-3.2-1b")
        self.env = environment(folder / "hf", hub, TOKEN)

    def write_study(self, name: str, values: dict[str, Any]) -> str:
        """Returns the place of a study file, as the commands take it."""
        for file in (ROOT / "studies").glob("*-claims.yaml"):
            shutil.copy(file, self.folder / "studies")
        (self.folder / "studies" / f"{name}.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
        return f"studies/{name}.yaml"

    def call(self, *words: str, code: int = 0, **settings: str) -> str:
        """Returns what one of our commands said on both streams, once its exit code was as expected."""
        done = run([sys.executable, "-m", *words], env=self.env | settings, cwd=self.folder)
        assert done.returncode == code, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def scores(self, *words: str, stock: bool, output: str) -> list[dict[str, Any]]:
        """Returns the sample rows of a scoring run, by the stock command of lm_eval or by ours, in the items' order."""
        module = ["lm_eval", "--include_path", str(TASKS)] if stock else ["harness_tasks", "run"]
        self.call(*module, *words, "--log_samples", "--output_path", output)
        (file,) = (self.folder / output).rglob("samples_*.jsonl")
        return sorted(map(json.loads, file.read_text().splitlines()), key=lambda row: row["doc_id"])


def sst2_rows(file: Path) -> list[dict[str, Any]]:
    """Returns the rows of one of GLUE's files, whose sentences keep their trailing space."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [{"sentence": row["sentence"], "label": int(row["label"])} for row in rows]


def shipped(study: str) -> dict[str, Any]:
    """Returns what a study that we ship holds."""
    values: dict[str, Any] = yaml.safe_load((ROOT / "studies" / f"{study}.yaml").read_text())
    return values
