"""What is said of a step: what it does, what it did, what came out, and how long it took."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finetune.estimate import shown_time
from harness_tasks.reading import open_regular
from report.reading.texts import one_line
from studies import Grid
from workflow.terminal.state import Progress, Step

WORDS = {
    "base_model": ("writing", "wrote", "the base model {base}"),
    "describe": ("describing", "described", "the base model"),
    "parameters": ("counting", "counted", "the parameters of {name}"),
    "sample": ("drawing", "drew", "the items of {task}"),
    "check": ("checking", "checked", "the data of {task}"),
    "train": ("fine-tuning", "fine-tuned", "{checkpoint}"),
    "read_checkpoint": ("reading", "read", "{checkpoint}"),
    "merge": ("merging", "merged", "{checkpoint}"),
    "merges": ("comparing", "compared", "merges with their adapters"),
    "score": ("scoring", "scored", "{name} on {task}"),
    "score_shard": ("scoring", "scored", "part {shard} of {name} on {task}"),
    "join": ("joining", "joined", "the parts of {name} on {task}"),
    "prior": ("measuring", "measured", "the label bias of {name} on {task}"),
    "overlap": ("comparing", "compared", "the training rows of {checkpoint} with the items of {task}"),
    "baseline": ("answering", "answered", "{task} by {means}, beside {checkpoint}"),
    "report": ("making", "made", "the page"),
    "compare": ("comparing", "compared", "the models"),
}
"""For each rule: the verb while it runs, the verb when it is done, and what it is done to."""
WARNING = re.compile(rb"^warning: (.+)$", re.IGNORECASE | re.MULTILINE)
"""How the tools of this project say a warning; those of libraries stay in the logs."""
MOST_LOG_BYTES = 4_000_000
"""What is read of a log to find warnings."""


class Words:
    """The words on the steps of one grid; each is one line without control characters."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid

    def doing(self, step: Step) -> str:
        """Returns what a step does."""
        verb, _, object_ = self._of(step)
        return f"{verb} {object_}"

    def done(self, step: Step) -> str:
        """Returns what a step did, the result that its files hold, and its time."""
        _, verb, object_ = self._of(step)
        result = self._result(step)
        took = shown_time((step.ended or step.started) - step.started)
        return f"{verb} {object_}: " + one_line(f"{result}, {took}" if result else took)

    def stopped(self, step: Step) -> str:
        """Returns that a step was told to stop."""
        return f"stopped: {self.doing(step)}"

    def failed(self, step: Step) -> str:
        """Returns that a step failed, and where its log is."""
        return f"failed: {self.doing(step)}; its log: {one_line(str(step.log))}"

    def _of(self, step: Step) -> tuple[str, str, str]:
        verb, past, object_ = WORDS.get(step.rule, ("doing", "did", step.rule))
        object_ = object_.format(**step.of)
        if not self._grid.is_one_study and "study" in step.of:  # a study by itself needs no name
            object_ = f"{object_} ({step.of['study'].partition('/')[2] or step.of['study']})"
        return verb, past, one_line(object_)

    def _result(self, step: Step) -> str:
        """Returns the number that a step is done for; "" where it has none, or its file cannot be read."""
        find = _RESULTS.get(step.rule)
        folder = next((one.folder for one in self._grid.studies.values() if one.name == step.of.get("study")), None)
        try:
            return find(folder, step.of) if find and folder else ""
        except (OSError, ValueError, KeyError, TypeError, IndexError):  # the page's step tells what is wrong with it
            return ""


def _score(folder: Path, of: dict[str, str]) -> str:
    """Returns the primary score."""
    from report.page.formats import decimals
    from report.reading.kinds import RESULTS
    from report.reading.results import TaskResults, read_json
    from report.statistics.metrics import metric_of

    found = TaskResults(of["task"], read_json(folder / "scores" / of["name"] / of["task"], "results.json", RESULTS))
    primary = found.primary or ""
    value = next(value for key, value in found.scores.items() if key.partition(",")[0] == primary)
    metric, scale = metric_of(primary), found.metadata.get("scale")
    return f"{metric.label} {decimals(float(value), metric.unit(scale))}"


def _loss(folder: Path, of: dict[str, str]) -> str:
    """Returns the last loss of a training run."""
    record = _json(folder / "checkpoints" / of["checkpoint"] / "finetune.json")
    return f"loss {record['loss_curve'][-1]['loss']:.3f} after {record['steps']:,} steps"


def _parameters(folder: Path, of: dict[str, str]) -> str:
    return f"{_json(folder / 'parameters' / (of['name'] + '.json'))['total']:,}"


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


_RESULTS: dict[str, Callable[[Path, dict[str, str]], str]] = {
    "score": _score,
    "join": _score,
    "train": _loss,
    "parameters": _parameters,
}


def measured(progress: Progress) -> str:
    """Returns how far a step says that it is, in a few words.

    >>> measured(Progress("training", "steps", 30, 120, 1.5, {"loss": 0.41234}))
    '30/120 steps, 1.5/s, loss 0.412'
    """
    parts = [f"{progress.done:,}/{progress.total:,} {progress.unit}"]
    if progress.a_second > 0:
        parts.append(f"{progress.a_second:.{0 if progress.a_second >= 10 else 1}f}/s")
    return one_line(", ".join([*parts, *(f"{name} {value:.3f}" for name, value in progress.values.items())]))


def logged_warnings(step: Step) -> list[str]:
    """Returns the warnings that a step's last try left in its log, each once."""
    if step.log is None:
        return []
    try:
        with open_regular(step.log) as file:
            file.seek(step.log_start)
            content = file.read(MOST_LOG_BYTES)
    except OSError:
        return []
    return warnings_in(content)


def warnings_in(content: bytes) -> list[str]:
    """Returns the warnings in what a tool printed, each once.

    >>> warnings_in(b"Warning: 3 rows\\x1b are long\\nelse\\nWarning: 3 rows are long\\n")
    ['3 rows are long']
    """
    return list(dict.fromkeys(one_line(found.decode(errors="replace")) for found in WARNING.findall(content)))
