"""facts.json: reading it, and whether `aftertune build` would still compute it so, from the same files and code."""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness_tasks import reading
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, sha256_json
from report.facts.schema.training import Trained
from report.facts.schema.whole import FACTS_SCHEMA, Facts

FACTS = reading.Kind(
    "the file of facts",
    "all that a page says comes from its facts",
    "write it: aftertune build STUDY; for a page that stands elsewhere name it: aftertune verify PAGE --facts FILE",
    limit_mib=2048,
)

_READ = (
    "model.json",
    "hub.json",
    "merges.json",
    "parameters/*.json",
    "checkpoints/*/finetune.json",
    "checkpoints/*/tensors.json",
    "scores/*/*/*.json",
    "scores/*/*/*.jsonl",
    "overlap/**/*.json",
    "overlap/**/*.jsonl",
    "baselines/*/*.json",
    "tasks/*.json",
    "logs/failed.json",
)
"""The files of a study's folder that facts come from."""

_ROOMS = ("report", "harness_tasks", "studies", "finetune")


class Inputs:
    """The files in ``folder`` that facts come from, and those ``named``, as they are now.

    ``digests``: SHA-256 by path. Sample files are large: they have theirs from whoever reads them, else in `state`.
    """

    def __init__(self, folder: Path, named: Iterable[Path]) -> None:
        found = sorted({path for pattern in _READ for path in folder.glob(pattern) if path.is_file()})
        # With its name: a file that is new, gone or moved makes other facts.
        self._names = [(path.relative_to(folder).as_posix(), path) for path in found]
        self._names += [(path.name, path) for path in named]
        self.digests = {path: sha256_file(path) for _, path in self._names if path.name != "samples.jsonl"}

    def state(self) -> dict[str, Any]:
        """Returns one hash of all, one of those outside of the checkpoints' own folders, and one of our code."""
        inputs, measured = hashlib.sha256(), hashlib.sha256()
        for name, path in self._names:
            if path not in self.digests:
                self.digests[path] = sha256_file(path)
            line = f"{name}\0{self.digests[path]}\n".encode()
            inputs.update(line)
            if not name.startswith("checkpoints/"):
                measured.update(line)
        return {"inputs": inputs.hexdigest(), "measured": measured.hexdigest(), "code": program_digest()}


@cache
def program_digest() -> str:
    """Returns the SHA-256 (64 hex digits) of the code of this program that facts and pages come from."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        home = files(room)
        for path in sorted(Path(str(home)).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def recorded_facts(folder: Path) -> Facts | None:
    """Returns the facts in ``folder``; None where there are none that `is_current` could be true of."""
    try:
        facts = read_facts(folder / "facts.json")
    except UserError:
        return None
    is_ours = facts.state is not None and facts.state.code == program_digest()
    return facts if is_ours or _lacks_checkpoint(facts, folder) else None


def is_current(facts: Facts, folder: Path, now: dict[str, Any]) -> bool:
    """Returns whether the facts in ``folder`` were computed in the state ``now``.

    A checkpoint's folder that is gone, weights and records, takes nothing back: then those count that told of it, as
    long as nothing that was measured is another.
    """
    same = ("measured", "redacted") if _lacks_checkpoint(facts, folder) else tuple(now)
    return all(getattr(facts.state, key, None) == now[key] for key in same)


def _lacks_checkpoint(facts: Facts, folder: Path) -> bool:
    told = [checkpoint.path.value for checkpoint in facts.checkpoints if isinstance(checkpoint, Trained)]
    return any(not (folder / place).exists() for place in told)


def read_facts(path: Path) -> Facts:
    """Returns the facts in the file ``path``, as they were written.

    Raises:
        UserError: there are none, they were changed since, or another version wrote them.
    """
    content = unchanged(of_a_study(reading.read_json(path, FACTS), path), path)
    try:
        return Facts.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"/{part}" for part in first["loc"] if part not in ("known", "unknown"))
        raise UserError(
            f"{path} holds other facts than this version writes: {place}: {first['msg']}",
            "another version of Aftertune wrote it",
            FACTS.mend,
        ) from None


def study_name(path: Path) -> str | None:
    """Returns the name of the study that the facts in the file ``path`` are of, whichever version wrote them.

    None: they have none. Raises UserError as `read_facts` does, but for facts of another version.
    """
    content = unchanged(of_a_study(reading.read_json(path, FACTS), path), path)
    try:
        return str(content["study"]["name"]["value"])
    except (LookupError, TypeError):
        return None


def of_a_study(content: Any, path: Path) -> dict[str, Any]:
    """Returns ``content``, which the file ``path`` holds, changed or not; UserError where it is no facts of a study."""
    if isinstance(content, dict) and str(content.get("schema", "")).startswith(FACTS_SCHEMA.split("/")[0]):
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
