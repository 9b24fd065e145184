"""The prompt template hash of a task: scores whose hashes differ are not to be compared.

Pure: it reads lm_eval's JSON and imports nothing of lm_eval, so `report` can use it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_json

_TASK_FIELDS = (
    "task",
    "output_type",
    "description",
    "doc_to_text",
    "doc_to_target",
    "doc_to_choice",
    "target_delimiter",
    "fewshot_delimiter",
    "gen_prefix",
    "use_prompt",
    "generation_kwargs",
)
_FEWSHOT_FIELDS = (
    "sampler",
    "split",
    "fewshot_indices",
    "samples",
    "doc_to_text",
    "doc_to_target",
    "doc_to_choice",
    "gen_prefix",
    "fewshot_delimiter",
    "target_delimiter",
)
# A function inside `fewshot_config` is dumped as "<function target at 0x7f...>".
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def render_parts(
    task_config: Mapping[str, Any],
    *,
    num_fewshot: int,
    chat_template_sha: str | None,
    fewshot_as_multiturn: bool | None,
    system_instruction_sha: str | None,
) -> dict[str, Any]:
    """Returns what decided the text of a task's prompts, nothing of it bound to a machine or a model's folder.

    ``task_config`` is ``task.dump_config()``, live or read back from ``results["configs"][task]``; the hashes are
    lm_eval's ``chat_template_sha`` and ``system_instruction_sha``, None where there was none. Few-shot settings are
    left out at 0 shots, and turns count only under a chat template, since then they change nothing.
    """
    config = json.loads(json.dumps(task_config, default=str))
    metadata = config.get("metadata") or {}
    shots = config.get("fewshot_config") or {}
    # lm_eval 0.5 dumps what was not set of them as an empty object.
    parts: dict[str, Any] = {f: _plain(config[f]) for f in _TASK_FIELDS if config.get(f) not in (None, {})}
    parts["version"] = metadata.get("version")
    parts["num_fewshot"] = num_fewshot
    parts["chat_template_sha"] = chat_template_sha
    parts["system_instruction_sha"] = system_instruction_sha
    if num_fewshot > 0:
        parts["fewshot"] = {f: _by_name(_plain(shots[f])) for f in _FEWSHOT_FIELDS if shots.get(f) is not None}
        parts["fewshot_as_multiturn"] = bool(chat_template_sha and fewshot_as_multiturn)
    return parts


def render_hash(parts: Mapping[str, Any]) -> str:
    """Returns the SHA-256 (64 hex digits) of ``parts``."""
    return sha256_json(dict(parts))


def render_from_results(results: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Returns the parts of ``task``'s rendering from lm_eval's results JSON; UserError where it was not scored."""
    config, num_fewshot = ((results.get(key) or {}).get(task) for key in ("configs", "n-shot"))
    if config is None:
        scored = ", ".join(results.get("configs", {})) or "none"
        raise UserError(
            f"the results hold no configuration of the task {task!r} (tasks there: {scored})",
            "how its prompts were rendered cannot be told, so its scores compare with nothing",
            f"score it: lm_eval --tasks {task} --output_path DIR ...",
        )
    if num_fewshot is None:
        raise UserError(
            f"the results do not say how many few-shot examples {task!r} was scored with (`n-shot`)",
            "how its prompts were rendered cannot be told, so its scores compare with nothing",
            f"score it again: lm_eval --tasks {task} --output_path DIR ...",
        )
    return render_parts(
        config,
        num_fewshot=num_fewshot,
        chat_template_sha=results.get("chat_template_sha"),
        fewshot_as_multiturn=results.get("fewshot_as_multiturn"),
        system_instruction_sha=results.get("system_instruction_sha"),
    )


def _by_name(value: Any) -> Any:
    """Returns a function as lm_eval 0.4 dumps one inside `fewshot_config`; 0.5 dumps its source there too."""
    found = re.match(r"def (\w+)\(", value) if isinstance(value, str) else None
    return f"<function {found[1]}>" if found else value


def _plain(value: Any) -> Any:
    return json.loads(ADDRESS.sub("", json.dumps(value, ensure_ascii=False)))
