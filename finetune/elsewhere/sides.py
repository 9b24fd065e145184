"""The base and the checkpoint that are compared: where each is, what its configuration says, its tensors' places."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from typing_extensions import TypedDict

from finetune.elsewhere.files import ForeignFolder
from finetune.elsewhere.names import HEAD, plain_name
from finetune.elsewhere.recorded import foreign_text
from finetune.heads import Head, head_named, head_of_task
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.hub.download import WEIGHTS, fetch
from harness_tasks.kinds import Text
from harness_tasks.models.files import ADAPTER, CONFIGURATION, DESCRIPTION, here
from harness_tasks.models.weights import StoredTensor, safetensors_in, tensors_of
from harness_tasks.reading import Kind, read_json


class _Index(TypedDict, total=False):
    weight_map: dict[Text, Text]


ADAPTER_WEIGHTS = "adapter_model.safetensors"
RECORDS = ("README.md", "*.yaml", "*.yml", "trainer_log.jsonl")
"""What programs leave beside weights and configuration: fetched of a checkpoint on the Hub."""
INDEX = Kind(
    "the index of the weights",
    "it says in which file each tensor is",
    "copy or download the folder again",
    limit_mib=64,
    schema=_Index,
)


@dataclass(frozen=True)
class Side:
    """The base or the checkpoint: ``place`` as given, the ``folder`` here, the Hub's ``commit`` (None of a folder)."""

    place: str
    folder: Path
    commit: str | None
    files: ForeignFolder = field(repr=False)

    @property
    def kind(self) -> Literal["adapter", "model"]:
        """Whether it is an adapter or a whole model."""
        return "adapter" if os.path.lexists(self.folder / "adapter_config.json") else "model"

    @cached_property
    def config(self) -> dict[str, Any]:
        """The model's configuration; empty where an adapter has none beside it."""
        return self._needed("config.json") if os.path.lexists(self.folder / "config.json") else {}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The adapter's configuration; empty of a whole model."""
        return self._needed("adapter_config.json") if self.kind == "adapter" else {}

    @property
    def head(self) -> Head:
        """Its head, by the class of the model or by the adapter's task type; raises `UserError` for one of no kind."""
        if self.kind == "adapter":
            return head_of_task(self.settings.get("task_type"), mend="name a checkpoint with one of these heads")
        return head_named(" ".join(self.config.get("architectures") or []))

    @cached_property
    def tensors(self) -> dict[str, StoredTensor]:
        """Where each of its tensors lies; only the headers of its files are read.

        Raises:
            UserError: a file is no whole safetensors file, or one that its index names is missing.
        """
        names = [ADAPTER_WEIGHTS] if self.kind == "adapter" else self._model_files()
        found: dict[str, StoredTensor] = {}
        for name in names:
            stored = tensors_of(self.folder / name, shown=f"{name} of {self.place}")
            found |= {foreign_text(tensor): where for tensor, where in stored.items()}
        return found

    @property
    def tied(self) -> bool:
        """Whether a language model's head is its embeddings: as its configuration says, else if no head is stored."""
        text = self.config.get("text_config")
        for values in (self.config, text if isinstance(text, dict) else {}):
            if isinstance(values.get("tie_word_embeddings"), bool):
                return bool(values["tie_word_embeddings"])
        return not any(plain_name(name) == HEAD for name in self.tensors)

    def _model_files(self) -> list[str]:
        files = [path.name for path in safetensors_in(self.folder) if path.name != ADAPTER_WEIGHTS]
        index = self.folder / "model.safetensors.index.json"
        listed = read_json(index, INDEX, shown=f"{index.name} of {self.place}") if os.path.lexists(index) else {}
        named = sorted(set(listed.get("weight_map", {}).values()))
        if missing := [name for name in named if name not in files]:
            raise UserError(
                f"{self.place} lacks {missing[0]}, which its model.safetensors.index.json names",
                "a part of the weights is missing, and a model without it would be random there",
                "copy or download the folder again",
            )
        return named or [name for name in files if name == "model.safetensors"] or files

    def _needed(self, name: str) -> dict[str, Any]:
        kind = ADAPTER if name == "adapter_config.json" else CONFIGURATION
        content = dict(read_json(self.folder / name, kind, shown=f"{name} of {self.place}"))
        self.files.sha256[name] = sha256_file(self.folder / name)
        return content


def side_of(place: str, revision: str | None, *, weights: bool, records: bool) -> Side:
    """Returns a side, after fetching it where it is on the Hub: description, ``weights``, other programs' ``records``.

    Raises:
        UserError: ``place`` is a file, or neither a folder nor anything that the Hub gives.
        HubError: the Hub failed.
    """
    if path := here(place):
        if not path.is_dir():
            raise UserError(
                f"{place} is a file", "a model's or an adapter's folder is compared", "name the folder that it is in"
            )
        if revision:
            raise UserError(
                f"the revision {revision} is asked of the folder {place}",
                "a folder has no revisions: what is in it is read",
                "leave the revision out, or name a Hub id",
            )
        return Side(place, path, None, ForeignFolder(path))
    patterns = (*DESCRIPTION, *(WEIGHTS if weights else ()), *(RECORDS if records else ()))
    found = fetch(place, "model", revision, patterns, otherwise="name a folder on this machine that holds a copy")
    return Side(place, found.folder, found.commit, ForeignFolder(found.folder))
