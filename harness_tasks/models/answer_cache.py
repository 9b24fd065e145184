"""What a model answered before, on disk: an interrupted evaluation resumes from it, and no other model gets it."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.models.commits import commit_of

_FORMAT = 1
_WEIGHTS = ("*.safetensors", "*.bin", "*.gguf", "*config.json")


class AnswerCache:
    """Answers of one model by the ids of the prompt and what was asked of them, in the file `answers.sqlite`.

    ``model`` says whose answers are meant, and may be set anew. SQLite writes each lot whole or not at all, whatever
    happens to the process.
    """

    def __init__(self, folder: Path, model: Mapping[str, Any]) -> None:
        """Opens the file in ``folder``, made where there is none; ``model`` says whose answers are meant.

        Raises UserError where the file is none of ours.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.model = model
        self._file = sqlite3.connect(folder / "answers.sqlite", timeout=60)
        try:
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, answer TEXT) WITHOUT ROWID")
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"{folder / 'answers.sqlite'} cannot be read: {error}",
                "answers that were given before would be looked for in it",
                "delete it, or name another folder",
            ) from error

    def find(self, kind: str, ids: Sequence[int], asked: Any) -> Any | None:
        """Returns the answer to what was ``asked`` of the prompt with these token ``ids``; None where there is none."""
        row = self._file.execute("SELECT answer FROM answers WHERE key = ?", (self._key(kind, ids, asked),)).fetchone()
        return json.loads(row[0]) if row else None

    def keep(self, kind: str, answers: Iterable[tuple[Sequence[int], Any, Any]]) -> None:
        """Writes ``answers``, each the ids of a prompt, what was asked of it, and the answer."""
        rows = [(self._key(kind, ids, asked), json.dumps(answer)) for ids, asked, answer in answers]
        with self._file:
            self._file.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)

    def _key(self, kind: str, ids: Sequence[int], asked: Any) -> bytes:
        text = json.dumps([_FORMAT, self.model, kind, list(ids), asked], sort_keys=True)
        return hashlib.sha256(text.encode()).digest()


def identity(
    model: Any, *, pretrained: str, adapters: Sequence[str | None], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns what tells a model's answers from another's: its weights and adapters, their dtype, the versions.

    Of a folder the contents of its weights and configurations count, of a Hub repository its name and commit.
    """
    revision = settings.get("revision")
    return {
        "base": contents(pretrained, revision),
        "adapters": [contents(adapter, revision) for adapter in adapters if adapter],
        "dtype": str(model.dtype),
        "device": str(model.device.type),
        "settings": dict(settings),
        "versions": {name: version(name) for name in ("torch", "transformers", "lm_eval")},
    }


def contents(place: str, revision: str | None = None) -> Any:
    """Returns the hashes of a folder's weights and configurations by name; of a Hub repository name and commit.

    The repository is one that was loaded at ``revision``: its commit is that of what was downloaded.
    """
    folder = Path(place)
    if not folder.is_dir():
        return [place, commit_of(place, revision)]
    files = sorted({path for pattern in _WEIGHTS for path in folder.glob(pattern)})
    return {path.name: sha256_file(path) for path in files}
