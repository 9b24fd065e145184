"""Which lm_eval model class a checkpoint needs, read from its configuration files; no weight is loaded.

lm_eval's `hf` loads a classifier as a language model, puts a random output layer on it, and prints plausible scores.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.hub.download import fetch_model
from harness_tasks.models.files import KINDS
from harness_tasks.reading import read_json
from harness_tasks.weights import check_own_weights

CAUSAL_CLASSES = ("hf", "hf-auto", "huggingface", "hf-recorded", "hf-shared")
"""The names of classes for language models: lm_eval's own, and ours."""
STOCK_CLASSES = CAUSAL_CLASSES[:3]
"""lm_eval's own among them."""
HEADS = ("hf-seqcls", "hf-span")
"""The names under which our classes for heads are registered."""
_ADAPTERS = {"SEQ_CLS": "hf-seqcls", "QUESTION_ANS": "hf-span"}
_ARCHITECTURES = {
    "ForSequenceClassification": "hf-seqcls",
    "ForQuestionAnswering": "hf-span",
    "ForCausalLM": "hf",
    "LMHeadModel": "hf",
    "ForConditionalGeneration": "hf",
}
_WORDS = {
    "hf-seqcls": "a classifier",
    "hf-span": "a span reader",
    "hf": "a language model",
    None: "neither classifier nor span reader",
}
_HARM = {
    "hf": "the class loads it as a language model, with a random output layer, and its scores would look plausible",
    "hf-seqcls": "the class scores a layer with an output for each choice, which would be made at random",
    "hf-span": "the class scores a layer that marks the ends of an answer, which would be made at random",
}


def check_model(model: str, model_args: Mapping[str, Any], *, num_fewshot: int = 0) -> None:
    """Raises UserError where lm_eval's model class ``model`` would put a random head on what ``model_args`` name.

    Other classes than `hf`, `hf-seqcls` and `hf-span` are not judged. What the configurations are read from is
    fetched from the Hub here; raises as `harness_tasks.hub.download.fetch` where it cannot be had.
    """
    asked = "hf" if model in CAUSAL_CLASSES else model
    if asked not in _HARM or not isinstance(model_args.get("pretrained"), str):
        return
    if asked == "hf-span" and num_fewshot:
        raise UserError(
            f"{num_fewshot} few-shot examples for a span reader",
            "it reads the question and its passage alone, so the results would name examples that it never saw",
            "leave --num_fewshot out",
        )
    _fetch(model_args, weights=False)
    place, kind, needed = _judge(model_args)
    adapter = model_args.get("peft")
    if adapter and not model_args.get("load_in_4bit") and _trained_packed(str(adapter), model_args.get("revision")):
        raise UserError(
            f"{adapter} was trained by QLoRA, and is to be scored on the base as it is",
            "it was trained beside the values that the base's weights have once packed in 4 bits; on others it is "
            "another model, whose scores would look plausible",
            f"run aftertune merge {adapter} --output DIR, and score it with --model {needed or asked} "
            "--model_args pretrained=DIR",
        )
    if kind and needed != asked and not (asked == "hf" and needed is None):
        take = f"write --model {needed}" if needed else f"name a checkpoint that is {_WORDS[asked]}"
        raise UserError(f"{place} is {_WORDS[needed]} ({kind}), and the model class is {model}", _HARM[asked], take)


def warning_of_rounded_logarithms(model: str, model_args: Mapping[str, Any]) -> str | None:
    """Returns what to say where lm_eval's `hf` would take log-softmax in half precision; None where it does not."""
    if model not in STOCK_CLASSES or model_args.get("softmax_dtype"):
        return None
    dtype = str(model_args.get("dtype") or "auto").removeprefix("torch.")
    if dtype == "auto" and isinstance(model_args.get("pretrained"), str):
        config = read_json_file(model_args["pretrained"], "config.json", model_args.get("revision")) or {}
        dtype = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    if dtype not in ("bfloat16", "float16"):
        return None
    return (
        f"Warning: --model {model} takes the logarithm of {dtype} logits in {dtype}, so that choices tie which the "
        "logits tell apart. Add softmax_dtype=float32 to --model_args, or score with --model hf-shared, which takes "
        "logarithms in float32."
    )


