"""A study with templates of its own: the page says so, and verify tells its words from ours."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from report.__main__ import app
from report.page.build import build_report
from report.verify.report import verify_report
from tests.report.synthetic import folder_of, write_study

ANSWER = (
    "## Ethics\n\nNobody was harmed by {{ model.name | text }}, which has {{ parameters.total | count }} parameters.\n"
)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    file = write_study(tmp_path)
    own = file.parent / "templates"
    own.mkdir()
    (own / "answer_ethics.md.j2").write_text(ANSWER)
    ours = Path(__file__).resolve().parents[3] / "templates" / "report.md.j2"
    (own / "report.md.j2").write_text(ours.read_text() + '\n{% include "answer_ethics.md.j2" %}\n')
    build_report(file, output=folder_of(file))
    return file


def test_the_page_says_that_it_has_words_of_its_own(study: Path) -> None:
    page = (folder_of(study) / "report.md").read_text()
    assert "Nobody was harmed by small, which has 1,000 parameters." in page
    assert "templates of its own (`answer_ethics.md.j2`, `report.md.j2`): what they say beside the facts" in page
    assert "makes this page again from them" not in page


def test_the_page_names_its_claims_of_its_own(study: Path) -> None:
    said = "They hold claim words and numerals that no rule chose and no fact gives"
    assert said not in (folder_of(study) / "report.md").read_text()  # nobody is no claim word
    ethics = study.parent / "templates" / "answer_ethics.md.j2"
    ethics.write_text(ANSWER + "\n\nIt is better by 0.5, because `it` rises.\n" + "It never falls.\n" * 11)
    build_report(study, output=folder_of(study))
    page = (folder_of(study) / "report.md").read_text()
    first = "`answer_ethics.md.j2`, line 6: better, 0.5, because, rises; `answer_ethics.md.j2`, line 7: never, falls; "
    assert f"{said} in 12 lines, first {first}" in page
    assert "line 15: never, falls.\n" in page
    assert "line 16" not in page
    ethics.write_text(ANSWER + "\n\nIt is better.\n")
    build_report(study, output=folder_of(study))
    assert f"{said}: `answer_ethics.md.j2`, line 6: better.\n" in (folder_of(study) / "report.md").read_text()
    verdict = verify_report(folder_of(study) / "report.html")
    assert not verdict.problems


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_verify_lists_what_only_they_say(study: Path, name: str) -> None:
    done = CliRunner().invoke(app, ["verify", str(folder_of(study) / name)])
    assert done.exit_code == 0, done.output
    assert "said by the study's own templates, and checked by nothing:" in done.output
    assert "- Nobody was harmed by small, which has 1,000 parameters." in done.output


def test_a_page_that_they_did_not_make_is_found(study: Path) -> None:
    page = folder_of(study) / "report.md"
    page.write_text(page.read_text().replace("Nobody was harmed", "Everybody was helped"))
    problems = verify_report(page).problems
    assert [problem.found for problem in problems] == ["Everybody was helped by small, which has 1,000 parameters."]


def test_a_template_that_was_changed_since_is_found(study: Path) -> None:
    template = folder_of(study) / "templates" / "answer_ethics.md.j2"
    template.write_text(template.read_text() + "\nIt is the best.\n")
    problems = verify_report(folder_of(study) / "report.md").problems
    assert problems[0].place == "the file templates/answer_ethics.md.j2"
    assert problems[0].found.startswith("hash ")


def test_a_changed_fact_is_found_all_the_same(study: Path) -> None:
    path = folder_of(study) / "facts.json"
    facts = json.loads(path.read_text())
    facts["parameters"]["total"]["value"] = 999
    path.write_text(json.dumps(facts))
    assert any("/parameters/total" in str(p) for p in verify_report(folder_of(study) / "report.md").problems)


def test_its_own_style_cannot_hide_that_it_has_templates_of_its_own(study: Path) -> None:
    own = study.parent / "templates"
    (own / "report.css").write_text("* { display: none !important }", encoding="utf-8")
    build_report(study, output=folder_of(study))
    page = (folder_of(study) / "report.html").read_text(encoding="utf-8")
    said = re.search(r'<body>\s*<p style="([^"]*)">This study has templates of its own \(([^)]*)\)', page)
    assert said
    assert "report.css" in said[2]
    rules = dict(rule.strip().split(": ", 1) for rule in said[1].strip(" ;").split(";"))
    assert rules["display"] == "block!important"
    assert all(value.endswith("!important") for value in rules.values())
