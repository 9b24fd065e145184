"""Overlap in three grades: against a naive reading of the definitions, and on the real SST-2 split."""

import hashlib
import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from harness_tasks.__main__ import app
from harness_tasks.overlap import Text, grades, input_text, score
from harness_tasks.text import fold
from tests.in_this_process import aftertune

# Few words, so that phrases of four and more often repeat one another.
PHRASES = st.lists(st.sampled_from(["a", "film", "of", "Ideas", "..."]), max_size=8).map(" ".join)
ROWS = st.lists(st.builds(Text, PHRASES, st.sampled_from([None, "x", "y", "z"])), max_size=12)


def naive(scored: list[Text], training: list[Text]) -> list[list[str]]:
    """The definitions word by word: every scored text against every training text."""
    found: list[set[str]] = [set() for _ in scored]
    for (i, one), other in product(enumerate(scored), training):
        left, right = fold(one.text).split(), fold(other.text).split()
        if left and left == right:
            found[i].add("identical")
        if one.source is not None and one.source == other.source:
            found[i].add("same_source")
        if min(len(left), len(right)) >= 4 and (inside(left, right) or inside(right, left)):
            found[i].add("containment")
    return [[grade for grade in ("identical", "same_source", "containment") if grade in held] for held in found]


def inside(part: list[str], whole: list[str]) -> bool:
    return any(whole[start : start + len(part)] == part for start in range(len(whole) - len(part) + 1))


@settings(max_examples=400, deadline=None)
@given(ROWS, ROWS)
def test_the_index_finds_what_comparing_all_with_all_finds(scored: list[Text], training: list[Text]) -> None:
    assert grades(scored, training) == naive(scored, training)


@pytest.mark.parametrize(
    ("scored", "trained", "expected"),
    [
        ("A film of ideas.", "a film of ideas", ["identical", "containment"]),
        ("a film of", "A film, of!", ["identical"]),  # three words: too few to count as contained
        ("a film of many ideas", "film of many ideas indeed", []),  # four words shared, but neither holds the other
        ("film of many ideas", "a film of many ideas", ["containment"]),
        ("a film of many ideas", "film of many ideas", ["containment"]),
        ("a film of many ideas", "film of many", []),
        ("ilm of many ideas", "a film of many ideas", []),  # whole words only
        ("...", "!", []),
    ],
)
def test_what_each_grade_means(scored: str, trained: str, expected: list[str]) -> None:
    assert grades([Text(scored)], [Text(trained)]) == [expected]


def test_the_declared_input_is_judged_and_nothing_is_guessed_over_it() -> None:
    doc = {"id": "7", "sentence": "The sea rose.", "title": "Tides"}
    assert input_text(doc, {"input": "title"}) == "Tides"
    assert input_text(doc, {}) == "The sea rose."
    assert input_text({"id": "7", "label": 1}) == "7"
    assert input_text({"label": 1}) == ""


def write_rows(folder: Path) -> tuple[Path, Path]:
    """Four scored reviews and two training rows: one identical, one of the same film, two with no overlap."""
    texts = [("A fine film", "jaws", 1.0), ("dull", "alien", 1.0), ("so so", "heat", 0.0), ("great", "speed", 1.0)]
    samples, trained = folder / "samples.jsonl", folder / "train_rows.jsonl"
    lines = [
        {"doc_id": i, "doc": {"sentence": text, "film": film, "label": 1}, "doc_hash": f"hash{i}", "acc": acc}
        for i, (text, film, acc) in enumerate(texts)
    ]
    samples.write_text("".join(json.dumps(line) + "\n" for line in reversed(lines)))
    rows = [
        {"doc_hash": "x", "cluster": None, "text": "a fine film!"},
        {"doc_hash": "y", "cluster": "alien", "text": "ok"},
    ]
    trained.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return samples, trained


def test_the_verb_grades_a_sample_file_and_scores_the_parts(tmp_path: Path) -> None:
    samples, trained = write_rows(tmp_path)
    words = ["overlap", "reviews_demo", "--samples", str(samples), "--training-rows", str(trained)]
    result = CliRunner().invoke(app, [*words, "--output", str(tmp_path / "overlap.jsonl"), "--json"])
    assert result.exit_code == 0, result.output
    header, *items = map(json.loads, (tmp_path / "overlap.jsonl").read_text().splitlines())
    assert [item["grades"] for item in items] == [["identical"], ["same_source"], [], []]
    assert [(item["doc_id"], item["doc_hash"]) for item in items] == [(i, f"hash{i}") for i in range(4)]
    assert (header["scored"], header["training_rows"], header["scored_of_four_words"]) == (4, 2, 0)
    assert header["scored_verbatim"] == 0  # the training text has a capital less and an exclamation mark more
    assert set(header["definition"]) == {"identical", "same_source", "containment"}
    assert header["training_file_sha256"] == hashlib.sha256(trained.read_bytes()).hexdigest()
    found = json.loads(result.stdout)
    assert found["counts"] == {"identical": 1, "same_source": 1, "containment": 0, "any": 2, "none": 2}
    assert found["scores"] == {
        "all": {"items": 4, "acc": 0.75},
        "without": {"items": 2, "acc": 0.5},
        "with": {"items": 2, "acc": 1.0},
    }
    text = CliRunner().invoke(app, words).stdout
    assert "4 scored items against 2 training rows" in text
    assert "items without any overlap           2    0.5000" in text


def test_a_score_of_pairs_is_the_metrics_own() -> None:
    assert score("f1", [[1, 1], [1, 0], [0, 0]]) == pytest.approx(2 / 3)  # one hit, one miss: 2·1 / (2·1 + 1)
    assert score("f1", [100.0, 50.0]) == 75.0
    assert score("f1", []) is None


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("samples.jsonl", None, "is missing"),
        ("samples.jsonl", '{"doc_id": 0}\n', "lacks `doc`"),
        ("train_rows.jsonl", '{"text": "no cluster"}\n', "lacks `cluster`"),
        ("train_rows.jsonl", "{", "Expecting property name"),
        ("train_rows.jsonl", "", "there is no training row of reviews_demo"),
    ],
)
def test_wrong_files_are_told(tmp_path: Path, file: str, text: str | None, found: str) -> None:
    samples, trained = write_rows(tmp_path)
    (tmp_path / file).unlink() if text is None else (tmp_path / file).write_text(text)
    words = ["overlap", "reviews_demo", "--samples", str(samples), "--training-rows", str(trained)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert found in result.stderr
    assert "\nWhy it matters: " in result.stderr
    mend = result.stderr.partition("\nTo mend it: ")[2]
    assert ("--log_samples" if file == "samples.jsonl" else "train_rows.jsonl") in mend or "--training-rows" in mend


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, harness_tasks.overlap\n"
        "print({'torch', 'transformers', 'lm_eval', 'datasets', 'evaluate'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_the_assignments_split_of_sst2(data_dir: Path, tmp_path: Path) -> None:
    """The issue's claim, counted: 98 % of the phrases of four words or more; 1 % are a training phrase to the letter.

    The numbers come from a naive count made beforehand, which looked every run of words of every phrase up in a set.
    """
    words = ["overlap", "sst2_llama", "--json", "--metadata", json.dumps({"data_dir": str(data_dir)})]
    done = aftertune(*words, folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["scored"], found["training_rows"]) == (13_470, 53_879)
    assert found["scored_verbatim"] == 115  # 0.9 %
    assert found["counts"]["identical"] == 2_744  # case and punctuation apart: 20 %
    assert (found["counts"]["containment"], found["scored_of_four_words"]) == (9_424, 9_578)  # 98.4 %