def fetch_weights(model: str, model_args: Mapping[str, Any]) -> None:
    """Fetches what ``model_args`` name on the Hub, before lm_eval's model class ``model`` loads it.

    Every file is compared with what the Hub states, and a folder's weights with what training recorded of them there.
    Raises as `harness_tasks.hub.download.fetch`, `harness_tasks.weights.check_own_weights`,
    `harness_tasks.models.language_models.check_language_model` and `harness_tasks.models.loading.refuse_unfilled`.
    """
    if model in (*CAUSAL_CLASSES, *HEADS):
        _fetch(model_args, weights=True)
    for name in ("pretrained", "peft", "lora_local_path"):
        if isinstance(place := model_args.get(name), str) and place:
            check_own_weights(place)
    place = model_args.get("pretrained")
    others = ("gguf_file", "delta", "autogptq", "gptqmodel", "trust_remote_code")
    if model in CAUSAL_CLASSES and isinstance(place, str) and not any(model_args.get(name) for name in others):
        # Here, because transformers takes longer to load than a look at files may.
        from harness_tasks.models.language_models import check_language_model
        from harness_tasks.models.loading import refuse_unfilled

        given: dict[str, Any] = {
            "revision": model_args.get("revision"),
            "subfolder": str(model_args.get("subfolder") or ""),
            "backend": str(model_args.get("backend") or "default"),
        }
        check_language_model(place, **given)
        refuse_unfilled(place, **given)


def _fetch(model_args: Mapping[str, Any], *, weights: bool) -> None:
    if model_args.get("gguf_file"):
        return  # of a repository's many such files the class loads one
    for name in ("pretrained", "peft"):
        if isinstance(place := model_args.get(name), str) and place:
            fetch_model(place, model_args.get("revision"), weights=weights)
    if isinstance(tokenizer := model_args.get("tokenizer"), str) and tokenizer:
        fetch_model(tokenizer, model_args.get("revision"), weights=False)


def read_json_file(place: str, name: str, revision: str | None = None) -> dict[str, Any] | None:
    """Returns what the JSON file ``name`` of a folder or a Hub repository holds; None where there is none.

    Raises `UserError` where it is damaged, or not of the schema that files of that name have in `KINDS`.
    """
    if Path(place).is_dir():
        file: str | None = str(Path(place) / name) if os.path.lexists(Path(place) / name) else None
    else:
        from transformers.utils import cached_file

        try:
            file = cached_file(
                place,
                name,
                revision=revision,
                _raise_exceptions_for_gated_repo=False,
                _raise_exceptions_for_missing_entries=False,
                _raise_exceptions_for_connection_errors=False,
            )
        except OSError:
            return None
    return dict(read_json(file, KINDS[name])) if file else None


def _trained_packed(adapter: str, revision: str | None) -> bool:
    return (read_json_file(adapter, "finetune.json", revision) or {}).get("method") == "qlora"


def tokenizer_place(model_args: Mapping[str, Any]) -> str:
    """Returns where a head's tokenizer is: as given, else the adapter's own where it has one, else the base's."""
    if model_args.get("tokenizer"):
        return str(model_args["tokenizer"])
    adapter = model_args.get("peft")
    if adapter and read_json_file(adapter, "tokenizer_config.json", model_args.get("revision")) is not None:
        return str(adapter)
    return str(model_args["pretrained"])


def _judge(model_args: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Returns the checkpoint that decides, what its files call its kind (None: unknown), and the class it needs."""
    base, adapter, revision = model_args["pretrained"], model_args.get("peft"), model_args.get("revision")
    config = read_json_file(base, "config.json", revision)
    if adapter:
        found = read_json_file(adapter, "adapter_config.json", revision)
        task = found.get("task_type") if found else None
        if found is None or task in _ADAPTERS:
            return adapter, task, _ADAPTERS.get(task or "")
        # Another adapter makes no head of its own: the base has it.
    elif (alone := read_json_file(base, "adapter_config.json", revision)) is not None:
        needed = _ADAPTERS.get(alone.get("task_type") or "", "hf")
        if config is None or needed != "hf":
            raise UserError(
                f"{base} is an adapter, given as `pretrained`",
                "an adapter is scored on the model that it was trained on",
                f"write --model {needed} --model_args pretrained={alone.get('base_model_name_or_path')},peft={base}",
            )
    architecture = ((config or {}).get("architectures") or [None])[0]
    needed_by = [needed for part, needed in _ARCHITECTURES.items() if architecture and part in architecture]
    return base, architecture, needed_by[0] if needed_by else None
