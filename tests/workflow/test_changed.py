"""What somebody changed beside a run: pages are made anew, and a study edited meanwhile stops the steps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, sha256_text
from harness_tasks.outputs import write_outputs
from report.compare.output import COMPARE_MANIFEST
from report.facts.paths import REPORT_MANIFEST
from studies import load_grid, load_study
from studies.loading import RUN_VARIABLE
from workflow.engine import find_profile
from workflow.partial import changed_pages
from workflow.run import _environment, snakemake

ROOT = Path(__file__).resolve().parents[2]
STUDY = "title: t\nmodel: {id: tiny-random}\ntasks: {reviews_demo: }\nauthors: [{name: a, did: b}]\n"
GRID = STUDY.replace("model: {id: tiny-random}", "models: [{id: tiny-random, name: one}]")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(STUDY)


@pytest.mark.parametrize("name", ["report.html", "report.md", "facts.json", "figures/a.svg"])
@pytest.mark.parametrize("way", ["overwritten", "removed", "linked"])
def test_a_page_with_a_changed_file_is_made_anew(name: str, way: str) -> None:
    grid = load_grid("mine.yaml")
    assert changed_pages(grid) == []  # nothing was made yet
    files = dict.fromkeys(["report.html", "report.md", "facts.json", "figures/a.svg"], "ours")
    write_outputs(grid.folder, files, manifest=REPORT_MANIFEST)
    assert changed_pages(grid) == []
    path = grid.folder / name
    path.unlink()
    if way == "overwritten":
        path.write_text("theirs")
    elif way == "linked":
        Path("elsewhere").write_text("ours")
        path.symlink_to(Path("elsewhere").resolve())
    page = grid.folder / "report.html"
    assert changed_pages(grid) == [page]
    words = snakemake("mine.yaml", grid, find_profile("local"))
    assert words[words.index("--forcerun") + 1] == str(page)


def test_a_leaderboard_that_somebody_changed_is_made_anew() -> None:
    Path("mine.yaml").write_text(GRID)
    grid = load_grid("mine.yaml")
    write_outputs(grid.folder, {"compare.html": "ours"}, manifest=COMPARE_MANIFEST)
    assert changed_pages(grid) == []
    (grid.folder / "compare.html").write_text("theirs")
    assert changed_pages(grid) == [grid.folder / "compare.html"]


def test_a_study_edited_while_it_runs_is_refused_by_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = load_grid("mine.yaml")
    noted = _environment("mine.yaml", grid)[RUN_VARIABLE]
    assert json.loads(noted) == {"mine.yaml": sha256_file("mine.yaml")}
    monkeypatch.setenv(RUN_VARIABLE, noted)
    assert load_study("./mine.yaml").title == "t"
    Path("mine.yaml").write_text(STUDY.replace("title: t", "title: another"))
    for read in (load_study, load_grid):
        with pytest.raises(UserError) as caught:
            read("mine.yaml")
        assert caught.value.found == "mine.yaml was edited during its run"
        assert "start the run again" in caught.value.mend
    Path("other.yaml").write_text(STUDY)
    load_study("other.yaml")  # another study is none of this run's
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "report", "build", "mine.yaml"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "was edited during its run" in done.stderr


def test_the_files_of_a_grids_studies_are_noted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.yaml").write_text(GRID)
    grid = load_grid("mine.yaml")
    grid.write()
    (file,) = grid.studies
    noted = _environment("mine.yaml", grid)[RUN_VARIABLE]
    assert json.loads(noted)[str(file)] == sha256_text(file.read_text()) == sha256_file(file)
    monkeypatch.setenv(RUN_VARIABLE, noted)
    load_study(file)
    file.write_text(file.read_text().replace("title: t", "title: another"))
    with pytest.raises(UserError, match="was edited during its run"):
        load_study(file)
