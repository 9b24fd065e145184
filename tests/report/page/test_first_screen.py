"""The first screen: parameters in one line, and what guards and checks said over all checkpoints."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.page.build import build_report
from report.page.whole import collect
from report.sentences.summary import sizes
from studies import load_study
from tests.oracle import check
from tests.report.rendered import render_markdown
from tests.report.synthetic import change_json, folder_of, typed, write_study

GUARDS = [
    {"id": "bos", "verdict": "pass", "found": "no start token"},
    {"id": "prompt", "verdict": "by-design", "found": "one renderer"},
    {"id": "head-saved", "verdict": "after-training", "found": "is proved later"},
]
PROOF = {"verdicts": [{"id": "reload-logits", "verdict": "pass", "found": "equal"}]}
NAMES = ("reviews-lora-seed1", "passages-lora-seed1")


def study_with(root: Path, *, guards: list[Any] | None = GUARDS, proof: Any = PROOF) -> Path:
    study = write_study(root)
    for name in NAMES:
        change_json(folder_of(study) / f"checkpoints/{name}/finetune.json", guards=GUARDS, proof=PROOF)
    change_json(folder_of(study) / f"checkpoints/{NAMES[0]}/finetune.json", guards=guards, proof=proof)
    return study


def summary(study: Path) -> tuple[dict[str, Any], str]:
    facts = collect(load_study(study), study, folder_of(study)).as_json()
    page = render_markdown(typed(facts))
    assert not check(page, facts)
    return facts, page[: page.index("## Answer 1")]


def test_all_verdicts_in_order_are_one_sentence(tmp_path: Path) -> None:
    facts, said = summary(study_with(tmp_path))
    assert (
        "- All 6 guards before training and all 2 checks of the saved weights after it passed; checkpoints: 2.\n"
    ) in said
    source = facts["checks"]["guards"]["source"]
    assert (source["file"], source["pointer"]) == (f"checkpoints/{NAMES[0]}/finetune.json", "/guards")
    assert [one["file"] for one in facts["checks"]["guards"]["also"]] == [f"checkpoints/{NAMES[1]}/finetune.json"]


def test_what_objects_is_named_with_what_was_found(tmp_path: Path) -> None:
    guards = [*GUARDS, {"id": "overlap", "verdict": "fail", "found": "7 of <b>40</b> rows | seen"}]
    proof = {"verdicts": [{"id": "loss-shape", "verdict": "warn", "found": "the loss is flat"}]}
    _, said = summary(study_with(tmp_path, guards=guards, proof=proof))
    assert (
        "- Not all of 7 guards before training and 2 checks of the saved weights after it passed; objections: 2; "
        "checkpoints: 2.\n"
    ) in said
    assert f"- `{NAMES[0]}`, `overlap` (fail): 7 of \\<b\\>40\\</b\\> rows \\| seen\n" in said
    assert f"- `{NAMES[0]}`, `loss-shape` (warn): the loss is flat\n" in said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"guards": None}, "checkpoints/reviews-lora-seed1/finetune.json records no guards"),
        ({"proof": None}, "checkpoints/reviews-lora-seed1/finetune.json records no checks of the saved weights"),
    ],
)
def test_what_is_not_recorded_is_not_called_passed(tmp_path: Path, change: dict[str, None], reason: str) -> None:
    _, said = summary(study_with(tmp_path, **change))
    assert f"- Whether guards and checks of the saved weights passed is not known: {reason}.\n" in said


def test_few_checkpoints_are_named_and_of_many_the_least_and_the_most_said(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    build_report(study, output=folder_of(study))
    facts = json.loads((folder_of(study) / "facts.json").read_text())
    assert [said.id for said in sizes(typed(facts))] == ["sizes_base", "trained_part", "trained_part"]
    facts["checkpoints"] = [json.loads(json.dumps(checkpoint)) for checkpoint in facts["checkpoints"] * 2]
    assert [said.id for said in sizes(typed(facts))] == ["sizes_base", "sizes_same"]
    facts["checkpoints"][2]["parameters"]["trainable"]["value"] += 1
    between = sizes(typed(facts))[1]
    assert between.id == "sizes_between"
    assert between.evidence["most"] == "/checkpoints/2/parameters/trainable"
