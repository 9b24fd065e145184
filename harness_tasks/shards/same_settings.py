"""Whether shards were scored in the same way: the same model, prompts, data, seeds and versions."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.rendering import ADDRESS
from harness_tasks.shards.files import ShardFiles

_OF_ITEMS = {"results", "groups", "n-samples", "task_hashes", "date", "total_evaluation_time_seconds"}
"""What results say of their items and of the time: made anew when shards are joined."""
_OF_THE_PLACE = {"pretty_env_info", "git_hash", "upper_git_hash"}
"""What they say of where they were made, which may be several machines: of it the version of torch counts."""
_MAY_DIFFER = (
    ("git_hash",),
    ("upper_git_hash",),
    ("config", "batch_sizes"),
    ("config", "threads"),
    ("config", "use_cache"),
    ("config", "model_args", "answers"),
)
"""What changes no answer but where two tokens tie, or none at all: left out of joined results where it differs.

``answers`` is where `hf-shared` keeps its answers; lm_eval repeats it in the task's metadata.
"""


def check_same_settings(shards: Sequence[ShardFiles]) -> None:
    """Raises UserError where one of ``shards`` was not scored as the first one was; it names up to four differences."""
    first = _settings(shards[0])
    for shard in shards[1:]:
        found = _settings(shard)
        names = [name for name in {**first, **found} if first.get(name) != found.get(name)]
        if names:
            told = [f"{name} {_short(found.get(name))}, not {_short(first.get(name))}" for name in names[:4]]
            more = f"; and {len(names) - 4} more" if len(names) > 4 else ""
            raise UserError(
                f"{shard.name} was not scored as {shards[0].name} was: {'; '.join(told)}{more}",
                "the rows of one score must come from the same model, asked in the same way",
                f"score {shard.name} ({shard.folder}) or {shards[0].name} ({shards[0].folder}) anew",
            )


def without_differing(results: dict[str, Any], shards: Sequence[ShardFiles]) -> None:
    """Takes out of ``results`` what may differ between ``shards``, where it does."""
    paths = [*_MAY_DIFFER, ("configs", shards[0].task, "metadata", "answers")]
    for *above, last in paths:
        values = [_at(shard.results, above).get(last) for shard in shards]
        if any(value != values[0] for value in values):
            _at(results, above).pop(last, None)
    devices = {str(shard.results["config"].get("device")) for shard in shards}
    if len(devices) > 1:
        results["config"]["device"] = _kind(devices.pop())


def _settings(shard: ShardFiles) -> dict[str, Any]:
    """Returns everything by which a shard was scored, each value under the path of its keys."""
    results = json.loads(ADDRESS.sub("", json.dumps(shard.results, ensure_ascii=False)))
    config = results["config"]
    for *above, last in [*_MAY_DIFFER, ("config", "shard"), ("configs", shard.task, "metadata", "answers")]:
        _at(results, above).pop(last, None)
    config["device"] = _kind(str(config.get("device")))
    torch = re.search(r"^PyTorch version: (\S+)", str(results.get("pretty_env_info")), re.MULTILINE)
    rest = {key: value for key, value in results.items() if key not in _OF_ITEMS | _OF_THE_PLACE | {"config"}}
    versions = {"torch_version": torch[1] if torch else None}
    # The model first: what it is given is repeated in the task's metadata, and a message names what comes first.
    return dict(_flat({"config": config, **versions, **rest}, ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _at(content: Any, path: Sequence[str]) -> dict[str, Any]:
    """Returns the object at ``path``; an empty one where there is none."""
    for part in path:
        content = content.get(part) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def _kind(device: str) -> str:
    return device.split(":")[0]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
