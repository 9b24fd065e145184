"""Whose target a control's row learns: another's, of its cluster where answers are written."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.shuffling import exchanged, target_places
from harness_tasks.errors import UserError

CLUSTERS = st.lists(st.none() | st.sampled_from("abcdef"), min_size=2, max_size=40)


@given(CLUSTERS, st.integers(0, 5))
def test_none_keeps_its_own_and_each_cluster_keeps_its_targets(clusters: list[str | None], seed: int) -> None:
    places = exchanged(clusters, seed=seed)
    assert sorted(places) == list(range(len(clusters)))
    assert all(place != other for place, other in enumerate(places))
    sizes = Counter(cluster for cluster in clusters if cluster is not None)
    alone = sum(1 for cluster in clusters if cluster is None or sizes[cluster] == 1)
    left = sum(clusters[place] != clusters[other] for place, other in enumerate(places) if sizes[clusters[place]] > 1)
    # a single row without others goes to one cluster, from which one target is then given away
    assert left == (1 if alone == 1 else 0)
    assert exchanged(clusters, seed=seed) == places


def test_seeds_draw_different_targets() -> None:
    assert len({tuple(exchanged([None] * 8, seed=seed)) for seed in range(20)}) > 10


def test_one_row_has_nobody_to_exchange_with() -> None:
    task = SimpleNamespace(OUTPUT_TYPE="generate_until", task_name="toy", config=SimpleNamespace(metadata={}))
    with pytest.raises(UserError, match=r"1 training row of toy[\s\S]*would learn its own[\s\S]*more rows"):
        target_places(task, [{}], seed=1)


def test_choices_are_exchanged_among_rows_with_as_many() -> None:
    task: Any = SimpleNamespace(
        OUTPUT_TYPE="multiple_choice",
        config=SimpleNamespace(metadata={"cluster": "film"}),
        doc_to_choice=lambda doc: doc["choices"],
    )
    docs = [{"film": str(i % 2), "choices": ["a"] * size} for i, size in enumerate([3] * 9 + [4] * 9 + [5])]
    places = target_places(task, docs, seed=1)
    assert [len(docs[place]["choices"]) for place in places] == [len(doc["choices"]) for doc in docs]
    assert [place == i for i, place in enumerate(places)] == [False] * 18 + [True]  # there is no other with 5
    assert any(docs[place]["film"] != doc["film"] for place, doc in zip(places, docs, strict=True))
