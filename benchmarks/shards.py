"""Whether shards answer as the whole run does: the same rows scored at once and in 1, 3 and 7 shards, merged.

python -m benchmarks.shards --data-dir DIR --model build/base

Shards make other batches, whose sums differ in their last digits: a text may differ where the two best tokens are as
good as equal. In float32 each text that differs is listed, with how far apart its two best tokens are where it parts.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from harness_tasks.errors import exit_on_user_error
from harness_tasks.overlap import read_samples

TIE = 1e-4
"""Two logits this close may change places with the batch, in float32."""
MOST_TIES = 3


def main(
    data_dir: Annotated[Path, typer.Option(help="The folder with the official files.")],
    model: Annotated[Path, typer.Option(help="A base model's folder.")] = Path("build/base"),
    task: Annotated[str, typer.Option(help="A task whose answers are written, not chosen.")] = "squad_v1_llama",
    limit: Annotated[int, typer.Option(help="The most rows to score; whole clusters.")] = 500,
    shards: Annotated[str, typer.Option(help="Numbers of shards.")] = "1,3,7",
    dtypes: Annotated[str, typer.Option(help="In float32 texts must agree; in others they are compared.")] = (
        "float32,bfloat16"
    ),
    batch_size: Annotated[int, typer.Option(help="Sequences beside each other.")] = 16,
    output: Annotated[Path, typer.Option(help="Where scores are kept: what is there is not scored again.")] = Path(
        "build/shards"
    ),
) -> None:
    """Print how many texts differ between the whole run and its shards; exit 1 where too many do in float32."""
    with exit_on_user_error():
        metadata = ["--metadata", json.dumps({"data_dir": str(data_dir)})]
        rows = output / "samples.json"
        if not rows.is_file():
            _call("sample", task, "--limit", str(limit), "--output", str(rows), *metadata)
        failed = False
        for dtype in dtypes.split(","):
            words = ["run", "--model", "hf-shared", "--model_args", f"pretrained={model},dtype={dtype}"]
            words += ["--tasks", task, "--batch_size", str(batch_size), "--samples", str(rows), "--log_samples"]
            _score(output / dtype / "whole", [*words, *metadata])
            whole = _texts(output / dtype / "whole")
            for of in map(int, shards.split(",")):
                folder = output / dtype / str(of)
                parts = [folder / f"shard{index}" for index in range(1, of + 1)]
                for index, part in enumerate(parts, 1):
                    _score(part, [*words, "--shard", f"{index}/{of}", *metadata])
                _call("merge-shards", *map(str, parts), "--output", str(folder / "merged"), *metadata)
                failed |= _compare(whole, _texts(folder / "merged"), f"{dtype}, {of} shards", model, dtype)
        raise typer.Exit(int(failed))


def _compare(whole: Mapping[int, Any], merged: Mapping[int, Any], name: str, model: Path, dtype: str) -> bool:
    """Prints what differs; returns whether more does than ties excuse."""
    differing = [number for number, row in whole.items() if _text(row) != _text(merged[number])]
    print(f"{name}: {len(differing)} of {len(whole)} texts differ", flush=True)
    if dtype != "float32":
        return False
    wide = 0
    for number in differing:
        prompt = whole[number]["arguments"]["gen_args_0"]["arg_0"]
        texts = _text(whole[number]), _text(merged[number])
        gap = gap_where_they_part(model, prompt, *texts)
        wide += gap >= TIE
        print(f"  item {number}: {texts[0]!r} and {texts[1]!r}, the two best tokens {gap:.1e} apart", flush=True)
    return len(differing) > MOST_TIES or wide > 0 or whole.keys() != merged.keys()


def gap_where_they_part(model: Path, prompt: str, one: str, other: str) -> float:
    """Returns by how much the best logit exceeds the second where greedy decoding leaves ``one`` or ``other``."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    ids = tokenizer(prompt)["input_ids"]
    written: list[int] = []
    while True:
        with torch.no_grad():
            best = network(torch.tensor([ids + written])).logits[0, -1].topk(2)
        written.append(int(best.indices[0]))
        text = str(tokenizer.decode(written))
        if not (one.startswith(text) and other.startswith(text)):
            return float(best.values[0] - best.values[1])


def _texts(folder: Path) -> dict[int, Any]:
    return {row["doc_id"]: row for row in read_samples(next(folder.rglob("samples*.jsonl")))}


def _text(row: Mapping[str, Any]) -> str:
    return str(row["resps"][0][0])


def _score(folder: Path, words: list[str]) -> None:
    if not list(folder.rglob("results*.json")):
        _call(*words, "--output_path", str(folder))


def _call(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "harness_tasks", *words], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
