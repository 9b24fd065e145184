"""lm_eval's command line as `python -m harness_tasks run` has it, which also writes how long the model was asked.

python -m benchmarks.timed SECONDS.json --model hf --model_args pretrained=build/base --tasks reviews_demo
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Runs the arguments after the first; writes the seconds in the model's answering methods to the first."""
    output, *arguments = sys.argv[1:]

    from harness_tasks.__main__ import app
    from harness_tasks.models import register_models

    register_models()
    from lm_eval.api.registry import get_model

    spent = [0.0]
    model = get_model(arguments[arguments.index("--model") + 1])
    for name in ("loglikelihood", "generate_until"):
        setattr(model, name, _timed(getattr(model, name), spent))
    try:
        app(["run", *arguments], standalone_mode=False)
    finally:
        Path(output).write_text(json.dumps({"seconds": spent[0]}), encoding="utf-8")


def _timed(method: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return method(*arguments, **named)
        finally:
            spent[0] += time.perf_counter() - began

    return timed


if __name__ == "__main__":
    main()
