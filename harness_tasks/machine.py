"""Which dtype and how many threads are fast on this machine, found by probes of some milliseconds."""

import os
import time
from typing import Literal


def fast_dtype(device: str = "cpu") -> Literal["float32", "bfloat16"]:
    """Returns the dtype that matrix products are faster in on ``device``.

    A processor without bf16 instructions runs bfloat16 up to a hundred times slower than float32, so bfloat16 must win
    by half before it is taken: below that its coarser rounding is not worth it.
    """
    return "bfloat16" if _seconds("bfloat16", device) * 1.5 < _seconds("float32", device) else "float32"


def fast_threads(dtype: str) -> int:
    """Returns how many threads matrix products of ``dtype`` are fastest with: torch's own number, or a half of it, ...

    Threads wait for each other, so where other work shares the cores, fewer are faster. More are taken unless fewer
    win by a tenth. Where OMP_NUM_THREADS is set, it is meant, and nothing is tried.
    """
    import torch

    own = chosen = torch.get_num_threads()
    if "OMP_NUM_THREADS" in os.environ:
        return own
    best = _seconds(dtype, "cpu")
    fewer = own // 2
    while fewer >= 1:
        torch.set_num_threads(fewer)
        seconds = _seconds(dtype, "cpu")
        if seconds * 1.1 < best:
            chosen, best = fewer, seconds
        fewer //= 2
    torch.set_num_threads(own)
    return chosen


def _seconds(dtype: str, device: str) -> float:
    """Returns the shortest of some times of a matrix product, as wide as a small model's layers."""
    import torch

    left = torch.ones(256, 576, dtype=getattr(torch, dtype), device=device)
    right = torch.ones(576, 576, dtype=getattr(torch, dtype), device=device)
    best = float("inf")
    for _ in range(4):
        started = time.perf_counter()
        (left @ right).sum().item()  # waits for a GPU
        best = min(best, time.perf_counter() - started)
    return best
