"""lighteval's `accelerate` on rows of ours, timed. Runs where lighteval is installed, in an empty folder.

python -m benchmarks.peers.with_lighteval TAKEN.json ROWS.jsonl MODEL BATCH_SIZE DTYPE
"""

import importlib.metadata
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import requests
from lighteval.main_accelerate import accelerate
from lighteval.metrics.metrics import Metrics
from lighteval.models.transformers.transformers_model import TransformersModel
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc

from benchmarks.peers.taken import Taken

TASKS_TABLE: list[LightevalTaskConfig] = []
"""Where lighteval looks for a module's tasks."""


def main() -> None:
    """Scores the rows; writes what that took and which row was answered how."""
    output, rows_path, model, batch_size, dtype = sys.argv[1:]
    rows = [json.loads(line) for line in Path(rows_path).read_text(encoding="utf-8").splitlines()]
    taken, answers = Taken(), dict[int, Any]()
    for name in ("loglikelihood", "greedy_until"):
        noting = _noting(taken.timed(getattr(TransformersModel, name)), answers)
        setattr(TransformersModel, name, noting)
    # It imports every task that it has, and one of them fetches a file by this on being imported, or fails.
    requests.get = _no_download
    TASKS_TABLE.append(_task(rows, Path("rows")))
    # Its cache must be new: what an earlier turn answered it would not ask the model again. Without
    # `override_chat_template` a model that has a chat template would be asked in it.
    arguments = f"model_name={model},dtype={dtype},batch_size={batch_size},override_chat_template=False,cache_dir=cache"
    accelerate(arguments, "rows|0", custom_tasks=sys.modules[__name__], output_dir="results")
    taken.write(Path(output), answers=answers, version=importlib.metadata.version("lighteval"))


def _noting(method: Callable[..., Any], answers: dict[int, Any]) -> Callable[..., Any]:
    def noting(model: Any, docs: Sequence[Doc]) -> Any:
        responses = method(model, docs)
        for doc, response in zip(docs, responses, strict=True):
            values = response.logprobs
            answers[doc.specific["id"]] = values.index(max(values)) if values else response.text[0].strip()
        return responses

    return noting


def _no_download(*_: Any, **__: Any) -> Any:
    return SimpleNamespace(status_code=503)


def _task(rows: Sequence[dict[str, Any]], folder: Path) -> LightevalTaskConfig:
    """Returns the rows as a task, after writing them where `load_dataset` takes the folder's file for a split."""
    folder.mkdir()
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "validation.jsonl").write_text("".join(lines), encoding="utf-8")
    is_choice = "choices" in rows[0]
    return LightevalTaskConfig(
        name="rows",
        prompt_function=_choice if is_choice else _question,
        hf_repo=str(folder),
        hf_subset="default",
        hf_avail_splits=["validation"],
        evaluation_splits=["validation"],
        metrics=[Metrics.loglikelihood_acc if is_choice else Metrics.exact_match],
        generation_size=None if is_choice else rows[0]["new_tokens"],
        stop_sequence=[] if is_choice else rows[0]["stop"],
    )


def _choice(row: dict[str, Any], name: str) -> Doc:
    specific = {"id": row["id"]}
    return Doc(query=row["prompt"], choices=row["choices"], gold_index=row["target"], task_name=name, specific=specific)


def _question(row: dict[str, Any], name: str) -> Doc:
    specific = {"id": row["id"]}
    return Doc(query=row["prompt"], choices=[row["target"]], gold_index=0, task_name=name, specific=specific)


if __name__ == "__main__":
    main()
