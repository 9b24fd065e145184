"""Scoring by `hf-shared` beside lighteval and inspect_ai with the same prompts: in turns, what each took and answered.

python -m benchmarks.peers --model build/base --data-dir DIR --python build/peers/bin/python
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks.evaluation import CASES, Case, arguments, run
from benchmarks.finetune import ratio_text
from benchmarks.peers.rows import Answer, answered, asked, different
from harness_tasks.errors import UserError, exit_on_user_error
from harness_tasks.files import write_json, write_jsonl

app = typer.Typer(add_completion=False)

ROOT = Path(__file__).resolve().parents[2]
PEER_CASES = ("squad", "sst2", "sst2-8-shots")
MEASURES = {"inference": "in the model", "whole": "whole command"}


@dataclass(frozen=True)
class Peer:
    """The module that asks it, and the batch size that suits it best."""

    module: str
    rows: int


PEERS = {
    "lighteval": Peer("benchmarks.peers.with_lighteval", 64),
    "inspect_ai": Peer("benchmarks.peers.with_inspect", 64),
}
"""By the name of the package."""


@dataclass
class Side:
    """A contender's runs, an entry a turn: seconds in the model and of the whole command, peak of memory in bytes.

    ``answers`` are those of the last turn, by the rows' ids.
    """

    inference: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)

    def note(self, whole: float, taken: Mapping[str, Any], answers: dict[int, Answer]) -> None:
        """Adds a run's entries."""
        self.inference.append(taken["seconds"])
        self.whole.append(whole)
        self.peak.append(taken["peak_bytes"])
        self.answers = answers


@app.command()
def main(
    data_dir: Annotated[str, typer.Option(help="Folder with the official SST-2 and SQuAD files.")],
    python: Annotated[Path, typer.Option(help="Interpreter of the environment that has the peers.")],
    model: Annotated[str, typer.Option(help="Base model: Hub id or folder.")] = "build/base",
    peer: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(PEERS)}; may be repeated.")] = None,
    case: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(PEER_CASES)}; may be repeated.")] = None,
    dtype: Annotated[str, typer.Option(help="Of the weights.")] = "bfloat16",
    pairs: Annotated[int, typer.Option(min=1, help="Runs of each contender, in turns.")] = 5,
    peer_rows: Annotated[int | None, typer.Option(help="Batch size of the peers, instead of their own.")] = None,
    first: Annotated[int | None, typer.Option(min=1, help="Only so many rows of each case: for a try.")] = None,
    output: Annotated[Path | None, typer.Option(help="JSON file for the numbers.")] = None,
) -> None:
    """Prints how many times faster hf-shared is than the peers, and how many answers differ from lm_eval's hf."""
    with exit_on_user_error():
        peers = {name: replace(PEERS[name], rows=peer_rows or PEERS[name].rows) for name in _known(peer, PEERS, "peer")}
        versions = {name: _version(python, name) for name in peers}
        numbers: dict[str, Any] = {}
        for name in _known(case, PEER_CASES, "case", ("squad", "sst2")):
            chosen = _beginning(CASES[name], first) if first else CASES[name]
            sides = _measure(chosen, peers, python, data_dir, model, dtype, pairs)
            batch = {"hf-shared": chosen.our_rows, **{one: peers[one].rows for one in peers}}
            numbers[name] = {"batch": batch, "versions": versions, **_told(name, sides, batch, versions)}
        if output:
            write_json(output, numbers)


