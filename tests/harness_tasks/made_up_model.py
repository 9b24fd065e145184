"""A model without weights, right about so often, and what lm_eval writes of it: true result files in a second."""

import hashlib
import json
from pathlib import Path
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager

from harness_tasks import TASKS_PATH


class MadeUpModel(LM):  # type: ignore[misc]
    """Says what is right with a chance of ``skill``, which a digest of ``name`` and the item decides."""

    def __init__(self, name: str, skill: float) -> None:
        super().__init__()
        self.name, self.skill = name, skill

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        return [(-5 * self._chance(request, str(request.args[1])), False) for request in requests]

    def generate_until(self, requests: list[Instance]) -> list[str]:
        return [self._answer(request) for request in requests]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError

    def _answer(self, request: Instance) -> str:
        answers, chance = request.doc["answers"]["text"], self._chance(request, "")
        right = answers[0] if answers else "unanswerable"
        words = request.doc["context"].split()
        at = int(chance * (len(words) - 12))
        return right if chance < self.skill else " ".join(words[at : at + 12])

    def _chance(self, request: Instance, asked: str) -> float:
        text = json.dumps([self.name, asked, request.doc], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32


def write_results(
    folder: Path,
    task: str,
    name: str,
    skill: float,
    *,
    include_path: Path = TASKS_PATH,
    bootstrap_iterations: int = 100_000,
) -> Path:
    """Returns ``folder`` after lm_eval wrote what `MadeUpModel` scored there: `results.json` and `samples.jsonl`."""
    tracker = EvaluationTracker(output_path=str(folder))
    found: Any = simple_evaluate(
        model=MadeUpModel(name, skill),
        tasks=[task],
        task_manager=TaskManager(include_path=str(include_path), include_defaults=False),
        evaluation_tracker=tracker,
        log_samples=True,
        bootstrap_iters=bootstrap_iterations,
    )
    found["config"]["model_args"] = {"pretrained": name, "dtype": "float32"}
    samples = found.pop("samples")
    tracker.save_results_aggregated(results=found, samples=samples)
    tracker.save_results_samples(task_name=task, samples=samples[task])
    next(folder.rglob("results_*.json")).replace(folder / "results.json")
    next(folder.rglob("samples_*.jsonl")).replace(folder / "samples.jsonl")
    return folder
