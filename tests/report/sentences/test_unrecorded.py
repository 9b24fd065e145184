"""What a study's files may lack: a score of the declared primary metric, and the total of a ledger."""

import json
from pathlib import Path

import pytest

from report.page.build import build_report
from tests.oracle import check
from tests.report.synthetic import folder_of, write_study


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study whose reviews have no score by their primary metric, and one ledger no total."""
    study = write_study(tmp_path_factory.mktemp("study"))
    folder = folder_of(study)
    for path in folder.glob("scores/*/reviews/results.json"):
        results = json.loads(path.read_text(encoding="utf-8"))
        results["configs"]["reviews"]["metadata"]["primary"] = "kappa"
        path.write_text(json.dumps(results), encoding="utf-8")
    path = folder / "parameters" / "reviews-lora-seed1.json"
    ledger = json.loads(path.read_text(encoding="utf-8"))
    del ledger["total"]
    path.write_text(json.dumps({**ledger, "components": []}), encoding="utf-8")
    build_report(study, output=folder)
    return folder


def test_an_overlap_without_a_primary_score_takes_nothing_back(built: Path) -> None:
    facts = json.loads((built / "facts.json").read_text(encoding="utf-8"))
    (comparison,) = facts["tasks"][0]["comparisons"]
    assert comparison["overlap"]["parts"]
    assert not any(score["primary"] for score in comparison["scores"])
    said = facts["findings"]["difference"][0]["overlap"]
    assert said["id"] == "overlap_without_headline"
    assert set(said["evidence"]) == {"some", "some_share", "none", "training_rows"}


def test_counts_without_a_total_are_not_known(built: Path) -> None:
    page = (built / "report.md").read_text(encoding="utf-8")
    why = "missing (parameters/reviews-lora-seed1.json does not record it)"
    assert (
        f"Whether the count in LoRA on reviews, seed 1 is the base model's is not known: base 1,000, checkpoint {why}."
        in page
    )


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_the_oracle_reads_such_a_page(built: Path, name: str) -> None:
    facts = json.loads((built / "facts.json").read_text(encoding="utf-8"))
    assert not check((built / name).read_text(encoding="utf-8"), facts)
