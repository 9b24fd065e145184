"""Several adapters on one base in one run of `aftertune score`."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from instances import asked
from lm_eval.models.huggingface import HFLM
from peft import PromptTuningConfig, get_peft_model
from random_heads import write_adapter
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from harness_tasks import UserError
from harness_tasks.__main__ import app
from harness_tasks.models.shared_lm import SharedLM
from harness_tasks.scoring.adapters import on_one_base, runs
from harness_tasks.scoring.arguments import check_arguments

LIMIT = ["--tasks", "reviews_demo,passages_demo", "--limit", "6", "--log_samples", "--device", "cpu"]


@pytest.fixture(scope="module")
def adapters(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("adapters")
    return [str(write_adapter(tiny_model, folder / f"seed{seed}", "CAUSAL_LM", seed=seed)) for seed in (1, 2)]


def score(output: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[Any]:
    """Returns the sample rows of both tasks, by model, in the order in which the models were scored."""
    done = CliRunner().invoke(app, ["run", *words, *LIMIT, "--output_path", str(output)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = []
    for folder in sorted(output.iterdir(), key=lambda place: min(file.stat().st_mtime for file in place.iterdir())):
        (results,) = folder.glob("results_*.json")
        rows = [json.loads(line) for file in sorted(folder.glob("samples_*")) for line in file.open(encoding="utf-8")]
        found.append((json.loads(results.read_text())["config"]["model_args"].get("peft"), rows))
    return found


def said(rows: list[dict[str, Any]]) -> list[Any]:
    return [[float(part[0]) if isinstance(part, list) else part for part in responses(row)] for row in rows]


def answers(rows: list[dict[str, Any]]) -> list[Any]:
    near = partial(pytest.approx, abs=1e-4)
    return [[near(float(part[0])) if isinstance(part, list) else part for part in responses(row)] for row in rows]


def responses(row: dict[str, Any]) -> list[Any]:
    """A text, or a choice's log-likelihood and whether it is greedy; lm_eval 0.5 writes a list of repeats."""
    return [part[0] if isinstance(part, list) and len(part) == 1 else part for part in row["filtered_resps"]]


def test_one_base_is_loaded_for_all_and_each_answers_as_alone(
    tiny_model: Path, adapters: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = []
    for number, adapter in enumerate([None, *adapters]):
        given = f"pretrained={tiny_model},dtype=float32" + (f",peft={adapter}" if adapter else "")
        alone += score(tmp_path / str(number), monkeypatch, "--model", "hf", "--model_args", given)
    loads: list[object] = []
    load = HFLM._create_model

    def counted(self: HFLM, *arguments: Any, **named: Any) -> None:
        loads.append(self)
        load(self, *arguments, **named)

    monkeypatch.setattr(HFLM, "_create_model", counted)
    given = json.dumps({"pretrained": str(tiny_model), "dtype": "float32", "peft": [*adapters, None]})
    together = score(tmp_path / "all", monkeypatch, "--model", "hf-shared", "--model_args", given, "--batch_size", "4")
    assert len(loads) == 1
    assert [adapter for adapter, _ in together] == [None, *adapters]
    for (_, ours), (_, its) in zip(together, alone, strict=True):
        assert said(ours) == answers(its)
    assert said(together[0][1]) != answers(together[1][1])
    assert said(together[1][1]) != answers(together[2][1])


@pytest.mark.parametrize("memory_gb", [1.0, 2e-4])
def test_each_answers_as_alone_above_layers_that_all_share(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory_gb: float
) -> None:
    upper = [str(write_adapter(tiny_model, tmp_path / f"a{n}", "CAUSAL_LM", seed=n, layers=[1])) for n in (1, 2)]
    alone = []
    for number, adapter in enumerate([None, *upper]):
        given = f"pretrained={tiny_model},dtype=float32" + (f",peft={adapter}" if adapter else "")
        alone += score(tmp_path / str(number), monkeypatch, "--model", "hf", "--model_args", given)
    given = json.dumps(
        {"pretrained": str(tiny_model), "dtype": "float32", "peft": [None, *upper], "memory_gb": memory_gb}
    )
    words = ["--model", "hf-shared", "--model_args", given, "--batch_size", "4"]
    together = score(tmp_path / "all", monkeypatch, *words)
    for (_, ours), (_, its) in zip(together, alone, strict=True):
        assert said(ours) == answers(its)
    assert said(together[1][1]) != answers(together[2][1])


def test_what_is_below_reads_a_sequence_once(tiny_model: Path, tmp_path: Path, capsys: Any) -> None:
    upper = [str(write_adapter(tiny_model, tmp_path / f"a{n}", "CAUSAL_LM", seed=n, layers=[1])) for n in (1, 2)]
    lm = SharedLM(pretrained=str(tiny_model), dtype="float32", device="cpu", batch_size=4)
    assert lm.reader is not None
    lm.share_lower_layers(upper)
    assert "hf-shared: 1 of 2 layers are below every adapter" in capsys.readouterr().err
    calls = {0: 0, 1: 0}
    for number, layer in enumerate(lm.reader.model.model.layers):
        layer.mlp.register_forward_hook(lambda *_, number=number: calls.update({number: calls[number] + 1}))
    requests = [asked("loglikelihood", text, " yes") for text in ("a film", "another one", "the last of them")]
    found = []
    for adapter in (None, *upper):
        lm.wear(adapter)
        found.append(lm.loglikelihood(requests, disable_tqdm=True))
    assert calls == {0: 1, 1: 3}
    assert found[0] != found[1] != found[2]


def test_a_list_of_one_is_a_list(
    tiny_model: Path, adapters: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = json.dumps({"pretrained": str(tiny_model), "dtype": "float32", "peft": adapters[:1]})
    ((adapter, _),) = score(tmp_path, monkeypatch, "--model", "hf-shared", "--model_args", given)
    assert adapter == adapters[0]


def test_a_cache_that_does_not_know_the_adapter_is_refused() -> None:
    given = json.dumps({"pretrained": "BASE", "peft": [None, "A"]})
    words = ["--model", "hf-shared", "--model_args", given, "--tasks", "reviews_demo", "--use_cache", "answers"]
    with pytest.raises(UserError) as error:
        check_arguments(words)
    assert error.value.found == "--use_cache with 2 models"
    assert '"answers": DIR' in error.value.mend


def test_other_classes_take_no_list() -> None:
    with pytest.raises(UserError) as error:
        runs("hf", {"pretrained": "BASE", "peft": ["A", "B"]})
    assert "a list of 2 adapters for the model class hf" in str(error.value)
    with pytest.raises(UserError, match="a list of 0 adapters"):
        runs("hf-shared", {"pretrained": "BASE", "peft": []})


@pytest.mark.parametrize("others", [0, 1])
def test_a_learned_prompt_is_refused_in_a_list(
    tiny_model: Path, adapters: list[str], tmp_path: Path, others: int
) -> None:
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    get_peft_model(base, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)).save_pretrained(tmp_path)
    each = [{"pretrained": str(tiny_model), "peft": place} for place in (*adapters[:others], str(tmp_path))]
    loaded: list[Any] = []
    with pytest.raises(UserError) as error:
        on_one_base(each, loaded.append)
    assert "is a learned prompt (PROMPT_TUNING), in a list of adapters" in str(error.value)
    assert f"peft={tmp_path}" in str(error.value)
    assert loaded == []
