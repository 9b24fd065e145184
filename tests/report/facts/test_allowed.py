"""Guards of scoring that somebody allowed are said wherever the scores stand: page, card, comparison."""

import json
from pathlib import Path

from report.compare.comparison_facts import comparison_facts
from report.compare.comparison_page import comparison_markdown
from report.page.build import build_report
from tests.report.synthetic import REVIEWS, folder_of, write_json, write_study
from tests.report.verify.test_verify_command import run

TUNED = f"{REVIEWS}-lora-seed1"
SAID = "was scored although these guards of scoring failed, because `--allow` named them: "


def allow(folder: Path, name: str, *guards: str) -> None:
    file = folder / "scores" / name / REVIEWS / "results.json"
    results = json.loads(file.read_text())
    results["configs"][REVIEWS]["metadata"]["allowed"] = list(guards)  # as `run --allow` leaves it
    write_json(file, results)


def test_the_page_says_who_was_scored_although_which_guards_failed(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    folder = folder_of(study)
    build_report(study, output=folder)
    assert "--allow" not in (folder / "report.md").read_text()
    allow(folder, TUNED, "adapter-base", "shots")
    allow(folder, "base", "shots")
    build_report(study, output=folder)
    page = (folder / "report.md").read_text()
    assert f"On `reviews`, LoRA, seed 1 {SAID}adapter-base, shots." in page
    assert f"On `reviews`, the base model (zero-shot) {SAID}shots." in page
    assert page.count(SAID) == 2
    checked = run(folder / "report.md")
    assert checked.exit_code == 0, checked.output
    (folder / "report.md").write_text(page.replace("adapter-base, shots.", "shots."))
    assert run(folder / "report.md").exit_code == 1


def test_a_comparison_says_so_too(tmp_path: Path) -> None:
    folder = folder_of(write_study(tmp_path))
    assert SAID not in comparison_markdown(comparison_facts([folder]))
    allow(folder, TUNED, "adapter-base")
    assert f"> {TUNED} {SAID}adapter-base." in comparison_markdown(comparison_facts([folder]))
