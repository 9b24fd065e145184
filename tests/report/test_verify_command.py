"""`python -m report verify`: what it prints, its exit codes, and what it reads."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from click.testing import Result
from synthetic import change_json, folder_of, write_study
from typer.testing import CliRunner

from report.commands.build import build_report
from report.commands.verify import verify

app = typer.Typer()
app.command()(verify)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder with its page."""
    study = write_study(tmp_path_factory.mktemp("made"))
    build_report(study, output=folder_of(study))
    return folder_of(study)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(made, tmp_path / "trial"))


def run(*arguments: Path | str) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_a_right_page_passes_and_the_counts_are_said(folder: Path, name: str) -> None:
    result = run(folder / name)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("everything on the page is backed: ")
    assert result.stdout.endswith(" facts recomputed\n")


def test_the_page_may_have_any_name_and_stand_elsewhere(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    shutil.copy(folder / "report.html", page)
    assert run(page, "--facts", folder / "facts.json").exit_code == 0
    result = run(page)
    assert result.exit_code == 2
    assert f"Found: the file of facts {tmp_path / 'facts.json'} is missing" in result.stderr
    assert "for a page that stands elsewhere name it: verify PAGE --facts FILE" in result.stderr


def test_a_wrong_word_and_a_wrong_number_are_named_with_their_places(folder: Path) -> None:
    page = folder / "report.md"
    text = page.read_text(encoding="utf-8")
    wrong = text.replace("improves accuracy: it rises", "improves accuracy: it falls", 1)
    page.write_text(wrong.replace("| parameters | 1,000 |", "| parameters | 1,001 |"), encoding="utf-8")
    result = run(page)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "Summary"
    assert lines[1].startswith("  found: On reviews, fine-tuning improves accuracy: it falls from 0.500 (zero-shot)")
    assert lines[2].startswith("  facts: On reviews, fine-tuning improves accuracy: it rises from 0.500000 (zero-shot)")
    assert lines[3] == "  not licensed: falls"
    assert lines[4].endswith("› table “ | the model” › row parameters › column the model")
    assert lines[5:] == ["  found: 1,001", "  facts: 1,000", "2 problems"]


def test_an_added_sentence_is_licensed_by_nothing(folder: Path) -> None:
    page = folder / "report.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("## Answer 1", "Accuracy clearly improves.\n\n## Answer 1"), encoding="utf-8")
    result = run(page, "--json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)
    assert (problem["place"], problem["found"]) == ("Summary", "Accuracy clearly improves.")
    assert problem["facts"].startswith("no such sentence is licensed here; nearest: ")
    assert "clearly" in problem["words"]


def test_a_missing_sentence_a_missing_row_and_a_missing_section_are_problems(folder: Path) -> None:
    page = folder / "report.md"
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    claim = next(line for line in lines if line.startswith("- On `reviews`"))
    row = next(line for line in lines if line.startswith("| recall |"))
    for gone in (f"{claim}\n", f"{row}\n", "## Contributions\n"):
        assert gone in text
        page.write_text(text.replace(gone, "", 1), encoding="utf-8")
        result = run(page)
        assert result.exit_code == 1, gone
        assert "  found: nothing" in result.stdout or "Contributions" in result.stdout


def test_facts_that_the_samples_do_not_give(folder: Path) -> None:
    text = (folder / "facts.json").read_text(encoding="utf-8")
    facts = json.loads(text)
    facts["tasks"][0]["comparisons"][0]["scores"][0]["after"]["n"] = 39
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    result = run(folder / "report.md")
    assert result.exit_code == 1
    assert "facts.json /tasks/0/comparisons/0/scores/0/after/n\n  found: 39\n  facts: 40" in result.stdout


def test_facts_that_lack_a_part_are_a_problem_and_no_crash(folder: Path) -> None:
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    del facts["tasks"][0]["comparisons"][0]["scores"][0]["difference"]
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    result = run(folder / "report.md")
    assert result.exit_code == 1
    assert "facts.json /tasks/0/comparisons/0/scores/0/difference\n  found: nothing\n  facts: {" in result.stdout
    assert "the page\n  found: a page that was not checked" in result.stdout


def test_an_edited_sample_is_found_by_digest_hash_and_score(folder: Path) -> None:
    path = folder / "scores/base/reviews/samples.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows[0]["doc"]["sentence"] = "another"
    rows[1]["acc"] = 1.0
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result = run(folder / "report.md")
    assert result.exit_code == 1
    for place in ("the file scores/base/reviews/samples.jsonl", ", item 0, doc_hash", ", item 1, acc"):
        assert place in result.stdout


def test_results_that_disagree_with_the_samples_are_a_problem_and_no_crash(folder: Path) -> None:
    path = folder / "scores/base/reviews/results.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"acc,none": 0.5', '"acc,none": 0.6'), encoding="utf-8")
    result = run(folder / "report.md")
    assert result.exit_code == 1
    assert "computing the facts again\n  found: scores/base/reviews/results.json says acc = 0.6" in result.stdout


def test_wrong_input_exits_2(folder: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "none.md").exit_code == 2
    (folder / "trial.yaml").unlink()
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    facts["study"]["file"]["value"] = "studies/gone.yaml"
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    result = run(folder / "report.md")
    assert result.exit_code == 2
    assert f"To mend it: put the study file beside the facts: {folder / 'trial.yaml'}" in result.stderr
    change_json(folder / "facts.json", schema="another")
    assert "holds no facts of a study" in run(folder / "report.md").stderr


def test_verifying_loads_no_torch_and_renders_nothing(folder: Path) -> None:
    code = (
        "import sys, pathlib; from report.verify.report import verify_report; "
        f"assert not verify_report(pathlib.Path({str(folder / 'report.html')!r})).problems; "
        "unwanted = {'torch', 'transformers', 'evaluate', 'datasets', 'lm_eval', 'report.render'}; "
        "print(sorted(unwanted & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
