"""A user's rows as a table: CSV, TSV, JSON, JSON lines and Parquet files, and data sets of the Hub."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.hub.download import fetch
from harness_tasks.messages import nearest_name, reason_of
from harness_tasks.own_task.delimited import cut
from harness_tasks.reading import Kind, check_file, open_regular, parse_json, parse_rows, read_bytes

DATA = Kind(
    "the data file",
    "the task's rows are read from it",
    "give a CSV, TSV, JSON, JSON lines or Parquet file, or the id of a data set on the Hub",
    limit_mib=4096,
    finite=False,
)
SPLIT = "split of the data set"
"""The column that says in which split a row of a Hub data set is, where it has several."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows as they were read, by column. ``origin``: the file's name or the data set; ``notes``: what was assumed."""

    columns: list[str]
    rows: list[Row]
    origin: str
    sha256: str | None = None
    revision: str | None = None
    notes: list[str] = field(default_factory=list)


def read_table(data: str, wanted: Sequence[str], *, lists: Sequence[str] = ()) -> Table:
    """Returns the rows of a file, or of a data set on the Hub where ``data`` is no file and looks like an id.

    ``wanted``: the columns of texts that will be asked for, ``lists``: those that may hold lists of them; of several
    ways to cut a line into cells the one that has them wins. A part of a nested column is `column.part`.

    Raises:
        UserError: there is no such file, it cannot be read, a row has other cells than the header, a column lacks, or
            one of texts holds something else.
    """
    path, asked = Path(data), [*wanted, *lists]
    if not path.exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", data) and not _reader(path):
        table = _from_hub(data)
    else:
        check_file(path, DATA)
        _check_content(path)
        reader = _reader(path)
        if reader is None:
            ending = path.suffix or "none"
            raise _unreadable(f"{DATA.name} {path.name} is of no kind that is known by its ending ({ending})")
        table = replace(reader(path, asked), sha256=sha256_file(path))
    if not table.rows:
        raise UserError(
            f"{table.origin} holds no rows", "a task is made of rows", "give a file with a header and rows below it"
        )
    if not set(asked) <= set(table.columns):
        table = _with_parts(table)
    for column in asked:
        check_column(table, column)
    for column in wanted:
        _check_texts(table, column)
    return table


def check_column(table: Table, column: str) -> None:
    """Raises UserError where the table has no such column, or two of that name; the nearest name is offered."""
    count = table.columns.count(column)
    if count == 1 and column:
        return
    if count:
        raise UserError(
            f"{table.origin} has {count} columns of the name {column!r}"
            if column
            else f"{table.origin} has {count} columns without a name",
            "it cannot be told which of them is meant",
            "rename one in the file's header" if column else "give the column a name in the file's header",
        )
    folded = {name.casefold(): name for name in table.columns}
    nearest = folded.get(nearest_name(column.casefold(), folded) or "")
    shown = ", ".join(map(repr, table.columns[:12]))
    raise UserError(
        f"{table.origin} has no column {column!r}",
        "the task's rows are made of the columns that you name",
        (f"write {nearest!r}" if nearest else "name one that it has") + f" (its columns: {shown})",
    )


def cell_text(value: Any) -> str | None:
    """Returns a cell as text without the spaces around it; None where it is missing or empty.

    >>> cell_text(" good "), cell_text(3.0), cell_text(True), cell_text(float("nan")), cell_text("")
    ('good', '3', 'True', None, None)
    """
    if value is None or value != value:  # NaN, as Parquet has it for a missing number
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    return str(value).strip() or None


def _check_texts(table: Table, column: str) -> None:
    """Raises UserError where a cell of ``column`` is no text and no number, but made of parts."""
    for number, row in enumerate(table.rows, 1):
        value = row.get(column)
        if isinstance(value, dict):
            parts = ", ".join(f"{column}.{part}" for part in value)
            raise UserError(
                f"row {number} of {table.origin} has at {column!r} an object, with the parts {', '.join(value)}",
                "the task needs a text there",
                f"name one of its parts: {parts}",
            )
        if isinstance(value, list):
            raise UserError(
                f"row {number} of {table.origin} has at {column!r} a list of {len(value)}",
                "the task needs a text there",
                "write one text into each cell, such as the last message of a conversation, or name another column",
            )
        if isinstance(value, bytes):
            try:
                value.decode("utf-8")
            except UnicodeDecodeError:
                raise UserError(
                    f"row {number} of {table.origin} has at {column!r} bytes that are no text",
                    "the task needs a text there",
                    "name a column of texts",
                ) from None


