"""A whole run: its arguments checked, and each model that they name scored."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lm_eval.config.evaluate_config import EvaluatorConfig
from lm_eval.tasks import TaskManager
from lm_eval.utils import setup_logging

from harness_tasks import TASKS_PATH, prompts
from harness_tasks.guards import take_allowed
from harness_tasks.loading import places, task_manager
from harness_tasks.models.making import chat_template_of, make_model
from harness_tasks.scoring.adapters import on_one_base
from harness_tasks.scoring.arguments import Checked, check_arguments
from harness_tasks.scoring.evaluation import evaluate, set_seeds
from harness_tasks.shards.scoring import ShardRun, ShardTasks, shard_run, take_shard


def run(arguments: Sequence[str]) -> None:
    """Scores what the ``arguments`` of `lm_eval run` ask for, with ``--shard`` and ``--allow`` beside them.

    Raises UserError as `check_arguments` does, and where the model cannot be made or its tokenizer cannot be used.
    """
    words, shard = take_shard(arguments)
    words, allowed = take_allowed(words)
    checked = check_arguments(_with_defaults(words), allowed)
    part = shard_run(shard, checked.config) if shard else None
    if part and not part.mine:
        for model_args in checked.model_args:
            part.write_empty(Path(checked.config.output_path), model_args)
        print(f"shard {shard} of {part.task} holds none of its {len(part.whole):,} items")
        return
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    setup_logging()
    make = _maker(checked)
    for model_args in checked.model_args:
        set_seeds(checked.config)
        lm = make(model_args)
        config = _config_of(checked, model_args, part)
        _try_prompts(lm, config, checked.tasks)
        if part:
            part.check_processes(lm.world_size)
        manager = _manager(checked, config, part)
        evaluate(config, lm, manager, {"shard": part.record()} if part else {})


def _with_defaults(words: Sequence[str]) -> list[str]:
    """Returns ``words`` with our folder of tasks and a device that is there, where neither they nor a file say it."""
    given = {word.split("=")[0] for word in words}
    found = list(words)
    if not given & {"--config", "-C"}:  # which an argument would override
        if "--include_path" not in given:
            found += ["--include_path", str(TASKS_PATH)]
        if "--device" not in given:
            # lm_eval's own default is cuda:0; without a GPU it takes the processor, and its results say cuda:0.
            found += ["--device", "cuda:0" if torch.cuda.is_available() else "cpu"]
    return found


def _maker(checked: Checked) -> Callable[[Mapping[str, Any]], Any]:
    """Returns what makes the model of each of ``checked.model_args``."""
    config = checked.config
    settings = {name: getattr(config, name) for name in ("batch_size", "max_batch_size", "device")}
    make = partial(make_model, config.model, **settings)
    return on_one_base(checked.model_args, make) if isinstance(config.model_args.get("peft"), list | tuple) else make


def _config_of(checked: Checked, model_args: Mapping[str, Any], part: ShardRun | None) -> EvaluatorConfig:
    """Returns the settings of the run of one model; lm_eval repeats the model's arguments in the tasks' metadata."""
    config = checked.config
    given = config.model_args.items()
    own = {name: value for name, value in config.metadata.items() if (name, value) not in given}
    if checked.passed_over:  # results that somebody finds say so too
        own["allowed"] = list(checked.passed_over)
    samples = {part.task: part.mine} if part else config.samples
    return replace(
        config,
        model_args=dict(model_args),
        metadata={**model_args, **own},
        # lm_eval takes rows in any order, and mixes them up
        samples=samples and {name: prompts.rows_argument(rows) for name, rows in samples.items()},
    )


def _try_prompts(lm: Any, config: EvaluatorConfig, tasks: Mapping[str, Any]) -> None:
    """Raises UserError where the model's tokenizer, or its chat template, fails on the first prompts."""
    chat_template = chat_template_of(lm, config.model, config.model_args)
    if not config.apply_chat_template:
        return
    chat_template([{"role": "user", "content": "A"}])
    for task in tasks.values():
        prompts.context(
            task,
            task.eval_docs[0],
            num_fewshot=int(task.config.num_fewshot or 0),
            system_instruction=config.system_instruction,
            apply_chat_template=True,
            fewshot_as_multiturn=config.fewshot_as_multiturn,
            chat_template=chat_template,
        )


def _manager(checked: Checked, config: EvaluatorConfig, part: ShardRun | None) -> TaskManager:
    """Returns what loads the tasks of ``config``, and makes its ``tasks`` those that their names stand for."""
    place = config.include_path or TASKS_PATH
    if part:
        config.tasks = [part.task]
        settings = places(place, None if checked.names is None else checked.shipped)
        return ShardTasks(part, metadata=config.metadata, **settings)
    if checked.names is None:
        return config.process_tasks(config.metadata)
    config.tasks = checked.names
    return task_manager(place, config.metadata, shipped=checked.shipped)
