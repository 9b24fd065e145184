"""A file of results is believed over its folder: exchanged folders are refused by build, verify, compare and push."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from report.__main__ import app as report
from report.compare.output import compare_results
from report.page.build import build_report
from report.page.whole import facts_now
from report.reading.scored import refuse_other
from report.verify.report import verify_report
from studies import load_study
from tests.report.synthetic import folder_of, write_study

TUNED = "reviews-lora-seed1"


def change(path: Path, **values: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
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
        change(results.parent / "command.json", command="aftertune score", scored=scored)
    for count in home.glob("parameters/*.json"):
        record = home / "checkpoints" / count.stem / "finetune.json"
        of = {"checkpoint": sha256_file(record)} if record.exists() else {"configuration": "cd" * 32}
        change(count, counted=of)
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


OTHER = "passages-lora-seed1"


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("parameters/base.json", f"parameters/{TUNED}.json", "says that it was measured of no checkpoint"),
        (f"parameters/{OTHER}.json", f"parameters/{TUNED}.json", "was measured of a checkpoint with the hash"),
        (f"checkpoints/{OTHER}/tensors.json", f"checkpoints/{TUNED}/tensors.json", "says that it describes"),
        (f"checkpoints/{OTHER}/finetune.json", f"checkpoints/{TUNED}/finetune.json", "says that it describes"),
        ("scores/base/reviews/command.json", f"scores/{TUNED}/reviews/command.json", "was measured of"),
        (f"overlap/{OTHER}", f"overlap/{TUNED}", ""),
    ],
)
def test_exchanged_files_are_refused_by_build_and_verify(study: Path, one: str, other: str, said: str) -> None:
    home = folder_of(study)
    build_report(study, output=home)
    exchange(home / one, home / other)
    if not said:  # each file names its task, so that nothing is taken for the other's
        page = facts_now(load_study(study), study, home).as_json()
        graded = [one["overlap"] for task in page["tasks"] for one in task["comparisons"]]
        assert all("was not measured" in overlap["absent"]["missing"] for overlap in graded)
        return
    assert said in refused(build_report, study, output=home).found
    problems = [str(problem) for problem in verify_report(home / "report.md").problems]
    assert any(said in problem for problem in problems), problems


def test_the_count_of_another_base_is_refused(study: Path) -> None:
    home = folder_of(study)
    change(home / "parameters/base.json", counted={"configuration": "ee" * 32})
    error = refused(build_report, study, output=home)
    assert f"was measured of a configuration with the hash {'ee' * 6}; the one here has {'cd' * 6}" in error.found
    assert error.mend == "delete parameters/base.json and run the study again"
    # As it was written before: by the name alone, of the folder that was counted.
    change(home / "parameters/base.json", counted=None, model=f"build/trial/checkpoints/{TUNED}")
    assert "lies in the folder of base" in refused(build_report, study, output=home).found


def test_a_count_says_what_was_counted(tiny_model: Path, tmp_path: Path) -> None:
    from transformers import AutoConfig

    def counted() -> dict[str, str]:
        result = CliRunner().invoke(report, ["params", str(tmp_path / "it"), "--json"])
        assert result.exit_code == 0, result.output
        found: dict[str, str] = json.loads(result.stdout)["counted"]
        return found

    shutil.copytree(tiny_model, tmp_path / "it")
    content = AutoConfig.from_pretrained(str(tiny_model)).to_diff_dict()
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert counted() == {"configuration": hashlib.sha256(text.encode()).hexdigest()}
    (tmp_path / "it" / "finetune.json").write_text("{}")
    assert counted() == {"checkpoint": hashlib.sha256(b"{}").hexdigest()}


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
def test_what_is_named_is_believed_over_the_folder(
    name: str, model_args: Any, is_refused: bool, tmp_path: Path
) -> None:
    if is_refused:
        assert (
            f"lies in the folder of {name}" in refused(refuse_other, tmp_path, "results.json", name, model_args).found
        )
    else:
        refuse_other(tmp_path, "results.json", name, model_args)


def test_a_strangers_folder_that_looks_like_a_studys_is_none(tmp_path: Path) -> None:
    refuse_other(tmp_path, "scores/llama/arc/results.json", "llama", {"pretrained": "org/llama"}, is_ours=False)