def _with_parts(table: Table) -> Table:
    """Returns the table with a column `column.part` for each part of a column of objects, however deep."""
    rows = [_flat(row) for row in table.rows]
    columns = [*table.columns, *dict.fromkeys(name for row in rows for name in row if name not in table.columns)]
    return replace(table, columns=columns, rows=rows)


def _flat(row: Row) -> Row:
    found = dict(row)
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {f"{name}.{part}": inner for part, inner in _flat(value).items()}
    return found


def _reader(path: Path) -> Callable[[Path, Sequence[str]], Table] | None:
    kinds: dict[str, Callable[[Path, Sequence[str]], Table]] = {
        ".csv": _read_delimited,
        ".tsv": _read_delimited,
        ".txt": _read_delimited,
        ".jsonl": _read_json_lines,
        ".ndjson": _read_json_lines,
        ".json": _read_json,
        ".parquet": _read_parquet,
    }
    return kinds.get(path.suffix.lower())


_SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".tar")
_CONTENTS = {
    b"PK\x03\x04": "spreadsheet",
    b"\xd0\xcf\x11\xe0": "spreadsheet",
    b"PAR1": "Parquet",
    b"\x1f\x8b": "packed",
    b"BZh": "packed",
    b"\xfd7zXZ": "packed",
    b"\x28\xb5\x2f\xfd": "packed",
}


def _check_content(path: Path) -> None:
    """Raises UserError for a spreadsheet, a packed file, and a Parquet file under another ending, by their content."""
    with open_regular(path) as file:
        head = file.read(8)
    kind = next((kind for start, kind in _CONTENTS.items() if head.startswith(start)), None)
    ending = path.suffix.lower()
    if ending in _SPREADSHEETS or (kind == "spreadsheet" and ending not in _PACKED):
        raise UserError(
            f"{path.name} is a spreadsheet",
            "a sheet may hold formulas, dates and merged cells, which are not read",
            "save the sheet as CSV UTF-8 (Excel and LibreOffice: Save As; pandas: "
            "pandas.read_excel(FILE).to_csv('rows.csv', index=False)) and give that file",
        )
    if kind in ("packed", "spreadsheet") or ending in _PACKED:
        raise UserError(f"{path.name} is a packed file", DATA.why, "unpack it and give the file that was in it")
    if kind == "Parquet" and ending != ".parquet":
        raise UserError(
            f"{path.name} is a Parquet file by its content", DATA.why, "give it a name that ends in .parquet"
        )


# --- text ---


_MARKED = {
    b"\xef\xbb\xbf": ("utf-8-sig", "encoding: UTF-8, by its byte-order mark"),
    b"\xff\xfe": ("utf-16", "encoding: UTF-16, by its byte-order mark"),
    b"\xfe\xff": ("utf-16", "encoding: UTF-16, by its byte-order mark"),
}
_UNMARKED = (
    ("utf-8", ""),
    ("cp1252", "encoding: assumed to be Latin-1 (Windows-1252), since the file is no UTF-8"),
    ("latin-1", "encoding: assumed to be Latin-1, since the file is neither UTF-8 nor Windows-1252"),
)


def _text(path: Path) -> tuple[str, list[str]]:
    """Returns a file's text, and a note of its encoding where that is not plain UTF-8."""
    content = read_bytes(path, DATA)
    marked = [found for mark, found in _MARKED.items() if content.startswith(mark)]
    for encoding, said in marked or _UNMARKED:
        with suppress(UnicodeDecodeError):
            return content.decode(encoding), [said] if said else []
    raise _unreadable(f"{DATA.name} {path.name} is not whole in the encoding that its byte-order mark says")


def _read_delimited(path: Path, wanted: Sequence[str]) -> Table:
    text, notes = _text(path)
    if "\0" in text:
        raise _unreadable(f"{DATA.name} {path.name} holds NUL characters")
    if not text.strip():
        return Table([], [], path.name)
    found = cut(text, wanted, usual="\t" if path.suffix.lower() == ".tsv" else ",")
    if found is None:
        raise _unreadable(f"{DATA.name} {path.name} cannot be cut into cells: a quotation mark is not closed")
    if found.uneven:
        number, cells = found.uneven
        raise _unreadable(
            f"row {number} of {path.name} has {cells} cells, and the header {len(found.header)}",
            "put a cell with a delimiter or a line break in it into quotation marks",
        )
    rows = [dict(zip(found.header, line, strict=True)) for line in found.lines]
    return Table(found.header, rows, path.name, notes=[*notes, *found.notes])


