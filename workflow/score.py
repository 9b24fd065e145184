"""One scoring step: runs lm_eval in the scratch folder and moves its files into place when they are whole.

python -m workflow.score STUDY TASK CHECKPOINT                (CHECKPOINT: `base`, or a checkpoint's name)
python -m workflow.score STUDY TASK CHECKPOINT --shard K/N    (a part of the items)
python -m workflow.score STUDY TASK CHECKPOINT --join         (the parts to a whole)
"""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from finetune.machine import resolve_device, resolve_dtype
from finetune.record import base_record
from harness_tasks.errors import UserError, exit_on_user_error
from harness_tasks.files import sha256_file, write_json, write_text
from harness_tasks.kinds import SCORED_MODEL
from harness_tasks.lengths import write_lengths
from harness_tasks.reading import only_file, read_json
from report.reading.kinds import SHARD_COMMAND
from studies import FewShot, Scored, Study, load_study
from workflow import step_commands
from workflow.pins import revision_of


def score(
    study_file: str,
    task: str,
    name: str,
    shard: Annotated[str | None, typer.Option(help="Score this part of the items, such as 1/3.")] = None,
    join: Annotated[bool, typer.Option("--join", help="Join the parts that were scored.")] = False,
) -> None:
    """Scores one checkpoint on one task: `results.json`, `samples.jsonl`, `lengths.jsonl`, `command.json`.

    `replicates.json` too, where the task has an aggregation of its own.
    """
    with exit_on_user_error():
        study = load_study(study_file)
        checkpoint = next((one for one in study.everything_scored() if one.name == name), None)
        if shard:
            _score_shard(study, task, checkpoint, shard)
        else:
            _score_whole(study, task, checkpoint, join=join)


def _score_shard(study: Study, task: str, checkpoint: Scored | None, shard: str) -> None:
    made = step_commands.scratch_folder(study, task, checkpoint, shard) / "output"
    words = _run(study, task, checkpoint, made, shard)
    scored = _scored(study, checkpoint)
    output = step_commands.shard_folder(study, task, checkpoint, int(shard.partition("/")[0]))
    shutil.rmtree(output, ignore_errors=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    made.replace(output)
    write_json(output / "command.json", {"command": shlex.join(words), "scored": scored})
    shutil.rmtree(made.parent)


def _score_whole(study: Study, task: str, checkpoint: Scored | None, *, join: bool) -> None:
    output = step_commands.scores_folder(study, task, checkpoint)
    scratch = step_commands.scratch_folder(study, task, checkpoint)
    made = scratch / "output"
    if join:
        shutil.rmtree(made, ignore_errors=True)
        each = [
            step_commands.shard_folder(study, task, checkpoint, number) for number in step_commands.shard_numbers(study)
        ]
        words = step_commands.join(study, task, checkpoint, made)
        _call(words)
        said = [read_json(folder / "command.json", SHARD_COMMAND) for folder in each]
        command = " && ".join([*(one["command"] for one in said), shlex.join(words)])
        scored = said[0]["scored"]
        if any(one["scored"] != scored for one in said):
            raise UserError(
                f"the shards of {output} are of different weights: {', '.join(str(one['scored']) for one in said)}",
                "one score would mix their rows",
                f"delete {each[0].parent} and run the study again",
            )
        results, samples = made / "results.json", made / "samples.jsonl"
    else:
        command = shlex.join(_run(study, task, checkpoint, made))
        scored = _scored(study, checkpoint)
        results, samples = _left_by_lm_eval(made, "results_*.json"), _left_by_lm_eval(made, f"samples_{task}_*.jsonl")
    ending = samples.stem.removeprefix("samples")
    generations, replicates = (
        samples.with_name(name) for name in (f"generations{ending}.jsonl", f"replicates{ending}.json")
    )
    noted = generations if generations.exists() else None
    write_lengths(samples, results, output=output / "lengths.jsonl", generations=noted)
    write_json(output / "command.json", {"command": command, "scored": scored})
    (output / "replicates.json").unlink(missing_ok=True)  # of an earlier version of the task
    if replicates.exists():
        replicates.replace(output / "replicates.json")
    samples.replace(output / "samples.jsonl")
    said_by_lm_eval = read_json(results, SCORED_MODEL)
    text = json.dumps({**said_by_lm_eval, "scored": scored}, indent=2, ensure_ascii=False)
    write_text(output / "results.json", text + "\n")
    shutil.rmtree(scratch)


def _scored(study: Study, checkpoint: Scored | None) -> dict[str, str | None]:
    """Returns which weights were scored: the SHA-256 of the checkpoint's record, and the base's hash.

    They go into the results, so that the page can tell whether its scores are of the checkpoint that it describes.
    """
    found: dict[str, str | None] = {"base": base_record(study.model.path, revision_of(study))["fingerprint"]}
    if checkpoint and not isinstance(checkpoint, FewShot):
        found["checkpoint"] = sha256_file(step_commands.checkpoint_folder(study, checkpoint) / "finetune.json")
    return found


def _run(study: Study, task: str, checkpoint: Scored | None, made: Path, shard: str | None = None) -> list[str]:
    """Returns the command that scores, after it has run and left lm_eval's files under ``made``."""
    shutil.rmtree(made, ignore_errors=True)
    dtype = resolve_dtype(study.dtype, resolve_device(study.device))
    words = step_commands.score(study, task, checkpoint, dtype=dtype, output=made, shard=shard)
    _call(words)
    return words


def _call(words: list[str]) -> None:
    if code := subprocess.run([sys.executable, "-m", *words]).returncode:
        raise typer.Exit(code)


def _left_by_lm_eval(folder: Path, pattern: str) -> Path:
    """Returns the one file that matches; lm_eval only warns when it cannot write its results."""
    return only_file(
        folder,
        pattern,
        why="lm_eval writes one, and the step's score would be missing or another's",
        mend="read lm_eval's messages above; a full disk is a usual cause",
    )


if __name__ == "__main__":
    typer.run(score)
