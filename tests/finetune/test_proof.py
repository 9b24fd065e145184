"""The proof of a finished checkpoint: what it finds in a good one, and in one that lost something on the way."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from short_runs import run_of

from finetune.models import load_checkpoint
from finetune.prepare import prepare
from finetune.proof import examine, prove, write_expected
from finetune.train import train
from harness_tasks import TASKS_PATH

REVIEWS = {"task": "reviews_demo", "include_path": TASKS_PATH}
RUNS: dict[str, dict[str, Any]] = {
    "causal": {},
    "choices": REVIEWS,
    "classifier": {**REVIEWS, "head": "sequence-classification"},
    "span": {"task": "passages_demo", "include_path": TASKS_PATH, "head": "question-answering"},
    "full": {"method": "full"},
}


@pytest.fixture(scope="module")
def proven(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Returns for each of `RUNS` its checkpoint and a folder with what the model gave (in this process)."""
    found = {}
    for name, options in RUNS.items():
        folder = tmp_path_factory.mktemp(name)
        run = run_of(tiny_model, folder / "checkpoint", train_rows=14, **options)
        checkpoint = train(run)
        write_expected(folder, model=load_checkpoint(checkpoint), prepared=prepare(run))
        found[name] = checkpoint, folder
    return found


def _spoilt(proven: dict[str, tuple[Path, Path]], name: str, to: Path) -> tuple[Path, Path]:
    """Returns a copy of a checkpoint that may be spoilt, and the folder of what is expected of it."""
    checkpoint, folder = proven[name]
    shutil.copytree(checkpoint, to / "checkpoint")
    return to / "checkpoint", folder


def _verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {verdict["id"]: verdict["verdict"] for verdict in found["verdicts"]}


ALWAYS = {"plain-load", "reload-logits", "changed-tensors", "trainable-count", "rows-once", "loss-shape"}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("causal", {"merged-logits", "never-stops"}),
        ("choices", {"merged-logits", "below-majority"}),
        ("classifier", {"merged-logits", "below-majority"}),
        ("span", {"merged-logits"}),
        ("full", {"never-stops"}),
    ],
)
def test_a_good_checkpoint_passes(proven: dict[str, tuple[Path, Path]], name: str, more: set[str]) -> None:
    found = examine(*proven[name])
    verdicts = _verdicts(found)
    assert verdicts.keys() == ALWAYS | more
    assert "fail" not in verdicts.values(), found
    assert found["max_logit_difference"] < 1e-5
    assert ("merged_max_logit_difference" in found) == (name != "full")
    assert ("stopped_share" in found) == ("never-stops" in more)
    if "below-majority" in more:
        assert found["accuracy_rows"] == 14
        assert 0 <= found["accuracy"] <= 1
        assert 0.5 <= found["majority"] <= 1


def test_the_accuracy_is_that_of_the_likeliest_answer(proven: dict[str, tuple[Path, Path]]) -> None:
    checkpoint, folder = proven["choices"]
    expected = json.loads((folder / "expected.json").read_text())
    model = load_checkpoint(checkpoint)
    right = 0
    for row in expected["scored_rows"]:
        sums = {}
        for choice in expected["choices"]:
            ids = torch.tensor([row["prompt_ids"] + choice])
            with torch.no_grad():
                likely = model(ids).logits[0].log_softmax(-1)
            at = len(row["prompt_ids"]) - 1
            sums[tuple(choice)] = sum(float(likely[at + i, token]) for i, token in enumerate(choice))
        right += max(sums, key=sums.__getitem__) == tuple(row["target_ids"])
    assert examine(checkpoint, folder)["accuracy"] == right / len(expected["scored_rows"])


@pytest.mark.parametrize("lost", [True, False])
def test_a_head_that_was_not_saved_is_found(proven: dict[str, tuple[Path, Path]], tmp_path: Path, lost: bool) -> None:
    checkpoint, folder = _spoilt(proven, "classifier", tmp_path)
    weights = load_file(checkpoint / "adapter_model.safetensors")
    (head,) = (name for name in weights if "score" in name)
    weights[head] = torch.zeros_like(weights[head])  # or one that is not the trained one
    if lost:
        del weights[head]
    save_file(weights, checkpoint / "adapter_model.safetensors", metadata={"format": "pt"})
    verdicts = _verdicts(examine(checkpoint, folder))
    assert verdicts["plain-load" if lost else "reload-logits"] == "fail"
    assert verdicts["trainable-count"] == ("fail" if lost else "pass")


def test_weights_that_differ_are_found(proven: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    checkpoint, folder = _spoilt(proven, "full", tmp_path)
    weights = load_file(checkpoint / "model.safetensors")
    weights["model.norm.weight"] *= 1.01
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})
    found = examine(checkpoint, folder)
    assert _verdicts(found)["reload-logits"] == "fail"
    (verdict,) = (verdict for verdict in found["verdicts"] if verdict["id"] == "reload-logits")
    assert verdict["found"].startswith("the loaded checkpoint and the trained model differ by at most ")
    assert verdict["why"] == "what others would load is not the model that was trained"


def test_an_adapter_that_merges_into_something_else_is_found(
    proven: dict[str, tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import finetune.merge
    from finetune.models import load_base

    monkeypatch.setattr(finetune.merge, "merged_model", lambda adapter: load_base(adapter, dtype=torch.float32))
    verdicts = _verdicts(examine(*proven["causal"]))
    assert verdicts["merged-logits"] == "fail"
    assert verdicts["reload-logits"] == "pass"


def test_weights_that_are_no_numbers_are_found(proven: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    checkpoint, folder = _spoilt(proven, "full", tmp_path)
    weights = load_file(checkpoint / "model.safetensors")
    weights["model.norm.weight"] *= float("nan")
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})
    found = examine(checkpoint, folder)
    assert _verdicts(found)["reload-logits"] == "fail"
    assert "max_logit_difference" not in found  # unknown is absent


def test_a_checkpoint_that_nobody_can_load_is_found(proven: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    checkpoint, folder = _spoilt(proven, "causal", tmp_path)
    (checkpoint / "tokenizer.json").unlink()
    (verdict, *others) = examine(checkpoint, folder)["verdicts"]
    assert verdict["id"] == "plain-load"
    assert verdict["verdict"] == "fail"
    assert verdict["found"].startswith("the finished checkpoint cannot be loaded (")
    assert {other["id"] for other in others} == {"changed-tensors", "trainable-count", "rows-once", "loss-shape"}


def test_the_proof_is_a_process_of_its_own(
    proven: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")  # as under torchrun: the proof must not wait for a second process
    monkeypatch.setenv("RANK", "0")
    checkpoint, folder = _spoilt(proven, "causal", tmp_path)
    found = prove(checkpoint, folder)
    assert found == examine(checkpoint, folder)
    (checkpoint / "finetune.json").unlink()
    (verdict,) = prove(checkpoint, folder)["verdicts"]
    assert verdict["id"] == "plain-load"
    assert f"ended with: the record of a training {checkpoint / 'finetune.json'} is missing" in verdict["found"]
