"""Text that no file can hold, or that would turn what stands beside it, is no fact; rows are read whole."""

import json
from pathlib import Path

from finetune.kinds import ROWS
from report.facts.values import fact, missing
from report.reading.results import read_rows

SOURCE = {"file": "a.json", "pointer": "", "sha256": "f0"}


def test_halves_of_characters_and_turned_directions_are_not_kept() -> None:
    assert fact("a\ud800b", "text", SOURCE).value == "a\N{REPLACEMENT CHARACTER}b"
    assert fact("ab\N{RIGHT-TO-LEFT OVERRIDE}dc\N{POP DIRECTIONAL FORMATTING}", "text", SOURCE).value == "abdc"
    assert missing("why \udfff").missing.encode() == "why \N{REPLACEMENT CHARACTER}".encode()
    assert fact("\N{HEBREW LETTER ALEF}\N{RIGHT-TO-LEFT MARK}", "text", SOURCE).value == "\u05d0\u200f"


def test_a_row_with_a_line_separator_is_one_row(tmp_path: Path) -> None:
    rows = [{"doc_hash": "f0", "cluster": None, "text": f"one{sign}two"} for sign in "\u2028\u2029\x85\x0b\x1c"]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "train_rows.jsonl").write_text(text, encoding="utf-8")
    assert read_rows(tmp_path, "train_rows.jsonl", ROWS).content == rows
