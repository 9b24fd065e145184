"""Differences of two models: paired where the items are the same, else unpaired and said so; refused, or flagged."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import ttest_ind

from report.compare.files import read_all
from report.compare.measures import Measure, measure
from report.compare.pairs import score_difference
from tests.report.compare.lm_eval_folders import right, write_folder


def measured(root: Path, items: list[float], **options: Any) -> Measure:
    file = write_folder(root, "one", {"even": items}, **options)
    key = f"{options.get('metric', 'acc')},none"
    return measure(read_all([file]).entries[0].runs["even"], key)


def asked_otherwise(found: Measure) -> Measure:
    assert found.items is not None
    return replace(found, items=replace(found.items, prompts=["x", *found.items.prompts[1:]]))


def test_the_same_items_are_paired_whatever_their_order(tmp_path: Path) -> None:
    # 20 that the one alone gets right, 45 that the other alone does: exact McNemar p = .00262638.
    one = measured(tmp_path / "one", [1.0] * 20 + [0.0] * 45 + [1.0] * 35, order=range(99, -1, -1))
    other = measured(tmp_path / "other", [0.0] * 20 + [1.0] * 45 + [1.0] * 35)
    found = score_difference(one, other)
    assert (found.unpaired, found.flags, found.p_method) == ("", (), "exact McNemar test")
    assert found.p == pytest.approx(0.00262638, abs=1e-8)
    assert found.interval is not None
    assert found.interval.value == pytest.approx(-0.25)


def test_other_items_are_unpaired_with_welchs_test(tmp_path: Path) -> None:
    one_items, other_items = [0.1, 0.4, 0.9, 0.8, 0.5, 0.3], [0.2, 0.1, 0.3, 0.35]
    one, other = (measured(tmp_path / str(len(items)), items) for items in (one_items, other_items))
    found = score_difference(one, other)
    expected = ttest_ind(one_items, other_items, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval is not None
    ends = expected.confidence_interval(0.95)
    assert (found.interval.lower, found.interval.upper) == pytest.approx((ends.low, ends.high))
    assert found.unpaired == "the scored items differ: 4 are the same, of 6 and 4"
    assert found.flags == ("the numbers of scored items differ: 6 and 4",)


def test_without_samples_it_is_unpaired_from_the_recorded_errors(tmp_path: Path) -> None:
    items = right(30, 50), right(20, 50)
    one, other = (measured(tmp_path / str(n), part, samples=n == 0) for n, part in enumerate(items))
    found = score_difference(one, other)
    assert found.unpaired == "no samples of both"
    assert found.p == pytest.approx(ttest_ind(*items, equal_var=False).pvalue)


def test_nothing_is_said_where_one_has_no_standard_error(tmp_path: Path) -> None:
    one, other = (measured(tmp_path / str(n), right(n, 5), samples=False, metric="mine") for n in (5, 3))
    found = score_difference(one, other)
    assert found.p is None
    assert found.p_method == "no p-value: the recorded standard error is 0; no samples"
    assert found.interval is not None
    assert found.interval.lower is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"version": 2.0}, "the task's version differs: 1.0 and 2.0"),
        ({"text": "Say: {{q}}"}, "the task asks in two ways: `doc_to_text` differs"),
        ({"metadata": {"signature": {"acc": "other"}}}, "the metric was computed in two ways: its signatures differ"),
        ({"listed": {"ignore_case": True}}, "the metric was computed in two ways: the task's list of metrics differs"),
    ],
)
def test_what_was_not_asked_or_counted_alike_is_refused(tmp_path: Path, options: Any, reason: str) -> None:
    one, other = measured(tmp_path / "one", right(3, 4)), measured(tmp_path / "other", right(2, 4), **options)
    found = score_difference(one, other)
    assert found.refused == reason
    assert (found.interval, found.p) == (None, None)


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"shots": 5}, "the numbers of few-shot examples in the prompt differ: 0 and 5"),
        ({"chat_template_sha": "ab"}, "one of the two was asked with a chat template, the other without"),
        ({"system_instruction_sha": "ab"}, "one of the two was asked with a system instruction, the other without"),
    ],
)
def test_what_was_dressed_differently_is_compared_and_flagged(tmp_path: Path, options: Any, flag: str) -> None:
    one, other = measured(tmp_path / "one", right(3, 4)), measured(tmp_path / "other", right(2, 4), **options)
    found = score_difference(one, other)
    assert not found.refused
    assert flag in found.flags
    assert found.interval is not None


def test_prompts_that_differ_though_no_setting_does_are_flagged(tmp_path: Path) -> None:
    one, other = (measured(tmp_path / str(n), right(3, 4)) for n in (1, 2))
    changed = asked_otherwise(other)
    assert score_difference(one, changed).flags == (
        "some prompts differ, though no setting of theirs does: of 1 of 4 items",
    )


def test_groups_of_other_tasks_are_refused(tmp_path: Path) -> None:
    tasks = {"even": right(3, 4), "odd": right(1, 4)}
    found = []
    for parts in (["even"], ["even", "odd"]):
        file = write_folder(tmp_path / str(len(parts)), "one", tasks, groups={"parity": parts})
        found.append(measure(read_all([file]).entries[0].runs["parity"], "acc,none"))
    assert score_difference(*found).refused == "the group is made of other tasks: 1 and 2"


def test_two_classes_are_flagged_and_refused_where_their_prompts_differ(tmp_path: Path) -> None:
    one, other = (measured(tmp_path / name, right(3, 4), config={"model": name}) for name in ("hf-shared", "vllm"))
    found = score_difference(one, other)
    assert (found.unpaired, found.flags) == ("", ("answered by two classes of lm_eval: hf-shared and vllm",))
    changed = asked_otherwise(other)
    assert (
        score_difference(one, changed).refused
        == "two lm_eval model classes with different prompt templates: on 1 of 4 items"
    )
    assert score_difference(one, replace(changed, run=one.run)).refused == ""
