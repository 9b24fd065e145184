import json
from pathlib import Path

import pytest
import yaml
from own_task.made import New, rows_of, three_parts
from own_task.tables import STARS, excel_of_germany, five_stars

from harness_tasks.loading import load_task

STARS_COLUMNS = ("--input", "Review text", "--label", "stars")


def test_five_classes_become_a_task_of_lm_eval(new: New, tmp_path: Path) -> None:
    data = five_stars(tmp_path / "five.csv")
    result = new("stars", "--data", data, *STARS_COLUMNS, "--cluster", "product")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "stars"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "classes.json", "rows.py", "stars.yaml", "test.jsonl", "train.jsonl", "utils.py",
    ]  # fmt: skip
    train, test = rows_of(folder, "train"), rows_of(folder, "test")
    assert len(train) + len(test) == 60
    assert not {row["cluster"] for row in train} & {row["cluster"] for row in test}
    assert {row["label"] for row in train} == {row["label"] for row in test} == set(range(5))
    task = load_task("stars", include_path=folder)
    doc = next(doc for doc in task.test_docs() if doc["label"] == 4)
    assert task.doc_to_text(doc) == f"{doc['text']}\nQuestion: What is the label: 1, 2, 3, 4 or 5?\nAnswer:"
    assert task.doc_to_choice(doc) == list(STARS)
    assert task.doc_to_target(doc) == 4
    data_facts = task.config.metadata["data"]
    assert data_facts["rows"] == {"train": len(train), "test": len(test)}
    assert "60 rows" in result.stdout
    assert 9 <= len(test) <= 15  # about a fifth
    assert "label '3': " in result.stdout


