"""A user's rows as a table: CSV, TSV, JSON, JSON lines and Parquet files, and data sets of the Hub."""

import csv
import io
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
from harness_tasks.reading import Kind, check_file, parse_json, parse_rows, read_bytes

DATA = Kind(
    "the data file",
    "the task's rows are read from it",
    "give a CSV, TSV, JSON, JSON lines or Parquet file, or the id of a data set on the Hub",
    limit_mib=4096,
    finite=False,
)
DELIMITERS = ",;\t|"
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


def read_table(data: str, wanted: Sequence[str]) -> Table:
    """Returns the rows of a file, or of a data set on the Hub where ``data`` is no file and looks like an id.

    ``wanted``: the columns that will be asked for; of several ways to cut a line into cells the one that has them wins.

    Raises:
        UserError: there is no such file, it cannot be read, a row has other cells than the header, or a column lacks.
    """
    path = Path(data)
    if not path.exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", data) and not _reader(path):
        table = _from_hub(data)
    else:
        reader = _reader(path)
        if reader is None:
            raise _unreadable(
                f"{DATA.name} {path.name} is of no kind that is known by its ending ({path.suffix or 'none'})"
            )
        check_file(path, DATA)
        table = replace(reader(path, wanted), sha256=sha256_file(path))
    if not table.rows:
        raise UserError(
            f"{table.origin} holds no rows", "a task is made of rows", "give a file with a header and rows below it"
        )
    for column in wanted:
        check_column(table, column)
    return table


def check_column(table: Table, column: str) -> None:
    """Raises UserError where the table has no such column, or two of that name; the nearest name is offered."""
    count = table.columns.count(column)
    if count == 1:
        return
    if count:
        raise UserError(
            f"{table.origin} has {count} columns of the name {column!r}",
            "it cannot be told which of them is meant",
            "rename one in the file's header",
        )
    nearest = nearest_name(column, table.columns) or nearest_name(column.lower(), table.columns)
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
    return str(value).strip() or None


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
    ways = [_Way(delimiter, quoted) for quoted in (True, False) for delimiter in _delimiters(path, text)]
    cut = [(way, grid) for way in ways if (grid := way.cells(text))]
    if not cut:
        if not text.strip():
            return Table([], [], path.name)
        raise _unreadable(f"{DATA.name} {path.name} cannot be cut into cells: a quotation mark is not closed")

    def fitness(found: tuple[_Way, list[list[str]]]) -> tuple[int, int, int]:
        header, *rows = found[1]
        ragged = sum(len(row) != len(header) for row in rows)
        return sum(name in header for name in wanted), -ragged, len(header)

    way, (header, *lines) = max(cut, key=fitness)  # of equals the first: quoted, and the sniffer's delimiter
    for number, line in enumerate(lines, start=1):
        if len(line) != len(header):
            raise _unreadable(
                f"row {number} of {path.name} has {len(line)} cells, and the header {len(header)}",
                "put a cell with a delimiter or a line break in it into quotation marks",
            )
    name = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}[way.delimiter]
    if way.delimiter != {".tsv": "\t"}.get(path.suffix.lower(), ","):
        notes.append(f"delimiter: {name}")
    if not way.quoted:
        notes.append("quotation marks: taken as text, since they do not pair")
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    return Table(header, rows, path.name, notes=notes)


def _delimiters(path: Path, text: str) -> list[str]:
    """Returns the delimiters that may cut the lines, the likeliest first."""
    likely = "\t" if path.suffix.lower() == ".tsv" else ""
    if not likely:
        try:
            likely = csv.Sniffer().sniff(text[:65536], DELIMITERS).delimiter
        except csv.Error:
            likely = ","
    return [likely, *(other for other in DELIMITERS if other != likely)]


@dataclass(frozen=True)
class _Way:
    """A way to cut lines into cells."""

    delimiter: str
    quoted: bool

    def cells(self, text: str) -> list[list[str]] | None:
        """Returns the cells of each line that is not blank, the header's first; None where they cannot be cut so."""
        quoting: Any = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        # newline="": a line break within quotation marks belongs to its cell
        lines = io.StringIO(text, newline="")
        former = csv.field_size_limit(len(text) + 1)
        try:
            found = list(csv.reader(lines, delimiter=self.delimiter, quoting=quoting, strict=True))
        except csv.Error:
            return None
        finally:
            csv.field_size_limit(former)
        rows = [row for row in found if any(cell.strip() for cell in row)]
        return [[name.strip() for name in rows[0]], *rows[1:]] if rows else None


def _read_json_lines(path: Path, wanted: Sequence[str]) -> Table:
    text, notes = _text(path)
    return _of_objects(path, parse_rows(text, path.name, DATA), notes)


def _read_json(path: Path, wanted: Sequence[str]) -> Table:
    """Returns the rows of a list of objects, or of SQuAD's own form."""
    text, notes = _text(path)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # JSON lines under another ending
            return _of_objects(path, parse_rows(text, path.name, DATA), notes)
    value = parse_json(text, path.name, DATA)
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
        if value and all(isinstance(one, dict) and "paragraphs" in one for one in value):
            value = _squad_rows(path, value)
    return _of_objects(path, value, notes)


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
        raise _unreadable(f"{path.name} is no list of objects", "write one JSON object for each row")
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
