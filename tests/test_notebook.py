"""docs/notebook.ipynb: it runs from its first cell to its last, and what is shown of it is small and of no machine."""

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_its_outputs_are_small_and_name_no_machine() -> None:
    cells = [cell for cell in notebook().cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells[1:])
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < 40_000
    assert re.findall(r"/(?:home|root|tmp|Users|usr|opt)/", text) == []
    assert "Traceback" not in text


@pytest.mark.slow
def test_it_runs(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    shutil.copytree(tiny_model, tmp_path / "my-copy")
    found = notebook()
    first = next(cell for cell in found.cells if cell.cell_type == "code")
    given = {"build/base": str(tiny_model), "runs/my-adapter": "my-copy", "LIMIT = 48": "LIMIT = 6"}
    for old, new in given.items():
        assert old in first.source
        first.source = first.source.replace(old, new)
    NotebookClient(found, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "my-report.html").read_bytes() == next(tmp_path.glob("build/*/report.html")).read_bytes()
    shown = "".join(str(output) for cell in found.cells for output in cell.get("outputs", ()))
    assert "scored my-copy on reviews_demo" in shown
    assert "the same" in shown
