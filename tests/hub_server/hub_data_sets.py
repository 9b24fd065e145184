"""Data set repositories as the Hub has them: Parquet files and a card that declares their columns.

The schemas are the Hub's: SST-2 with `idx`, phrases that keep their trailing space and a `ClassLabel`; SQuAD with a
sequence of answers. SQuAD v2's rows are made up where no real ones are to be had: as many, in the true shape.
"""

import io
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow
import pyarrow.parquet
import yaml
from fake_hub import FakeHub
from hub_state import Repository

Row = Mapping[str, Any]

SST2 = ("stanfordnlp/sst2", "8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb")
GLUE = ("nyu-mll/glue", "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c")
SQUAD = ("rajpurkar/squad", "7b6d24c440a36b6815f21b70d25016731768db1f")
SQUAD_V2 = ("rajpurkar/squad_v2", "3ffb306f725f7d2ce8394bc1873b24868140c412")

SST2_SCHEMA = pyarrow.schema([("idx", pyarrow.int32()), ("sentence", pyarrow.string()), ("label", pyarrow.int64())])
SST2_FEATURES = [
    {"name": "idx", "dtype": "int32"},
    {"name": "sentence", "dtype": "string"},
    {"name": "label", "dtype": {"class_label": {"names": {"0": "negative", "1": "positive"}}}},
]
_ANSWERS = pyarrow.struct([("text", pyarrow.list_(pyarrow.string())), ("answer_start", pyarrow.list_(pyarrow.int32()))])
SQUAD_SCHEMA = pyarrow.schema(
    [*((name, pyarrow.string()) for name in ("id", "title", "context", "question")), ("answers", _ANSWERS)]
)
SQUAD_FEATURES = [
    *({"name": name, "dtype": "string"} for name in ("id", "title", "context", "question")),
    {"name": "answers", "sequence": [{"name": "text", "dtype": "string"}, {"name": "answer_start", "dtype": "int32"}]},
]


def add_sst2(hub: FakeHub, train: Sequence[Row], validation: Sequence[Row]) -> Repository:
    """Returns SST-2's own repository at the pinned commit; the rows are `sentence` and `label`."""
    splits = {"train": train, "validation": validation}
    tables = {split: sst2_table(rows) for split, rows in splits.items()}
    return add_data_set(hub, *SST2, {"default": ("data", tables, SST2_FEATURES)})


def add_glue(hub: FakeHub, train: Sequence[Row], validation: Sequence[Row]) -> Repository:
    """Returns GLUE's repository with SST-2 as its configuration `sst2`, with rows as in `add_sst2`."""
    tables = {"train": sst2_table(train), "validation": sst2_table(validation)}
    features = [SST2_FEATURES[1], SST2_FEATURES[2], SST2_FEATURES[0]]
    tables = {split: table.select(["sentence", "label", "idx"]) for split, table in tables.items()}
    return add_data_set(hub, *GLUE, {"sst2": ("sst2", tables, features)})


def add_squad(hub: FakeHub, place: tuple[str, str], train: Sequence[Row], validation: Sequence[Row]) -> Repository:
    """Returns SQuAD's repository (``place``: `SQUAD` or `SQUAD_V2`), its one configuration named as on the Hub."""
    name = place[0].rpartition("/")[2]
    config, folder = ("plain_text", "plain_text") if name == "squad" else (name, name)
    splits = {"train": train, "validation": validation}
    tables = {split: pyarrow.Table.from_pylist(list(rows), schema=SQUAD_SCHEMA) for split, rows in splits.items()}
    return add_data_set(hub, *place, {config: (folder, tables, SQUAD_FEATURES)})


def add_data_set(
    hub: FakeHub,
    name: str,
    commit: str,
    configs: Mapping[str, tuple[str, Mapping[str, pyarrow.Table], list[dict[str, Any]]]],
) -> Repository:
    """Returns a data set's repository; ``configs``: folder, tables by split and declared columns of each."""
    files, told = {}, {"dataset_info": [], "configs": []}
    for config, (folder, tables, features) in configs.items():
        sizes, patterns = [], []
        for split, table in tables.items():
            data = parquet(table)
            files[f"{folder}/{split}-00000-of-00001.parquet"] = data
            sizes.append({"name": split, "num_bytes": table.nbytes, "num_examples": table.num_rows})
            patterns.append({"split": split, "path": f"{folder}/{split}-*"})
        told["dataset_info"].append({"config_name": config, "features": features, "splits": sizes})
        told["configs"].append({"config_name": config, "data_files": patterns, "default": len(configs) == 1})
    files["README.md"] = f"---\n{yaml.safe_dump(told, sort_keys=False)}---\n# {name}\n".encode()
    return hub.add("dataset", name, files=files, commit=commit)


def sst2_table(rows: Iterable[Row]) -> pyarrow.Table:
    """Returns SST-2's rows as the Hub has them, numbered from 0."""
    numbered = [{"idx": idx, **row} for idx, row in enumerate(rows)]
    return pyarrow.Table.from_pylist(numbered, schema=SST2_SCHEMA)


def parquet(table: pyarrow.Table) -> bytes:
    """Returns a table as a Parquet file's bytes."""
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


def made_up_squad_v2(rows: int) -> list[Row]:
    """Returns questions of SQuAD v2's shape: 442 titles, seven questions a passage, a third of them unanswerable.

    An answer is a run of words of its passage, at the character that `answer_start` says; ids are 24 hex digits.
    """
    made: list[Row] = []
    passages = -(-rows // 7)  # the true training set: 19,035 passages of 6.85 questions, under 442 titles
    for number in itertools.count():
        words = [f"{_WORDS[(number + place * place) % 11]}{(number * 3 + place * 7) % 97}" for place in range(90)]
        title, context = f"Title_{number * 442 // passages}", " ".join(words) + "."
        for question in range(7):
            if len(made) == rows:
                return made
            first = (number + question * 11) % 80
            text = " ".join(words[first : first + 1 + question % 4])
            gold = {"text": [], "answer_start": []}
            if (number + question) % 3:
                gold = {"text": [text], "answer_start": [len(" ".join(words[:first])) + (first > 0)]}
            asked = f"Which words follow {words[first - 1] if first else 'the beginning'} in part {question}?"
            made.append(
                {
                    "id": f"{number:020x}{question:04x}",
                    "title": title,
                    "context": context,
                    "question": asked,
                    "answers": gold,
                }
            )
    raise AssertionError


_WORDS = ["river", "stone", "paper", "window", "garden", "letter", "winter", "engine", "silver", "copper", "valley"]
