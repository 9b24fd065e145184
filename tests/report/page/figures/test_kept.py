"""Drawings that are kept: used for the same facts alone, and never where somebody changed them."""

import json
from pathlib import Path

import pytest

from harness_tasks.files import sha256_json
from report.facts.schema.whole import Facts
from report.page.build import build_report
from report.page.figures import Picture, kept, pictures
from report.verify.report import verify_report
from tests.report.synthetic import change_json, folder_of, write_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    file = write_study(tmp_path)
    build_report(file, output=folder_of(file))
    return file


def facts_of(study: Path) -> Facts:
    return Facts.model_validate_json((folder_of(study) / "facts.json").read_text(encoding="utf-8"))


def refuse(facts: Facts) -> dict[str, Picture]:
    raise AssertionError("it draws")


def test_the_same_facts_are_not_drawn_again(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = facts_of(study)
    drawn = pictures(facts)
    page = (folder_of(study) / "report.html").read_bytes()
    monkeypatch.setattr(kept, "pictures", refuse)
    assert kept.kept_pictures(facts, folder_of(study)) == drawn
    build_report(study, output=folder_of(study))
    assert (folder_of(study) / "report.html").read_bytes() == page


def test_other_facts_another_program_and_a_changed_file_are_drawn(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts, file = facts_of(study), folder_of(study) / kept.FILE
    other = facts.model_copy(
        update={"state": facts.state.model_copy(update={"facts": "0" * 64})} if facts.state else {}
    )
    for change in ("facts", "program", "file", "damage"):
        with monkeypatch.context() as patched:
            patched.setattr(kept, "pictures", refuse)
            if change == "program":
                patched.setattr(kept, "program_digest", lambda: "another")
            text = file.read_text(encoding="utf-8")
            if change == "file":
                found = json.loads(text)
                next(iter(found["pictures"].values()))["title"] = "what is not so"
                file.write_text(json.dumps(found), encoding="utf-8")
            if change == "damage":
                file.write_text(text[: len(text) // 2], encoding="utf-8")
            with pytest.raises(AssertionError, match="it draws"):
                kept.kept_pictures(other if change == "facts" else facts, folder_of(study))
            file.write_text(text, encoding="utf-8")
    assert kept.kept_pictures(facts, folder_of(study)) == pictures(facts)


def test_verify_draws_for_itself(study: Path) -> None:
    file = folder_of(study) / kept.FILE
    found = json.loads(file.read_text(encoding="utf-8"))
    name = next(iter(found["pictures"]))
    found["pictures"][name]["svg"] = found["pictures"][name]["svg"].replace("</svg>", "<!-- edited --></svg>")
    change_json(file, pictures=found["pictures"], sha256=sha256_json(found["pictures"]))
    build_report(study, output=folder_of(study))
    assert "edited" in (folder_of(study) / name).read_text(encoding="utf-8")
    assert verify_report(folder_of(study) / "report.html").problems
