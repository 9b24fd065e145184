"""Which result files are found, whose they are, what they may be called, and what is said of damaged ones."""

import json
import re
from pathlib import Path

import pytest

from harness_tasks import UserError
from report.compare.files import read_all
from report.compare.measures import measure, metric_keys
from tests.report.compare.lm_eval_folders import TIME, compared, right, write_folder, write_study


def test_lm_evals_own_folders_give_a_model_each(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", "org/one", {"even": right(3, 4), "odd": right(1, 4)})
    write_folder(tmp_path / "out", "org/two", {"even": right(2, 4)}, samples=False)
    entries = read_all([tmp_path / "out"]).entries
    assert {entry.name: sorted(entry.runs) for entry in entries} == {"org/one": ["even", "odd"], "org/two": ["even"]}
    one, two = entries
    assert one.runs["even"].results.file == f"out/org__one/results_{TIME}.json"
    assert one.runs["even"].samples is not None
    assert len(one.runs["even"].samples.content) == 4
    assert two.runs["even"].samples is None


def test_a_file_and_a_json_path_are_results_too(tmp_path: Path) -> None:
    file = write_folder(tmp_path, "one", {"even": right(3, 4)})
    assert [entry.name for entry in read_all([file]).entries] == ["one"]
    moved = tmp_path / "elsewhere" / f"mine_{TIME}.json"  # as with --output_path elsewhere/mine.json
    moved.parent.mkdir()
    file.rename(moved)
    assert [entry.name for entry in read_all([moved.parent]).entries] == ["one"]


def test_of_two_runs_in_one_folder_the_newest_counts_and_that_is_said(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", "one", {"even": right(1, 4)}, time="2026-11-26T00-00-00.000001")
    write_folder(tmp_path / "out", "one", {"even": right(4, 4), "odd": right(2, 4)}, time="2026-11-25T00-00-00.000001")
    facts = compared([tmp_path / "out"])
    assert facts["tasks"][0]["boards"][0]["rows"][0]["score"]["value"] == 0.25
    assert [said["value"] for said in facts["replaced"]] == ["one, even"]
    assert len(facts["tasks"]) == 2


def test_a_studys_folder_gives_its_checkpoints_and_not_its_scratch(tmp_path: Path) -> None:
    study = write_study(tmp_path / "trial", {"base": {"even": right(1, 4)}, "tuned": {"even": right(3, 4)}})
    write_folder(study / "scratch", "base", {"even": right(1, 4)})
    entries = read_all([study]).entries
    assert [(entry.name, entry.runs["even"].results.file) for entry in entries] == [
        ("base", "trial/scores/base/even/results.json"),
        ("tuned", "trial/scores/tuned/even/results.json"),
    ]


def test_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for n, place in enumerate(("old", "new")):
        write_folder(tmp_path / place / "out", "one", {"even": right(3 - n, 4)})
    assert [e.name for e in read_all([tmp_path / "old" / "out", tmp_path / "new" / "out"]).entries] == [
        "one (old/out)",
        "one (new/out)",
    ]
    assert [e.name for e in read_all([tmp_path]).entries] == [
        f"one ({tmp_path.name}: new/out)",
        f"one ({tmp_path.name}: old/out)",
    ]


def test_nothing_published_names_a_home_or_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "ada"
    monkeypatch.setenv("HOME", str(home))
    write_folder(home / "out", "/home/ada/models/mine", {"even": right(3, 4)})
    write_folder(home / "out", "/home/ada/models/other", {"even": right(2, 4)})
    text = json.dumps(compared([home / "out"]))
    assert "ada" not in text
    assert str(tmp_path) not in text
    assert '"mine"' in text


def test_a_score_that_is_no_number_is_missing_and_the_rest_stands(tmp_path: Path) -> None:
    file = write_folder(tmp_path, "one", {"even": right(3, 4)})
    content = json.loads(file.read_text())
    content["results"]["even"] |= {"ppl,none": float("nan"), "ppl_stderr,none": "N/A", "acc_stderr,none": float("nan")}
    file.write_text(json.dumps(content))
    run = read_all([file]).entries[0].runs["even"]
    assert metric_keys(run) == ["acc,none"]
    assert measure(run, "acc,none").recorded.stderr is None


def test_a_line_separator_within_a_text_ends_no_row(tmp_path: Path) -> None:
    docs = [{"q": f"one\u2028two\x85 {number}"} for number in range(4)]
    file = write_folder(tmp_path, "one", {"even": right(3, 4)}, docs=docs)
    samples = read_all([file]).entries[0].runs["even"].samples
    assert samples is not None
    assert len(samples.content) == 4


def test_rows_of_an_older_lm_eval_pair_by_the_digest_of_their_document(tmp_path: Path) -> None:
    new = write_folder(tmp_path / "new", "one", {"even": right(3, 4)})
    old = write_folder(tmp_path / "old", "one", {"even": right(2, 4)})
    path = old.parent / f"samples_even_{TIME}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    bare = [{key: row[key] for key in ("doc_id", "doc", "target", "acc")} for row in rows]
    path.write_text(json.dumps(bare, indent=2))
    found = [measure(read_all([file]).entries[0].runs["even"], "acc,none") for file in (new, old)]
    new_items, old_items = (one.items for one in found)
    assert new_items
    assert old_items
    assert new_items.names == old_items.names
    assert old_items.values == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("results_a.json", '{"results": {"even": ', "results_a.json is not complete JSON"),
        ("results_a.json", "[]", "holds no `results` by task"),
        ("results_a.json", '{"results": {"even": 3}}', "holds no `results` by task"),
        ("notes.txt", "", "holds no results of lm_eval (no results*.json)"),
    ],
)
def test_what_is_no_result_is_named(tmp_path: Path, name: str, text: str, found: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError) as caught:
        read_all([tmp_path])
    assert found in str(caught.value)


def test_a_path_that_is_not_there_and_rows_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere is neither a file nor a folder"):
        read_all([tmp_path / "nowhere"])
    file = write_folder(tmp_path, "one", {"even": right(3, 4)})
    samples = file.parent / f"samples_even_{TIME}.jsonl"
    for text, found in (
        (samples.read_text()[:-20], "line 4 of the sample file"),
        ('{"acc": 1.0}\n', "holds rows without `doc_id` (row 1)"),
        ('{"doc_id": "0", "acc": 1.0}\n', "has a `doc_id` that is no number"),
        ("", "holds no rows"),
    ):
        samples.write_text(text)
        given = read_all([file])
        assert given.entries[0].runs["even"].samples is None
        assert found in given.passed_over[0].error.found
        with pytest.raises(UserError, match=re.escape(found)):
            compared([file], strict=True)
