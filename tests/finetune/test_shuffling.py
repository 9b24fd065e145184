"""Whose target a control's row learns: another's, of its cluster where answers are written."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from short_runs import run_of

from finetune.guards import examine
from finetune.heads import Head
from finetune.prepare import prepare
from finetune.rows import Row
from finetune.run import Run
from finetune.shuffling import exchanged, target_places
from finetune.span import moved
from finetune.train import train
from harness_tasks.errors import UserError
from harness_tasks.spans import SpanInput

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


@pytest.mark.parametrize(
    ("task", "head"),
    [
        ("passages_demo", "causal"),
        ("passages_demo", "question-answering"),
        ("reviews_demo", "causal"),
        ("reviews_demo", "sequence-classification"),
    ],
)
def test_prompts_stay_and_targets_are_those_of_other_rows(tiny_model: Path, task: str, head: Head) -> None:
    count = 336 if head == "question-answering" else 70  # with all rows every passage has several questions
    run = Run(model=str(tiny_model), task=task, head=head, output=Path("unused"), train_rows=count, device="cpu")
    own = prepare(replace(run, dtype="float32"))
    control = prepare(replace(run, dtype="float32", shuffle_targets=True))
    assert [row.prompt_ids for row in control.rows] == [row.prompt_ids for row in own.rows]
    by_name = {row.doc_hash: row for row in own.rows}
    assert len({row.target_of for row in control.rows}) == count
    for row in control.rows:
        other = by_name[row.target_of]
        assert row.doc_hash != row.target_of
        assert (row.target_ids, row.label) == (other.target_ids, other.label)
        if row.span:  # the same words of the passage, and no answer where the other question has none
            assert _marked(row) == _marked(other)
    if task == "reviews_demo":  # about half of the labels are right by chance, and not all are the other one
        same = sum(
            (a.target_ids, a.label) == (b.target_ids, b.label) for a, b in zip(own.rows, control.rows, strict=True)
        )
        assert 20 < same < 50
    assert not [verdict for verdict in examine(control) if verdict.verdict in ("fail", "warn")]


def _marked(row: Row) -> tuple[int, ...]:
    assert row.span is not None
    first, last = row.span
    return () if first == len(row.prompt_ids) - 1 else row.prompt_ids[first : last + 1]


def test_a_span_reader_with_one_question_a_passage_learns_the_place_of_another_answer(tiny_model: Path) -> None:
    run = Run(model=str(tiny_model), task="passages_demo", head="question-answering", output=Path("unused"))
    run = replace(run, train_rows=8, device="cpu", dtype="float32")
    own, control = prepare(run), prepare(replace(run, shuffle_targets=True))
    by_name = {row.doc_hash: row for row in own.rows}
    apart = 0
    for row in control.rows:
        other = by_name[row.target_of]
        assert row.span is not None
        if not _marked(other):
            assert not _marked(row)
        elif row.cluster != other.cluster:
            assert len(_marked(row)) == len(_marked(other))
            apart += 1
    assert apart >= 2
    assert not [verdict for verdict in examine(control) if verdict.verdict == "fail"]


@pytest.mark.parametrize(
    ("labels", "moved_to"),
    [((3, 4), (2, 3)), ((6, 7), (4, 5)), ((2, 7), (1, 5))],  # as far in; at the end of a shorter passage; cut to it
)
def test_a_place_in_a_passage_is_moved_to_another(labels: tuple[int, int], moved_to: tuple[int, int]) -> None:
    """The one passage has the tokens 2 to 7 of a letter each, the other 1 to 5; the end token comes last."""
    one, other = (
        SpanInput((0,) * (lead + size + 1), ((0, 0),) * lead + _letters(size) + ((0, 0),), "x" * size)
        for lead, size in ((2, 6), (1, 5))
    )
    assert moved(labels, one, other) == moved_to


def _letters(count: int) -> tuple[tuple[int, int], ...]:
    return tuple((at, at + 1) for at in range(count))


def test_a_control_is_recorded_as_one_and_told(
    checkpoint: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = train(run_of(tiny_model, tmp_path / "short_passages-lora-seed1", shuffle_targets=True))
    assert "a control: each of 28 rows learns the target of another row" in capsys.readouterr().err
    one, two = (json.loads((folder / "finetune.json").read_text()) for folder in (checkpoint, control))
    assert two["recipe"] == {**one["recipe"], "shuffle_targets": True}
    assert one["key"] != two["key"]
    for key in ("rows", "fingerprint"):
        assert one["data"][key] == two["data"][key]
    assert one["data"]["train_rows_sha256"] != two["data"]["train_rows_sha256"]
    assert (one["steps"], one["tokens"]) == (two["steps"], two["tokens"])
    cards = [(folder / "README.md").read_text() for folder in (checkpoint, control)]
    assert ["It is a control, for an experiment alone" in card for card in cards] == [False, True]
