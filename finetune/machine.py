"""What the machine is: its device and dtype, its peak memory, the versions and the commit that ran."""

import importlib.metadata
import platform
import resource
import subprocess
import sys
from typing import Literal

from harness_tasks.machine import fast_dtype

LIBRARIES = ("torch", "transformers", "peft", "accelerate", "lm_eval", "datasets", "aftertune")
"""Whose versions stand in `finetune.json`."""


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