def _measure(
    case: Case, peers: Mapping[str, Peer], python: Path, data_dir: str, model: str, dtype: str, pairs: int
) -> dict[str, Side]:
    """Returns what `hf-shared` and the peers took, in turns, and what `hf` did, which is asked once, before them."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)

        def lm_eval(contender: str, rows: int) -> Callable[[Path, Side], list[dict[str, Any]]]:
            words = arguments(case, contender, rows, data_dir, model, [None], dtype)
            return lambda place, side: _ask_lm_eval(words, place, side)

        sides = {name: Side() for name in ("hf", "hf-shared", *peers)}
        samples = lm_eval("hf", case.hf_rows)(folder / "hf", sides["hf"])
        write_jsonl(folder / "rows.jsonl", asked(samples))
        ours = lm_eval("hf-shared", case.our_rows)
        order = ["hf-shared", *peers]
        for turn in range(pairs):
            # Whoever goes later meets a warmer machine: they take turns in that, too.
            for name in reversed(order) if turn % 2 else order:
                place = folder / f"{name}-{turn}"
                if name in peers:
                    words = [str(folder / "rows.jsonl"), _model(model, place), str(peers[name].rows), dtype]
                    _ask_peer(python, peers[name].module, words, place, sides[name])
                else:
                    ours(place, sides[name])
    return sides


def _ask_lm_eval(words: Sequence[str], place: Path, side: Side) -> list[dict[str, Any]]:
    """Returns the sample rows of a command of lm_eval, after noting what it took."""
    place.mkdir()
    began = time.perf_counter()
    run([str(place / "taken.json"), *words, "--output_path", str(place)])
    whole = time.perf_counter() - began
    (path,) = place.rglob("samples_*.jsonl")
    samples = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    side.note(whole, json.loads((place / "taken.json").read_text(encoding="utf-8")), answered(samples))
    return samples


def _model(model: str, place: Path) -> str:
    """Returns the model's name in the folder that a peer runs in, after making that.

    lighteval writes its cache into a folder named as the model is: by an absolute name, into the model itself.
    """
    place.mkdir()
    if not Path(model).is_dir():
        return model
    (place / "model").symlink_to(Path(model).resolve())
    return "model"


def _ask_peer(python: Path, module: str, words: Sequence[str], place: Path, side: Side) -> None:
    """Runs a peer in the new folder ``place``, where all its caches and logs go, and notes what it took."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(place / "datasets"),
        "XDG_DATA_HOME": str(place / "data"),
        "TOKENIZERS_PARALLELISM": "false",
        "ACCELERATE_USE_CPU": "true",
    }
    command = [str(python.absolute()), "-m", module, str(place / "taken.json"), *words]
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True)
    whole = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-4000:]}")
    taken = json.loads((place / "taken.json").read_text(encoding="utf-8"))
    side.note(whole, taken, dict(taken["answers"]))


def _told(
    name: str, sides: Mapping[str, Side], batch: Mapping[str, int], versions: Mapping[str, str]
) -> dict[str, Any]:
    """Prints a case's table and returns its numbers."""
    hf, ours = sides["hf"], sides["hf-shared"]
    told: dict[str, Any] = {"rows": len(hf.answers), "hf": {"inference": hf.inference, "whole": hf.whole}}
    print(
        f"{name}, {len(hf.answers)} rows; turns: {len(ours.whole)}; hf, asked once, is what answers are compared with"
    )
    for contender, side in sides.items():
        if contender == "hf":
            continue
        print(f"  {contender} {versions.get(contender, '')}".rstrip() + f", batches of {batch[contender]}")
        told[contender] = {"inference": side.inference, "whole": side.whole, "peak": side.peak}
        for what, label in MEASURES.items():
            line = f"    {label:<14} {median(getattr(side, what)):7.1f} s"
            if contender != "hf-shared":
                pairs = zip(getattr(side, what), getattr(ours, what), strict=True)
                ratios = [theirs / its for theirs, its in pairs]
                told[contender][f"{what}_ratios"] = ratios
                line += f"  hf-shared {ratio_text(ratios)} times faster"
            print(line)
        told[contender]["differ"] = differ = different(hf.answers, side.answers)
        told[contender]["untold"] = sum(answer is None for answer in side.answers.values())
        print(f"    answers that differ: {len(differ)}; not told: {told[contender]['untold']}", flush=True)
    return told


def _beginning(case: Case, rows: int) -> Case:
    places = case.places
    return replace(case, places=lambda data_dir: places(data_dir)[:rows] if places else list(range(rows)))


def _known(names: Sequence[str] | None, known: Any, what: str, default: Sequence[str] = ()) -> list[str]:
    for name in names or ():
        if name not in known:
            raise UserError(f"there is no {what} {name!r}", "nothing else was prepared", f"name of: {', '.join(known)}")
    return list(names or default or known)


def _version(python: Path, package: str) -> str:
    """Returns which version of a package an environment has; raises UserError where it has none."""
    asking = f"import importlib.metadata as found; print(found.version({package!r}))"
    try:
        done = subprocess.run([str(python.absolute()), "-c", asking], capture_output=True, text=True)
    except OSError:
        raise _no_peer(python, package) from None
    if done.returncode:
        raise _no_peer(python, package)
    return done.stdout.strip()


def _no_peer(python: Path, package: str) -> UserError:
    return UserError(
        f"{package} is not installed where {str(python)!r} is the interpreter",
        "it is what hf-shared is compared with, in an environment of its own",
        "make one as benchmarks/README.md says under Peers, and name its interpreter by --python",
    )


if __name__ == "__main__":
    app()
