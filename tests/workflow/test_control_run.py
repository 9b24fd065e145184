"""The tiny study with a control: planned, trained and scored by the same steps, and no checkpoint of the study."""

import json
import re
from pathlib import Path

import pytest

from report.verify.report import verify_report
from studies import load_study
from tests.oracle import check
from tests.workflow.conftest import ROOT, House
from workflow import step_commands
from workflow.plan import planned

ASKED = "experiments: {control: shuffled-targets}\n"
CHECKPOINTS = [f"{task}-lora-seed1" for task in ("reviews_demo", "passages_demo")]
CONTROLS = {f"{name}-shuffled-targets" for name in CHECKPOINTS}


def test_a_control_is_planned_like_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = tmp_path / "tiny.yaml"
    study.write_text((ROOT / "studies" / "tiny.yaml").read_text() + ASKED)
    steps = {step.step: step for step in planned(load_study(study), dtype="float32", speed=1e11).steps}
    for control in CONTROLS:
        own = control.removesuffix("-shuffled-targets")
        task = own.partition("-")[0]
        for name in ("fine-tune {}", f"score {{}} on {task}"):
            one, other = steps[name.format(own)], steps[name.format(control)]
            assert (one.rows, one.tokens, one.trainable, one.memory_bytes, one.seconds) == (
                other.rows, other.tokens, other.trainable, other.memory_bytes, other.seconds,
            )  # fmt: skip
        assert not [step for step in steps if step.startswith(("prior", "overlap", "merge")) and control in step]


def test_a_control_differs_from_its_checkpoint_in_its_targets_alone(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text((ROOT / "studies" / "tiny.yaml").read_text() + ASKED)
    study = load_study(tmp_path / "tiny.yaml")
    for control in study.controls():
        one, other = (step_commands.train(study, checkpoint) for checkpoint in (control.explained, control))
        renamed = [word.replace(control.name, control.explained.name) for word in other]
        assert [word for word in renamed if word != "--shuffle-targets"] == one
        assert other.count("--shuffle-targets") == 1
        assert step_commands.train_key(study, control) != step_commands.train_key(study, control.explained)


@pytest.mark.slow
def test_a_study_with_a_control_runs_to_its_page(house: House) -> None:
    asked = "experiments: {control: shuffled-targets, retention: {}, "
    asked = house.study.read_text().replace("experiments: {", asked)
    house.study.write_text(asked)
    trained = {step for step in house.to_do() if step.startswith(("train", "score", "prior", "overlap"))}
    kept = {f"score {name} passages_text" for name in ("base", *CHECKPOINTS)}
    kept |= {f"score {CHECKPOINTS[0]} passages_demo", f"score {CHECKPOINTS[1]} reviews_demo"}
    assert trained == kept | {f"train {name}" for name in CONTROLS} | {
        f"score {name} {name.partition('-')[0]}" for name in CONTROLS
    }
    done = house.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert house.to_do() == set()
    facts = json.loads((house.build / "facts.json").read_text())
    assert len(facts["controls"]) == len(facts["checkpoints"]) == 2
    for gain in facts["controls"]:
        parts = gain["format"]["value"] + gain["skill"]["value"]
        assert parts == pytest.approx(gain["total"]["value"], abs=1e-9)
    scores = facts["retention"]["scores"]
    assert [(score["task"]["value"], score["checkpoint"]["value"]) for score in scores] == [
        ("reviews_demo", "LoRA on passages_demo, seed 1"),
        ("passages_demo", "LoRA on reviews_demo, seed 1"),
        ("passages_text", "LoRA on reviews_demo, seed 1"),
        ("passages_text", "LoRA on passages_demo, seed 1"),
    ]
    assert scores[2]["before"] == scores[3]["before"]
    assert scores[2]["margin"]["value"] == pytest.approx(0.01 * scores[2]["before"]["value"])
    assert not any("absent" in score for score in scores)
    page = (house.build / "report.md").read_text()
    assert check(page, facts) == []
    assert verify_report(house.build / "report.md").problems == []
    assert not re.search("shuffled-targets", page.partition("## Answer 7")[0].partition("## Answer 1")[2])
