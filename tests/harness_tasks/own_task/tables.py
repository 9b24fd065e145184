"""Files of rows for the tests of own tasks, written as users write them."""

import csv
import itertools
from pathlib import Path

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
