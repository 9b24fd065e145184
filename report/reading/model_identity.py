"""Which model ran, by what lm_eval recorded of it: two results are one model's where all that decides it is the same.

It stands in `model_args` (the weights, an adapter, revision, dtype, quantisation, tokenizer), in the class that ran
them, in the commits that lm_eval looked up, and in the chat template and system instruction that every prompt was put
into. What only says where or how fast it ran is left out. A folder's name says nothing.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report.reading.harnesses import Place
from report.reading.published_names import distinct, public_parts, short_name

_BASES = ("pretrained", "model", "path", "engine", "deployment_name", "model_id", "deployment_id", "load")
_ADAPTERS = ("peft", "lora", "lora_local_path", "lora_path", "lora_name", "adapter", "adapter_path", "delta")

_ELSEWHERE = frozenset(
    """
    answers api_key auth_token batch_size cache_dir cache_requests data_parallel_size device device_map
    device_map_option disable_log_requests disable_log_stats distributed_executor_backend enable_lora
    enforce_eager eos_string gpu_memory_utilization header local_files_only logits_cache
    low_cpu_mem_usage max_batch_size max_cpu_memory max_lora_rank max_memory_per_gpu max_num_seqs
    max_retries mem_fraction_static num_concurrent offload_folder parallelize pipeline_parallel_size
    seed swap_space tensor_parallel_size timeout token tokenized_requests tokenizer_backend tp_plan
    tp_size dp_size trust_remote_code use_auth_token verify_certificate
    """.split()  # noqa: SIM905
)
"""Arguments that say where and how fast a model ran, who asked, or with which seed: not which model it was."""

_DEFAULTS = {"revision": "main", "dtype": "auto", "backend": "default", "add_bos_token": "false", "truncation": "false"}
"""What an argument that is not given stands for."""

_CLASSES = frozenset(
    """
    CUSTOM HFLM CachingLM LM TemplateLM hf huggingface vllm sglang hf-causal hf-auto
    """.split()  # noqa: SIM905
)
"""What stands in `config.model` where it names the class that asked, and not a model."""

RUN = ("harness", "few-shot", "items", "version", "generation")
"""Settings of a run, not of a model: only runs of one model that differ in them have them."""

MOST_CHARACTERS = 24
"""The longest value of a setting that is shown to tell two models of one name apart."""


@dataclass(frozen=True)
class Identity:
    """Which model it is: ``name`` as it may be shown, ``place`` where the file says it, ``settings`` all else of it.

    ``commits``: of the weights and of an adapter, as far as lm_eval could look them up. ``dtype``: what it ran in, as
    far as that was recorded, whatever was asked for.
    """

    name: str
    place: Place
    settings: Mapping[str, str]
    commits: Mapping[str, str]
    dtype: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        """What two results of one model have in common, but for commits, which one of them may lack."""
        return self.name, tuple(sorted(self.settings.items()))


def identity_of(content: Mapping[str, Any]) -> Identity | None:
    """Returns which model the results are of; None where they do not say it."""
    config = content["config"]
    given = _arguments(config.get("model_args"))
    base_key, adapter_key = (next((key for key in keys if given.get(key)), "") for keys in (_BASES, _ADAPTERS))
    base, adapter = given.pop(base_key, ""), given.pop(adapter_key, "")
    place: Place = ("config", "model_args")
    if not base:
        base, place = _named_elsewhere(content)
    if not base:
        return None
    name = f"{short_name(base)} + {short_name(adapter)}" if adapter else short_name(base)
    settings = {key: value for key, value in given.items() if key not in _ELSEWHERE}
    settings |= {"model": base, "adapter": adapter, "class": str(config.get("model") or "")}
    for key, what in (("chat_template_sha", "chat template"), ("system_instruction_sha", "system instruction")):
        if content.get(key):
            settings[what] = str(content[key])
    commits = {key: str(config[key]) for key in ("model_sha", "peft_sha", "delta_sha") if config.get(key)}
    ran_in = config.get("model_dtype")
    dtype = ran_in.removeprefix("torch.") if isinstance(ran_in, str) else ""
    return Identity(name, place, settings, commits, dtype)


def differing(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """Returns, for each of several models of one name, what tells it from the others, as it may be shown.

    >>> differing([{"dtype": "float16"}, {"dtype": "bfloat16"}, {"dtype": "bfloat16", "chat template": "ab12"}])
    ['dtype=float16, no chat template', 'dtype=bfloat16, no chat template', 'dtype=bfloat16, chat template ab12']
    """
    columns = []
    for key in dict.fromkeys(key for one in settings for key in one):
        values = [one.get(key, "") for one in settings]
        names = _names_of_paths(values)
        column = [_shown(key, value, names) for value in values]
        if len({shown for shown in column if shown or key not in RUN}) > 1:
            columns.append(column)
    return [", ".join(filter(None, shown)) for shown in zip(*columns, strict=True)] or [""] * len(settings)


def _names_of_paths(values: Sequence[str]) -> dict[str, str]:
    """Returns what each path among ``values`` is called: a short name, longer where two paths would have the same."""
    paths = [value for value in dict.fromkeys(values) if "/" in value or "\\" in value]
    names = [short_name(path) for path in paths]
    if len(set(names)) < len(names):
        names = distinct([public_parts(Path(path)) for path in paths])
    return dict(zip(paths, names, strict=True))


def _shown(key: str, value: str, names: Mapping[str, str]) -> str:
    """Returns a setting as it may be published: no address, no path from this machine's root, nothing secret."""
    if re.search(r"url|key|secret|password|header", key):
        return ""
    if " " in key or key == "class":
        if not value:
            return "" if key == "class" else f"no {key}"
        return value if key == "class" else f"{key} {value[:8] if re.fullmatch('[0-9a-f]{20,}', value) else value}"
    if not value:
        return ""
    value = names.get(value, value)
    return f"{key}={value if len(value) <= MOST_CHARACTERS else value[: MOST_CHARACTERS - 1] + '…'}"


