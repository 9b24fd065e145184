"""facts.json: reading it, and whether `aftertune build` would still compute it so, from the same files and code."""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from harness_tasks import reading
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, sha256_json

SCHEMA = "aftertune-facts/1"

FACTS = reading.Kind(
    "the file of facts",
    "all that a page says comes from its facts",
    "write it: aftertune build STUDY; for a page that stands elsewhere name it: aftertune verify PAGE --facts FILE",
    limit_mib=2048,
)

_READ = (
    "model.json",
    "hub.json",
    "parameters/*.json",
    "checkpoints/*/finetune.json",
    "checkpoints/*/tensors.json",
    "scores/*/*/*.json",
    "scores/*/*/*.jsonl",
    "overlap/**/*.json",
    "overlap/**/*.jsonl",
    "tasks/*.json",
    "logs/failed.json",
)
"""The files of a study's folder that facts come from."""

_ROOMS = ("report", "harness_tasks", "studies", "finetune")


def state(folder: Path, named: Iterable[Path]) -> dict[str, Any]:
    """Returns digests of the files in ``folder`` that facts come from, with those ``named``, and one of our code.

    ``measured`` leaves out what lies in the checkpoints' own folders.
    """
    digests = {"inputs": hashlib.sha256(), "measured": hashlib.sha256()}
    found = sorted({path for pattern in _READ for path in folder.glob(pattern) if path.is_file()})
    # With its name: a file that is new, gone or moved makes other facts.
    for name, path in [*((path.relative_to(folder).as_posix(), path) for path in found), *((p.name, p) for p in named)]:
        line = f"{name}\0{sha256_file(path)}\n".encode()
        digests["inputs"].update(line)
        if not name.startswith("checkpoints/"):
            digests["measured"].update(line)
    return {**{key: digest.hexdigest() for key, digest in digests.items()}, "code": _code()}


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for room in _ROOMS:
        home = files(room)
        for path in sorted(Path(str(home)).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def current_facts(folder: Path, now: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the facts in ``folder`` where they were computed in the state ``now``, else None.

    A checkpoint's folder that is gone, weights and records, takes nothing back: then those count that told of it, as
    long as nothing that was measured is another.
    """
    try:
        facts = read_facts(folder / "facts.json")
    except UserError:
        return None
    then = facts.get("state", {})
    told = [c["path"]["value"] for c in facts.get("checkpoints", []) if "path" in c]
    are_gone = any(not (folder / place).exists() for place in told)
    same = ("measured", "redacted") if are_gone else tuple(now)
    return facts if all(then.get(key) == now[key] for key in same) else None


def read_facts(path: Path) -> dict[str, Any]:
    """Returns the facts in the file ``path``, as they were written.

    Raises:
        UserError: there are none, or they were changed since.
    """
    return unchanged(of_a_study(reading.read_json(path, FACTS), path), path)


def of_a_study(content: Any, path: Path) -> dict[str, Any]:
    """Returns ``content``, which the file ``path`` holds, changed or not; UserError where it is no facts of a study."""
    if isinstance(content, dict) and str(content.get("schema", "")).startswith(SCHEMA.split("/")[0]):
        return content
    raise UserError(f"{path} holds no facts of a study", FACTS.why, FACTS.mend)


def unchanged(facts: dict[str, Any], path: Path) -> dict[str, Any]:
    """Returns ``facts``, which the file ``path`` holds; raises UserError where their own hash is not that of them."""
    state = facts.get("state")
    stated = state.get("facts") if isinstance(state, dict) else None
    if stated is None or stated != _digest(facts):
        raise UserError(
            f"{path} has no hash of its own: an earlier version wrote it, or it was changed"
            if stated is None
            else f"{path} was changed after it was written: it is not what its own hash says",
            "a page or a card made of it would say what no result backs",
            "delete it and write it again: aftertune build STUDY",
        )
    return facts


def sealed(facts: dict[str, Any]) -> dict[str, Any]:
    """Returns facts with their own SHA-256 in their state, over everything but itself."""
    return {**facts, "state": {**facts["state"], "facts": _digest(facts)}}


def _digest(facts: dict[str, Any]) -> str:
    state = {key: value for key, value in facts["state"].items() if key != "facts"}
    return sha256_json({**facts, "state": state})
