"""What equal and unequal parameter counts mean for pre-training and fine-tuning, and the authors' own words."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.page.build import build_report
from tests.oracle import check
from tests.report.synthetic import folder_of, ledger, write_json, write_study

NAME = "reviews-lora-seed1"
SHOWN = "LoRA on reviews, seed 1"


def tensors(*, frozen: int, trained: int, adapter: bool = False, frozen_changed: bool = False) -> dict[str, Any]:
    def row(number: int, is_trained: bool, changed: bool) -> dict[str, Any]:
        after = "b" if changed else "a"
        found = {"name": f"model.layers.{number}.mlp.up_proj.weight", "kind": "MLP", "layer": number}
        found |= {"sha256_before": "a" * 64, "sha256_after": after * 64, "trained": is_trained}
        return found | {"relative_change": 0.02 if changed else 0.0, "adapter": adapter and is_trained}

    rows = [row(i, False, frozen_changed) for i in range(frozen)]
    return {"checkpoint": NAME, "method": "lora", "tensors": [*rows, *(row(i, True, True) for i in range(trained))]}


def page_of(folder: Path, counted: dict[str, Any], changed: dict[str, Any] | None, **values: Any) -> str:
    """Returns the page of a study whose checkpoint has these counts and tensors; its facts license all of it."""
    study = write_study(folder, **values)
    build = folder_of(study)
    write_json(build / "parameters" / f"{NAME}.json", counted)
    (build / "checkpoints" / NAME / "tensors.json").unlink()
    if changed:
        write_json(build / "checkpoints" / NAME / "tensors.json", changed)
    build_report(study, output=build)
    text = (build / "report.md").read_text(encoding="utf-8")
    assert check(text, json.loads((build / "facts.json").read_text())) == []
    return text


ADDED = ledger(total=1050, trainable=50, added=50)
ALL = ledger(total=1000, trainable=1000, added=0)
CASES = [
    (
        ADDED,
        tensors(frozen=2, trained=2, adapter=True),
        # and of the other checkpoint of the study as well
        "In each of the 2 checkpoints, the base model's 1,000 parameters are as pre-training set them; all that "
        "fine-tuning learnt is in the 50 added ones.",
    ),
    (
        ALL,
        tensors(frozen=0, trained=2),
        f"In {SHOWN}, pre-training and fine-tuning set the same 1,000 parameters. Fine-tuning added none and kept none "
        "as it was, so what it learnt is in their values alone, and no count shows it.",
    ),
    (
        {**ALL, "trainable": 400},
        tensors(frozen=2, trained=2),
        f"In {SHOWN}, pre-training set all 1,000 parameters, and fine-tuning went on with 400 of them; the others "
        "still have their pre-trained values, and none was added.",
    ),
    (
        {**ADDED, "trainable": 1050},
        tensors(frozen=0, trained=2),
        f"In {SHOWN}, fine-tuning added 50 parameters that pre-training had never set, and went on with ones that it "
        "had: 1,050 were trained in all.",
    ),
]


@pytest.mark.parametrize(("counted", "changed", "said"), CASES)
def test_counts_mean_what_was_trained_and_what_changed(
    tmp_path: Path, counted: dict[str, Any], changed: dict[str, Any], said: str
) -> None:
    text = page_of(tmp_path, counted, changed)
    assert f"- {said}\n" in text
    subject = "by the adapter of" if changed["tensors"][-1]["adapter"] else "in"
    moved = f"- Relative weight change (Frobenius) {subject} {SHOWN}: MLP 2.0 % on average, 2.0 % at most.\n"
    assert moved in text
    facts = json.loads((tmp_path / "build" / "trial" / "facts.json").read_text())
    for _, _, other in CASES:  # no other meaning is licensed by these facts
        if other != said:
            assert check(text.replace(said, other), facts) != []


def test_what_contradicts_itself_or_was_not_recorded_means_nothing(tmp_path: Path) -> None:
    said = (
        f"What the counts of {SHOWN} mean for pre-training and fine-tuning cannot be told: which tensors changed does"
    )
    # a frozen tensor that changed: "changed none of them" would be wrong
    thawed = tensors(frozen=2, trained=2, adapter=True, frozen_changed=True)
    assert said in page_of(tmp_path / "thawed", ADDED, thawed)
    # trained in part, and nothing was frozen
    assert said in page_of(tmp_path / "part", {**ALL, "trainable": 400}, tensors(frozen=0, trained=2))
    text = page_of(tmp_path / "unknown", ADDED, None)
    assert f"What the counts of {SHOWN} mean for pre-training and fine-tuning is not known: it was not recorded" in text


def test_the_authors_own_words_are_shown_as_theirs_and_escaped(tmp_path: Path) -> None:
    why = "Small enough\nfor <b>one</b> GPU: 3 runs | it *improves* by [far](http://x.example).\n"
    text = page_of(tmp_path, ADDED, tensors(frozen=2, trained=2), why=why)
    (line,) = [line for line in text.splitlines() if line.startswith("In the authors' own words: ")]
    assert "Small enough for" in line
    assert "<b>" not in line
    assert r"it \*improves\* by \[far\](http\:" in line
    page = (tmp_path / "build" / "trial" / "report.html").read_text(encoding="utf-8")
    assert "<b>one</b>" not in page
    silent = page_of(tmp_path / "silent", ADDED, tensors(frozen=2, trained=2))
    assert "Why the authors chose it is not known: the study file does not say." in silent
