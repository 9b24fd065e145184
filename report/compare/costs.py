"""What a score cost: the model's size, time and tokens of scoring, and what training took, where files say so."""

from pathlib import Path

from finetune.kinds import FINETUNE
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.reading import iterate_rows, read_json
from report.compare.models import Entry
from report.facts.schema.compared import ScoreCost
from report.facts.schema.parts import Fact, Unit
from report.facts.values import fact, missing
from report.reading.kinds import LENGTHS, LENGTHS_HEAD
from report.reading.results import Document
from report.reading.task_runs import Run

UNRECORDED = "not recorded"
_ON_THE_DEVICE = ("huggingface", "HFLM", "gpt2", "mamba_ssm", "steered")
"""Classes beside `hf*` that load a model onto the device that lm_eval is given."""


def cost_facts(entry: Entry, run: Run, score: Fact) -> ScoreCost:
    """Returns the cost of a model's ``score`` on a task; what no file says is missing."""
    results = run.results
    asked = results.value("config", "model")
    # lm_eval records the device that was asked for, of classes too that leave the choice to a server or to vLLM.
    ran_there = not isinstance(asked, str) or asked in _ON_THE_DEVICE or asked.startswith("hf")
    scored = len(results.content["configs"] or results.content["results"])
    return ScoreCost(
        entry=fact(entry.name, "text", entry.named_in(run.task)),
        parameters=_number(results, "count", "config", "model_num_parameters"),
        seconds=_number(results, "seconds", "total_evaluation_time_seconds"),
        tasks=fact(scored, "count", results.source("configs" if results.content["configs"] else "results")),
        device=_text(results, "config", "device") if ran_there else missing(f"{UNRECORDED}: {asked} chooses it"),
        dtype=_text(results, "config", "model_dtype"),
        score=score,
        **_tokens(run),
        **_training(entry, results),
    )


def _tokens(run: Run) -> dict[str, Fact]:
    """Returns the tokens that were read and written, from a study's `lengths.jsonl`."""
    path = run.folder / "lengths.jsonl"
    absent: dict[str, Fact] = {key: missing(UNRECORDED) for key in ("tokens_read", "tokens_written")}
    if run.folder.name != run.task or not path.is_file():
        return absent
    try:
        header, *rows = iterate_rows(path, LENGTHS, head=LENGTHS_HEAD)
    except (UserError, ValueError):  # ValueError: an empty file
        return absent
    read, written = (sum(row.get(key) or 0 for row in rows) for key in ("prompt_tokens", "answer_tokens"))
    unrecorded = header.get("unrecorded")
    source = Document(_beside(run.results, path.name), sha256_file(path), None).source()
    # Where answers are read off and not generated, the file has no lengths of them.
    if unrecorded or all(row.get("answer_tokens") is None for row in rows):
        answers: Fact = missing(UNRECORDED if unrecorded else "answers are read off")
    else:
        answers = fact(written, "count", source)
    return {"tokens_read": fact(read, "count", source), "tokens_written": answers}


def _training(entry: Entry, results: Document) -> dict[str, Fact]:
    """Returns what training took, from the `finetune.json` of a study's checkpoint."""
    keys: dict[str, tuple[Unit, tuple[str, ...]]] = {
        "training_seconds": ("seconds", ("seconds",)),
        "training_tokens": ("count", ("tokens", "input")),
        "trained": ("count", ("parameters", "trainable")),
    }
    path = entry.folder.parent.parent / "checkpoints" / entry.folder.name / "finetune.json"
    absent: dict[str, Fact] = {key: missing("it is the base" if entry.own == "base" else UNRECORDED) for key in keys}
    if entry.folder.parent.name != "scores" or not path.is_file():
        return absent
    try:
        content = read_json(path, FINETUNE)
    except UserError:
        return absent
    # <study>/scores/<checkpoint>/<task>/results.json; the study is missing where the argument lies below it.
    parts = Path(results.file).parts[:-4]
    name = "/".join([*parts, "checkpoints", entry.folder.name, path.name])
    document = Document(name, sha256_file(path), content)
    return {key: _number(document, unit, *place) for key, (unit, place) in keys.items()}


def _beside(results: Document, name: str) -> str:
    return f"{Path(results.file).parent.as_posix()}/{name}"


def _number(document: Document, unit: Unit, *place: str) -> Fact:
    """Returns a number of 0 or more; lm_eval writes its time as text."""
    value = document.value(*place)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return missing(UNRECORDED)
    # Also refuses NaN and infinity.
    if not 0 <= number < 1e18 or isinstance(value, bool) or (unit == "count" and number != int(number)):
        return missing(UNRECORDED)
    return fact(int(number) if unit == "count" else number, unit, document.source(*place))


def _text(document: Document, *place: str) -> Fact:
    value = document.value(*place)
    if not isinstance(value, str) or not value.strip():
        return missing(UNRECORDED)
    return fact(value.removeprefix("torch."), "text", document.source(*place))