def _named_elsewhere(content: Mapping[str, Any]) -> tuple[str, Place]:
    """Returns the model's name where no argument has it, and where it stands: empty where nothing names a model."""
    config = content["config"]
    general = content.get("config_general")  # the results of other tools that call lm_eval's tasks
    for value, place in (
        (content.get("model_name"), ("model_name",)),
        (config.get("model_name"), ("config", "model_name")),
        (general.get("model_name") if isinstance(general, dict) else None, ("config_general", "model_name")),
        (config.get("model"), ("config", "model")),
    ):
        if isinstance(value, str) and value.strip() and (place != ("config", "model") or _is_name(value)):
            return value, place
    return "", ()


def _is_name(value: str) -> bool:
    """Returns whether `config.model` names a model: lm_eval puts a loaded model's own name there, else its class."""
    return "/" in value and value not in _CLASSES


def _arguments(given: Any) -> dict[str, str]:
    """Returns `model_args` by name, as lm_eval reads them: text such as `a=b,c=d`, a list, a mapping, or JSON of one.

    >>> _arguments("pretrained=org/base,dtype=auto,parallelize=True"), _arguments({"pretrained": "org/base", "x": None})
    ({'pretrained': 'org/base', 'parallelize': 'true'}, {'pretrained': 'org/base'})
    """
    pairs: list[tuple[str, Any]] = []
    if isinstance(given, str) and given.lstrip().startswith("{"):
        given = _json(given)
    if isinstance(given, list) and all(isinstance(part, str) for part in given):
        given = ",".join(given)
    if isinstance(given, dict):
        pairs = list(given.items())
    elif isinstance(given, str):
        for part in given.split(","):
            key, equals, value = part.partition("=")
            if equals:
                pairs.append((key.strip(), value))
            elif pairs:  # a value with a comma in it
                pairs[-1] = pairs[-1][0], f"{pairs[-1][1]},{part}"
    found = {str(key): _plain(value) for key, value in pairs}
    return {key: value for key, value in found.items() if value not in ("", "none", _DEFAULTS.get(key))}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _plain(value: Any) -> str:
    text = "" if value is None else str(value).strip()
    return text.lower() if text.lower() in ("true", "false", "none") else text.rstrip("/")
