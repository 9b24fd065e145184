"""The files of a checkpoint that go to the Hub: what a loader needs, and the records, cleaned."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetune.kinds import FINETUNE, ROW_LOG, ROWS
from harness_tasks.errors import UserError
from harness_tasks.kinds import TENSORS
from harness_tasks.models.files import KINDS, OTHER
from harness_tasks.models.weights import WEIGHTS, header_of
from harness_tasks.reading import check_file, parse_json, parse_rows, read_bytes, read_text
from harness_tasks.secrets import cleaned
from harness_tasks.weights import check_weights
from report.facts.redact import redacted
from report.reading import kinds
from report.reading.results import read_json, read_rows

Contents = dict[str, Path | bytes]
"""By name in the repository: a file that is sent as it is, or the bytes themselves."""

_AS_IT_IS = re.compile(
    r"(adapter_)?model([-_]\d+-of-\d+)?\.safetensors|(adapter_)?model\.safetensors\.index\.json|tokenizer\.(json|model)|"
    r"vocab\.(json|txt)|merges\.txt|added_tokens\.json|special_tokens_map\.json|chat_template\.jinja"
)
"""Weights and vocabularies: their text is the model's own, and a changed word would change the model."""
_CLEANED = {**KINDS, "finetune.json": FINETUNE, "tensors.json": TENSORS, "row_log.jsonl": ROW_LOG}
_SAMPLING = frozenset({"temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"})
_ROWS = "train_rows.jsonl"
_KEPT = "doc_hash"
"""What of a training row is no text of its data set."""


def checkpoint_contents(home: Path, *, base: str | None, allowed: bool) -> tuple[Contents, list[str]]:
    """Returns the files of the checkpoint in ``home`` that are published, and the names of those that are not.

    ``base``: the base model's name on the Hub, for loaders of an adapter; ``allowed``: whether the licence of the
    training data allows its text, which is else shown by its first words and a hash.

    Raises:
        UserError: there are no weights, or they are broken or not those that training left.
    """
    found = sorted(path for path in home.iterdir() if path.name != "README.md") if home.is_dir() else []
    contents: Contents = {}
    left = []
    for path in found:
        # not Path's own, which raises for a link to itself
        if path.is_symlink() and os.path.dirname(os.path.realpath(path)) != os.path.realpath(home):
            raise UserError(
                f"{path} is a link to {os.path.realpath(path)}",
                "a file from elsewhere would be published with the checkpoint",
                "put the file itself there, or take the link away",
            )
        if _AS_IT_IS.fullmatch(path.name):
            check_file(path, WEIGHTS if path.suffix == ".safetensors" else OTHER)
            contents[path.name] = path
        elif path.name in _CLEANED:
            contents[path.name] = _record(path, base)
        elif path.name == _ROWS:
            contents[path.name] = _rows(path, allowed)
        else:
            left.append(path.name)
    if not any(name.endswith(".safetensors") for name in contents):
        raise UserError(
            f"{home} holds no weights in safetensors files",
            "a repository without weights can be loaded by nobody",
            "train the checkpoint again (its folder may have been cleared), and push then",
        )
    check_weights(home, [name for name in contents if name.endswith(".safetensors")])
    return contents, left


def searchable(content: Path | bytes) -> bytes:
    """Returns what can hold text in a file: all of it, but of weights the header alone."""
    if isinstance(content, bytes):
        return content
    return header_of(content) if content.suffix == ".safetensors" else read_bytes(content, OTHER)


def is_vocabulary(content: Path | bytes) -> bool:
    """Returns whether a file is sent as it is, and is no weights."""
    return isinstance(content, Path) and content.suffix != ".safetensors"


def task_configuration(folder: Path, checkpoint: str, task: str) -> Mapping[str, Any]:
    """Returns a scored task's configuration, as lm_eval recorded it; empty where the task was not scored."""
    for name in (checkpoint, "base"):
        results = f"scores/{name}/{task}/results.json"
        if (folder / results).is_file():
            return (read_json(folder, results, kinds.RESULTS).content.get("configs") or {}).get(task) or {}
    return {}


def _record(path: Path, base: str | None) -> bytes:
    kind = _CLEANED[path.name]
    text = cleaned(read_text(path, kind))
    if path.suffix == ".jsonl":
        parse_rows(text, path, kind)
        return text.encode()
    values = parse_json(text, path, kind)
    if path.name == "adapter_config.json" and base is not None:
        # The folder of this machine means nothing to others; peft looks for the base under this name.
        values["base_model_name_or_path"] = base
        text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if path.name == "generation_config.json":  # a checkpoint of an earlier version may have its base's sampling
        values = {key: value for key, value in values.items() if key not in _SAMPLING}
        text = json.dumps({**values, "do_sample": False}, indent=2, ensure_ascii=False) + "\n"
    return text.encode()


def _rows(path: Path, allowed: bool) -> bytes:
    if allowed:
        return cleaned(read_text(path, ROWS)).encode()
    rows = read_rows(path.parent, path.name, ROWS).content
    shown = [{key: value if key == _KEPT else _redacted(value) for key, value in row.items()} for row in rows]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in shown).encode()


def _redacted(value: Any) -> Any:
    return redacted(value) if isinstance(value, str) else value
