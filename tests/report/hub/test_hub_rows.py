"""Training rows that go to the Hub cut short: each is one row, whatever signs its text holds."""

import json
from pathlib import Path

from report.hub.contents import checkpoint_contents


def test_a_row_with_a_line_separator_stays_one_row(tmp_path: Path) -> None:
    rows = [
        {"doc_hash": f"{i:064x}", "cluster": None, "text": f"one{sign}two " * 9}
        for i, sign in enumerate("\u2028\x85\x1c")
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "train_rows.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # of no tensors
    contents, _ = checkpoint_contents(tmp_path, base=None, allowed=False)
    shown = contents["train_rows.jsonl"]
    assert isinstance(shown, bytes)
    kept = [json.loads(line) for line in shown.decode().split("\n") if line]
    assert [row["doc_hash"] for row in kept] == [row["doc_hash"] for row in rows]
    assert all("[sha256 " in row["text"] for row in kept)
