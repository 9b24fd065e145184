"""SST-2: the assignment's split, source sentences, shots apart from scored rows, errors that name both ways."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
from hub_cache import sst2_parquet, write_commit
from hypothesis import given
from hypothesis import strategies as st

from harness_tasks import UserError
from harness_tasks.data import PinnedRows, assignment_indices, fingerprint
from harness_tasks.sst2 import hooks
from harness_tasks.sst2._source import SourceSentences

PHRASES = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=9).map(" ".join), max_size=12)


def folder(tmp_path: Path, **files: str) -> str:
    (tmp_path / "sst2").mkdir()
    for name, text in files.items():
        (tmp_path / "sst2" / f"{name}.tsv").write_text(text)
    return str(tmp_path)


def test_the_assignments_split_of_the_real_file(data_dir: Path) -> None:
    described: dict[str, Any] = {}
    splits = hooks.load(data_dir=str(data_dir), data=described)
    assert len(splits["test"]) == 13470
    assert sum(splits["test"]["label"]) == 7533
    assert len(splits["train"]) == 67349 - 13470
    assert splits["test"].column_names == ["sentence", "label", "source_sentence"]
    assert described["rows"] == {"train": 53879, "test": 13470, "fewshot": 1000}
    assert (described["source"], described["name"], described["revision"]) == ("folder", "sst2/train.tsv", None)


def test_the_split_is_numpys_seeded_permutation() -> None:
    scored = numpy.random.default_rng(1).permutation(67349)[: math.ceil(0.2 * 67349)]
    assert assignment_indices(67349)[1] == scored.tolist()
    assert hashlib.sha256(json.dumps(scored.tolist()).encode()).hexdigest().startswith("40d654e01cfa38f4")


def test_shots_share_no_source_sentence_with_scored_rows(data_dir: Path) -> None:
    splits = hooks.load(data_dir=str(data_dir))
    scored = set(splits["test"]["source_sentence"])
    pool = splits["fewshot"].to_list()
    assert len(pool) == 1000
    assert not {row["source_sentence"] for row in pool} & scored
    text = "\n".join(f" {sentence.strip()} " for sentence in splits["test"]["sentence"])
    assert not [row["sentence"] for row in pool if f" {row['sentence'].strip()} " in text]
    trained = {(row["sentence"], row["label"]) for row in splits["train"].to_list()}
    assert {(row["sentence"], row["label"]) for row in pool} <= trained


def test_glues_validation_rows_and_shots(data_dir: Path) -> None:
    described: dict[str, Any] = {}
    splits = hooks.load_glue(data_dir=str(data_dir), data=described)
    assert (len(splits["validation"]), sum(splits["validation"]["label"])) == (872, 444)
    assert splits["validation"].column_names == ["sentence", "label"]
    text = "\n".join(f" {sentence.strip()} " for sentence in splits["validation"]["sentence"])
    assert not [s for s in splits["fewshot"]["sentence"] if f" {s.strip()} " in text]
    assert described["rows"] == {"train": 67349, "validation": 872, "fewshot": 1000}


def test_source_sentences_of_a_hand_worked_file() -> None:
    whole = "a witty , warm film about two brothers"
    rows = [
        "warm film about two ",  # in `whole`
        whole + " ",
        "a witty , warm film",  # in `whole`, which is longer than the row after next
        "about two brothers",  # three words: stands alone
        "it is a witty , warm film",
        "the best film of",  # in two rows of six words: stands alone
        "surely the best film of all",
        "perhaps the best film of all",
        "a wit by two brothers",  # words, not letters: "a wit" is not part of "a witty"
    ]
    assert SourceSentences(rows).infer() == [
        whole,
        whole,
        whole,
        None,
        "it is a witty , warm film",
        None,
        "surely the best film of all",
        "perhaps the best film of all",
        "a wit by two brothers",
    ]


@given(PHRASES)
def test_source_sentences_against_a_search_through_all_pairs(phrases: list[str]) -> None:
    def slow(phrase: str) -> str | None:
        if len(phrase.split()) < 4:
            return None
        holders = {other for other in phrases if f" {phrase} " in f" {other} "}
        longest = max(len(other.split()) for other in holders)
        best = [other for other in holders if len(other.split()) == longest]
        return best[0] if len(best) == 1 else None

    sources = SourceSentences(phrases)
    assert sources.infer() == [slow(phrase) for phrase in phrases]
    some = range(0, len(phrases), 3)
    assert sources.infer(some) == [slow(phrases[place]) for place in some]


def test_a_row_that_stands_alone_is_its_own_source(tmp_path: Path) -> None:
    lines = "".join(f"film number {i} \t{i % 2}\n" for i in range(10))
    splits = hooks.load(other_rows=True, data_dir=folder(tmp_path, train="sentence\tlabel\n" + lines))
    row = splits["test"][0]
    assert row["source_sentence"] == row["sentence"].strip()
    assert row["sentence"].endswith(" ")


def test_without_the_training_file_validation_rows_are_there_and_shots_name_the_file(tmp_path: Path) -> None:
    splits = hooks.load_glue(other_rows=True, data_dir=folder(tmp_path, dev="sentence\tlabel\ngood \t1\n"))
    assert splits["validation"].to_list() == [{"sentence": "good ", "label": 1}]
    with pytest.raises(UserError, match=r"sst2/train\.tsv is missing"):
        splits["train"]
    with pytest.raises(UserError, match=r"sst2/train\.tsv is missing"):
        splits["fewshot"][0]["sentence"]


def test_a_missing_file_names_both_ways(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        hooks.load(data_dir=str(tmp_path))
    assert str(caught.value) == (
        f"Found: sst2/train.tsv is missing from data_dir {str(tmp_path)!r}\n"
        "Why it matters: the task's rows are read from there, and there is no substitute\n"
        "To mend it: put the official sst2/train.tsv there (expected files: sst2/train.tsv and sst2/dev.tsv), or leave "
        "`data_dir` out and load stanfordnlp/sst2 from the Hub (needs the network)"
    )


def test_no_network_names_both_ways(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError) as caught:
        hooks.load()
    assert caught.value.found.startswith("the data set stanfordnlp/sst2 (revision 8d51e7e4) is not in the Hub's cache")
    assert caught.value.mend.endswith(
        'or give a folder that holds sst2/train.tsv and sst2/dev.tsv: --metadata \'{"data_dir": "DIR"}\''
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("text\tlabel\n", "the first line is 'text\\tlabel', not the header 'sentence<TAB>label'"),
        ("sentence\tlabel\ngood \t2\n", "line 2 is 'good \\t2', not 'sentence<TAB>0' or 'sentence<TAB>1'"),
        ("sentence\tlabel\ngood \t1\nbad", "line 3 is 'bad', not 'sentence<TAB>0' or 'sentence<TAB>1'"),
        ("sentence\tlabel\n", "there is no row under the header"),
    ],
)
def test_a_malformed_file_says_where(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UserError) as caught:
        hooks.load(other_rows=True, data_dir=folder(tmp_path, train=text))
    assert caught.value.found == (f"sst2/train.tsv in data_dir {str(tmp_path)!r} cannot be read: ValueError: {reason}")


def test_a_data_dir_that_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        hooks.load(data_dir=str(tmp_path / "nowhere"))


def test_the_models_arguments_change_nothing(data_dir: Path) -> None:
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    hooks.load_glue(data_dir=str(data_dir), data=first, pretrained="a", revision="x", dtype="float32")
    hooks.load_glue(data_dir=str(data_dir), data=second, pretrained="b", peft="c", name="d", split="e")
    assert first == second


def test_rows_of_the_hub_are_those_of_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = [{"sentence": f"a fine film of year {i} ", "label": i % 2} for i in range(20)]
    file = {"data/train-00000-of-00001.parquet": sst2_parquet(rows)}
    write_commit(tmp_path, "dataset", hooks.HUB.name, hooks.HUB.revision, file)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hooks, "HUB", replace(hooks.HUB, splits=(("train", PinnedRows(20, fingerprint(rows))),)))
    described: dict[str, Any] = {}
    from_hub = hooks.load(data=described)
    text = "sentence\tlabel\n" + "".join(f"{row['sentence']}\t{row['label']}\n" for row in rows)
    from_file = hooks.load(data_dir=folder(tmp_path, train=text))
    assert {split: part.to_list() for split, part in from_hub.items()} == {
        split: part.to_list() for split, part in from_file.items()
    }
    assert (described["source"], described["name"]) == ("hub", "stanfordnlp/sst2")
    assert described["revision"] == "8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb"


def test_a_variable_in_data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder(tmp_path, dev="sentence\tlabel\ngood \t1\n")
    monkeypatch.setenv("SOME_DATA", str(tmp_path))
    assert len(hooks.load_glue(data_dir="$SOME_DATA", other_rows=True)["validation"]) == 1
    monkeypatch.delenv("SOME_DATA")
    with pytest.raises(UserError, match="data_dir '\\$SOME_DATA' is not a folder"):
        hooks.load_glue(data_dir="$SOME_DATA")
