"""All that a run needs before any weight is loaded: its task, tokenizer, configuration and rows."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from finetune import machine
from finetune.formulations import FORMULATIONS
from finetune.models import check_method, check_weights, load_config, load_tokenizer
from finetune.recipe import IDENTICAL, NOTHING
from finetune.rows import Render, Renderer, Row, hold_out, numbered, rows_of, training_rows
from finetune.run import DEV, Run
from finetune.shuffling import target_places
from harness_tasks.errors import UserError
from harness_tasks.loading import doc_hash, load_task
from harness_tasks.models.commits import commit_of
from harness_tasks.models.files import check_folder
from harness_tasks.overlap import input_text, row_identity
from harness_tasks.text import fold

FEWSHOT_SEED = 1234
"""lm_eval's own default, so that shots are drawn as the evaluator draws them."""


@dataclass(frozen=True)
class Prepared:
    """What the guards, `aftertune plan-training` and `train` look at.

    ``run`` is resolved: device, dtype and the recipe's defaults.

    ``task`` is lm_eval's task object, ``config`` the base model's configuration as it is, ``formulation`` one of the
    modules `causal`, `classifier` and `span`. ``dev_rows`` is empty where the checkpoint is not chosen but is the last
    one. ``counts``: rows `available` and dropped (`identical`, `min_words`, `overlap`). ``labels``: a classifier's,
    else (). ``pad_id`` fills batches up; ``stop_ids`` end an answer that is written, else ().
    """

    run: Run
    task: Any
    tokenizer: Any
    config: Any
    formulation: Any
    rows: list[Row]
    dev_rows: list[Row]
    counts: dict[str, int]
    labels: tuple[str, ...]
    pad_id: int
    stop_ids: tuple[int, ...]


def prepare(run: Run) -> Prepared:
    """Returns the run's task, tokenizer, configuration and rows.

    Raises:
        UserError: a task that is unknown, has no training split or does not fit the head; data that cannot be had; a
            folder that is no model; a method that cannot be used here; no row that is left.
    """
    _check_device(run.device)
    run = run.resolved()
    config = load_config(run.model, run.revision)
    # All else is loaded from the commit that the configuration came from, wherever `main` moves meanwhile.
    run = replace(run, revision=commit_of(run.model, run.revision) or run.revision)
    if Path(run.model).is_dir():
        check_folder(Path(run.model), weights=True)
    check_method(run, config)
    tokenizer = load_tokenizer(run.tokenizer or run.model, None if run.tokenizer else run.revision)
    task = load_task(run.task, include_path=run.include_path, metadata=run.metadata)
    _check_task(run, task, tokenizer)
    formulation = FORMULATIONS[run.head]
    labels = formulation.labels_of(task)
    task.set_fewshot_seed(FEWSHOT_SEED)
    renderer = Renderer(task, tokenizer, num_fewshot=run.num_fewshot, apply_chat_template=run.apply_chat_template)

    def render(doc: dict[str, Any], cluster: str | None, text: str, target: dict[str, Any] | None = None) -> Row:
        found: Row = formulation.row(renderer, doc, cluster=cluster, text=text, target=target)
        return found if target is None else replace(found, target_of=doc_hash(target))

    rows, dev_rows, counts = _rows(run, task, render)
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    if Path(run.model).is_dir():
        check_weights(run, config, labels=labels, pad_id=pad_id or 0)
    return Prepared(
        run=run,
        task=task,
        tokenizer=tokenizer,
        config=config,
        formulation=formulation,
        rows=numbered(rows),
        dev_rows=numbered(dev_rows),
        counts=counts,
        labels=labels,
        pad_id=0 if pad_id is None else pad_id,
        stop_ids=formulation.stop_ids(renderer),
    )


