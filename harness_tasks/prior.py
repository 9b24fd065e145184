"""The label bias of a model: its content-free prior, the probability of each label without a text.

Source: Zhao, Wallace, Feng, Klein and Singh (2021), "Calibrate Before Use", section 4: the empty input, "N/A" and
"[MASK]" stand where the item's text would, and the probabilities of the labels are averaged over the three.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness_tasks import TASKS_PATH, prompts
from harness_tasks.errors import UserError
from harness_tasks.metrics import probabilities

INPUTS = ("", "N/A", "[MASK]")


def prior(
    task: str,
    *,
    model: str = "hf",
    model_args: Mapping[str, Any] = MappingProxyType({}),
    num_fewshot: int = 0,
    apply_chat_template: bool = False,
    device: str = "cuda:0",
    batch_size: str = "1",
    metadata: Mapping[str, Any] | None = None,
    include_path: str | Path = TASKS_PATH,
) -> dict[str, Any]:
    """Returns the probabilities that a model gives the choices of ``task`` where its prompt has no content.

    The task renders the prompt and lm_eval's model class scores the choices, as when an item is scored; the other
    arguments are lm_eval's own, with its defaults (a GPU that is not there means the processor). For a task whose
    items have no common choices, or that does not declare its `input` field, the answer is
    ``{"task": ..., "absent": reason}``, before any model is loaded.

    Raises:
        UserError: the task or its data cannot be loaded, its rows lack the field, or the model cannot be loaded.
    """
    from harness_tasks.loading import check_task, set_shots

    loaded = check_task(task, include_path=include_path, metadata=metadata, num_fewshot=num_fewshot)
    declared = dict(loaded.config.metadata or {})
    if absent := _absent(loaded):
        return {"task": task, "absent": absent}
    field, doc = declared["input"], dict(loaded.eval_docs[0])
    if field not in doc:
        raise UserError(
            f"the rows of {task} have no field {field!r}",
            "the task declares it as its input, which is left empty here",
            "correct `input` under `metadata:` in the task's YAML",
        )
    from harness_tasks.models.making import chat_template_of

    lm = _load_model(model, model_args, batch_size=batch_size, device=device)
    chat_template = chat_template_of(lm, model, model_args)
    num_fewshot = set_shots(loaded, num_fewshot)
    loaded.set_fewshot_seed(1234)  # lm_eval's own default: the same few-shot examples as when items are scored
    choices = [str(choice) for choice in loaded.doc_to_choice(doc)]
    requests = []
    for text in INPUTS:
        empty = {**doc, field: text}
        prompt = prompts.context(
            loaded,
            empty,
            num_fewshot=num_fewshot,
            apply_chat_template=apply_chat_template,
            fewshot_as_multiturn=apply_chat_template,
            chat_template=chat_template if apply_chat_template else None,
        )
        built = prompts.requests(loaded, empty, prompt, apply_chat_template=apply_chat_template)
        requests += built[: len(choices)]  # a task may ask for each choice without its prompt too
    inputs = _answered([float(answer[0]) for answer in lm.loglikelihood(requests)], len(choices))
    means = [sum(part) / len(INPUTS) for part in zip(*(one["probabilities"] for one in inputs), strict=True)]
    labels = declared.get("labels") or choices
    asked = {"model": model, "model_args": dict(model_args)}
    return {"task": task, **asked, "inputs": inputs, "labels": labels, "probabilities": means}


def _answered(likelihoods: list[float], choices: int) -> list[dict[str, Any]]:
    """Returns what each of `INPUTS` was answered; ``likelihoods``: of the choices for the first, then for the next."""
    found = []
    for turn, text in enumerate(INPUTS):
        own = likelihoods[turn * choices : (turn + 1) * choices]
        found.append({"input": text, "log_likelihoods": own, "probabilities": probabilities(own)})
    return found


def _absent(loaded: Any) -> str | None:
    """Returns why a task has no content-free prior; None where it can have one."""
    if loaded.OUTPUT_TYPE != "multiple_choice":
        return "the model writes an answer of its own, and chooses among none"
    if not isinstance(loaded.config.doc_to_choice, list | dict):
        return "the choices differ from item to item"
    if (loaded.config.metadata or {}).get("input") is None:
        return "the task does not declare which field is its input (`metadata: input:`)"
    return None


def _load_model(model: str, model_args: Mapping[str, Any], *, batch_size: str, device: str) -> Any:
    from harness_tasks.guards import enforce
    from harness_tasks.guards.adapter_base import adapter_base
    from harness_tasks.models.heads import check_model, fetch_weights, warning_of_rounded_logarithms
    from harness_tasks.models.making import make_model

    check_model(model, model_args)
    if warning := warning_of_rounded_logarithms(model, model_args):
        print(warning, file=sys.stderr)
    enforce([adapter_base(model_args)], ("adapter-base",))
    fetch_weights(model, model_args)
    return make_model(model, model_args, batch_size=batch_size, device=device)
