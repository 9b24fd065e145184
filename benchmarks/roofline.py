"""How close `hf-shared` comes to the speed of this machine's matrix products, and what the rest is spent on.

python -m benchmarks.roofline --model build/base --data-dir DIR
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.evaluation import CASES, arguments
from harness_tasks.errors import exit_on_user_error

app = typer.Typer(add_completion=False)

SIZE = 1024
"""Rows and columns of the matrices that are multiplied to learn the machine's speed."""
GROUPS = {
    "matrix products": ("mm", "addmm", "bmm", "linear", "matmul", "mkldnn"),
    "attention": ("_scaled_dot_product", "scaled_dot_product"),
    "moving keys, values and tokens": ("copy_", "cat", "_index_put_impl_", "index", "clone", "fill_", "contiguous"),
    "scores over the vocabulary": ("_log_softmax", "argmax", "gather"),
}
"""Operations of torch by what they are for, told by how their names begin; the others work element by element."""


@app.command()
def main(
    data_dir: Annotated[str, typer.Option(help="Folder with the official SST-2 and SQuAD files.")],
    model: Annotated[str, typer.Option(help="Base model: Hub id or folder.")] = "build/base",
    case: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(CASES)}; may be repeated.")] = None,
    dtype: Annotated[str, typer.Option(help="Of the weights.")] = "bfloat16",
    output: Annotated[Path | None, typer.Option(help="JSON file for the numbers.")] = None,
) -> None:
    """Prints the share of a matrix product's speed that scoring reaches, and how its time is spent.

    Counted are two operations a weight and token read, and a weight of the vocabulary's matrix and logit made. What
    attention multiplies is left out, so shares are a little too low.
    """
    from harness_tasks.files import write_json

    with exit_on_user_error():
        numbers: dict[str, Any] = {}
        for name in case or ["squad", "sst2", "sst2-8-shots"]:
            numbers[name] = found = _measure(name, data_dir, model, dtype)
            speed = f"{found['operations_a_second'] / 1e9:.0f} GFLOP/s, {found['threads']} threads"
            print(f"{name}: {found['share']:.0%} of {speed}, {found['seconds']:.1f} s")
            for group, seconds in found["profile"].items():
                print(f"  {group:<32} {seconds:6.1f} s  {seconds / found['profiled_seconds']:.0%}")
        if output:
            write_json(output, numbers)


def _measure(name: str, data_dir: str, model: str, dtype: str) -> dict[str, Any]:
    """Returns what one case took without and with a profile, and the speed of a matrix product between the two."""
    words = arguments(CASES[name], "hf-shared", CASES[name].our_rows, data_dir, model, [None], dtype)
    plain = _timed(words)
    speed, threads = operations_a_second(dtype)
    profiled = _timed(words, "--profile")
    operations = 2 * (plain["body"] * plain["tokens_read"] + plain["vocabulary"] * plain["logits_made"])
    return {
        "seconds": plain["seconds"],
        "operations": operations,
        "operations_a_second": speed,
        "threads": threads,
        "share": operations / plain["seconds"] / speed,
        "profile": profiled["profile"],
        "profiled_seconds": sum(profiled["profile"].values()),
    }


def _timed(words: list[str], *options: str) -> dict[str, Any]:
    from benchmarks.evaluation import run

    with tempfile.TemporaryDirectory() as folder:
        run([*options, str(Path(folder) / "taken.json"), *words, "--output_path", folder])
        found: dict[str, Any] = json.loads((Path(folder) / "taken.json").read_text(encoding="utf-8"))
        return found


def operations_a_second(dtype: str) -> tuple[float, int]:
    """Returns the operations a second of a product of two square matrices, and the threads, by the fastest of 20."""
    import torch

    from harness_tasks.machine import fast_threads

    torch.set_num_threads(fast_threads(dtype))
    matrix = torch.ones(SIZE, SIZE, dtype=getattr(torch, dtype))
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        torch.nn.functional.linear(matrix, matrix)
        best = min(best, time.perf_counter() - began)
    return 2 * SIZE**3 / best, torch.get_num_threads()


def grouped(events: Any, seconds: float) -> dict[str, float]:
    """Returns the seconds of a profile's operations in `GROUPS`, the others', and what passed between them."""
    spent = dict.fromkeys([*GROUPS, "element by element"], 0.0)
    for event in events:
        name = event.key.removeprefix("aten::")
        if not event.key.startswith(("aten::", "mkldnn")):
            continue
        of = next((group for group, names in GROUPS.items() if name.startswith(names)), "element by element")
        spent[of] += event.self_cpu_time_total / 1e6
    return {**spent, "Python, between operations": max(0.0, seconds - sum(spent.values()))}


if __name__ == "__main__":
    sys.exit(app())