def _read_json_lines(path: Path, wanted: Sequence[str]) -> Table:
    text, notes = _text(path)
    return _of_objects(path, parse_rows(text, path.name, DATA), notes)


def _read_json(path: Path, wanted: Sequence[str]) -> Table:
    """Returns the rows of a list of objects, of SQuAD's own form, or of JSON lines under this ending."""
    text, notes = _text(path)
    if _is_json_lines(text):
        return _of_objects(path, parse_rows(text, path.name, DATA), notes)
    value = parse_json(text, path.name, DATA)
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
        if value and all(isinstance(one, dict) and "paragraphs" in one for one in value):
            value = _squad_rows(path, value)
    return _of_objects(path, value, notes)


def _is_json_lines(text: str) -> bool:
    """Returns whether the first line is a whole object, and others follow."""
    first, _, rest = text.strip().partition("\n")
    if not rest:
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _squad_rows(path: Path, articles: list[Any]) -> list[Row]:
    try:
        return [
            {**question, "context": paragraph["context"], "title": article.get("title")}
            for article in articles
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    except (KeyError, TypeError) as error:
        raise _unreadable(f"{path.name} is not whole in SQuAD's form ({reason_of(error)})") from None


def _of_objects(path: Path, values: Any, notes: list[str]) -> Table:
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise _unreadable(
            f"{path.name} is no list of objects",
            "write one JSON object for each row (pandas: to_json with orient='records')",
        )
    columns = list(dict.fromkeys(name for value in values for name in value))
    return Table(columns, values, path.name, notes=notes)


# --- Parquet and the Hub ---


def _read_parquet(path: Path, wanted: Sequence[str]) -> Table:
    columns, rows = _parquet_rows(path)
    return Table(columns, rows, path.name)


def _parquet_rows(path: Path) -> tuple[list[str], list[Row]]:
    """Returns columns and rows; a label that `datasets` keeps as a number is given its name."""
    import pyarrow
    from datasets import ClassLabel, Features
    from pyarrow import parquet

    try:
        found = parquet.ParquetFile(path).read()
        features = Features.from_arrow_schema(found.schema)
    except (OSError, ValueError, KeyError, TypeError, pyarrow.ArrowException) as error:
        raise _unreadable(f"{DATA.name} {path.name} cannot be read as Parquet ({reason_of(error)})") from None
    rows = found.to_pylist()
    for name, feature in features.items():
        if isinstance(feature, ClassLabel):
            for row in rows:
                at = row[name]
                row[name] = feature.names[at] if at is not None and 0 <= at < len(feature.names) else None
    return list(found.column_names), rows


def _from_hub(name: str) -> Table:
    """Returns the rows of a data set's Parquet files, its splits side by side, at the commit of its main branch."""
    fetched = fetch(name, "dataset", None, ["*.parquet"], otherwise="give a file on this machine")
    files = [file for file in fetched.files() if file.suffix == ".parquet"]
    if not files:
        raise UserError(
            f"the data set {name} holds no Parquet file",
            "other files of the Hub are not read",
            "download the data set and give one of its files",
        )
    folders = {file.parent for file in files}
    if len(folders) > 1 and len({_split_of(file) for file in files}) < len(files):
        raise UserError(
            f"the data set {name} has several configurations ({', '.join(sorted(one.name for one in folders))})",
            "a task is made of one",
            "download the one that you mean and give its file",
        )
    rows, columns = list[Row](), dict[str, None]()
    for file in files:
        names, found = _parquet_rows(file)
        columns |= dict.fromkeys(names)
        rows += [{**row, SPLIT: _split_of(file)} for row in found]
    several = len({row[SPLIT] for row in rows}) > 1
    return Table([*columns, *([SPLIT] if several else [])], rows, name, revision=fetched.commit)


def _split_of(file: Path) -> str:
    """Returns the split that the Hub's naming gives a Parquet file: train-00000-of-00001.parquet, or a folder's."""
    stem = re.sub(r"-\d+-of-\d+$", "", file.stem)
    return stem if not re.fullmatch(r"\d+", stem) else file.parent.name


def _unreadable(found: str, mend: str = DATA.mend) -> UserError:
    return UserError(found, DATA.why, mend)
