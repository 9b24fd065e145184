"""lighteval's `accelerate` on the rows of tests/data/peers. Runs where lighteval is installed.

python -m tests.peers.with_lighteval ROWS_FOLDER MODEL OUTPUT [MAX_SAMPLES]
"""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import requests
from lighteval.main_accelerate import accelerate
from lighteval.metrics.metrics import Metrics
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc

CHOICES = [" negative", " positive"]


def review(row: dict[str, Any], task_name: str) -> Doc:
    """Returns a row as lighteval asks it: lm_eval's prompt, and the film beside it."""
    prompt = f"{row['sentence']}\nQuestion: Is this sentence positive or negative?\nAnswer:"
    specific = {"film": row["film"], "sentence": row["sentence"]}
    return Doc(query=prompt, choices=CHOICES, gold_index=row["label"], task_name=task_name, specific=specific)


def main() -> None:
    """Scores the rows, and leaves lighteval's results and details in the output folder."""
    folder, model, output, *limit = sys.argv[1:]
    # lighteval imports every task that it has, and one of them fetches a file by this on being imported.
    requests.get = lambda *_, **__: SimpleNamespace(status_code=503)
    TASKS_TABLE.append(
        LightevalTaskConfig(
            name="peer_reviews",
            prompt_function=review,
            hf_repo=str(Path(folder) / "rows"),
            hf_subset="default",
            hf_avail_splits=["test"],
            evaluation_splits=["test"],
            metrics=[Metrics.loglikelihood_acc, Metrics.loglikelihood_f1],
            generation_size=None,
            stop_sequence=[],
            version=1,
        )
    )
    accelerate(
        f"model_name={model},dtype=float32,batch_size=4,override_chat_template=False,cache_dir={output}/cache",
        "peer_reviews|0",
        custom_tasks=sys.modules[__name__],
        output_dir=output,
        save_details=True,
        max_samples=int(limit[0]) if limit else None,
    )


TASKS_TABLE: list[LightevalTaskConfig] = []
"""Where lighteval looks for a module's tasks."""

if __name__ == "__main__":
    main()
