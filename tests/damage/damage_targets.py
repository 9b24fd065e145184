"""Entry points that read files, each with a folder that it reads without a fault, and the files in it to damage."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import typer
import yaml
from damage_ways import WAYS, restore, snapshot
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parent.parent.parent
HANG_S = 120
"""A command that waits for a pipe, or reads without end, takes longer; on a busy machine a whole one may take 10 s."""


@dataclass(frozen=True)
class Target:
    """A command (``room``'s, with ``arguments``), the patterns of the ``files`` it reads, and what makes them."""

    name: str
    room: str
    arguments: tuple[str, ...]
    files: tuple[str, ...]
    make: Callable[[Path], None]
    codes: tuple[int, ...] = (0, 2)


class HangError(BaseException):
    """Not an Exception, so that no handler takes it for a fault of its own."""


@dataclass(frozen=True)
class Trial:
    """One damaged file and what the command made of it; ``fault`` is None where that was right.

    ``way`` is one of `WAYS`, ``how`` what it did to the file, ``seconds`` how long the command took by the clock, and
    ``processor_s`` by the processor, its children's included, which others on the machine do not change.
    """

    target: str
    file: str
    way: str
    how: str
    seed: int
    seconds: float
    processor_s: float
    fault: str | None


def trials(target: Target, root: Path, *, count: int, first_seed: int = 0) -> Iterator[Trial]:
    """Damages a file of ``target`` and runs its command, ``count`` times; the seed alone gives each trial again.

    The current folder must be ``root``, which is empty.
    """
    target.make(root)
    whole = snapshot(root)
    names = sorted(name for name in whole if any(Path(name).match(pattern) for pattern in target.files))
    assert names, target.name
    fault = _fault(target, root, whole, damaged=None)
    assert fault is None, f"{target.name} fails on whole files: {fault}"
    restore(root, whole)
    for seed in range(first_seed, first_seed + count):
        choice = random.Random(f"{target.name} {seed}")
        name = choice.choice(names)
        way = choice.choices(list(WAYS), [often for _, often in WAYS.values()])[0]
        if way == "structure" and Path(name).suffix not in (".json", ".jsonl", ".yaml", ".yml"):
            way = "text"
        how = WAYS[way][0](root / name, choice)
        started, used = time.monotonic(), sum(os.times()[:4])
        fault = _fault(target, root, whole, damaged=name)
        took, processor_s = time.monotonic() - started, sum(os.times()[:4]) - used
        yield Trial(target.name, name, way, how, seed, took, processor_s, fault)
        restore(root, whole)


def _fault(target: Target, root: Path, whole: dict[str, bytes], *, damaged: str | None) -> str | None:
    """Runs the command and returns what was wrong with how it ended."""
    try:
        with _at_most(HANG_S):
            result = CliRunner().invoke(_app(target.room), list(target.arguments))
    except HangError:
        return f"took more than {HANG_S} s"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        trace, where = result.exception.__traceback__, ""
        while trace is not None:
            path = trace.tb_frame.f_code.co_filename
            if str(ROOT) in path and "/tests/" not in path and "/.venv/" not in path:
                where = f"{Path(path).relative_to(ROOT)}:{trace.tb_lineno}"
            trace = trace.tb_next
        return f"{type(result.exception).__name__} at {where}: {str(result.exception)[:100]}"
    codes = target.codes if damaged else [code for code in target.codes if code != 2]
    if result.exit_code not in codes:
        return f"exit code {result.exit_code}: {result.output[-300:]}"
    if result.exit_code == 2 and ("Found: " not in result.stderr or "To mend it: " not in result.stderr):
        return f"exit code 2 without the three parts: {result.stderr[-200:]}"
    return _half_written(root, whole, damaged)


def _half_written(root: Path, whole: dict[str, bytes], damaged: str | None) -> str | None:
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if name == damaged or path.is_symlink() or not path.is_file() or whole.get(name) == path.read_bytes():
            continue
        if path.name.startswith("."):
            return f"left {name} behind"
        if path.suffix == ".json":
            try:
                json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                return f"left {name} half-written"
    return None


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def stop(signal_number: int, frame: FrameType | None) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _app(room: str) -> typer.Typer:
    import finetune.__main__
    import harness_tasks.__main__
    import report.__main__
    import workflow.__main__

    rooms: dict[str, Any] = {
        "report": report.__main__,
        "finetune": finetune.__main__,
        "harness_tasks": harness_tasks.__main__,
        "workflow": workflow.__main__,
    }
    app: typer.Typer = rooms[room].app
    return app


def write_study(root: Path) -> None:
    """A study whose steps are all done but for the page."""
    import synthetic

    synthetic.write_study(root)
    folder = root / "build" / "trial"
    name = "reviews-lora-seed1"
    entry = {"repo": "ada/x", "url": "https://huggingface.co/ada/x", "commit": "c" * 40, "checked_at": "2026-11-01"}
    synthetic.write_json(folder / "hub.json", {name: entry})
    lost = {"rule": "score", "name": "base", "task": "reviews", "tries": 2, "reason": "killed", "log": "logs/a.log"}
    (folder / "scores" / "base" / "reviews" / "old.txt").write_text("of an earlier run")
    synthetic.write_json(folder / "logs" / "failed.json", {"failed": [], "not_started": [{**lost, "shard": "1"}]})


def write_built(root: Path) -> None:
    """A study with its page."""
    write_study(root)
    (root / "build" / "trial" / "logs" / "failed.json").unlink()
    assert CliRunner().invoke(_app("report"), ["build", "studies/trial.yaml"]).exit_code == 0


def write_harness_folders(root: Path) -> None:
    """Two result folders of lm_eval, as stock runs leave them, of two models on two tasks."""
    write_study(root)
    stamp = "2026-11-01T10-00-00.000000"
    for checkpoint, model in (("base", "org__base"), ("reviews-lora-seed1", "org__tuned")):
        folder = root / model
        folder.mkdir()
        home = root / "build" / "trial" / "scores" / checkpoint / "reviews"
        results = json.loads((home / "results.json").read_text())
        results |= {
            "model_name": model.replace("__", "/"),
            "config": {**results["config"], "model_args": {"pretrained": model}},
        }
        (folder / f"results_{stamp}.json").write_text(json.dumps(results))
        shutil.copy(home / "samples.jsonl", folder / f"samples_reviews_{stamp}.jsonl")
    shutil.rmtree(root / "build")
    shutil.rmtree(root / "studies")


def write_configuration(root: Path) -> None:
    """A model's config.json: Llama-3.2-1B's."""
    shutil.copy(ROOT / "tests" / "data" / "llama-3.2-1b" / "config.json", root / "config.json")


def write_claims(root: Path) -> None:
    """The seed's claims, with the configuration that they name."""
    text = (ROOT / "studies" / "seed-claims.yaml").read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    shutil.copy(ROOT / "tests" / "data" / "llama-3.2-1b" / "config.json", root / "config.json")
    values["models"] = {
        name: "config.json" if isinstance(model, str) else model for name, model in (values.get("models") or {}).items()
    }
    (root / "claims.yaml").write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")


def write_plan(root: Path) -> None:
    """A study of the tiny model, to be planned."""
    (root / "studies").mkdir()
    shutil.copy(ROOT / "studies" / "tiny.yaml", root / "studies" / "tiny.yaml")


def write_pushable(root: Path) -> None:
    """A study with its page, whose checkpoints have weights."""
    import pushable_study

    pushable_study.write_pushable(root)
    assert CliRunner().invoke(_app("report"), ["build", STUDY]).exit_code == 0


def write_adapter(root: Path) -> None:
    """A LoRA adapter on the tiny model, as peft saves it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from studies.tiny_model import write_tiny_model

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(write_tiny_model(root / "base"))
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:  # zeros, and an adapter that does nothing, otherwise
            torch.nn.init.normal_(parameter)
    adapted.peft_config["default"].base_model_name_or_path = "base"
    adapted.save_pretrained(root / "adapter")


def write_recipe(root: Path) -> None:
    """A recipe, and the tiny model that it is for."""
    from studies.tiny_model import write_tiny_model

    write_tiny_model(root / "base")
    recipe = {"model": "base", "task": "passages_demo", "method": "lora", "epochs": 1, "lora_r": 2, "train_rows": 14}
    (root / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "output": "made"}), encoding="utf-8")


def write_interrupted(root: Path) -> None:
    """A training run that ended after its last step: the trainer's checkpoints, and nothing of the finished one."""
    from unittest.mock import patch

    from studies.tiny_model import write_tiny_model

    class StoppedError(Exception):
        pass

    write_tiny_model(root / "base")
    tasks = str(ROOT / "tests" / "finetune" / "tasks")
    recipe: dict[str, Any] = {"model": "base", "task": "short_passages", "include_path": tasks, "lora_r": 2}
    recipe |= {"epochs": 1, "batch_size": 7, "train_rows": 14, "save_steps": 1, "proof": False, "device": "cpu"}
    recipe |= {"dtype": "float32", "output": "made"}
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    with patch("finetune.train._finish", side_effect=StoppedError):
        stopped = CliRunner().invoke(_app("finetune"), ["train", "--recipe", "recipe.yaml"])
    assert isinstance(stopped.exception, StoppedError), stopped.output


def write_trained(root: Path) -> None:
    """A finished training run."""
    write_interrupted(root)
    done = CliRunner().invoke(_app("finetune"), ["train", "--recipe", "recipe.yaml"])
    assert done.exit_code == 0, done.output


def write_own_templates(root: Path) -> None:
    """A study with templates of its own."""
    write_study(root)
    (root / "studies" / "templates").mkdir()
    for name in ("answer_hub.md.j2", "macros.md.j2", "report.css"):
        shutil.copy(ROOT / "templates" / name, root / "studies" / "templates" / name)


def write_plan_of_a_folder(root: Path) -> None:
    """A study of a model in a folder, to be planned."""
    from studies.tiny_model import write_tiny_model

    write_plan(root)
    write_tiny_model(root / "base")
    study = root / "studies" / "tiny.yaml"
    values = yaml.safe_load(study.read_text(encoding="utf-8"))
    values["model"] = {"id": "base", "licence": "apache-2.0"}
    study.write_text(yaml.safe_dump(values), encoding="utf-8")


def write_base(root: Path) -> None:
    """The tiny model."""
    from studies.tiny_model import write_tiny_model

    write_tiny_model(root / "base")


def write_shards(root: Path) -> None:
    """A task scored in two parts by lm_eval's model class that answers at random."""
    for number in (1, 2):
        words = ["run", "--model", "dummy", "--tasks", "passages_demo", "--shard", f"{number}/2"]
        words += ["--log_samples", "--output_path", f"part{number}"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(
            [sys.executable, "-m", "harness_tasks", *words], env=environment, check=True, capture_output=True
        )


def write_overlap(root: Path) -> None:
    """Samples of a task, and rows that were trained on."""
    write_shards(root)
    (file,) = (root / "part1").rglob("samples*.jsonl")
    shutil.move(file, root / "samples.jsonl")
    for part in ("part1", "part2"):
        shutil.rmtree(root / part)
    rows = [{"doc_hash": "ab" * 32, "cluster": "a passage", "text": f"Who is number {n}?"} for n in range(20)]
    (root / "train_rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


STUDY, FOLDER, PAGE = "studies/trial.yaml", "build/trial", "build/trial/report.md"
STUDY_FILES = ("build/trial/*.json", "build/trial/*/*.json", "build/trial/*/*/*.json", "build/trial/*/*/*/*.json")
STUDY_FILES += ("build/trial/*/*/*/*.jsonl", "build/trial/*/*/*.jsonl")

_CHECKED = (0, 1, 2)
"""Of verbs that leave with 1 where a check failed."""

TARGETS = [
    Target("report build", "report", ("build", STUDY), (*STUDY_FILES, "studies/*.yaml"), write_study),
    Target("report verify", "report", ("verify", PAGE), ("build/trial/facts.json",), write_built, _CHECKED),
    Target(
        "report verify of files",
        "report",
        ("verify", "build/trial/report.html"),
        ("build/trial/scores/*/*/*", "build/trial/items/*", "build/trial/report.html"),
        write_built,
        _CHECKED,
    ),
    Target("report build --check", "report", ("build", STUDY, "--check"), ("build/trial/*",), write_built, _CHECKED),
    Target("report compare of a study", "report", ("compare", FOLDER, "--output", "out"), STUDY_FILES, write_study),
    Target(
        "report compare",
        "report",
        ("compare", "org__base", "org__tuned", "--output", "out"),
        ("org__*/*",),
        write_harness_folders,
    ),
    Target("report params", "report", ("params", "config.json"), ("config.json",), write_configuration),
    Target("report audit", "report", ("audit", "claims.yaml"), ("claims.yaml", "config.json"), write_claims, _CHECKED),
    Target(
        "report params of an adapter",
        "report",
        ("params", "adapter"),
        ("adapter/*.json", "adapter/*.safetensors", "base/config.json"),
        write_adapter,
        _CHECKED,
    ),
    Target(
        "report push",
        "report",
        ("push", STUDY, "--dry-run"),
        (*STUDY_FILES, "build/trial/checkpoints/*/*"),
        write_pushable,
    ),
    Target(
        "finetune merge",
        "finetune",
        ("merge", "adapter", "--output", "merged"),
        ("adapter/*.json", "adapter/*.safetensors", "base/*"),
        write_adapter,
        _CHECKED,
    ),
    Target(
        "finetune plan",
        "finetune",
        ("plan", "--recipe", "recipe.yaml"),
        ("recipe.yaml", "base/*.json"),
        write_recipe,
        _CHECKED,
    ),
    Target(
        "harness_tasks merge-shards",
        "harness_tasks",
        ("merge-shards", "part1", "part2", "--output", "whole"),
        ("part*/*/*",),
        write_shards,
    ),
    Target(
        "harness_tasks overlap",
        "harness_tasks",
        ("overlap", "passages_demo", "--samples", "samples.jsonl", "--training-rows", "train_rows.jsonl"),
        ("*.jsonl",),
        write_overlap,
    ),
    Target("workflow plan", "workflow", ("plan", "studies/tiny.yaml"), ("studies/tiny.yaml",), write_plan),
    Target(
        "report build with own templates",
        "report",
        ("build", STUDY),
        ("studies/templates/*",),
        write_own_templates,
    ),
    Target(
        "workflow plan of a folder",
        "workflow",
        ("plan", "studies/tiny.yaml"),
        ("base/*",),
        write_plan_of_a_folder,
        _CHECKED,
    ),
    Target(
        "finetune train resumed",
        "finetune",
        ("train", "--recipe", "recipe.yaml"),
        (".made.scratch/*", ".made.scratch/checkpoint-*/*"),
        write_interrupted,
        _CHECKED,
    ),
    Target(
        "finetune train of what is trained",
        "finetune",
        ("train", "--recipe", "recipe.yaml"),
        ("made/*.json", "base/*"),
        write_trained,
        _CHECKED,
    ),
    Target(
        "harness_tasks run",
        "harness_tasks",
        ("run", "--model", "hf-shared", "--model_args", "pretrained=base", "--tasks", "reviews_demo", "--limit", "2"),
        ("base/*",),
        write_base,
    ),
    Target(
        "harness_tasks run of the stock class",
        "harness_tasks",
        ("run", "--model", "hf", "--model_args", "pretrained=base", "--tasks", "reviews_demo", "--limit", "2"),
        ("base/*",),
        write_base,
    ),
    Target(
        "harness_tasks prior",
        "harness_tasks",
        ("prior", "reviews_demo", "--model", "hf-shared", "--model_args", "pretrained=base", "--output", "prior.json"),
        ("base/*",),
        write_base,
    ),
]
