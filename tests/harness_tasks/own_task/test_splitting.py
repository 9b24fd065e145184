from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_tasks.errors import UserError
from harness_tasks.own_task.splitting import (
    Item,
    clustered,
    is_by_whole_cluster,
    same_text,
    split_by_column,
    split_by_share,
    with_all_answers,
    without_duplicates,
)

TEXTS = st.sampled_from(
    ["Good film", "good, FILM!", "bad film", "Bad film?", "so-so", "so so", "+", "-", "!", "ß", "SS"]
)
CLUSTERS = st.none() | st.sampled_from(["a", "b", "c", "d", "row 1", "row 2"])
ITEMS = st.lists(
    st.builds(
        Item,
        row=st.just({}),
        text=st.builds("{} {}".format, TEXTS, st.integers(0, 9)) | TEXTS,
        cluster=CLUSTERS,
        label=st.sampled_from(["x", "y", "z"]) | st.none(),
        split=st.sampled_from(["train", "test", "validation"]),
        source=st.none() | st.sampled_from(["The passage.", "the passage", "another"]),
        answers=st.lists(st.sampled_from(["yes", "Yes!", "no"]), max_size=2).map(tuple),
    ),
    max_size=40,
)


@given(ITEMS, st.floats(0.05, 0.95), st.integers(0, 5))
def test_no_cluster_and_no_text_is_ever_on_both_sides(items: list[Item], share: float, seed: int) -> None:
    named = clustered(items)
    for one, other in zip(items, named, strict=True):  # who shares a cluster before shares one afterwards
        for same, then in zip(items, named, strict=True):
            assert one.cluster is None or one.cluster != same.cluster or other.cluster == then.cluster
    kept = without_duplicates(named).items
    try:
        sides = split_by_share(kept, share, seed) if kept else {"train": [], "test": []}
    except UserError:
        return
    assert is_by_whole_cluster(sides)
    assert not {item.cluster for item in sides["train"]} & {item.cluster for item in sides["test"]}
    assert len(sides["train"]) + len(sides["test"]) == len(kept)
    labels = {item.label for item in kept}
    assert all({item.label for item in side} == labels for side in sides.values() if kept)


@given(ITEMS, st.floats(0.05, 0.95), st.integers(0, 5))
def test_no_source_of_written_answers_is_ever_on_both_sides(items: list[Item], share: float, seed: int) -> None:
    items = [replace(item, label=None) for item in items]
    kept = with_all_answers(clustered(items)).items
    try:
        sides = split_by_share(kept, share, seed) if kept else {"train": [], "test": []}
    except UserError:
        return
    assert is_by_whole_cluster(sides)
    sources = [{same_text(item.source) for item in side if item.source} for side in sides.values()]
    assert not sources[0] & sources[1]
    texts = [" ".join(item.text.split()) for side in sides.values() for item in side]
    assert len(texts) == len(set(texts))  # each once, and none but those that stand there answered and not
    said = {" ".join(item.text.split()): set[str]() for item in kept}
    for item in items:
        said.get(" ".join(item.text.split()), set()).update(item.answers)
    assert all(set(item.answers) == said[" ".join(item.text.split())] for item in kept)


@given(ITEMS)
def test_a_given_split_is_by_whole_cluster_too(items: list[Item]) -> None:
    kept = without_duplicates(clustered(items)).items
    try:
        sides, _ = split_by_column(kept, "part")
    except UserError:
        return
    assert is_by_whole_cluster(sides)
    assert {item.split for item in sides["train"]} == {"train"}


def test_a_fifth_of_each_label_is_scored() -> None:
    items = [Item({}, f"text {at}", None, "rare" if at % 10 == 0 else "often") for at in range(200)]
    sides = split_by_share(clustered(items), 0.2, 1)
    assert Counter(item.label for item in sides["test"]) == {"rare": 4, "often": 36}
    assert sides == split_by_share(clustered(items), 0.2, 1)
    assert sides != split_by_share(clustered(items), 0.2, 2)


def test_clusters_that_a_text_links_are_one() -> None:
    found = clustered(
        [Item({}, "A b", "1"), Item({}, "c", "1"), Item({}, "a, B!", "2"), Item({}, "d", "2"), Item({}, "e")]
    )
    assert [item.cluster for item in found] == ["1", "1", "1", "1", "row 5"]


def test_a_text_with_two_labels_is_left_out() -> None:
    items = clustered([Item({}, "a b", None, "x"), Item({}, "A, b", None, "y"), Item({}, "c", None, "x")])
    cleaned = without_duplicates(items)
    assert [item.text for item in cleaned.items] == ["c"]
    assert cleaned.left_out == {"duplicates": 0, "rows whose text stands there with different labels": 2}


def test_all_rows_of_one_cluster_cannot_be_split() -> None:
    with pytest.raises(UserError, match="all rows are of one cluster"):
        split_by_share(clustered([Item({}, "a", "1", "x"), Item({}, "b", "1", "y")]), 0.2, 1)
