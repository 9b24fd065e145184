"""The step that compares merges with their adapters: whom it looks at, and the texts that it reads."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetune.elsewhere.reading import Asked, read_checkpoint
from studies import Study, load_study
from workflow import step_commands
from workflow.merges import _logits, chosen, merges
from workflow.plan import planned


def row(number: int, texts: list[str], **more: object) -> dict[str, object]:
    requests = {f"gen_args_{i}": {"arg_0": f"Question {number}:", "arg_1": text} for i, text in enumerate(texts)}
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return {"doc_id": number, "doc": {"n": number}, "doc_hash": digest, "filter": "none", "arguments": requests, **more}


def write_samples(file: Path, rows: list[dict[str, object]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return file


def test_texts_end_with_the_gold_answer_and_are_chosen_by_their_hash(tmp_path: Path) -> None:
    answers = [["-2.0", "False"], ["-1.0", "False"]]
    rows = [row(n, [" no", " yes"], target=str(n % 2), filtered_resps=answers) for n in range(20)]
    found = chosen(write_samples(tmp_path / "choices.jsonl", rows))
    first = sorted(range(20), key=lambda n: hashlib.sha256(str(n).encode()).hexdigest())[:8]
    assert found == {n: f"Question {n}:{' yes' if n % 2 else ' no'}" for n in first}
    assert chosen(write_samples(tmp_path / "turned.jsonl", rows[::-1])) == found
    written = {"gen_args_0": {"arg_0": "Where?", "arg_1": {"until": ["\n"]}}}
    asked = [
        row(1, [], arguments=written, target="here"),
        row(2, [], arguments=written, doc={"answers": {"text": ["there", "far"]}}),
        row(3, [], arguments=written, doc={"answers": {"text": []}}),
        row(4, [], arguments={"gen_args_0": {"arg_0": "A text."}}, target="A text."),
    ]
    texts = chosen(write_samples(tmp_path / "written.jsonl", asked))
    assert texts == {1: "Where? here", 2: "Where? there", 3: "Where?", 4: "A text."}


def test_a_model_that_does_not_fit_a_gpu_is_read_on_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    tried: list[str] = []

    def too_large(*paths: object, device: str) -> dict[str, str]:
        tried.append(device)
        if device != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return {"not_measured": "here"}

    monkeypatch.setattr("finetune.elsewhere.merged_logits.merged_logits", too_large)
    values = {"title": "t", "model": {"id": "m"}, "tasks": {"reviews_demo": None}, "authors": [{"name": "", "did": ""}]}
    study = Study(**values, device="cuda", name="one")  # type: ignore[arg-type]
    assert _logits(study, tmp_path, tmp_path, tmp_path, ["a text"]) == {"not_measured": "here"}
    assert tried == ["cuda", "cpu"]


def test_the_step_finds_the_merge_among_checkpoints(tiny_model: Path, tmp_path: Path) -> None:
    config = LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), config).save_pretrained(tmp_path / "adapter")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), str(tmp_path / "adapter"))
    model.merge_and_unload().save_pretrained(tmp_path / "whole")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "whole")
    shutil.copytree(tiny_model, tmp_path / "copy")
    names = ("adapter", "whole", "copy")
    values = {
        "title": "Merges",
        "model": {"id": str(tiny_model)},
        "tasks": {"reviews_demo": None, "passages_demo": None},
        "checkpoints": [{"path": str(tmp_path / name), "name": name} for name in names],
        "authors": [{"name": "Ada", "did": "all"}],
        "dtype": "float32",
        "device": "cpu",
        "output": str(tmp_path / "out"),
    }
    values["checkpoints"][1]["tasks"] = ["passages_demo"]  # type: ignore[index]
    file = tmp_path / "out" / "out.yaml"
    file.parent.mkdir()
    file.write_text(json.dumps(values), encoding="utf-8")  # which is YAML
    study = load_study(file)
    for one in study.checkpoints:
        output = step_commands.checkpoint_folder(study, one)
        read_checkpoint(Asked(one.path, str(tiny_model), name=one.name), output)
    written = {"gen_args_0": {"arg_0": "Where?", "arg_1": {"until": ["\n"]}}}
    write_samples(
        step_commands.scores_folder(study, "passages_demo", None) / "samples.jsonl",
        [row(n, [], arguments=written, target="here") for n in range(3)],
    )
    merges(str(file), step_commands.merges_file(study))
    (pair,) = json.loads(step_commands.merges_file(study).read_text(encoding="utf-8"))["pairs"]
    assert (pair["adapter"], pair["merged"], pair["task"]) == ("adapter", "whole", "passages_demo")
    assert sorted(pair["doc_ids"]) == [0, 1, 2]
    assert (pair["logits"]["rows"], pair["logits"]["positions"]) == (3, 3 * 12)  # the bytes of "Where? here", and <bos>
    assert pair["logits"]["mean"] < 0.01 * pair["logits"]["effect"]
    steps = {step.step: step for step in planned(study, dtype="float32", speed=1e9).steps}
    assert steps["compare merges with their adapters"].done
