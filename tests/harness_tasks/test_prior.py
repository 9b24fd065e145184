"""The content-free prior, against a direct forward of the model."""

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from typer.testing import CliRunner

from harness_tasks import UserError
from harness_tasks.__main__ import app
from harness_tasks.prior import prior


def expected_log_likelihoods(model: Path, prompt: str, choices: list[str]) -> list[float]:
    """The log-probabilities of each choice's tokens after the prompt, from transformers alone."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, network = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    found = []
    for choice in choices:
        prompt_ids = tokenizer(prompt)["input_ids"]
        ids = torch.tensor([tokenizer(prompt + choice)["input_ids"]])
        with torch.no_grad():
            log_probabilities = network(ids).logits.log_softmax(-1)[0]
        found.append(sum(float(log_probabilities[at - 1, ids[0, at]]) for at in range(len(prompt_ids), ids.shape[1])))
    return found


def test_the_choices_are_scored_after_the_tasks_own_prompt(tiny_model: Path, tmp_path: Path) -> None:
    arguments = ["--model_args", f"pretrained={tiny_model},dtype=float32", "--device", "cpu", "--batch_size", "4"]
    result = CliRunner().invoke(app, ["prior", "reviews_demo", *arguments, "--output", str(tmp_path / "prior.json")])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "prior.json").read_text())
    assert found["task"] == "reviews_demo"
    assert found["labels"] == ["negative", "positive"]
    assert [one["input"] for one in found["inputs"]] == ["", "N/A", "[MASK]"]
    shares = []
    for one in found["inputs"]:
        prompt = f"{one['input']}\nQuestion: Is this sentence positive or negative?\nAnswer:"
        expected = expected_log_likelihoods(tiny_model, prompt, [" negative", " positive"])
        assert one["log_likelihoods"] == pytest.approx(expected, abs=1e-3)
        shares.append(torch.tensor(expected, dtype=torch.float64).softmax(0))
        assert one["probabilities"] == pytest.approx(shares[-1].tolist(), abs=1e-3)
    assert found["probabilities"] == pytest.approx(torch.stack(shares).mean(0).tolist(), abs=1e-3)
    assert f"negative {found['probabilities'][0]:.4f}, positive" in result.stdout


def test_shots_and_chat_template_stand_before_the_empty_input(tiny_model: Path) -> None:
    from lm_eval.models.huggingface import HFLM

    asked: list[str] = []
    score = HFLM.loglikelihood

    def listen(self: Any, requests: Any, **options: Any) -> Any:
        asked.extend(request.args[0] for request in requests)
        return score(self, requests, **options)

    with mock.patch.object(HFLM, "loglikelihood", listen):
        prior(
            "reviews_demo",
            model_args={"pretrained": str(tiny_model)},
            num_fewshot=2,
            apply_chat_template=True,
            device="cpu",
        )
    assert len(asked) == 6
    assert all(prompt.count("Question:") == 3 and prompt.endswith("<|assistant|>\n") for prompt in asked)
    assert all("<|user|>\nN/A\nQuestion:" in prompt for prompt in asked[2:4])


def test_where_there_is_no_prior_no_model_is_loaded(tmp_path: Path) -> None:
    with mock.patch("harness_tasks.prior._load_model", side_effect=AssertionError):
        assert prior("passages_demo") == {
            "task": "passages_demo",
            "absent": "the model writes an answer of its own, and chooses among none",
        }
        (tmp_path / "rows.jsonl").write_text('{"text": "fine", "label": 1, "options": ["a", "b"]}\n')
        write_task(tmp_path, "undeclared", choices="['no', 'yes']", metadata="{}")
        write_task(tmp_path, "own_choices", choices="'{{options}}'", metadata="{input: text}")
        write_task(tmp_path, "no_field", choices="['no', 'yes']", metadata="{input: sentence}")
        absent = prior("undeclared", include_path=tmp_path)["absent"]
        assert absent == "the task does not declare which field is its input (`metadata: input:`)"
        assert prior("own_choices", include_path=tmp_path)["absent"] == "the choices differ from item to item"
        with pytest.raises(UserError, match="the rows of no_field have no field 'sentence'"):
            prior("no_field", include_path=tmp_path)


def write_task(folder: Path, name: str, *, choices: str, metadata: str) -> None:
    (folder / f"{name}.yaml").write_text(
        f"task: {name}\ndataset_path: json\ntest_split: train\n"
        f"dataset_kwargs: {{data_files: {folder / 'rows.jsonl'}}}\n"
        f"output_type: multiple_choice\ndoc_to_text: '{{{{text}}}}'\ndoc_to_target: label\ndoc_to_choice: {choices}\n"
        f"metric_list: [{{metric: acc}}]\nmetadata: {metadata}\n"
    )


def test_a_model_that_is_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # of no tensors
    words = [
        "prior",
        "reviews_demo",
        "--model_args",
        f"pretrained={tmp_path}",
        "--output",
        str(tmp_path / "prior.json"),
    ]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert f"Found: {tmp_path} cannot be loaded (" in result.stderr
    assert not (tmp_path / "prior.json").exists()
