"""A report in Python: what `aftertune.load` gives, and what importing it costs."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

import aftertune
from harness_tasks.errors import UserError
from report.page.build import build_report
from tests.report.synthetic import folder_of, write_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("loaded"), why="<b>fun</b>")
    build_report(study, output=folder_of(study))
    return folder_of(study)


def test_the_scores_are_those_of_the_csv_file(folder: Path) -> None:
    scores = aftertune.load(folder).scores
    with (folder / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(scores) == len(rows)
    for row, (_, found) in zip(rows, scores.iterrows(), strict=True):
        for name in ("task", "checkpoint", "metric", "label"):
            assert found[name] == row[name]
        assert row["value"] == "" or float(row["value"]) == found["value"]
    accuracy = scores[(scores.task == "reviews") & (scores.metric == "acc") & (scores.part == "all")].set_index(
        "checkpoint"
    )
    assert accuracy.value.to_dict() == {"base": 0.5, "reviews-lora-seed1": 0.95}  # 20 and 38 of 40


def test_facts_sentences_and_scoreboard_are_the_pages(folder: Path) -> None:
    report = aftertune.load(folder / "report.html")
    assert report.facts.tasks[0].task == "reviews"
    assert report.sentences[0] == "Fine-tuning small improved the primary score on reviews and passages."
    assert any(sentence.startswith("On reviews, fine-tuning improves accuracy") for sentence in report.sentences)
    shown = report._repr_html_()
    assert "<table>" in shown
    assert shown.count("<tr>") == 3
    for part in ("improved", "0.500", "0.950", "<img", "<script"):
        assert (part in shown) == (not part.startswith("<"))
    assert repr(report).startswith("<Report ")


def test_the_page_is_saved_whole(folder: Path, tmp_path: Path) -> None:
    report = aftertune.load(folder)
    page = (folder / "report.html").read_bytes()
    assert report.save(tmp_path) == tmp_path / "report.html"
    assert report.save(tmp_path / "mine.html").read_bytes() == page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.html", "report.html"]


def test_a_folder_without_a_report_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="facts"):
        aftertune.load(tmp_path)


def test_importing_it_loads_nothing_that_takes_long() -> None:
    code = (
        "import sys, aftertune\n"
        "assert not {'torch', 'transformers', 'lm_eval', 'pandas', 'typer', 'pydantic'} & set(sys.modules)\n"
        "assert callable(aftertune.diff) and callable(aftertune.load)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
