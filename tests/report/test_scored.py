"""A file of results is believed over its folder: exchanged folders are refused by build, verify, compare and push."""

import json
from pathlib import Path
from typing import Any

import pytest
from synthetic import folder_of, write_study

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from report.build import build_report, facts_now
from report.compare.command import compare_results
from report.scored import refuse_other
from report.verify.command import verify_report
from studies import load_study

TUNED = "reviews-lora-seed1"


def change(path: Path, **values: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | values), encoding="utf-8")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study whose files say what they were measured of, as lm_eval and our steps write it."""
    study = write_study(tmp_path)
    home = folder_of(study)
    for results in home.glob("scores/*/*/results.json"):
        name = results.parent.parent.name
        model_args = {"pretrained": "build/base", "dtype": "float32"}
        scored = {"base": "ab" * 32}
        if name != "base":
            model_args["peft"] = f"build/trial/checkpoints/{name}"
            scored["checkpoint"] = sha256_file(home / "checkpoints" / name / "finetune.json")
        config = json.loads(results.read_text(encoding="utf-8"))["config"]
        change(results, config={**config, "model": "hf-shared", "model_args": model_args}, scored=scored)
        change(results.parent / "prior.json", model_args=model_args)
        lengths = results.parent / "lengths.jsonl"
        head, *rows = lengths.read_text().splitlines()
        head = json.dumps({**json.loads(head), "samples_sha256": sha256_file(results.parent / "samples.jsonl")})
        lengths.write_text("\n".join([head, *rows, ""]))
    return study


def exchange(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def refused(call: Any, *arguments: Any, **options: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        call(*arguments, **options)
    assert caught.value.why
    assert caught.value.mend
    return caught.value


def test_exchanged_folders_are_refused_by_build_verify_and_compare(study: Path) -> None:
    home = folder_of(study)
    build_report(study, output=home)
    assert not verify_report(home / "report.md").problems
    before = (home / "report.md").read_text()
    exchange(home / "scores/base/reviews", home / f"scores/{TUNED}/reviews")
    error = refused(build_report, study, output=home)
    assert "scores/base/reviews/results.json says that it was measured of build/trial/checkpoints/" in error.found
    assert "lies in the folder of base" in error.found
    assert (home / "report.md").read_text() == before
    said = [str(problem) for problem in verify_report(home / "report.md").problems]
    assert any("was measured of" in problem for problem in said), said
    push = refused(facts_now, load_study(study), study, home)  # what a card's numbers come from
    assert "was measured of" in push.found
    assert "was measured of" in refused(compare_results, [home]).found


def test_exchanged_priors_and_lengths_are_refused(study: Path) -> None:
    home = folder_of(study)
    exchange(home / "scores/base/reviews/prior.json", home / f"scores/{TUNED}/reviews/prior.json")
    assert "prior.json says that it was measured of" in refused(build_report, study, output=home).found
    exchange(home / "scores/base/reviews/prior.json", home / f"scores/{TUNED}/reviews/prior.json")
    exchange(home / "scores/base/reviews/lengths.jsonl", home / f"scores/{TUNED}/reviews/lengths.jsonl")
    assert "counts the tokens of other samples" in refused(build_report, study, output=home).found


def test_a_checkpoint_trained_again_or_a_base_replaced_does_not_keep_its_scores(study: Path) -> None:
    home = folder_of(study)
    record = home / f"checkpoints/{TUNED}/finetune.json"
    kept = record.read_text()
    change(record, seconds=1.0)
    assert "was measured of a checkpoint with the hash" in refused(build_report, study, output=home).found
    record.write_text(kept)
    build_report(study, output=home)
    change(home / "model.json", fingerprint="cd" * 32)
    error = refused(build_report, study, output=home)
    assert f"was measured of a base with the hash {'ab' * 6}; the one here has {'cd' * 6}" in error.found


def test_overlap_of_other_training_rows_is_refused(study: Path) -> None:
    home = folder_of(study)
    (home / f"checkpoints/{TUNED}/train_rows.jsonl").write_text("{}\n")
    assert "was graded against other training rows" in refused(build_report, study, output=home).found


@pytest.mark.parametrize(
    ("name", "model_args", "is_refused"),
    [
        ("base", {"pretrained": "build/base"}, False),
        ("base", "pretrained=build/base,dtype=float32", False),
        ("base", {"pretrained": "build/base", "peft": "build/a/checkpoints/x"}, True),
        ("base", {"pretrained": "build/base", "lora_local_path": "elsewhere"}, True),
        ("base", {"pretrained": "build/a/merged/x/"}, True),
        ("base", "pretrained=build/base,peft=build/a/checkpoints/x", True),
        ("x", {"pretrained": "build/base", "peft": "build/a/checkpoints/x"}, False),
        ("x", {"pretrained": "build/base", "peft": "/elsewhere/copied/checkpoints/x/"}, False),
        ("x", {"pretrained": "build/a/merged/x"}, False),
        ("x", {"pretrained": "build/a/checkpoints/x"}, False),
        ("x", {"pretrained": "build/base", "peft": "build/a/checkpoints/x-2"}, True),
        ("x", {"pretrained": "build/base"}, True),
        ("x", {"pretrained": "org/model"}, True),
        ("x", {}, False),
        ("x", None, False),
        ("base", 5, False),
    ],
)
def test_what_is_named_is_believed_over_the_folder(name: str, model_args: Any, is_refused: bool) -> None:
    if is_refused:
        assert f"lies in the folder of {name}" in refused(refuse_other, "results.json", name, model_args).found
    else:
        refuse_other("results.json", name, model_args)


def test_a_strangers_folder_that_looks_like_a_studys_is_none() -> None:
    refuse_other("scores/llama/arc/results.json", "llama", {"pretrained": "org/llama"}, is_ours=False)
