"""Sampling by whole cluster."""

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from harness_tasks import UserError
from harness_tasks.sampling import sample_by_cluster

NAMES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=30)


@given(NAMES, st.integers(1, 30), st.integers(0, 5))
def test_whole_clusters_within_the_limit_and_none_left_that_fits(names: list[str], limit: int, seed: int) -> None:
    docs = [{"film": name} for name in names]
    sizes = {name: names.count(name) for name in names}
    if limit < min(sizes.values()) and limit < len(names):
        with pytest.raises(UserError, match="where the smallest film has"):
            sample_by_cluster(docs, "film", limit, seed)
        return
    chosen = sample_by_cluster(docs, "film", limit, seed)
    taken = {names[i] for i in chosen}
    assert chosen == [i for i, name in enumerate(names) if name in taken]
    assert len(chosen) <= max(limit, 0)
    assert all(len(chosen) + size > limit for name, size in sizes.items() if name not in taken)


def test_the_seed_decides_and_the_order_of_the_rows_does_not() -> None:
    names = [f"film {i // 3}" for i in range(60)]
    docs = [{"film": name} for name in names]
    first = sample_by_cluster(docs, "film", 12, 1)
    assert first == sample_by_cluster(docs, "film", 12, 1)
    assert first != sample_by_cluster(docs, "film", 12, 2)
    backwards = sample_by_cluster(docs[::-1], "film", 12, 1)
    assert {names[::-1][i] for i in backwards} == {names[i] for i in first}


def test_a_dataset_and_rows_without_clusters() -> None:
    docs = Dataset.from_dict({"film": ["a", "b", "a"]})
    assert sample_by_cluster(docs, "film", 2, 1) in ([0, 2], [1])
    assert len(sample_by_cluster(docs, None, 2, 1)) == 2
    assert sample_by_cluster(docs, None, None, 1) == sample_by_cluster(docs, "film", 9, 1) == [0, 1, 2]


def test_errors() -> None:
    docs = [{"film": "a"}, {"film": "a"}]
    with pytest.raises(UserError, match="a limit of 0 rows"):
        sample_by_cluster(docs, "film", 0, 1)
    with pytest.raises(UserError, match="the rows have no field 'passage'"):
        sample_by_cluster(docs, "passage", 1, 1)
    with pytest.raises(UserError, match="the rows have no field 'passage'"):
        sample_by_cluster(Dataset.from_list(docs), "passage", 1, 1)
