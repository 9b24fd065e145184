"""Whether an adapter is scored on the base model that it was trained on; by hash or commit where one is recorded."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness_tasks.files import sha256_text
from harness_tasks.guards.verdicts import Verdict
from harness_tasks.hub.download import fetch_model
from harness_tasks.models.heads import read_json_file
from harness_tasks.models.weights import weights_sha256

_ID = "adapter-base"
_WHY = "its weights are differences from another model: the sum is neither, and its scores would look plausible"
_MEND = "name the adapter's own base as `pretrained` (`--base` of a merge), or allow it with --allow adapter-base"


def adapter_base(model_args: Mapping[str, Any]) -> Verdict:
    """Fails where the adapter that `model_args` name was trained on another base than their `pretrained`.

    What our training recorded is compared by hash; else the base that peft recorded, by the hash of its folder where it
    is here, by its commit, or by its name. Raises as `harness_tasks.hub.download.fetch`.
    """
    adapter, base = model_args.get("peft") or model_args.get("lora_local_path"), model_args.get("pretrained")
    if not isinstance(adapter, str) or not adapter or not isinstance(base, str):
        return Verdict(_ID, "pass", "no adapter is loaded on the model")
    revision = model_args.get("revision")
    made = read_json_file(adapter, "finetune.json", revision) or {}
    trained_on = (made.get("base") or {}).get("fingerprint") or ""
    if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", trained_on):
        return _by_hash(adapter, base, revision, trained_on)
    settings = read_json_file(adapter, "adapter_config.json", revision) or {}
    named, commit = settings.get("base_model_name_or_path"), settings.get("revision")
    if not named:
        return _unknown(adapter, base, "its adapter_config.json names no base model")
    if Path(named).is_dir() and (own := _weights(named)):
        return _by_hash(adapter, base, revision, own)
    if not _is_hub_id(named):
        return _unknown(adapter, base, f"it was trained on {Path(named).name}, a folder that is not here")
    if Path(base).is_dir():
        return _unknown(adapter, base, f"it was trained on {named} of the Hub, and a folder does not say what it holds")
    if named != base:
        return Verdict(
            _ID, "fail", f"the adapter {adapter} was trained on {named}, and is loaded on {base}", _WHY, _MEND
        )
    if commit and re.fullmatch("[0-9a-f]{40}", commit):
        return _by_hash(adapter, base, revision, commit)
    return Verdict(_ID, "pass", f"the adapter was trained on {named}; at which commit was not recorded")


def _by_hash(adapter: str, base: str, revision: str | None, trained_on: str) -> Verdict:
    is_commit = len(trained_on) == 40
    found = _commit(base, revision) if is_commit else _weights(base, revision)
    if found is None:
        return _unknown(adapter, base, f"it was trained on a model with the hash {trained_on[:12]}…")
    if found == trained_on:
        return Verdict(_ID, "pass", f"the adapter was trained on the weights with the hash {trained_on[:12]}…")
    kind = "commit" if is_commit else "hash"
    return Verdict(
        _ID,
        "fail",
        f"the adapter {adapter} was trained on the model with the {kind} {trained_on[:12]}…, and {base} has the {kind} "
        f"{found[:12]}…",
        _WHY,
        _MEND if not is_commit else f"add revision={trained_on} to --model_args where that is meant; or {_MEND}",
    )


def _unknown(adapter: str, base: str, reason: str) -> Verdict:
    return Verdict(
        _ID,
        "warn",
        f"whether the adapter {adapter} belongs to {base} is unknown ({reason})",
        "on another model than its own its scores would look plausible",
        _MEND,
    )


def _commit(base: str, revision: str | None) -> str | None:
    """Returns the commit of a model on the Hub; None for a folder."""
    fetched = fetch_model(base, revision, weights=False)
    return fetched.commit if fetched else None


def _weights(base: str, revision: str | None = None) -> str | None:
    """Returns the SHA-256 over the hashes of a model's safetensors files, as training records it; None without files.

    The files come in the order of their names.
    """
    if Path(base).is_dir():
        files = [file for file in sorted(Path(base).glob("*.safetensors")) if file.is_file()]
        digests = [weights_sha256(file) for file in files]
    else:
        fetched = fetch_model(base, revision)
        stated = fetched.stated if fetched else {}
        digests = [stated[name] or "" for name in sorted(stated) if name.endswith(".safetensors")]
    if not digests or not all(digests):
        return None
    return sha256_text("".join(digests))


def _is_hub_id(name: str) -> bool:
    return re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", name) is not None
