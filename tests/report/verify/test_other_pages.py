"""`aftertune verify` on what is no study's page: pages of `aftertune compare`, and model cards."""

import json
from pathlib import Path

import pytest

from report.compare.output import compare_results
from report.page.build import build_report
from tests.report.synthetic import folder_of, write_study
from tests.report.verify.test_verify_command import run as verify


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("study"))
    build_report(study, output=folder_of(study))
    return folder_of(study)


@pytest.fixture
def comparison(study: Path, tmp_path: Path) -> Path:
    compare_results([study], output=tmp_path / "compared", gates=["reviews:acc"])
    return tmp_path / "compared"


@pytest.mark.parametrize("name", ["compare.md", "compare.html"])
def test_a_comparison_is_computed_and_made_again(study: Path, comparison: Path, name: str) -> None:
    result = verify(comparison / name, study)
    assert result.exit_code == 0, result.output
    assert " facts recomputed" in result.stdout
    page = comparison / name
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("0.950", "0.960", 1), encoding="utf-8")
    result = verify(page, study)
    assert result.exit_code == 1
    assert "0.960" in result.stdout


def test_facts_of_a_comparison_that_the_results_do_not_give(study: Path, comparison: Path) -> None:
    facts = json.loads((comparison / "compare.json").read_text(encoding="utf-8"))
    facts["entries"][0]["tasks"]["value"] = 7
    (comparison / "compare.json").write_text(json.dumps(facts), encoding="utf-8")
    result = verify(comparison / "compare.md", study)
    assert result.exit_code == 1
    assert "compare.json /entries/0/tasks/value\n  found: 7\n" in result.stdout


def test_results_of_a_comparison_have_to_be_named_or_left_out(study: Path, comparison: Path) -> None:
    result = verify(comparison / "compare.md")
    assert result.exit_code == 2
    assert "name them in their order: verify " in result.stderr
    assert verify(comparison / "compare.md", "--page-only").exit_code == 0
    result = verify(study / "report.md", study)
    assert result.exit_code == 2
    assert "is a page of a study, and results were named beside it" in result.stderr