def test_text_of_users_is_never_evaluated(new: New, tmp_path: Path) -> None:
    labels = ['{{ 7*7 }} "a"', "{% raw %}", "no: [1]"]
    texts = ["{{ label }} [1, 2]", "{% if %} # {# not a comment #}", "123"]
    rows = [
        {"{{ text }}": f"{text} {at}", "a|b`c": label}
        for at in range(6)
        for text, label in zip(texts, labels, strict=True)
    ]
    (tmp_path / "odd.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert new("odd", "--data", "odd.jsonl", "--input", "{{ text }}", "--label", "a|b`c").exit_code == 0
    task = load_task("odd", include_path=tmp_path / "odd")
    choices = sorted(labels)
    for doc in [*task.training_docs(), *task.test_docs()]:
        shown = f"{choices[0]}, {choices[1]} or {choices[2]}"
        assert task.doc_to_text(doc) == f"{doc['text']}\nQuestion: What is the label: {shown}?\nAnswer:"
        assert task.doc_to_choice(doc) == choices


def test_semicolons_latin_1_line_breaks_and_missing_cells(new: New, tmp_path: Path) -> None:
    data = excel_of_germany(tmp_path / "kunden.csv")
    result = new("kunden", "--data", data, "--input", "Text", "--label", "Gefühl", "--cluster", "Kunde")
    assert result.exit_code == 0, result.output
    assert "encoding: assumed to be Latin-1 (Windows-1252), since the file is no UTF-8" in result.stdout
    assert "delimiter: semicolon" in result.stdout
    assert "left out: 1 row without 'Text'" in result.stdout
    assert "left out: 1 row without 'Gefühl'" in result.stdout
    assert "left out: 1 duplicate" in result.stdout
    found = rows_of(tmp_path / "kunden", "train") + rows_of(tmp_path / "kunden", "test")
    assert {row["text"] for row in found if row["label"] == 0} == {f"Schön; wirklich\nschön {at}" for at in range(8)}


def test_a_byte_order_mark_is_no_part_of_the_first_column(new: New, tmp_path: Path) -> None:
    lines = ["text;label", *(f"word {at};{'yes' if at % 2 else 'no'}" for at in range(10))]
    (tmp_path / "bom.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    result = new("bom", "--data", "bom.csv", "--input", "text", "--label", "label")
    assert result.exit_code == 0, result.output
    assert "encoding: UTF-8, by its byte-order mark" in result.stdout
    assert yaml.safe_load(_plain(tmp_path / "bom" / "bom.yaml"))["doc_to_choice"] == ["no", "yes"]


def test_a_given_split_stays_and_training_loses_what_is_scored(new: New, tmp_path: Path) -> None:
    lines = ["text\tlabel\tpart"]
    lines += [f"word {at}\t{'ab'[at % 2]}\ttrain" for at in range(8)]
    lines += [f"other {at}\t{'ab'[at % 2]}\tvalidation" for at in range(4)]
    lines += ["Other, 1!\tb\ttrain"]
    (tmp_path / "parts.tsv").write_text("\n".join(lines))
    result = new("parts", "--data", "parts.tsv", "--input", "text", "--label", "label", "--split", "part")
    assert result.exit_code == 0, result.output
    assert {row["text"] for row in rows_of(tmp_path / "parts", "test")} == {f"other {at}" for at in range(4)}
    assert len(rows_of(tmp_path / "parts", "train")) == 8


def test_labels_tokens_are_counted_under_the_model(new: New, tmp_path: Path, tiny_model: Path) -> None:
    data = five_stars(tmp_path / "five.csv")
    result = new("stars", "--data", data, *STARS_COLUMNS, "--model", tiny_model)
    assert result.exit_code == 0, result.output
    assert "label '1': 2 tokens under" in result.stdout  # a space and a digit, of a tokenizer of bytes
    longest = max(len(row["text"].encode()) for row in rows_of(tmp_path / "stars", "train"))
    longest = max(longest, *(len(row["text"].encode()) for row in rows_of(tmp_path / "stars", "test")))
    begin = 1  # that tokenizer begins each text with a token of its own
    assert f"longest row: {longest + begin} tokens under {tiny_model}, which reads 4,096 at once" in result.stdout


def test_other_rows_than_those_of_the_task_are_not_scored(new: New, tmp_path: Path) -> None:
    assert new("stars", "--data", five_stars(tmp_path / "five.csv"), *STARS_COLUMNS).exit_code == 0
    with (tmp_path / "stars" / "test.jsonl").open("a") as file:
        file.write('{"text": "more", "label": 0}\n')
    with pytest.raises(ValueError, match=r"test\.jsonl has the SHA-256"):
        load_task("stars", include_path=tmp_path / "stars")


REFUSED = {
    "a missing column": ("text,label\na,b\n", ["--input", "texd", "--label", "label"], "write 'text'"),
    "no rows": ("text,label\n", ["--input", "text", "--label", "label"], "holds no rows"),
    "an empty file": ("", ["--input", "text", "--label", "label"], "holds no rows"),
    "a label of one row": (
        "text,label\na,x\nb,x\nc,x\nd,y\n",
        ["--input", "text", "--label", "label"],
        "the label 'y' stands in one row only",
    ),
    "one label": ("text,label\na,x\nb,x\n", ["--input", "text", "--label", "label"], "has the label 'x' alone"),
    "labels that differ in case": (
        "text,label\na,Yes\nb,yes\nc,no\nd,no\n",
        ["--input", "text", "--label", "label"],
        "differ in case, spaces or hidden signs alone",
    ),
    "a split without a class": (
        "text,label,part\na,x,train\nb,x,test\nc,y,train\nd,y,train\n",
        ["--input", "text", "--label", "label", "--split", "part"],
        "no row with the label 'y' would be scored",
    ),
    "a split of other words": (
        "text,label,part\na,x,fold1\nb,x,fold2\nc,y,fold1\nd,y,fold2\n",
        ["--input", "text", "--label", "label", "--split", "part"],
        "says 'fold1' of 2 rows",
    ),
    "a label in one cluster": (
        "text,label,c\na,x,1\nb,x,2\nc,y,3\nd,y,3\n",
        ["--input", "text", "--label", "label", "--cluster", "c"],
        "all 2 rows with the label 'y' are of one cluster ('3')",
    ),
    "ragged rows": (
        "text,label\na,x\nb,x,z\n",
        ["--input", "text", "--label", "label"],
        "row 2 of rows.csv has 3 cells",
    ),
    "no label column": ("text,label\na,x\n", ["--input", "text"], "the columns --input"),
    "a share": ("text,label\na,x\n", ["--input", "text", "--label", "label", "--test-share", "1"], "--test-share 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_before_anything_is_written(new: New, tmp_path: Path, case: str) -> None:
    content, words, said = REFUSED[case]
    (tmp_path / "rows.csv").write_text(content)
    assert said in three_parts(new("mine", "--data", "rows.csv", *words))
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize("name", ["true", "a/b", "1st", "a b", "x" * 61, "sst2"])
def test_a_name_that_no_task_can_have_is_refused(new: New, tmp_path: Path, name: str) -> None:
    data = five_stars(tmp_path / "five.csv")
    assert name in three_parts(new(name, "--data", data, *STARS_COLUMNS, "--output", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_folder_with_files_stays_as_it_is(new: New, tmp_path: Path) -> None:
    (tmp_path / "stars").mkdir()
    (tmp_path / "stars" / "mine.txt").write_text("mine")
    data = five_stars(tmp_path / "five.csv")
    assert "is there already" in three_parts(new("stars", "--data", data, *STARS_COLUMNS))
    assert [path.name for path in (tmp_path / "stars").iterdir()] == ["mine.txt"]


def _plain(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("!function ", "")
