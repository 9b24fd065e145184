"""Whether higher is better: wherever a file says it, by whatever name, and nowhere else."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.compare.comparison_page import comparison_markdown
from report.compare.files import read_all
from report.facts.schema.compared import ComparedModels
from report.statistics.directions import OF_THE_NAME, UNSAID, metric_direction
from report.statistics.metrics import better_of
from tests.report.compare.lm_eval_folders import compared, right, write_folder


def told(tmp_path: Path, metric: str, *, higher: Any = None, listed: Any = None) -> tuple[bool | None, str]:
    """Returns the direction of ``metric`` where `higher_is_better` and `metric_list` hold these."""
    file = write_folder(tmp_path, "one", {"even": right(3, 4)}, metric=metric, better=None, samples=False)
    content = json.loads(file.read_text())
    content["higher_is_better"] = {"even": higher or {}}
    content["configs"]["even"]["metric_list"] = listed or []
    file.write_text(json.dumps(content))
    found = metric_direction(metric, [read_all([file]).entries[0].runs["even"]])
    return found.better, found.said or found.why


@pytest.mark.parametrize(
    ("metric", "higher", "listed", "expected"),
    [
        ("mine", {"mine": False}, None, (False, "higher_is_better")),
        ("mine", None, [{"metric": "mine", "higher_is_better": False}], (False, "metric_list")),
        ("mine", {"mine": None}, [{"metric": "mine", "higher_is_better": True}], (True, "metric_list")),
        ("pass@1", {"pass_at_k": True}, None, (True, "higher_is_better")),
        ("pass@10", {"pass@k": True}, None, (True, "higher_is_better")),
        ("pass@1", {"pass_at_1": True}, None, (True, "higher_is_better")),
        ("pass_at_1", {"pass@1": True}, None, (True, "higher_is_better")),
        ("acc@1", {"acc": True, "loss": False}, None, (True, "higher_is_better")),
        ("loss@5", {"acc": True, "loss@k": False}, None, (False, "higher_is_better")),
        ("regret@5", {"regret_at_k": False, "acc": True}, None, (False, "higher_is_better")),
        ("mine", {"mine,strict-match": False, "acc": True}, None, (False, "higher_is_better")),
        # A function of the task's, dumped by its source, by its address, or by its place.
        ("mine", None, [{"metric": "def mine(items):\n    ...", "higher_is_better": False}], (False, "metric_list")),
        ("mine", None, [{"metric": "<function mine at 0x7f>", "higher_is_better": False}], (False, "metric_list")),
        ("mine", None, [{"metric": "utils.mine", "higher_is_better": False}], (False, "metric_list")),
        # One entry gives all scores of its task, whatever they are called.
        ("its_own_name", {"a_function": False}, None, (False, "higher_is_better")),
        ("its_own_name", {"a_function": False, "another": True}, None, (None, UNSAID)),
        ("brier_score", None, None, (False, OF_THE_NAME)),
        ("rougeL", None, None, (True, OF_THE_NAME)),
        ("recall@5", None, None, (True, OF_THE_NAME)),
        ("acc_decontaminate", None, None, (True, OF_THE_NAME)),
        ("mine", None, None, (None, UNSAID)),
    ],
)  # fmt: skip
def test_what_the_files_say(tmp_path: Path, metric: str, higher: Any, listed: Any, expected: Any) -> None:
    assert told(tmp_path, metric, higher=higher, listed=listed) == expected


def test_two_files_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    write_folder(tmp_path, "one", {"even": right(90, 100)}, metric="mine", better=True)
    write_folder(tmp_path, "two", {"even": right(10, 100)}, metric="mine", better=False)
    facts = compared([tmp_path])
    board = facts["tasks"][0]["boards"][0]
    said = board["direction"]["missing"]
    assert said.startswith("the files contradict each other: higher by ")
    assert "one/results_" in said.partition("lower by")[0]
    assert "two/results_" in said.partition("lower by")[2]
    assert board["rows"][0]["best"] == board["direction"]
    assert board["matrix"][0][1]["is"] == "not compared"
    page = comparison_markdown(ComparedModels.model_validate(facts))
    assert "the files contradict each other" in page
    assert "no file says" not in page


def test_a_file_that_contradicts_itself_is_no_evidence(tmp_path: Path) -> None:
    listed = [{"metric": "mine", "higher_is_better": True}]
    better, said = told(tmp_path, "mine", higher={"mine": False}, listed=listed)
    assert better is None
    assert "(metric_list), lower by" in said


def test_a_group_has_the_direction_of_its_tasks(tmp_path: Path) -> None:
    groups = {"both": ["even", "odd"]}
    file = write_folder(tmp_path, "one", {"even": right(3, 4), "odd": right(1, 4)}, groups=groups, metric="mine")
    content = json.loads(file.read_text())
    del content["higher_is_better"]
    file.write_text(json.dumps(content))
    assert metric_direction("mine", read_all([file]).entries[0].runs["both"].with_leaves).better is True


def test_the_table_is_lm_evals_own_register() -> None:
    import lm_eval.api.metrics  # noqa: F401
    from lm_eval.api.registry import HIGHER_IS_BETTER_REGISTRY

    known = {name: better for name, better in dict(HIGHER_IS_BETTER_REGISTRY).items() if name != "bypass"}
    assert {name: better_of(name) for name in known} == known
