"""`aftertune verify`: what it prints, its exit codes, and what it reads."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from click.testing import Result
from jinja2 import TemplateSyntaxError
from typer.testing import CliRunner

from report.commands.verify import verify
from report.facts.current import sealed
from report.page.build import build_report
from report.page.template import lookup
from tests.report.synthetic import change_json, folder_of, write_study

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
    assert result.stdout.startswith("everything on the page is what its facts give: ")
    assert result.stdout.endswith(" facts recomputed\n")


def test_the_page_may_have_any_name_and_stand_elsewhere(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    shutil.copy(folder / "report.html", page)
    assert run(page, "--facts", folder / "facts.json").exit_code == 0
    result = run(page)
    assert result.exit_code == 2
    assert f"Found: the file of facts {tmp_path / 'facts.json'} is missing" in result.stderr
    assert "for a page that stands elsewhere name it: aftertune verify PAGE --facts FILE" in result.stderr


def test_a_wrong_word_and_a_wrong_number_are_named_with_their_places_and_sources(folder: Path) -> None:
    page = folder / "report.md"
    text = page.read_text(encoding="utf-8")
    wrong = text.replace("improves accuracy: it rises", "improves accuracy: it falls", 1)
    page.write_text(wrong.replace("| parameters | 1,000 |", "| parameters | 1,001 |"), encoding="utf-8")
    result = run(page)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].endswith("why it counts as selected › row parameters › column value")
    assert lines[1:5] == [
        "  found: | 1,001",
        "  facts: | 1,000",
        "  source: /model/parameters of model.json",
        "Answer 4: scores before and after fine-tuning › reviews",
    ]
    assert lines[5].startswith("  found: On `reviews`, fine-tuning improves accuracy: it falls from 0.500 (zero-shot)")
    assert lines[6].startswith("  facts: On `reviews`, fine-tuning improves accuracy: it rises from 0.500 (zero-shot)")
    assert lines[7] == "  not licensed: falls"
    assert lines[8].startswith("  source: /tasks/0/comparisons/0/scores/0/before of scores/base/reviews/results.json; ")
    assert lines[9:] == ["2 problems"]


@pytest.mark.parametrize(
    ("old", "new", "place", "found"),
    [
        (
            "</h2>",
            "</h2><!-- it improves -->",
            "Answer 1: the model selected",
            "<!-- it improves -->",
        ),
        ("<td>", "<td title='improves'>", "Answer 3: fine-tuning › row 1", "<td title='improves'>"),
        ('data-n="3"', 'data-n="4"', "the beginning", '<span class="n" data-n="4">+0.450</span>'),
        ("<p>", '<p style="display:none">', "the beginning", '<p style="display:none">'),
        ("</style>", "td::after { content: 'better' }</style>", "the page's styles", "content: 'better'"),
        ("1,000</span> p", "1,0\u0660\u0660</span> p", "the beginning", "U+0660 ARABIC-INDIC DIGIT ZERO"),
        ("1,000</span> p", "1,000</span> \u200bp", "the beginning", "U+200B ZERO WIDTH SPACE"),
        ("1,000</span> pa", "1,000</span> p\u0430", "the beginning", "U+0430 CYRILLIC SMALL LETTER A"),
        ('"notes":[', '"notes":[{},', "the page's scripts", '"notes":[{},'),
    ],
)
def test_what_is_hidden_is_compared_as_well(folder: Path, old: str, new: str, place: str, found: str) -> None:
    page = folder / "report.html"
    text = page.read_text(encoding="utf-8")
    assert old in text
    page.write_text(text.replace(old, new, 1), encoding="utf-8")
    result = run(page, "--json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)
    assert problem["place"].startswith(place), problem
    assert found in problem["found"], problem


def test_line_ends_of_windows_are_no_difference(folder: Path) -> None:
    page = folder / "report.md"
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    assert run(page).exit_code == 0


def test_the_tables_for_latex_are_verified_too(folder: Path) -> None:
    page = folder / "report.tex"
    assert run(page).exit_code == 0
    page.write_text(page.read_text(encoding="utf-8").replace("0.950", "0.960", 1), encoding="utf-8")
    result = run(page)
    assert result.exit_code == 1
    assert "0.960" in result.stdout


def test_a_copy_without_results_is_verified_beside_its_facts_alone(made: Path, tmp_path: Path) -> None:
    for name in ("facts.json", "report.html", "trial.yaml"):
        shutil.copy(made / name, tmp_path / name)
    result = run(tmp_path / "report.html")
    assert result.exit_code == 1
    assert "holds no scores" in result.stdout
    result = run(tmp_path / "report.html", "--page-only")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(" numerals, the facts were not computed again\n")
    change_json(tmp_path / "facts.json", schema="aftertune-facts/1", family=None)
    result = run(tmp_path / "report.html", "--page-only")
    assert result.exit_code == 2
    assert "was changed after it was written" in result.stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [("checkpoints", ["a"]), ("checkpoints", "a"), ("checkpoints", [{"hub": 1}] * 2), ("state", "a"), ("state", [])],
)
def test_facts_of_any_shape_are_a_problem_and_no_crash(folder: Path, key: str, value: object) -> None:
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    (folder / "facts.json").write_text(json.dumps({**facts, key: value}), encoding="utf-8")
    result = run(folder / "report.md")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == (1 if key == "checkpoints" else 2), result.output


def test_another_page_is_refused_and_a_long_list_is_cut(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text("# A page\n\nof somebody else.\n", encoding="utf-8")
    result = run(other, "--facts", folder / "facts.json")
    assert result.exit_code == 2
    assert "other.md shares 33% of its lines with report.md, the nearest file that the facts give" in result.stderr
    (folder / "report.md").write_text("", encoding="utf-8")
    result = run(folder / "report.md")
    assert result.exit_code == 1
    assert result.stdout.count("  found: nothing") == 100
    assert " more, which --json lists\n" in result.stdout
    assert len(json.loads(run(folder / "report.md", "--json").stdout)) > 100


def test_facts_of_another_version_are_told_from_wrong_ones(made: Path, tmp_path: Path) -> None:
    """A later version may know a sentence that this one does not, and say so in facts with a hash of their own."""
    facts = json.loads((made / "facts.json").read_text(encoding="utf-8"))
    facts["findings"]["result"]["id"] = "result_of_tomorrow"
    (tmp_path / "facts.json").write_text(json.dumps(sealed(facts)), encoding="utf-8")
    shutil.copy(made / "report.md", tmp_path)
    result = run(tmp_path / "report.md", "--page-only")
    assert result.exit_code == 2
    assert "no page can be made of the facts in" in result.stderr
    assert "another version of Aftertune wrote them" in result.stderr


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of our templates that stands in for them."""
    copy = Path(shutil.copytree(lookup.OURS, tmp_path / "ours"))
    monkeypatch.setattr(lookup, "OURS", copy)
    return copy


