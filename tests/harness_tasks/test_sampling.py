"""Sampling by whole cluster."""

from typing import Any

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from harness_tasks import UserError
from harness_tasks.sampling import sample_by_cluster, sample_indices

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


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        ("rows.json", "the samples 'rows.json', which are not a JSON object with a list of rows a task"),
        ([1], "the samples [1], which are not a JSON object with a list of rows a task"),
        ({}, "the samples {}, which are not a JSON object with a list of rows a task"),
        ({"a": []}, "the samples [] of a, which are no list of rows"),
        ({"a": 3}, "the samples 3 of a, which are no list of rows"),
        ({"a": [0, -1]}, "the sample -1 of a, of 10 rows numbered from 0"),
        ({"a": [10]}, "the sample 10 of a, of 10 rows numbered from 0"),
        ({"a": [True]}, "the sample True of a, of 10 rows numbered from 0"),
        ({"a": [1.0]}, "the sample 1.0 of a, of 10 rows numbered from 0"),
        ({"a": ["1"]}, "the sample '1' of a, of 10 rows numbered from 0"),
        ({"a": [5, 3, 5]}, "the sample 5 of a twice"),
        ({"c": [1]}, "samples of c, which is not among the tasks that are scored (a, b)"),
    ],
)
def test_samples_that_name_no_rows_are_refused(samples: Any, found: str) -> None:
    with pytest.raises(UserError) as caught:
        sample_indices(samples, {"a": 10, "b": 10})
    assert caught.value.found == found


def test_samples_are_taken_in_order() -> None:
    assert sample_indices({"a": [5, 3, 9]}, {"a": 10, "b": 10}) == {"a": [3, 5, 9]}
    assert sample_indices({"hellaswag": [7, 1]}, {"a": 10}, others=True) == {"hellaswag": [1, 7]}
    with pytest.raises(UserError, match="the sample -1 of hellaswag"):
        sample_indices({"hellaswag": [-1]}, {"a": 10}, others=True)