def _rows(run: Run, task: Any, render: Render) -> tuple[list[Row], list[Row], dict[str, int]]:
    """Returns the rows to train on, those of the development split, and how many were available and dropped."""
    shuffle = partial(target_places, task, seed=run.sampling_seed) if run.shuffle_targets else None
    rows, counts = training_rows(
        task,
        render,
        train_rows=run.train_rows,
        min_words=run.min_words,
        identical=_scored_identities(run, task),
        excluded=_scored_texts(run),
        seed=run.sampling_seed,
        shuffle=shuffle,
    )
    dev_rows: list[Row] = []
    if run.select_on != DEV:
        dev_rows = rows_of(_split(run, task), render, task.config.metadata or {}, shuffle=shuffle)
    elif run.recipe.dev_share:
        rows, dev_rows = hold_out(rows, share=run.recipe.dev_share, seed=run.sampling_seed)
    if not rows:
        raise UserError(
            f"no training row of {run.task} is left of {counts['available']}",
            "there is nothing to train on",
            "lower min_words or dev_share, or write `exclude_overlap: none` (left out: "
            + ", ".join(f"{counts[kind]:,} {kind}" for kind in counts if kind != "available")
            + ")",
        )
    return rows, dev_rows, counts


def _check_device(device: str | None) -> None:
    import torch

    kind = (device or "cpu").partition(":")[0]
    seen = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not seen.get(kind, False):
        raise UserError(
            f"--device {device}, and torch sees no such device here",
            "the model could not be moved there",
            f"leave it out (this machine then takes {machine.resolve_device(None)}), or run it where there is one",
        )


def split_named(name: str, task: Any) -> str:
    """Returns the split of the task's data that ``name`` stands for: `validation`, `test`, or a split's own name."""
    named = {"validation": task.config.validation_split, "test": task.config.test_split}
    return str(named.get(name) or name)


def _check_task(run: Run, task: Any, tokenizer: Any) -> None:
    if not task.has_training_docs():
        raise UserError(
            f"the task {run.task} has no training split",
            "there is nothing to train on",
            "choose a task whose YAML names a training_split"
            + (", or put its training file into the data folder" if run.metadata.get("data_dir") else ""),
        )
    if run.apply_chat_template and not tokenizer.chat_template:
        raise UserError(
            f"the tokenizer of {run.model} has no chat template",
            "--apply-chat-template renders the prompt with it",
            "leave the option out, or name a model that has one",
        )
    if run.recipe.patience and not run.selects:
        raise UserError(
            f"--patience {run.recipe.patience} without a development split",
            "training stops early when the loss on held-out rows no longer falls",
            "add --dev-share 0.1, which holds out a tenth of the training rows",
        )


def _scored_identities(run: Run, task: Any) -> set[str]:
    """Returns the identities of the rows that will be scored; none where identical rows are kept."""
    if run.exclude_overlap == NOTHING:
        return set()
    tasks = (
        task if name == run.task else load_task(name, include_path=run.include_path, metadata=run.metadata)
        for name in run.scored_tasks
    )
    return {row_identity(doc) for scored in tasks for doc in scored.eval_docs}


def _scored_texts(run: Run) -> list[str]:
    if run.exclude_overlap in (IDENTICAL, NOTHING):
        return []
    try:
        scored = load_task(run.exclude_overlap, include_path=run.include_path, metadata=run.metadata)
    except UserError as error:
        raise UserError(
            f"--exclude-overlap {run.exclude_overlap}: {error.found}",
            error.why,
            f"{error.mend}; or write {IDENTICAL} (rows that are scored rows too) or {NOTHING}",
        ) from None
    return [fold(input_text(doc, scored.config.metadata)) for doc in scored.eval_docs]


def _split(run: Run, task: Any) -> Any:
    """Returns the documents of the task's split that ``select_on`` names, by its own name or as validation or test."""
    config, split = task.config, split_named(run.select_on, task)
    given = {config.validation_split: task.validation_docs, config.test_split: task.test_docs}
    given.pop(None, None)
    if split not in given:
        known = [DEV, *sorted(given)]
        raise UserError(
            f"the task {run.task} has no split {run.select_on!r} to choose the checkpoint on",
            "the checkpoint with the lowest loss there is the one that is kept",
            f"write --select-on with one of {', '.join(known)}; {DEV} is cut from the training rows by --dev-share",
        )
    return given[split]()
