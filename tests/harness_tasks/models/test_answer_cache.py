"""What `hf-shared` answered before is not asked again, and no other model, adapter, dtype or prompt meets it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from instances import asked
from lm_eval.models.huggingface import HFLM
from random_heads import write_adapter

from harness_tasks import UserError
from harness_tasks.models.answer_cache import AnswerCache
from harness_tasks.models.batched_inference import KeyValueSlots
from harness_tasks.models.shared_lm import SharedLM
from studies.tiny_model import write_tiny_model

WRITE = {"until": ["\n\n"], "max_gen_toks": 6}
PROMPTS = [f"the passage is the same\nquestion {letter * n}" for n, letter in enumerate("abcdefgh", 1)]


def load(model: Path, answers: Path, **more: Any) -> SharedLM:
    arguments = {"dtype": "float32", "device": "cpu", "batch_size": 2, **more}
    return SharedLM(pretrained=str(model), answers=str(answers), **arguments)


def likelihoods(lm: HFLM, prompts: list[str] = PROMPTS) -> list[tuple[float, bool]]:
    requests = [asked("loglikelihood", prompt, end) for prompt in prompts for end in (" yes", " no")]
    return lm.loglikelihood(requests, disable_tqdm=True)


def generations(lm: HFLM) -> list[str]:
    return lm.generate_until([asked("generate_until", prompt, WRITE) for prompt in PROMPTS])


def read(lm: SharedLM) -> int:
    assert lm.reader is not None
    return lm.reader.tokens_read


@pytest.mark.parametrize("ask", [likelihoods, generations])
def test_an_interrupted_evaluation_goes_on(
    ask: Any, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ask(HFLM(pretrained=str(tiny_model), dtype="float32", device="cpu", batch_size=2))
    whole = load(tiny_model, tmp_path / "whole")
    ask(whole)

    broken = load(tiny_model, tmp_path / "answers")
    forward, calls = KeyValueSlots.forward, 0

    def interrupted(*arguments: Any, **named: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == (4 if ask is likelihoods else 12):
            raise KeyboardInterrupt
        return forward(*arguments, **named)

    monkeypatch.setattr(KeyValueSlots, "forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask(broken)
    monkeypatch.setattr(KeyValueSlots, "forward", forward)
    resumed = load(tiny_model, tmp_path / "answers")
    assert [row[0] for row in ask(resumed)] == pytest.approx([row[0] for row in plain], abs=1e-4)
    assert 0 < read(resumed) < read(whole)
    again = load(tiny_model, tmp_path / "answers")
    assert ask(again) == ask(resumed)
    assert read(again) == 0


@pytest.mark.parametrize("other", ["model", "adapter", "another adapter", "dtype", "prompt"])
def test_another_one_gets_answers_of_its_own(other: str, tiny_model: Path, tmp_path: Path) -> None:
    answers, model, more, prompts = tmp_path / "answers", tiny_model, {}, PROMPTS
    if other == "another adapter":
        first = load(model, answers, peft=str(write_adapter(model, tmp_path / "one", "CAUSAL_LM", seed=1)))
    else:
        first = load(model, answers)
    known = likelihoods(first)
    if other == "model":
        model = write_tiny_model(tmp_path / "other", seed=7)
    elif other.endswith("adapter"):
        more = {"peft": str(write_adapter(model, tmp_path / "two", "CAUSAL_LM", seed=2))}
    elif other == "dtype":
        more = {"dtype": "bfloat16"}
    else:
        prompts = [f"{prompt}?" for prompt in PROMPTS]
    lm = load(model, answers, **more)
    found = likelihoods(lm, prompts)
    assert read(lm) > 0
    assert found != known
    plain = HFLM(pretrained=str(model), **{"dtype": "float32", "device": "cpu", "batch_size": 2, **more})
    wanted = [value for value, _ in likelihoods(plain, prompts)]
    assert [value for value, _ in found] == pytest.approx(wanted, abs=0.5 if other == "dtype" else 1e-4)
    unchanged = load(tiny_model, answers, **({"peft": str(tmp_path / "one")} if other == "another adapter" else {}))
    assert likelihoods(unchanged) == known
    assert read(unchanged) == 0


KILLED = """
import os, signal, sys
from harness_tasks.models.answer_cache import AnswerCache
keep, kept = AnswerCache.keep, []
def keep_and_die(self, kind, answers):
    keep(self, kind, answers)
    kept.append(kind)
    if len(kept) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
AnswerCache.keep = keep_and_die
from harness_tasks.__main__ import app
app(["run", *sys.argv[1:]])
"""


def test_a_command_killed_half_way_goes_on_without_asking_again(tiny_model: Path, tmp_path: Path) -> None:
    def words(name: str) -> list[str]:
        model = f"pretrained={tiny_model},dtype=float32,answers={tmp_path / name}"
        words = ["--model", "hf-shared", "--model_args", model, "--tasks", "passages_demo", "--limit", "12"]
        return [*words, "--batch_size", "4", "--device", "cpu", "--log_samples", "--output_path", str(tmp_path / name)]

    def timed(name: str) -> tuple[int, list[Any]]:
        command = [sys.executable, "-m", "benchmarks.timed", str(tmp_path / "taken.json"), *words(name)]
        subprocess.run(command, check=True, capture_output=True)
        (samples,) = (tmp_path / name).rglob("samples_*.jsonl")
        rows = [json.loads(line) for line in samples.read_text().splitlines()]
        return json.loads((tmp_path / "taken.json").read_text())["tokens_read"], [row["resps"] for row in rows]

    whole, texts = timed("whole")
    killed = subprocess.run([sys.executable, "-c", KILLED, *words("killed")], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not list((tmp_path / "killed").rglob("samples_*.jsonl"))
    rest, same = timed("killed")
    assert same == texts
    assert 0 < rest < whole


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "answers.sqlite").write_text("not a database, and long enough to be looked at" * 10)
    with pytest.raises(UserError) as error:
        AnswerCache(tmp_path, {})
    assert "answers.sqlite cannot be read" in str(error.value)
    assert "delete it, or name another folder" in str(error.value)
