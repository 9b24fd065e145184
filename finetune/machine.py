"""What the machine is: its fast dtype, its peak memory, the versions and the commit that ran."""

import importlib.metadata
import platform
import resource
import subprocess
import sys
import time
from typing import Literal

LIBRARIES = ("torch", "transformers", "peft", "accelerate", "lm_eval", "datasets", "aftertune")
"""Whose versions stand in `finetune.json`."""


def fast_dtype(device: str = "cpu") -> Literal["float32", "bfloat16"]:
    """Returns the dtype that matrix products are faster in on ``device``, found by a probe of some milliseconds.

    A processor without bf16 instructions runs bfloat16 up to a hundred times slower than float32, so bfloat16 must win
    by half before it is taken: below that its coarser rounding is not worth it.
    """
    import torch

    def seconds(dtype: torch.dtype) -> float:
        left = torch.ones(256, 576, dtype=dtype, device=device)
        right = torch.ones(576, 576, dtype=dtype, device=device)
        best = float("inf")
        for _ in range(4):
            started = time.perf_counter()
            product = left @ right
            product.sum().item()  # waits for a GPU
            best = min(best, time.perf_counter() - started)
        return best

    return "bfloat16" if seconds(torch.bfloat16) * 1.5 < seconds(torch.float32) else "float32"


def resolve_dtype(asked: Literal["auto", "float32", "bfloat16"], device: str) -> Literal["float32", "bfloat16"]:
    """Returns ``asked``, or what `fast_dtype` finds where that is `auto`."""
    return fast_dtype(device) if asked == "auto" else asked


def resolve_device(asked: str | None) -> str:
    """Returns ``asked``, or the first GPU that torch sees, or `cpu`."""
    if asked:
        return asked
    import torch  # seconds, which a step that names its device need not wait

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def peak_memory_bytes(device: str) -> int:
    """Returns the peak resident memory of this process, or on a GPU the peak that torch allocated there, in bytes."""
    import torch

    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)  # kibibytes but on macOS


def versions() -> dict[str, str]:
    """Returns the version of Python and of each library that takes part."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """Returns the commit of the checkout this package runs from, with `+changes` when files differ; else None."""
    from harness_tasks import TASKS_PATH

    def git(*words: str) -> str:
        run = subprocess.run(["git", *words], cwd=TASKS_PATH, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
