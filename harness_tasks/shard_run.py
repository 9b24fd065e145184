"""Scoring one shard: what `python -m harness_tasks run --shard K/N` does beside lm_eval.

lm_eval's own ``--samples`` does not suffice. It draws the shots of one item after another from one generator, so an
item would get other shots in a shard than in the whole run; and it takes an empty list for none, and scores every row.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

from harness_tasks.errors import UserError
from harness_tasks.files import write_json, write_text
from harness_tasks.prompts import rows_argument
from harness_tasks.shards import Shard, parse_shard, shard_indices, shard_record, whole_indices


@dataclass(frozen=True)
class ShardRun:
    """A shard of ``task`` that is to be scored: its own rows and all rows of the whole run, as sorted indices.

    ``available`` is how many rows the task has to score.
    """

    task: str
    shard: Shard
    mine: list[int]
    whole: list[int]
    available: int

    def samples(self) -> list[str]:
        """Returns the words that tell lm_eval the shard's rows; the last ``--samples`` counts."""
        return ["--samples", json.dumps({self.task: rows_argument(self.mine)})]

    @contextmanager
    def scored(self) -> Iterator[None]:
        """Inside, lm_eval draws each item's shots as the whole run would, and its results say which shard they are."""
        from lm_eval.api.task import Task
        from lm_eval.loggers import EvaluationTracker

        build, save = Task.build_all_requests, EvaluationTracker.save_results_aggregated

        def built(task: Any, **settings: Any) -> None:
            if not task.config.num_fewshot:
                return build(task, **settings)
            if settings.get("world_size", 1) > 1:
                raise UserError(
                    f"a shard with shots, scored by {settings['world_size']} processes",
                    "each process draws shots for its own items, so no run by one has the same prompts",
                    "score the shard in one process, and more shards beside each other",
                )
            with mock.patch.object(task, "fewshot_context", self._context(task)):
                return build(task, **settings)

        def saved(tracker: Any, results: dict[str, Any], samples: Any = None) -> None:
            results["config"]["shard"] = shard_record(self.shard, self.mine, self.whole)
            save(tracker, results=results, samples=samples)

        with (
            mock.patch.object(Task, "build_all_requests", built),
            mock.patch.object(EvaluationTracker, "save_results_aggregated", saved),
        ):
            yield

    def _context(self, task: Any) -> Callable[..., Any]:
        """Returns what makes the prompt of the shard's next item: the whole run's next ones are made up to it."""
        make, docs, mine, whole = task.fewshot_context, task.eval_docs, iter(self.mine), iter(self.whole)

        def made(doc: Any, *arguments: Any, **settings: Any) -> Any:
            this = next(mine)
            for at in whole:
                if at == this:
                    return make(doc, *arguments, **settings)
                make(docs[at], *arguments, **settings)  # for the shots that it draws
            raise AssertionError("a shard's rows are rows of the whole run")

        return made

    def write_empty(self, output: Path, model_args: Mapping[str, Any]) -> None:
        """Writes the files of a shard that got no item where lm_eval would: results without scores, and no rows."""
        from lm_eval.loggers.evaluation_tracker import GeneralConfigTracker
        from lm_eval.utils import sanitize_model_name

        name = sanitize_model_name(GeneralConfigTracker._get_model_name(dict(model_args)) or "model")
        folder = output.parent if output.suffix == ".json" else output / name
        moment = datetime.now().isoformat().replace(":", "-")
        write_text(folder / f"samples_{self.task}_{moment}.jsonl", "")
        results = {
            "results": {},
            "n-samples": {self.task: {"original": self.available, "effective": 0}},
            "config": {"shard": shard_record(self.shard, self.mine, self.whole)},
            "date": time.time(),
            "total_evaluation_time_seconds": "0.0",
        }
        write_json(folder / f"results_{moment}.json", results)


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


def shard_run(shard: Shard, config: Any, *, include_path: str | Path) -> ShardRun:
    """Returns the part of a run that ``shard`` is; ``config`` is lm_eval's `EvaluatorConfig` of the whole run.

    Raises UserError where the run is not of one task with its sample rows kept, or cannot be divided.
    """
    from harness_tasks.loading import load_task

    tasks = ",".join([config.tasks] if isinstance(config.tasks, str) else config.tasks).split(",")
    wrong = {
        f"--shard with {len(tasks)} tasks": (len(tasks) != 1, "name one task"),
        "--shard without --log_samples": (not config.log_samples, "add --log_samples --output_path DIR"),
        "--shard with --limit": (config.limit is not None, "draw the rows with `sample`, and give them as --samples"),
        "--shard with --cache_requests": (bool(config.cache_requests), "leave --cache_requests out"),
    }
    for found, (is_wrong, mend) in wrong.items():
        if is_wrong:
            why = "shards are merged from the sample rows of one task, each with the prompt that the whole run gives it"
            raise UserError(found, why, mend)
    task = load_task(tasks[0], include_path=include_path, metadata=config.metadata)
    docs = task.eval_docs
    whole = whole_indices(config.samples, tasks[0], len(docs))
    mine = shard_indices(docs, (task.config.metadata or {}).get("cluster"), shard, whole)
    return ShardRun(tasks[0], shard, mine, whole, len(docs))