def test_a_template_of_ours_that_is_refused_is_told_as_that(folder: Path, ours: Path) -> None:
    page, template = folder / "report.md", ours / "answer_hub.md.j2"
    text = template.read_text(encoding="utf-8")
    template.write_text(f"{text}\nIt is the best.\n", encoding="utf-8")
    result = run(page)
    assert result.exit_code == 2
    assert f"Found: {template}, line {text.count(chr(10)) + 2}: `best` is of the template itself\n" in result.stderr
    assert "Why it matters: neither a rule nor a fact is behind it" in result.stderr
    assert "To mend it: write a claim as an entry of findings.md.j2, " in result.stderr
    template.write_text(f"{text}\n{{% if %}}\n", encoding="utf-8")
    result = run(page)
    assert isinstance(result.exception, TemplateSyntaxError), result.output


def test_an_added_sentence_is_licensed_by_nothing(folder: Path) -> None:
    page = folder / "report.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("## Answer 1", "Accuracy clearly improves.\n\n## Answer 1"), encoding="utf-8")
    result = run(page, "--json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)
    assert (problem["place"], problem["found"], problem["facts"]) == ("the beginning", "Accuracy clearly improves.", "")
    assert problem["words"] == ["clearly", "improves"]


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
        assert "  found: nothing" in result.stdout


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


def test_verifying_loads_no_torch(folder: Path) -> None:
    code = (
        "import sys, pathlib; from report.verify.report import verify_report; "
        f"assert not verify_report(pathlib.Path({str(folder / 'report.html')!r})).problems; "
        "unwanted = {'torch', 'transformers', 'evaluate', 'datasets', 'lm_eval'}; "
        "print(sorted(unwanted & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
