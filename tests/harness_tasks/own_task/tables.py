"""Files of rows for the tests of own tasks, written as users write them."""

import csv
import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

STARS = {
    "1": "awful broken refund worst",
    "2": "poor weak cheap slow",
    "3": "okay average plain normal",
    "4": "nice solid useful handy",
    "5": "superb perfect brilliant {{ 7 * 7 }} {% raw %}",
}
"""Five labels and the words of their reviews; some would be code in a template."""


def five_stars(path: Path, *, each: int = 12, products: int = 9) -> Path:
    """Writes reviews of products with five labels, ``each`` reviews a label, with line breaks in quotation marks."""
    words = {label: itertools.permutations(text.split(" "), 3) for label, text in STARS.items()}
    rows = [
        [f'{" ".join(next(words[label]))},\nsays "buyer" {at}', label, f"product {(at * 5 + int(label)) % products}"]
        for at in range(each)
        for label in STARS
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["Review text", "stars", "product"], *rows])
    return path


def excel_of_germany(path: Path) -> Path:
    """Writes what a spreadsheet saves there: semicolons, Latin-1, a line break in a cell, and missing cells."""
    lines = ["Text;Gefühl;Kunde"]
    for at in range(8):
        lines += [f'"Schön; wirklich\nschön {at}";gut;K{at}', f"Übel und müde {at};schlecht;K{at + 100}"]
    lines += [";gut;K1", "Ohne Urteil;;K2", "Schön, WIRKLICH schön 0!;gut;K3"]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("latin-1"))
    return path


def questions_on_lives(path: Path, *, people: int = 12) -> Path:
    """Writes SQuAD-like JSON lines: four questions on each of some lives, one of them without an answer."""
    with path.open("w", encoding="utf-8") as file:
        for at in range(people):
            name, town = f"Ada {at}", f"Town {at}"
            life = f"{name} was born in {town}, in 18{10 + at}. She wrote {at + 2} books."
            asked: dict[str, Any] = {
                f"Where was {name} born?": [town, f"in {town}"],
                f"When was {name} born?": f"18{10 + at}",
                f"How many books did {name} write?": {
                    "text": [str(at + 2)],
                    "answer_start": [life.index(" books") - 1],
                },
                f"Who was {name}'s father?": [],
            }
            for question, answers in asked.items():
                file.write(json.dumps({"question": question, "passage": life, "answers": answers}) + "\n")
    return path


def sums(path: Path, *, users: int = 8) -> Path:
    """Writes prompts and completions of two lines, and an object with the user, as Parquet."""
    rows = [
        {"prompt": f"Add {one} to {two}.", "completion": f"{one} + {two}\nis {one + two}.", "meta": {"user": f"u{one}"}}
        for one in range(users)
        for two in range(6)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path
