"""A scoring command that also writes what it took: lm_eval's own for `hf`, ours for `hf-shared`.

python -m benchmarks.timed [--profile] TAKEN.json --model hf --model_args pretrained=build/base --tasks reviews_demo
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Runs the arguments after the first; writes to the first, as JSON, what they took.

    ``seconds`` in the model's answering methods; ``first_forward``, the time of day of the first forward, in seconds;
    ``peak_bytes`` of resident memory; for `hf-shared` the tokens that it read, the logits that it made, and the weights
    of its body and of its vocabulary's matrix; with --profile how the seconds were spent.
    """
    is_profiled = sys.argv[1] == "--profile"
    output, *arguments = sys.argv[1 + is_profiled :]
    taken: dict[str, Any] = {"seconds": 0.0}
    if is_profiled:
        taken["profile"] = {}
    is_ours = arguments[arguments.index("--model") + 1] == "hf-shared"
    if is_ours:
        from harness_tasks.__main__ import app

        _watch(taken, ours=True)
        app(["run", *arguments], standalone_mode=False)
    else:
        from lm_eval.__main__ import cli_evaluate

        _watch(taken, ours=False)
        sys.argv = ["lm_eval", "run", *arguments]
        cli_evaluate()
    taken["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    Path(output).write_text(json.dumps(taken), encoding="utf-8")


def _watch(taken: dict[str, Any], *, ours: bool) -> None:
    """Makes the model's methods note what they take, once lm_eval asks for the model's class."""
    import lm_eval.api.registry as registry

    find = registry.get_model

    def found(name: str) -> Any:
        model = find(name)
        if not getattr(model.loglikelihood, "is_timed", False):
            for method in ("loglikelihood", "generate_until"):
                setattr(model, method, _timed(getattr(model, method), taken))
            _note_first_forward(taken)
        return model

    registry.get_model = found


def _timed(method: Callable[..., Any], taken: dict[str, Any]) -> Callable[..., Any]:
    def timed(model: Any, *arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            if "profile" in taken:
                return _profiled(method, taken, model, *arguments, **named)
            return method(model, *arguments, **named)
        finally:
            taken["seconds"] += time.perf_counter() - began
            if reader := getattr(model, "reader", None):
                taken.update(tokens_read=reader.tokens_read, logits_made=reader.logits_made, **_weights(reader.model))

    timed.is_timed = True  # type: ignore[attr-defined]
    return timed


def _profiled(method: Callable[..., Any], taken: dict[str, Any], *arguments: Any, **named: Any) -> Any:
    from torch.profiler import ProfilerActivity, profile

    from benchmarks.roofline import grouped

    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as watched:
        began = time.perf_counter()
        answer = method(*arguments, **named)
        seconds = time.perf_counter() - began
    taken["profile"] = grouped(watched.key_averages(), seconds)
    return answer


def _weights(model: Any) -> dict[str, int]:
    """Returns the weights that each token is multiplied with, and those of the vocabulary's matrix."""
    head = model.get_output_embeddings().weight
    looked_up = model.get_input_embeddings().weight
    matrices = sum(weight.numel() for weight in model.parameters() if weight.dim() > 1)
    return {
        "body": matrices - head.numel() - (0 if looked_up is head else looked_up.numel()),
        "vocabulary": head.numel(),
    }


def _note_first_forward(taken: dict[str, Any]) -> None:
    import torch

    forward = torch.nn.Embedding.forward

    def noting(module: Any, ids: Any) -> Any:
        taken.setdefault("first_forward", time.time())
        return forward(module, ids)

    torch.nn.Embedding.forward = noting  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    main()
