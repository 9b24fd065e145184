"""Which dtype, how many threads and how long forwards are fast on this machine, the first two by short probes."""

import os
import time
from collections.abc import Sequence
from statistics import median
from typing import Literal

PROBE_S = 0.04
"""Seconds that a probe takes at least."""


def fast_dtype(device: str = "cpu") -> Literal["float32", "bfloat16"]:
    """Returns the dtype that matrix products are faster in on ``device``.

    A processor without bf16 instructions runs bfloat16 up to a hundred times slower than float32, so bfloat16 must win
    by half before it is taken: below that its coarser rounding is not worth it.
    """
    import torch

    # The shortest, of one thread: what the processor can do is asked, not what other work leaves of it.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    bfloat16, float32 = (min(_seconds(dtype, device)) for dtype in ("bfloat16", "float32"))
    torch.set_num_threads(threads)
    return "bfloat16" if bfloat16 * 1.5 < float32 else "float32"


def fast_threads(dtype: str) -> int:
    """Returns how many threads matrix products of ``dtype`` are fastest with: torch's own number, its half, and so on.

    Threads wait for each other, so where other work shares the cores, fewer are faster. More are taken unless fewer
    win by a tenth. Where OMP_NUM_THREADS is set, it is meant, and nothing is tried.

    Of each number the later half of its products is taken: a new thread often begins on the core of the one that made
    it, and is given its own some milliseconds later.
    """
    import torch

    own = chosen = torch.get_num_threads()
    if "OMP_NUM_THREADS" in os.environ:
        return own
    best = _later(_seconds(dtype, "cpu"))
    fewer = own // 2
    while fewer >= 1:
        torch.set_num_threads(fewer)
        seconds = _later(_seconds(dtype, "cpu"))
        if seconds * 1.1 < best:
            chosen, best = fewer, seconds
        fewer //= 2
    torch.set_num_threads(own)
    return chosen


def largest_forward(device: str) -> int:
    """Returns how many tokens, padding among them, `hf-shared` reads in one forward on ``device`` at most.

    On a processor what a layer makes of more than 1,024 does not stay in its cache until the next one needs it, and a
    forward of 4,096 takes a quarter longer a token.
    """
    return 1024 if device == "cpu" else 4096


def _later(took: Sequence[float]) -> float:
    return median(took[len(took) // 2 :])


def _seconds(dtype: str, device: str) -> list[float]:
    """Returns what each of some matrix products takes, one after the other, as wide as a small model's layers."""
    import torch

    left = torch.ones(256, 576, dtype=getattr(torch, dtype), device=device)
    right = torch.ones(576, 576, dtype=getattr(torch, dtype), device=device)
    took: list[float] = []
    until = time.perf_counter() + PROBE_S
    while len(took) < 4 or time.perf_counter() < until:
        started = time.perf_counter()
        (left @ right).sum().item()  # waits for a GPU
        took.append(time.perf_counter() - started)
    return took
