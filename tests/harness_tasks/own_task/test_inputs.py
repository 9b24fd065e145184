"""Files of rows as people have them: each is read as a plain file of the same rows is, by every kind of task."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from own_task.made import New, both_sides, three_parts
from pyarrow import parquet

Row = dict[str, Any]
KINDS: dict[str, tuple[tuple[str, ...], list[Row]]] = {
    "classification": (
        ("--input", "text", "--label", "label"),
        [{"text": f'Größe "{at}"; gut,\nsagt er', "label": f"né {at % 2}"} for at in range(10)],
    ),
    "questions": (
        ("--question", "asked", "--context", "text", "--answers", "label"),
        [{"asked": f"Größe {at}?", "text": f'Die "Größe" ist {at};\nnicht, é', "label": f"{at}"} for at in range(10)],
    ),
    "completions": (
        ("--prompt", "text", "--completion", "label"),
        [{"text": f'Größe "{at}"; gut,', "label": f"né\n{at}"} for at in range(10)],
    ),
}


def cells(rows: list[Row], *, delimiter: str = ",", end: str = "\r\n") -> str:
    written = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([list(rows[0]), *(list(row.values()) for row in rows)])
    return written.getvalue()


def with_blank_column(rows: list[Row]) -> str:
    """As pandas writes its index: a first column without a name."""
    return cells([{"": str(at), **row} for at, row in enumerate(rows)])


def with_others_twice(rows: list[Row]) -> str:
    lines = cells([{"note": "", "more": "x", **row} for row in rows])
    return lines.replace("note,more", "note,note", 1)


def with_labels_twice(rows: list[Row]) -> str:
    return cells([{**row, "again": "x"} for row in rows]).replace("again", "label", 1)


def with_trailing_cells(rows: list[Row]) -> str:
    """As a spreadsheet writes rows that were once wider, behind a line for itself."""
    return "sep=;\r\n" + cells([{**row, "\0": ""} for row in rows], delimiter=";").replace(";\0", "", 1)


def nested(rows: list[Row]) -> bytes:
    data = io.BytesIO()
    inside = [{"id": at, "row": {"inner": row}} for at, row in enumerate(rows)]
    parquet.write_table(pyarrow.Table.from_pylist(inside), data)
    return data.getvalue()


def of_bytes(rows: list[Row]) -> bytes:
    data = io.BytesIO()
    texts = [{name: value.encode() for name, value in row.items()} for row in rows]
    parquet.write_table(pyarrow.Table.from_pylist(texts), data)
    return data.getvalue()


FORMS: dict[str, tuple[str, Callable[[list[Row]], bytes]]] = {
    "a byte-order mark and semicolons": (".csv", lambda rows: cells(rows, delimiter=";").encode("utf-8-sig")),
    "tabs in a CSV": (".csv", lambda rows: cells(rows, delimiter="\t").encode()),
    "Latin-1": (".csv", lambda rows: cells(rows).encode("latin-1")),
    "UTF-16": (".tsv", lambda rows: cells(rows, delimiter="\t").encode("utf-16")),
    "lines of an old Mac": (".txt", lambda rows: cells(rows, end="\r").encode()),
    "a column without a name": (".csv", lambda rows: with_blank_column(rows).encode()),
    "other columns of one name": (".csv", lambda rows: with_others_twice(rows).encode()),
    "cells behind the last column": (".csv", lambda rows: with_trailing_cells(rows).encode()),
    "blank lines": (".csv", lambda rows: ("\r\n,\r\n" + cells(rows) + "\r\n,\r\n\r\n").encode()),
    "JSON": (".json", lambda rows: json.dumps(rows, indent=1).encode()),
    "JSON in an object": (".json", lambda rows: json.dumps({"data": rows}).encode("utf-8-sig")),
    "JSON lines of another ending": (".json", lambda rows: "\r\n".join(map(json.dumps, rows)).encode()),
    "bytes in Parquet": (".parquet", of_bytes),
    "a nested Parquet": (".parquet", nested),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_form_holds_the_rows_of_a_plain_file(new: New, tmp_path: Path, kind: str) -> None:
    words, rows = KINDS[kind]
    (tmp_path / "plain.csv").write_bytes(cells(rows).encode())
    assert new("plain", "--data", "plain.csv", *words).exit_code == 0
    expected = both_sides(tmp_path / "plain")
    assert len(expected) == 10
    assert any("Größe" in str(value) for row in expected for value in row.values())
    for at, (form, (ending, written)) in enumerate(FORMS.items()):
        file = f"form{at}{ending}"
        (tmp_path / file).write_bytes(written(rows))
        named = [f"row.inner.{word}" if form == "a nested Parquet" and word[:2] != "--" else word for word in words]
        result = new(f"form{at}", "--data", file, *named)
        assert result.exit_code == 0, (form, result.output)
        assert both_sides(tmp_path / f"form{at}") == expected, form


@pytest.mark.parametrize("kind", KINDS)
def test_rows_with_missing_cells_are_counted_and_left_out(new: New, tmp_path: Path, kind: str) -> None:
    words, rows = KINDS[kind]
    columns = words[1::2]
    lacking = [{**rows[at], column: ""} for at, column in enumerate(columns)]
    (tmp_path / "rows.csv").write_bytes(cells([*rows, *lacking]).encode())
    result = new("mine", "--data", "rows.csv", *words)
    assert result.exit_code == 0, result.output
    for column in columns:
        assert f"left out: 1 row without {column!r}" in result.stdout
    assert len(both_sides(tmp_path / "mine")) == 10


def workbook(rows: list[Row]) -> bytes:
    return b"PK\x03\x04" + bytes(40)


REFUSED: dict[str, tuple[str, Callable[[list[Row]], bytes], str]] = {
    "a workbook": (".xlsx", workbook, "save the sheet as CSV UTF-8"),
    "a workbook under another ending": (".csv", workbook, "is a spreadsheet"),
    "an old workbook": (".xls", lambda rows: b"\xd0\xcf\x11\xe0" + bytes(40), "is a spreadsheet"),
    "a packed file": (".csv.gz", lambda rows: gzip.compress(cells(rows).encode()), "unpack it"),
    "Parquet under another ending": (".csv", nested, "give it a name that ends in .parquet"),
    "a column twice": (".csv", lambda rows: with_labels_twice(rows).encode(), "2 columns of the name 'label'"),
    "a misspelt column": (".csv", lambda rows: cells(rows).replace("label", " Labels ", 1).encode(), "write 'Labels'"),
    "columns by name": (
        ".json",
        lambda rows: json.dumps({name: [row[name] for row in rows] for name in rows[0]}).encode(),
        "orient='records'",
    ),
    "lists in a column": (
        ".jsonl",
        lambda rows: json.dumps({**rows[0], "text": ["a"]}).encode(),
        "at 'text' a list",
    ),
    "no text in a column": (
        ".parquet",
        lambda rows: of_bytes([{name: _NoText() for name in rows[0]}]),
        "bytes that are no text",
    ),
}


class _NoText:
    def encode(self) -> bytes:
        return b"\xff\xfe\x00"


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_table_of_texts_is_refused_with_what_mends_it(
    new: New, tmp_path: Path, kind: str, case: str
) -> None:
    (words, rows), (ending, written, said) = KINDS[kind], REFUSED[case]
    (tmp_path / f"rows{ending}").write_bytes(written(rows))
    assert said in three_parts(new("mine", "--data", f"rows{ending}", *words))
    assert [path.name for path in tmp_path.iterdir()] == [f"rows{ending}"]


def labelled(new: New, folder: Path, labels: list[str], *words: str) -> Any:
    rows = [{"text": f"text {at}", "label": label} for at, label in enumerate(labels * 4)]
    (folder / "rows.csv").write_bytes(cells(rows).encode())
    return new("mine", "--data", "rows.csv", "--input", "text", "--label", "label", *words)


def test_whole_numbers_that_pandas_wrote_as_floats_are_whole(new: New, tmp_path: Path) -> None:
    assert labelled(new, tmp_path, ["1.0", "10", "2", "10.0"]).exit_code == 0
    assert {(row["text"], row["label"]) for row in both_sides(tmp_path / "mine")} >= {
        ("text 0", 0), ("text 1", 2), ("text 2", 1), ("text 3", 2),
    }  # fmt: skip


@pytest.mark.parametrize("other", ["Very good", "very\u200bgood", "verygood", "ｖｅｒｙ good"])
def test_labels_that_look_alike_are_not_two_classes(new: New, tmp_path: Path, other: str) -> None:
    said = three_parts(labelled(new, tmp_path, ["very good", other, "bad"]))
    assert "differ in case, spaces or hidden signs alone" in said


def test_spaces_around_and_within_a_label_do_not_count(new: New, tmp_path: Path) -> None:
    result = labelled(new, tmp_path, ["very good", " very\u00a0 good ", "bad"])
    assert result.exit_code == 0, result.output
    assert "2 labels" in result.stdout


def test_the_positive_one_of_two_labels_is_last_and_has_metrics(new: New, tmp_path: Path) -> None:
    result = labelled(new, tmp_path, ["yes", "no"], "--positive", "no")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "mine" / "mine.yaml").read_text(encoding="utf-8")
    assert "  labels:\n  - 'yes'\n  - 'no'\n  positive_label: 1\n" in text
    for name in ("precision", "recall", "f1"):
        assert f"- metric: {name}\n    aggregation: !function utils.{name}\n" in text


@pytest.mark.parametrize(
    ("labels", "positive", "said"),
    [
        (["yes", "no"], "yess", "write 'yes'"),
        (["a", "b", "c"], "a", "--positive a with 3 labels"),
    ],
)
def test_a_positive_label_that_cannot_be_is_refused(
    new: New, tmp_path: Path, labels: list[str], positive: str, said: str
) -> None:
    assert said in three_parts(labelled(new, tmp_path, labels, "--positive", positive))
