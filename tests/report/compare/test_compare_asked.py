"""What two models were asked beyond their settings: prompts, gold answers, filters, data, by samples or by names."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from report.compare.files import read_all
from report.compare.measures import Measure, measure, metric_keys
from report.compare.pairs import score_difference
from tests.report.compare.lm_eval_folders import compared, right, write_folder


def measured(file: Path, task: str = "t", key: str = "acc,none") -> Measure:
    return measure(read_all([file]).entries[0].runs[task], key)


def pair(tmp_path: Path, changes: Mapping[str, Any], rows: Any = None, **options: Any) -> list[Measure]:
    """Returns two models' scores; ``changes`` to the second's configuration, ``rows(row)`` to its sample rows."""
    found = []
    for name in ("one", "other"):
        file = write_folder(tmp_path / name, name, {"t": right(3, 4)}, **options)
        if name == "other":
            content = json.loads(file.read_text())
            content["configs"]["t"] |= changes
            file.write_text(json.dumps(content))
            for samples in file.parent.glob("samples*") if rows else ():
                changed = [rows(json.loads(line)) for line in samples.read_text().splitlines()]
                samples.write_text("".join(json.dumps(row) + "\n" for row in changed))
        found.append(measured(file))
    return found


def without(*keys: str, **others: Any) -> Any:
    return lambda row: {key: value for key, value in row.items() if key not in keys} | others


def test_prompts_that_one_file_does_not_record_are_not_said_to_differ(tmp_path: Path) -> None:
    found = score_difference(*pair(tmp_path, {}, without("prompt_hash", "arguments")))
    assert (found.refused, found.unpaired) == ("", "")
    assert found.flags == ("the prompts of 4 of 4 items are not recorded for both",)


@pytest.mark.parametrize("arguments", [[["Q?", " yes"]], {"gen_args_0": {"arg_0": "Q?", "arg_1": " yes"}}])
def test_the_hash_of_a_prompt_is_that_of_its_text(tmp_path: Path, arguments: Any) -> None:
    # lm_eval before 0.4.3 wrote no hashes; since then `prompt_hash` is the SHA-256 of the first request's text.
    row = without("prompt_hash", arguments=arguments)
    items = pair(tmp_path, {}, row)[1].items
    assert items is not None
    assert set(items.prompts) == {hashlib.sha256(b"Q?").hexdigest()}


def test_other_prompts_are_said_beside_what_does_not_explain_them(tmp_path: Path) -> None:
    changes = {"generation_kwargs": {"temperature": 0.7}, "repeats": 8}
    found = score_difference(*pair(tmp_path, changes, without(prompt_hash="x"), config={"model": "hf"}))
    assert found.flags == (
        "the settings of generation differ",
        "some prompts differ, though no setting of theirs does: of 4 of 4 items",
    )


def test_other_gold_answers_and_numbers_of_answers_are_said(tmp_path: Path) -> None:
    one, other = pair(tmp_path, {}, without(target_hash="x"))
    assert score_difference(one, other).flags == ("other gold answers are recorded: of 4 of 4 items",)
    one.run.configuration["repeats"], other.run.configuration["repeats"] = 64, 8
    assert score_difference(one, other).flags[0] == "the numbers of answers to each item differ: 64 and 8"


def test_answers_that_two_filters_read_are_not_compared(tmp_path: Path) -> None:
    """gsm8k's `strict-match` with another pattern is another measure, whatever it is called."""
    one, other = pair(tmp_path, {})
    for found, pattern in ((one, "#### (.*)"), (other, "answer is (.*)")):
        step = {"function": "regex", "regex_pattern": pattern}
        found.run.configuration["filter_list"] = [{"name": "none", "filter": [step, {"function": "take_first"}]}]
    assert score_difference(one, other).refused == "the answers were read in two ways: the filter none of t differs"
    assert score_difference(one, one).refused == ""


def test_rows_that_name_no_item_are_not_paired(tmp_path: Path) -> None:
    nameless = without("doc", "doc_hash", "prompt_hash", "arguments")
    one, other = pair(tmp_path, {}, nameless)
    assert score_difference(one, other).unpaired == "the samples do not say which item is which"
    assert other.level.method == "Wilson"


