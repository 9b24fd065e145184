"""Identity is what ran: arguments, adapter, revision, commits, chat template; a folder's name says nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness_tasks import UserError
from report.compare.files import read_all
from tests.report.compare.lm_eval_folders import compared, right, write_folder, write_study

TIMES = ("2026-11-25T10-00-00.000001", "2026-11-25T11-00-00.000001", "2026-11-25T12-00-00.000001")


def in_one_folder(root: Path, *configs: Any, tops: Any = ({}, {}, {})) -> list[str]:
    """Returns the names of the models that result files of these configurations in one folder are taken for."""
    for n, (config, top) in enumerate(zip(configs, tops, strict=False)):
        write_folder(
            root, "org/base", {"even": right(3 - n, 4)}, time=TIMES[n], config={"model": "hf", **config}, **top
        )
    return [entry.name for entry in read_all([root]).entries]


BASE = {"pretrained": "org/base"}


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        (BASE, {**BASE, "lora_local_path": "out/mine"}, ["org/base", "org/base + out/mine"]),
        (BASE, {**BASE, "peft": "org/adapter"}, ["org/base", "org/base + org/adapter"]),
        (BASE, {**BASE, "delta": "org/delta"}, ["org/base", "org/base + org/delta"]),
        (BASE, {**BASE, "lora": "/home/ada/x"}, ["org/base", "org/base + x"]),
        (BASE, {**BASE, "revision": "step1000"}, ["org/base", "org/base (revision=step1000)"]),
        (BASE, {**BASE, "subfolder": "last"}, ["org/base", "org/base (subfolder=last)"]),
        (BASE, {**BASE, "dtype": "float32"}, ["org/base", "org/base (dtype=float32)"]),
        (BASE, {**BASE, "gguf_file": "q4.gguf"}, ["org/base", "org/base (gguf_file=q4.gguf)"]),
        (BASE, {**BASE, "load_in_4bit": True}, ["org/base", "org/base (load_in_4bit=true)"]),
        (BASE, {**BASE, "tokenizer": "org/other"}, ["org/base", "org/base (tokenizer=org/other)"]),
        ("pretrained=org/base", "pretrained=org/base,peft=a/b", ["org/base", "org/base + a/b"]),
        (BASE, ["pretrained=org/base", "dtype=float32"], ["org/base", "org/base (dtype=float32)"]),
        (BASE, {"model_id": "ibm/granite"}, ["org/base", "ibm/granite"]),  # watsonx_llm
        # What only says where and how fast it ran makes no other model; what is a default, neither.
        (BASE, {**BASE, "batch_size": 8, "parallelize": True}, ["org/base"]),
        (BASE, "pretrained=org/base,revision=main,dtype=auto,peft=None", ["org/base"]),
    ],
)  # fmt: skip
def test_two_models_in_one_folder(tmp_path: Path, one: Any, other: Any, names: list[str]) -> None:
    assert in_one_folder(tmp_path, {"model_args": one}, {"model_args": other}) == names


def test_what_a_model_ran_in_is_of_the_identity_where_two_are_known(tmp_path: Path) -> None:
    """`dtype=auto` twice, which another version of transformers takes for another one."""
    said = ({"model_dtype": "torch.float32"}, {"model_dtype": "torch.bfloat16"}, {})
    configs = [{"model_args": BASE} | more for more in said]
    assert in_one_folder(tmp_path / "two", *configs[:2]) == ["org/base (dtype=float32)", "org/base (dtype=bfloat16)"]
    assert in_one_folder(tmp_path / "unknown", configs[0], configs[2]) == ["org/base"]


def test_the_prompts_frame_and_the_class_are_of_the_identity(tmp_path: Path) -> None:
    tops = ({}, {"chat_template": "<t>", "chat_template_sha": "ab12" * 16}, {"system_instruction_sha": "cd34" * 16})
    configs = [{"model_args": BASE}] * 3
    assert in_one_folder(tmp_path / "a", *configs, tops=tops) == [
        "org/base (no chat template, no system instruction)",
        "org/base (chat template ab12ab12, no system instruction)",
        "org/base (no chat template, system instruction cd34cd34)",
    ]
    classes = [{"model_args": BASE}, {"model": "vllm", "model_args": BASE}]
    assert in_one_folder(tmp_path / "b", *classes) == ["org/base (hf)", "org/base (vllm)"]


def test_a_moved_branch_is_another_model(tmp_path: Path) -> None:
    configs = [{"model_args": BASE, "model_sha": sha} for sha in ("a" * 40, "b" * 40)]
    assert in_one_folder(tmp_path / "a", *configs) == [f"org/base (commit={12 * one})" for one in "ab"]
    # Where lm_eval could not look the commit up, and there is one to choose, it is that one.
    configs = [{"model_args": BASE, "model_sha": sha} for sha in ("a" * 40, "")]
    assert in_one_folder(tmp_path / "b", *configs) == ["org/base"]


def test_one_model_scored_in_several_folders_is_one(tmp_path: Path) -> None:
    # Before 0.4.3 every call wrote its own results.json, wherever it was told to.
    for task in ("even", "odd"):
        file = write_folder(tmp_path / task, "org/base", {task: right(3, 4)})
        file.rename(file.with_name("results.json"))
    (entry,) = read_all([tmp_path]).entries
    assert (entry.name, sorted(entry.runs)) == ("org/base", ["even", "odd"])


def test_a_copy_of_a_file_is_no_second_run(tmp_path: Path) -> None:
    file = write_folder(tmp_path / "out", "org/base", {"even": right(3, 4)})
    shutil.copytree(tmp_path / "out", tmp_path / "backup")
    copied = tmp_path / "backup" / file.parent.name / file.name
    copied.write_text(json.dumps(json.loads(copied.read_text())))
    facts = compared([tmp_path])
    assert [row["name"]["value"] for row in facts["entries"]] == ["org/base"]
    assert facts["replaced"] == []


def test_other_settings_of_one_model_are_rows_of_their_own(tmp_path: Path) -> None:
    write_folder(tmp_path, "org/base", {"even": right(3, 4)}, time=TIMES[0])
    write_folder(tmp_path, "org/base", {"even": right(2, 4)}, time=TIMES[1], shots=5)
    write_folder(tmp_path, "org/base", {"even": right(4, 4), "odd": right(1, 4)}, time=TIMES[2])
    facts = compared([tmp_path])
    scores = {row["entry"]["value"]: row["score"]["value"] for row in facts["tasks"][0]["boards"][0]["rows"]}
    assert scores == {"org/base (few-shot=0)": 1.0, "org/base (few-shot=5)": 0.5}
    assert [said["value"] for said in facts["replaced"]] == ["org/base (few-shot=0), even"]


def test_a_study_folder_of_somebody_else_is_none_of_ours(tmp_path: Path) -> None:
    file = write_folder(tmp_path / "out", "org/base", {"even": right(3, 4)})
    home = tmp_path / "llama" / "even"
    home.mkdir(parents=True)
    file.rename(home / "results.json")
    assert [entry.name for entry in read_all([tmp_path / "llama"]).entries] == ["org/base"]


def test_exchanged_folders_of_a_study_are_not_believed(tmp_path: Path) -> None:
    study = write_study(tmp_path / "trial", {"base": {"even": right(1, 4)}, "tuned": {"even": right(3, 4)}})
    (study / "checkpoints" / "tuned").mkdir(parents=True)
    file = study / "scores" / "tuned" / "even" / "results.json"
    content = json.loads(file.read_text())
    content["config"]["model_args"] = {"pretrained": "org/base", "peft": "build/trial/checkpoints/tuned"}
    file.write_text(json.dumps(content))
    assert len(read_all([study]).entries) == 2
    # Of a copy it is the base's folder that is wrong; of the base's scores, that of the checkpoint.
    for wrong, own in (("tuned", "base"), ("base", "tuned")):
        copy = tmp_path / wrong
        shutil.copytree(study, copy)
        shutil.rmtree(copy / "scores" / own)
        shutil.copytree(study / "scores" / wrong, copy / "scores" / own)
        with pytest.raises(UserError, match=f"was measured of .* and lies in the folder of {own}"):
            read_all([copy])


def test_nothing_secret_tells_two_models_apart(tmp_path: Path) -> None:
    one, other = ({"model": "m", "base_url": f"http://10.0.0.{n}/v1", "api_key": f"sk-{n}"} for n in (1, 2))
    for n, given in enumerate((one, other)):
        config = {"model": "local-completions", "model_args": given}
        write_folder(tmp_path, "m", {"even": right(3 - n, 4)}, time=TIMES[n], config=config)
    facts = compared([tmp_path])
    assert len(facts["entries"]) == 2
    text = json.dumps(facts)
    assert "10.0.0" not in text
    assert "sk-" not in text
