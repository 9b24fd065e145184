"""Scoring by `hf-shared` beside lm_eval's `hf`: the same commands in turns, how long each took, and what they answered.

python -m benchmarks.evaluation --model build/base --data-dir DIR
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks.finetune import ratio_text
from harness_tasks import TASKS_PATH
from harness_tasks.errors import exit_on_user_error

app = typer.Typer(add_completion=False)

_HERE = Path(__file__).resolve().parent
ARTICLES, QUESTIONS = 41, 5
"""The SQuAD set: of so many articles in file order the first passage that has so many questions, those first ones."""


@dataclass(frozen=True)
class Case:
    """What is scored, and the batch size that suits each contender best."""

    task: str
    hf_rows: int
    our_rows: int
    options: tuple[str, ...] = ()
    include: Path = TASKS_PATH


CASES = {
    "squad": Case("squad_v1_llama", 32, 64),
    "sst2": Case("sst2_llama_glue", 32, 64),
    "sst2-8-shots": Case("sst2_first8", 16, 64, ("--num_fewshot", "8"), _HERE / "tasks"),
    "reviews": Case("reviews_demo", 32, 64),
    "passages": Case("passages_demo", 32, 64),
}
"""By name: the cases that can be timed."""


@dataclass
class Side:
    """One contender's runs of a case: seconds in the model, seconds of the whole command, and the sample rows."""

    inference: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


@app.command()
def main(
    data_dir: Annotated[str, typer.Option(help="Folder with the official SST-2 and SQuAD files.")],
    model: Annotated[str, typer.Option(help="Base model: Hub id or folder.")] = "build/base",
    adapter: Annotated[str | None, typer.Option(help="Adapter to score it with.")] = None,
    case: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(CASES)}; may be repeated.")] = None,
    dtype: Annotated[str, typer.Option(help="Of the weights.")] = "bfloat16",
    pairs: Annotated[int, typer.Option(min=1, help="Runs of each contender, in turns.")] = 5,
    hf_rows: Annotated[int | None, typer.Option(help="Batch size of hf, instead of the case's.")] = None,
    our_rows: Annotated[int | None, typer.Option(help="Batch size of hf-shared, instead of the case's.")] = None,
    output: Annotated[Path | None, typer.Option(help="JSON file for the numbers.")] = None,
) -> None:
    """Prints how many times faster hf-shared is than hf, in the model and as a whole command, and where they differ."""
    numbers: dict[str, Any] = {}
    with exit_on_user_error(), tempfile.TemporaryDirectory() as folder:
        for name in case or ["squad", "sst2", "sst2-8-shots"]:
            chosen = CASES[name]
            rows = {"hf": hf_rows or chosen.hf_rows, "hf-shared": our_rows or chosen.our_rows}
            sides = {contender: Side() for contender in rows}
            for turn in range(pairs):
                # Whoever goes second meets a warmer machine: they take turns in that, too.
                for contender in sorted(rows, reverse=bool(turn % 2)):
                    place = Path(folder) / f"{name}-{contender}-{turn}"
                    words = list(_words(chosen, contender, rows[contender], model, adapter, dtype, data_dir, place))
                    _run(words, place, sides[contender])
            numbers[name] = {"batch": rows, **_told(name, rows, sides["hf"], sides["hf-shared"])}
        if output:
            from harness_tasks.files import write_json

            write_json(output, numbers)


def _words(
    case: Case, contender: str, rows: int, model: str, adapter: str | None, dtype: str, data_dir: str, place: Path
) -> Iterator[str]:
    """Yields the arguments of lm_eval."""
    given = {"pretrained": model, "dtype": dtype} | ({"peft": adapter} if adapter else {})
    yield from ("--model", contender, "--model_args", ",".join(f"{key}={value}" for key, value in given.items()))
    yield from ("--tasks", case.task, "--batch_size", str(rows), "--device", "cpu", "--log_samples")
    yield from ("--include_path", str(case.include), "--output_path", str(place))
    yield from ("--metadata", json.dumps({"data_dir": data_dir}), *case.options)
    if case.task == "squad_v1_llama":
        yield from ("--samples", json.dumps({case.task: squad_set(Path(data_dir))}))


def squad_set(data_dir: Path) -> list[int]:
    """Returns which questions of SQuAD v1.1's development file are timed, by their places in it, in order."""
    articles = json.loads((data_dir / "squad1" / "dev-v1.1.json").read_text(encoding="utf-8"))["data"]
    at, chosen = 0, list[int]()
    for number, article in enumerate(articles):
        is_found = number >= ARTICLES
        for passage in article["paragraphs"]:
            if not is_found and len(passage["qas"]) >= QUESTIONS:
                chosen += range(at, at + QUESTIONS)
                is_found = True
            at += len(passage["qas"])
    return chosen


def _run(words: list[str], place: Path, side: Side) -> None:
    """Runs one command and notes what it took and what it answered."""
    place.mkdir(parents=True)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    began = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.timed", str(place / "seconds.json"), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    side.whole.append(time.perf_counter() - began)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-4000:]}")
    side.inference.append(json.loads((place / "seconds.json").read_text(encoding="utf-8"))["seconds"])
    (samples,) = place.rglob("samples_*.jsonl")
    side.rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]


def _told(name: str, batch: dict[str, int], hf: Side, ours: Side) -> dict[str, Any]:
    """Prints the ratios of a case and returns its numbers."""
    told: dict[str, Any] = {"rows": len(hf.rows), "hf": _seconds(hf), "hf-shared": _seconds(ours)}
    print(f"{name}, {len(hf.rows)} rows, batches of {batch['hf']} (hf) and {batch['hf-shared']} (hf-shared)")
    for what in ("inference", "whole"):
        one, other = getattr(hf, what), getattr(ours, what)
        ratios = [slow / fast for slow, fast in zip(one, other, strict=True)]
        told[f"{what}_ratios"] = ratios
        label = {"inference": "in the model", "whole": "whole command"}[what]
        print(f"  {label:<14} {median(one):7.1f} s  {median(other):7.1f} s  {ratio_text(ratios)} times faster")
    told["differences"] = _differences(hf.rows, ours.rows)
    print("  answers that differ: {answers}; of them {scores} change a score".format(**told["differences"]), flush=True)
    return told


def _seconds(side: Side) -> dict[str, list[float]]:
    return {"inference": side.inference, "whole": side.whole}


def _differences(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns how many rows have another choice or another text, how many another score, and which rows."""
    answers, scores, largest = list[int](), 0, 0.0
    for row, its in zip(one, other, strict=True):
        assert row["doc_hash"] == its["doc_hash"]
        said, told = row["filtered_resps"], its["filtered_resps"]
        if isinstance(said[0], list):
            values = [[float(value) for value, _ in side] for side in (said, told)]
            largest = max([largest, *(abs(a - b) for a, b in zip(*values, strict=True))])
            said, told = (max(range(len(side)), key=side.__getitem__) for side in values)
        if said != told:
            answers.append(row["doc_id"])
            scores += any(row[metric] != its[metric] for metric in row["metrics"])
    return {"answers": len(answers), "scores": scores, "rows": answers, "log_likelihood": largest}


if __name__ == "__main__":
    app()
