"""Facts are computed again only where a result, the study or the program has changed; `--check` writes nothing."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from report.__main__ import app
from report.facts.current import sealed
from report.page import whole
from report.page.build import build_report
from report.verify.made import stale_files
from tests.report.synthetic import change_json, folder_of, write_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    file = write_study(tmp_path)
    build_report(file, output=folder_of(file))
    return file


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def collect(*_: object, **__: object) -> None:
        raise AssertionError("the facts were computed again")

    monkeypatch.setattr(whole, "collect", collect)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_current_facts_are_not_computed_again(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(folder_of(study))
    (folder_of(study) / "report.html").unlink()
    forbid(monkeypatch)
    build_report(study, output=folder_of(study))
    assert contents(folder_of(study)) == before


def test_facts_made_anew_read_each_sample_file_once(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, opened = folder_of(study), list[Path]()
    before = contents(folder)
    (folder / "facts.json").unlink()
    actual = os.open

    def counted(path: Any, *given: Any, **named: Any) -> int:
        opened.extend([Path(path)] if Path(path).name == "samples.jsonl" else [])
        return actual(path, *given, **named)

    monkeypatch.setattr(os, "open", counted)
    build_report(study, output=folder)
    assert sorted(opened) == sorted(folder.glob("scores/*/*/samples.jsonl"))
    # Items of rows in memory are those of rows from the files, and the digests are those of the files.
    assert contents(folder) == before
    build_report(study, output=folder)
    assert contents(folder) == before


@pytest.mark.parametrize("change", ["sample", "link", "study", "record"])
def test_what_has_changed_is_computed_again(study: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(study)
    if change == "sample":
        path = folder / "scores/base/reviews/samples.jsonl"
        path.write_text(path.read_text() + "\n")
    elif change == "link":
        (folder / "hub.json").write_text("{}")
    elif change == "study":
        study.write_text(study.read_text() + "\n# a remark\n")
    else:
        change_json(folder / "checkpoints/reviews-lora-seed1/finetune.json", seconds=1.0)
    forbid(monkeypatch)
    with pytest.raises(AssertionError, match="computed again"):
        build_report(study, output=folder)


def test_another_program_computes_again(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(monkeypatch)
    monkeypatch.setattr("report.facts.current.program_digest", lambda: "another")
    with pytest.raises(AssertionError, match="computed again"):
        build_report(study, output=folder_of(study))


def check(study: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["build", str(study), "--output", str(folder_of(study)), "--check"])
    return done.exit_code, done.output


def test_check_names_what_is_not_what_its_facts_give_and_writes_nothing(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(study)
    forbid(monkeypatch)
    assert check(study) == (0, "every file is what its facts give\n")
    page = folder / "report.md"
    page.write_text(page.read_text().replace("improves", "hardly improves"))
    (folder / "figures/score-reviews-lora-seed1-on-reviews.svg").unlink()
    before = contents(folder)
    code, output = check(study)
    assert code == 1
    assert output.split() == [str(page), str(folder / "figures/score-reviews-lora-seed1-on-reviews.svg")]
    assert contents(folder) == before


def test_check_needs_facts_alone(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    folder = folder_of(study)
    for room in ("checkpoints", "parameters", "scores", "overlap"):
        shutil.rmtree(folder / room, ignore_errors=True)
    forbid(monkeypatch)
    assert check(study)[0] == 0


def test_a_page_is_made_again_when_the_model_folders_are_gone(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    folder = folder_of(study)
    before = contents(folder)
    shutil.rmtree(folder / "checkpoints")
    for name in ("report.html", "report.md", "report.tex", "scores.csv"):
        (folder / name).unlink()
    with monkeypatch.context() as patch:
        forbid(patch)
        build_report(study, output=folder)
        assert contents(folder) == before
        build_report(study, output=folder, copy_to=folder.parent / "copy")
    scores = folder / "scores/base/reviews/results.json"
    scores.write_text(scores.read_text() + "\n")
    build_report(study, output=folder)
    assert "it has not been trained" in (folder / "report.md").read_text()


def test_check_without_facts_is_wrong_input(study: Path) -> None:
    (folder_of(study) / "facts.json").unlink()
    code, output = check(study)
    assert code == 2
    assert "facts.json is missing" in output


def test_the_state_is_of_this_machine_and_no_fact(study: Path) -> None:
    facts = json.loads((folder_of(study) / "facts.json").read_text())
    assert set(facts["state"]) == {"inputs", "measured", "code", "redacted", "facts"}


def test_a_copy_to_commit_is_redacted_whole_and_current(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder_of(study))
    copy = tmp_path / "docs" / "trial"
    forbid(monkeypatch)  # the facts are there; their texts are cut short, no more
    for _ in range(2):  # the second takes the first one's place
        arguments = ["build", str(study), "--output", str(folder_of(study)), "--copy-to", str(copy)]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        assert str(copy / "report.html") in done.output.split()
    assert contents(folder_of(study)) == before
    facts = json.loads((copy / "facts.json").read_text())
    text = facts["tasks"][0]["comparisons"][0]["examples"]["fixed"][0]["input"]["value"]
    words, digest = text.split(" … [sha256 ")
    assert words == "item 3"  # of five words at most half
    assert digest.removesuffix("]") in (copy / "report.md").read_text()
    assert stale_files(study, output=copy) == []


def test_facts_that_were_changed_are_not_believed(study: Path) -> None:
    path = folder_of(study) / "facts.json"
    written = path.read_bytes()
    facts = json.loads(written)
    after = facts["tasks"][0]["comparisons"][0]["scores"][0]["after"]
    assert after["value"] == 0.95  # 38 of 40 items, by hand
    after["value"] = 0.99
    path.write_text(json.dumps(facts))
    code, output = check(study)
    assert code == 2
    assert "facts.json was changed after it was written" in output
    build_report(study, output=folder_of(study))  # computed again, from the files
    assert path.read_bytes() == written


@pytest.mark.parametrize("there", ["a file", "other files", "another study"])
def test_a_copy_takes_the_place_of_nothing_else(study: Path, tmp_path: Path, there: str) -> None:
    copy = tmp_path / "docs"
    if there == "a file":
        copy.write_text("mine")
    else:
        (copy / "figures").mkdir(parents=True)
        (copy / "figures" / "mine.svg").write_text("mine")
    if there == "another study":
        facts = (folder_of(study) / "facts.json").read_text().replace('"value": "trial"', '"value": "other"')
        (copy / "facts.json").write_text(json.dumps(sealed(json.loads(facts))))
    done = CliRunner().invoke(app, ["build", str(study), "--output", str(folder_of(study)), "--copy-to", str(copy)])
    assert done.exit_code == 2
    assert {
        "a file": f"{copy} is a file",
        "other files": f"{copy} holds files, and no facts.json",
        "another study": f"{copy} holds the page of the study other",
    }[there] in done.stderr
    assert "name a folder that is new or empty" in done.stderr
    assert (copy if there == "a file" else copy / "figures" / "mine.svg").read_text() == "mine"
