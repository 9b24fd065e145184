"""Scoring through lm_eval's Python interface as its command `lm_eval run` does: the same results, samples and tables.

The model comes as an object: what fails in making it is told from what fails in scoring, and several adapters can be
scored on one base that is loaded once.
"""

import json
import os
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from lm_eval import simple_evaluate
from lm_eval.config.evaluate_config import EvaluatorConfig
from lm_eval.loggers import EvaluationTracker, WandbLogger
from lm_eval.tasks import TaskManager
from lm_eval.utils import handle_non_serializable, make_table

from harness_tasks import TASKS_PATH, generations
from harness_tasks.loading import find_yaml
from harness_tasks.messages import first_line, reason_of
from harness_tasks.replicates import write_replicates

_PASSED_ON = (
    "tasks", "model_args", "num_fewshot", "batch_size", "max_batch_size", "device", "use_cache", "limit", "samples",
    "check_integrity", "write_out", "log_samples", "system_instruction", "apply_chat_template", "fewshot_as_multiturn",
    "gen_kwargs", "verbosity", "predict_only", "confirm_run_unsafe_code", "metadata",
)  # fmt: skip
"""The settings of a run that `simple_evaluate` takes by the name that they have on lm_eval's command line."""
_SEEDS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")
"""What results call them."""


def set_seeds(config: EvaluatorConfig) -> None:
    """Sets the seeds of ``config``, all but that of the few-shot examples: to be called before a model is made."""
    of_python, of_numpy, of_torch, _ = _seeds(config)
    if of_python is not None:
        random.seed(of_python)
    if of_numpy is not None:
        numpy.random.seed(of_numpy)
    if of_torch is not None:
        torch.manual_seed(of_torch)


def evaluate(config: EvaluatorConfig, lm: Any, manager: TaskManager, noted: Mapping[str, Any]) -> None:
    """Scores ``lm`` on the tasks of ``config``, which ``manager`` knows; saves, logs and prints what lm_eval does.

    ``noted`` is added to the `config` of the results. Where a class of ours generated, a file beside lm_eval's samples
    says why each generation ended; where a task has an aggregation of its own, another holds its replicates, but of a
    shard.
    """
    loggers = [WandbLogger(config.wandb_args, config.wandb_config_args)] if config.wandb_args else []
    if trackio := getattr(config, "trackio_args", None):
        from lm_eval.loggers import TrackioLogger  # 0.5.0.dev1 has none

        loggers.append(TrackioLogger(trackio))
    hub = dict(config.hf_hub_log_args)
    if config.output_path:
        hub["output_path"] = config.output_path
    if token := os.environ.get("HF_TOKEN"):
        hub["token"] = token
    tracker = EvaluationTracker(**hub)
    generations.forget()  # another model's
    results = simple_evaluate(
        model=lm, task_manager=manager, evaluation_tracker=tracker, **_settings(config), **config.cache_requests
    )
    if results is None:  # of several processes only the first has them
        return
    # Of a model that it did not make lm_eval writes the class, in place of the name that the user gave, and no seeds.
    tracker.general_config_tracker.model_source = config.model
    results["config"].update({"model": config.model, **dict(zip(_SEEDS, _seeds(config), strict=True)), **noted})
    samples = results.pop("samples") if config.log_samples else None
    if config.show_config:
        print(json.dumps(results, indent=2, default=handle_non_serializable, ensure_ascii=False))
    for logger in loggers:
        _log(logger, results, samples)
    files = _save(tracker, results, samples)
    is_ours = str(config.include_path or TASKS_PATH) == str(TASKS_PATH)
    for task, file in files.items():
        # Of all shards they are made where these are joined. Of the tasks of this package only those of a text's
        # likelihood need them, and others have many rows.
        of_text = results["configs"][task].get("output_type") == "loglikelihood_rolling"
        is_known = is_ours and find_yaml(task) and not of_text
        if "shard" not in noted and not is_known:
            _write_replicates(manager, task, results["configs"][task], (samples or {})[task], file)
    _print(config, results)
    for logger in loggers:
        logger.run.finish() if isinstance(logger, WandbLogger) else logger.finish()


def _settings(config: EvaluatorConfig) -> dict[str, Any]:
    """Returns the arguments of `simple_evaluate` that stand for ``config``."""
    names = (*_PASSED_ON, "repeats") if hasattr(config, "repeats") else _PASSED_ON  # new in 0.5.0.dev1
    # The seeds are set before the model is made, as lm_eval does: making one may draw numbers.
    is_set = dict.fromkeys(("random_seed", "numpy_random_seed", "torch_random_seed"))
    return {name: getattr(config, name) for name in names} | is_set | {"fewshot_random_seed": _seeds(config)[3]}


def _seeds(config: EvaluatorConfig) -> list[int | None]:
    return config.seed or [None] * 4


def _log(logger: Any, results: dict[str, Any], samples: dict[str, Any] | None) -> None:
    """Hands results to Weights & Biases or trackio; scores are saved although that fails."""
    try:
        logger.post_init(results)
        logger.log_eval_result()
        if samples is not None:
            logger.log_eval_samples(samples)
    except Exception as error:
        print(f"Warning: {type(logger).__name__} did not take the results ({first_line(error)})", file=sys.stderr)


def _save(tracker: EvaluationTracker, results: dict[str, Any], samples: dict[str, Any] | None) -> dict[str, Path]:
    """Returns the sample file of each task, after writing results and samples where the user said, or nowhere.

    What was generated is written beside them.
    """
    tracker.save_results_aggregated(results=results, samples=samples)
    for task in results["configs"]:
        if samples is not None:
            tracker.save_results_samples(task_name=task, samples=samples[task])
    if tracker.push_results_to_hub or tracker.push_samples_to_hub:
        tracker.recreate_metadata_card()
    if tracker.output_path and samples is not None:
        output = Path(tracker.output_path)
        folder = output.parent if output.suffix == ".json" else output
        files = sorted(folder.rglob(f"samples_*_{tracker.date_id}.jsonl"))
        for file in files:
            generations.write_noted(file)
        ending = f"_{tracker.date_id}.jsonl"
        by_task = {file.name.removeprefix("samples_").removesuffix(ending): file for file in files}
        return {task: by_task[task] for task in results["configs"] if task in by_task}
    return {}


def _write_replicates(
    manager: TaskManager, task: str, configuration: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], samples: Path
) -> None:
    """Writes a task's replicates beside its ``samples``; scores stay although that fails."""
    try:
        loaded = manager.load([task])["tasks"][task]
        write_replicates(samples, loaded, rows, (configuration.get("metadata") or {}).get("cluster"))
    except Exception as error:
        print(
            f"Warning: {task} has no replicates, and so its page no interval of some metrics: {reason_of(error)}",
            file=sys.stderr,
        )


def _print(config: EvaluatorConfig, results: dict[str, Any]) -> None:
    """Prints the tables of scores with the line above them that says what was asked."""
    model_args = {name: value for name, value in config.model_args.items() if name != "trust_remote_code"}
    sizes = ",".join(map(str, results["config"]["batch_sizes"]))
    print(
        f"{config.model} ({model_args}), gen_kwargs: ({config.gen_kwargs}), limit: {config.limit}, "
        f"num_fewshot: {config.num_fewshot}, batch_size: {config.batch_size}{f' ({sizes})' if sizes else ''}"
    )
    print(make_table(results))
    if "groups" in results:
        print(make_table(results, "groups"))
