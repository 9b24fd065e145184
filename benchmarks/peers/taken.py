"""What a peer took, measured and written as `benchmarks.timed` does it; needs torch, and nothing of ours."""

import json
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Taken:
    """Seconds in the model, the time of day of its first forward, the peak of resident memory."""

    def __init__(self) -> None:
        """Begins to look out for the first forward."""
        import torch

        self._noted: dict[str, Any] = {"seconds": 0.0}
        forward = torch.nn.Embedding.forward

        def noting(module: Any, ids: Any) -> Any:
            self._noted.setdefault("first_forward", time.time())
            return forward(module, ids)

        torch.nn.Embedding.forward = noting  # type: ignore[assignment, method-assign]

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns ``function`` such that the seconds spent in it are added up."""

        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._noted["seconds"] += time.perf_counter() - began

        return timed

    def write(self, path: Path, *, answers: Mapping[int, Any], version: str) -> None:
        """Writes what was taken, and the answers by the rows' ids, as JSON."""
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        noted = {**self._noted, "peak_bytes": peak_bytes, "version": version, "answers": sorted(answers.items())}
        path.write_text(json.dumps(noted), encoding="utf-8")
