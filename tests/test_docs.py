"""What the documents say is so: links lead somewhere, keys and make targets exist, the CI's files are whole."""

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from readme_reader import PAGES, ROOT

from aftertune import app
from report.page.build import build_report
from studies.loading import load_study, study_files

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "studies/README.md", "finetune/README.md"]
DOCUMENTS += ["studies/CLAIMS.md", "harness_tasks/metrics/README.md", "harness_tasks/models/README.md"]
DOCUMENTS += [
    "templates/README.md",
    "studies/recipes/README.md",
    "finetune/accelerate/README.md",
    "benchmarks/README.md",
    "harness_tasks/README.md",
]
DOCUMENTS += [page.relative_to(ROOT).as_posix() for page in PAGES[1:]]
WORKFLOWS = ROOT / ".github" / "workflows"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_relative_links_lead_to_files(name: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", read(name))
    relative = [link for link in links if not re.match(r"https?:", link)]
    assert [link for link in relative if not (ROOT / name).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_make_targets_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert {"report", "test"} <= targets
    named = re.findall(r"(?:^|`)(?:[A-Z_]+=\S+ )*make ([a-z-]+)", read(name), re.MULTILINE)
    assert set(named) <= targets


def test_every_study_and_every_task_is_in_a_table() -> None:
    text = read("docs/how-to/models-and-data.md")
    assert [path.name for path in study_files(ROOT / "studies") if f"`studies/{path.name}`" not in text] == []
    tasks = [path.stem for path in (ROOT / "harness_tasks").glob("*/*.yaml")]
    assert len(tasks) == 9
    assert [task for task in tasks if f"| `{task}` |" not in text] == []


def test_the_first_screen_says_what_comes_out() -> None:
    screen = "\n".join(read("README.md").splitlines()[:24])
    assert "**Aftertune measures what fine-tuning changed" in screen
    assert re.search(r"!\[[^\]]{40,}\]\(docs/report\.png\)", screen)
    assert "```sh\nmake report\nmake test\n```" in screen


def test_the_readme_is_short_and_names_each_verb_on_a_line() -> None:
    text = read("README.md")
    assert len(text.splitlines()) <= 150
    told = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \|$", text.split("## The verbs\n")[1].split("\n## ")[0], re.MULTILINE)
    assert sorted(told) == sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_the_study_that_the_readme_shows_for_own_data_is_one(tmp_path: Path) -> None:
    own_model, own_data = re.findall(r"^```yaml\n(.*?)^```", read("README.md"), re.MULTILINE | re.DOTALL)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(own_model) | yaml.safe_load(own_data)), encoding="utf-8")
    study = load_study(file)
    assert [checkpoint.name for checkpoint in study.trained_checkpoints()] == [
        "sst2_llama_glue-lora-seed1",
        "sst2_llama_glue-lora-seed2",
    ]
    assert study.metadata == {"data_dir": "DIR", "other_rows": True}


@pytest.mark.parametrize("name", ["test.yml", "report.yml"])
def test_ci_files_are_yaml_with_steps_and_time_limits(name: str) -> None:
    loaded = yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))
    assert set(loaded) >= {"name", True, "jobs"}  # YAML 1.1 reads the key `on` as true
    for job in loaded["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 60
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])


def test_ci_runs_what_the_readme_says() -> None:
    test = yaml.safe_load((WORKFLOWS / "test.yml").read_text(encoding="utf-8"))["jobs"]["test"]
    assert test["strategy"]["matrix"]["python-version"] == ["3.11", "3.13"]
    assert test["steps"][-1]["run"] == "make browser test"
    assert test["steps"][-1]["env"] == {"AFTERTUNE_BROWSER": "1"}  # there, a test that finds no browser fails
    *_, report, upload, _ = _steps_of_report()
    assert report["run"] == "STUDY=studies/tiny.yaml make report"
    kept = [Path(path) for path in upload["with"]["path"].split()]
    assert {path.name for path in kept} == {
        "report.html", "report.md", "facts.json", "figures", "report.tex", "scores.csv",
    }  # fmt: skip
    assert {path.parent for path in kept} == {load_study(ROOT / "studies" / "tiny.yaml").folder}


def test_the_comment_on_a_pull_request_is_the_pages_first_screen(tmp_path: Path) -> None:
    study = runpy.run_path(str(ROOT / "tests" / "report" / "synthetic.py"))["write_study"](tmp_path)
    (tmp_path / "build" / "trial").rename(tmp_path / "build" / "tiny")
    build_report(study, output=tmp_path / "build" / "tiny")
    comment = _steps_of_report()[-1]
    assert "head.repo.full_name == github.repository" in comment["if"]
    *lines, last = comment["run"].strip().splitlines()
    assert last.startswith("gh pr comment")
    subprocess.run(["bash", "-euc", "\n".join(lines)], cwd=tmp_path, check=True)
    text = (tmp_path / "comment.md").read_text(encoding="utf-8")
    assert text.startswith("# A trial\n\n**Fine-tuning small improved the primary score on `reviews` and `passages`.**")
    assert "![" not in text
    assert re.findall(r"^\| `(\w+)`, [\w ]+ \| LoRA, seed 1 \| \*\*improved\*\* \| \d", text, re.MULTILINE) == [
        "reviews",
        "passages",
    ]
    assert "Answer" not in text


def _steps_of_report() -> list[dict[str, Any]]:
    workflow = yaml.safe_load((WORKFLOWS / "report.yml").read_text(encoding="utf-8"))
    steps: list[dict[str, Any]] = workflow["jobs"]["report"]["steps"]
    return steps
