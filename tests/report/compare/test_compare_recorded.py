"""Recorded standard errors: believed where nothing contradicts them, else computed again from parts, or not used."""

import json
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from report.compare.comparison_page import comparison_markdown
from report.facts.schema.compared import ComparedModels
from report.statistics.recorded_errors import GroupPart, checked_error, recorded_interval
from tests.report.compare.lm_eval_folders import compared, right, write_folder


def share_error(value: float, n: int) -> float:
    return sqrt(value * (1 - value) / (n - 1))


PARTS = [GroupPart(0.2, share_error(0.2, 50), 50), GroupPart(0.6, share_error(0.6, 450), 450)]
BY_SIZE, ALIKE = 0.2 * 0.1 + 0.6 * 0.9, 0.4


def test_a_mean_that_weighs_by_size_and_one_that_weighs_alike_have_their_own_errors() -> None:
    by_size = sqrt((0.1 * share_error(0.2, 50)) ** 2 + (0.9 * share_error(0.6, 450)) ** 2)
    alike = sqrt(share_error(0.2, 50) ** 2 + share_error(0.6, 450) ** 2) / 2
    # What lm_eval 0.4.3 to 0.4.12 recorded of both: pooled, that of the size-weighted mean.
    pooled = sqrt((49 * 50 * share_error(0.2, 50) ** 2 + 449 * 450 * share_error(0.6, 450) ** 2) / 498 / 500)
    assert pooled == pytest.approx(by_size, rel=0.01)
    assert checked_error("acc", BY_SIZE, pooled, 500, PARTS).stderr == pooled
    found = checked_error("acc", ALIKE, pooled, 500, PARTS)
    assert found.stderr == pytest.approx(alike)
    assert found.said == f"the standard errors of its 2 tasks (the recorded one, {pooled:.4g}, contradicts them)"
    assert checked_error("acc", ALIKE, alike, 500, PARTS).said == ""


def test_without_numbers_of_items_a_share_tells_them_and_other_scores_do_not() -> None:
    parts = [GroupPart(part.value, part.stderr, None) for part in PARTS]
    found = checked_error("acc", BY_SIZE, 0.3, None, parts)
    assert found.stderr == pytest.approx(sqrt((0.1 * PARTS[0].stderr) ** 2 + (0.9 * PARTS[1].stderr) ** 2))  # type: ignore[operator]
    # An F1's error does not tell how many items there were; whatever the weights, 0.3 is above the larger of the two.
    refused = checked_error("f1", BY_SIZE, 0.3, None, parts)
    assert refused.stderr is None
    assert refused.said.startswith(
        "the recorded standard error, 0.3, contradicts those of its 2 tasks, by which it is be"
    )
    assert checked_error("f1", BY_SIZE, 0.05, None, parts).stderr == 0.05


def test_a_group_that_recorded_none_has_its_parts() -> None:
    found = checked_error("acc", BY_SIZE, None, 500, PARTS)
    assert found.stderr is not None
    assert found.said == "the standard errors of its 2 tasks (none is recorded)"
    # Where one of the parts has none, nothing can be said.
    assert checked_error("acc", BY_SIZE, None, 500, [PARTS[0], GroupPart(0.6, None, 450)]).stderr is None


@pytest.mark.parametrize(
    ("metric", "value", "stderr", "n", "used"),
    [
        ("acc", 0.5, 0.06, 100, False),  # above √(0.25 / 99) = 0.0503, which right and wrong have
        ("acc", 0.5, 0.0503, 100, True),
        ("acc", 0.5, 0.01, 100, True),  # items may be shares themselves
        ("acc", 0.9, 0.0503, 100, False),
        ("perplexity", 0.5, 0.06, 100, True),  # no mean of shares
        ("acc", 0.5, 0.06, None, True),  # nothing beside it
        ("acc", 0.5, 0.6, None, False),  # two items have 0.5, more have less
        ("acc", 0.5, -0.01, 100, False),
    ],
)
def test_an_error_that_no_items_can_have(metric: str, value: float, stderr: float, n: Any, used: bool) -> None:
    assert (checked_error(metric, value, stderr, n, []).stderr is not None) is used


def test_what_is_not_used_is_said_and_not_tested_with(tmp_path: Path) -> None:
    write_folder(tmp_path, "one", {"even": right(50, 100)}, samples=False)
    file = write_folder(tmp_path, "two", {"even": right(90, 100)}, samples=False)
    content = json.loads(file.read_text())
    content["results"]["even"]["acc_stderr,none"] = 0.2
    file.write_text(json.dumps(content))
    facts = compared([tmp_path])
    board = facts["tasks"][0]["boards"][0]
    told = "the recorded standard error, 0.2, is above 0.03015, the largest that 100 items can have"
    assert told in board["rows"][0]["how"]["value"]
    assert "interval" not in board["rows"][0]["score"]
    assert told in board["pairs"][0]["p_value"]["missing"]
    assert (board["pairs"][0]["verdict"], board["matrix"][0][1]["is"]) == ("untested", "untested")
    assert told in comparison_markdown(ComparedModels.model_validate(facts))


@pytest.mark.parametrize("bad", ["N/A", float("nan"), float("inf"), None, "0.1", True, [0.1], 10**400])
def test_what_is_no_number_is_no_error(tmp_path: Path, bad: Any) -> None:
    file = write_folder(tmp_path, "one", {"even": right(50, 100)}, samples=False)
    content = json.loads(file.read_text())
    content["results"]["even"]["acc_stderr,none"] = bad
    file.write_text(json.dumps(content))
    row = compared([tmp_path])["tasks"][0]["boards"][0]["rows"][0]
    assert row["how"]["value"] == "no interval: no standard error is recorded; no samples"


def test_an_error_of_0_has_an_interval_only_where_all_items_were_right_or_wrong() -> None:
    none = recorded_interval("acc", 0.0, checked_error("acc", 0.0, 0.0, 6, []), 6, "")
    # Wilson, 0 of 6: the upper end is 1.96² / (6 + 1.96²).
    assert none.upper == pytest.approx(1.959964**2 / (6 + 1.959964**2))
    inside = recorded_interval("acc", 0.5, checked_error("acc", 0.5, 0.0, 6, []), 6, "")
    assert (inside.lower, inside.method) == (None, "no interval: the recorded standard error is 0; no samples")
    assert recorded_interval("f1", 0.0, checked_error("f1", 0.0, 0.0, 6, []), 6, "").lower is None