@pytest.mark.parametrize(
    ("changes", "top", "flag"),
    [
        ({"dataset_name": "hard"}, {}, "the data's names differ: org/data test and org/data hard test"),
        ({"test_split": "dev"}, {}, "the data's names differ: org/data test and org/data dev"),
        ({"dataset_kwargs": {"data_files": "b.json"}}, {}, "the data's files differ"),
        ({}, {"task_hashes": {"t": "b"}}, "lm_eval's hashes of the items, prompts and gold answers differ"),
        ({}, {"config": {"fewshot_seed": 2}}, "the seeds by which few-shot examples were drawn differ: 1 and 2"),
    ],
)
def test_without_samples_other_data_and_examples_are_said(tmp_path: Path, changes: Any, top: Any, flag: str) -> None:
    given = {"dataset_path": "org/data", "test_split": "test"}
    one, other = pair(tmp_path, {}, shots=5, samples=False)
    for found, hashed, seed in ((one, "a", 1), (other, "a", 1)):
        found.run.configuration.update(given)
        found.run.results.content["task_hashes"] = {"t": hashed}
        found.run.results.content["config"] = {"fewshot_seed": seed}
    assert score_difference(one, other).flags == ()
    other.run.configuration.update(changes)
    other.run.results.content.update(top)
    assert score_difference(one, other).flags == (flag,)


def test_an_unknown_version_is_not_said_to_differ(tmp_path: Path) -> None:
    one, other = pair(tmp_path, {})
    other.run.results.content["versions"] = {}
    assert score_difference(one, other).refused == "the task's version is not recorded for both: 1.0 and none"


def test_a_group_without_a_version_of_its_own_goes_by_its_tasks(tmp_path: Path) -> None:
    # lm_eval 0.4.2 wrote N/A where 0.4.5 has the group's own version.
    files = [write_folder(tmp_path / n, n, {"a": right(3, 4)}, groups={"g": ["a"]}) for n in ("one", "other")]
    one, other = (measured(file, "g") for file in files)
    one.run.results.content["versions"]["g"] = "N/A"
    assert score_difference(one, other).refused == ""
    other.run.results.content["versions"]["a"] = 3.0
    assert score_difference(one, other).refused == "the version of a differs: 1.0 and 3.0"


def test_a_part_of_the_items_is_not_all_of_them(tmp_path: Path) -> None:
    # 5,928 of SQuAD v2's 11,873 questions have an answer; IFEval's 541 prompts hold 834 instructions.
    for metric, n in (("HasAns_exact", None), ("inst_level_strict_acc", None), ("acc", 11873)):
        file = write_folder(tmp_path / metric, "m", {"t": right(3, 4)}, metric=metric, samples=False)
        content = json.loads(file.read_text())
        content["n-samples"]["t"] = {"original": 11873, "effective": 11873}
        file.write_text(json.dumps(content))
        assert measured(file, key=f"{metric},none").n == n


def test_a_length_that_ruler_was_not_asked_has_no_score(tmp_path: Path) -> None:
    file = write_folder(tmp_path, "m", {"t": right(3, 4)}, metric="4096", samples=False)
    content = json.loads(file.read_text())
    content["results"]["t"] |= {"8192,none": -1.0, "8192_stderr,none": "N/A"}
    file.write_text(json.dumps(content))
    entries = read_all([file]).entries
    assert metric_keys(entries[0].runs["t"]) == ["4096,none"]
    assert [board["key"] for board in compared([file])["tasks"][0]["boards"]] == ["4096,none"]


def test_a_class_that_is_not_recorded_is_no_other_class(tmp_path: Path) -> None:
    one, other = pair(tmp_path, {}, without(prompt_hash="x"))
    other.run.results.content["config"] = {"model": ["hf"]}
    found = score_difference(one, other)
    assert found.refused == ""
    assert found.flags[0] == "which class of lm_eval asked is not recorded for both"
