"""Scoring one shard: what `aftertune score --shard K/N` does beside lm_eval.

lm_eval's own ``--samples`` does not suffice. It draws the shots of one item after another from one generator, so an
item would get other shots in a shard than in the whole run; and it takes an empty list for none, and scores every row.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lm_eval.api.samplers import ContextSampler
from lm_eval.config.evaluate_config import EvaluatorConfig
from lm_eval.loggers.evaluation_tracker import GeneralConfigTracker
from lm_eval.tasks import TaskManager
from lm_eval.utils import sanitize_model_name

from harness_tasks import TASKS_PATH
from harness_tasks.errors import UserError
from harness_tasks.files import write_json, write_text
from harness_tasks.loading import load_task, set_shots
from harness_tasks.shards.division import Shard, parse_shard, shard_indices, shard_record, whole_indices


@dataclass(frozen=True)
class ShardRun:
    """A shard of ``task`` that is to be scored: its own rows and all rows of the whole run, as sorted indices.

    ``available`` is how many rows the task has to score, ``num_fewshot`` how many examples stand before each.
    """

    task: str
    shard: Shard
    mine: list[int]
    whole: list[int]
    available: int
    num_fewshot: int

    def record(self) -> dict[str, Any]:
        """Returns what the shard's results say of it."""
        return shard_record(self.shard, self.mine, self.whole)

    def check_processes(self, count: int) -> None:
        """Raises UserError where ``count`` processes score items with shots."""
        if self.num_fewshot and count > 1:
            raise UserError(
                f"a shard with shots, scored by {count} processes",
                "each process draws shots for its own items, so no run by one has the same prompts",
                "score the shard in one process, and more shards beside each other",
            )

    def write_empty(self, output: Path, model_args: Mapping[str, Any]) -> None:
        """Writes the files of a shard that got no item where lm_eval would: results without scores, and no rows."""
        name = sanitize_model_name(GeneralConfigTracker._get_model_name(dict(model_args)) or "model")
        folder = output.parent if output.suffix == ".json" else output / name
        moment = datetime.now().isoformat().replace(":", "-")
        write_text(folder / f"samples_{self.task}_{moment}.jsonl", "")
        results = {
            "results": {},
            "n-samples": {self.task: {"original": self.available, "effective": 0}},
            "config": {"shard": self.record()},
            "date": time.time(),
            "total_evaluation_time_seconds": "0.0",
        }
        write_json(folder / f"results_{moment}.json", results)


class ShardTasks(TaskManager):
    """lm_eval's index of tasks, which gives the one that ``part`` is of with the shots of the whole run."""

    def __init__(self, part: ShardRun, **settings: Any) -> None:
        super().__init__(**settings)
        self._part = part

    def load(self, *specs: Any, **settings: Any) -> Any:
        """Returns what lm_eval's own does; the shots of its task are drawn by `WholeRunSampler`."""
        loaded = super().load(*specs, **settings)
        task = loaded["tasks"][self._part.task]
        if self._part.num_fewshot:
            set_shots(task, self._part.num_fewshot)
            task.sampler = WholeRunSampler(task.sampler, task.eval_docs, self._part.mine, self._part.whole)
        return loaded


class WholeRunSampler(ContextSampler):
    """Draws the shots of each of a shard's items as a run of the ``whole`` would, by ``sampler``.

    That draws those of one item after another from one generator, so what lies between two items of ``mine`` is drawn
    and dropped. ``docs`` are the task's rows, of which ``mine`` and ``whole`` are sorted indices.
    """

    def __init__(
        self, sampler: ContextSampler, docs: Sequence[Mapping[str, Any]], mine: Sequence[int], whole: Sequence[int]
    ) -> None:
        super().__init__(sampler.df)
        self._sampler, self._docs, self._mine, self._whole = sampler, docs, iter(mine), iter(whole)

    def sample(self, n: int, eval_doc: Any = None, df: Any = None, **settings: Any) -> Any:
        """Returns ``n`` rows; ``eval_doc``, the item, is not among them where it is given."""
        this = next(self._mine)
        for at in self._whole:
            if at == this:
                return self._sampler.sample(n, eval_doc, df, **settings)
            self._sampler.sample(n, None if eval_doc is None else self._docs[at], df, **settings)
        raise AssertionError("a shard's rows are rows of the whole run")

    def set_rnd(self, rnd: int | None) -> "WholeRunSampler":
        """Sets the seed."""
        self._sampler.set_rnd(rnd)
        return self


def take_shard(arguments: Sequence[str]) -> tuple[list[str], Shard | None]:
    """Returns lm_eval's ``arguments`` without ``--shard``, and the shard that it names, None where it is not there.

    >>> take_shard(["--tasks", "a", "--shard", "2/7"])
    (['--tasks', 'a'], Shard(number=2, of=7))
    """
    kept, named, words = list[str](), None, iter(arguments)
    for word in words:
        option, _, value = word.partition("=")
        if option == "--shard":
            named = value or next(words, "")
        else:
            kept.append(word)
    return kept, None if named is None else parse_shard(named)


def shard_run(shard: Shard, config: EvaluatorConfig) -> ShardRun:
    """Returns the part that ``shard`` is of the run that ``config`` asks for.

    Raises UserError where the run is not of one task with its sample rows kept, or cannot be divided.
    """
    tasks = ",".join([config.tasks] if isinstance(config.tasks, str) else config.tasks).split(",")
    wrong = {
        f"--shard with {len(tasks)} tasks": (len(tasks) != 1, "name one task"),
        "--shard without --log_samples": (not config.log_samples, "add --log_samples --output_path DIR"),
        "--shard with --limit": (
            config.limit is not None,
            "draw the rows with `aftertune sample`, and give them as --samples",
        ),
        "--shard with --cache_requests": (bool(config.cache_requests), "leave --cache_requests out"),
    }
    for found, (is_wrong, mend) in wrong.items():
        if is_wrong:
            why = "shards are merged from the sample rows of one task, each with the prompt that the whole run gives it"
            raise UserError(found, why, mend)
    task = load_task(tasks[0], include_path=config.include_path or TASKS_PATH, metadata=config.metadata)
    docs = task.eval_docs
    whole = whole_indices(config.samples, tasks[0], len(docs))
    mine = shard_indices(docs, (task.config.metadata or {}).get("cluster"), shard, whole)
    asked = task.config.num_fewshot if config.num_fewshot is None else set_shots(task, config.num_fewshot)
    return ShardRun(tasks[0], shard, mine, whole, len(docs), asked or 0)
