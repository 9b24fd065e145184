"""Figures drawn in a process of their own are the same ones, and what goes wrong there is told here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from report.page.figures import pictures

CODE = """
import json, pathlib, sys
from report.page.figures.beside import begun
facts = json.loads(pathlib.Path(sys.argv[1]).read_text())
drawing = begun(facts)
drawn = drawing()
loaded = sorted({"numpy", "matplotlib"} & set(sys.modules))
print(json.dumps([loaded, {name: picture.svg for name, picture in drawn.items()}]))
"""


def run(facts: dict[str, Any], folder: Path, code: str = CODE) -> subprocess.CompletedProcess[str]:
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    words = [sys.executable, "-W", "error", "-c", code, str(folder / "facts.json")]
    return subprocess.run(words, capture_output=True, text=True, timeout=300)


@pytest.mark.skipif(sys.platform != "linux" or (os.cpu_count() or 1) < 2, reason="drawn in the same process here")
def test_another_process_draws_the_same_figures(facts: dict[str, Any], tmp_path: Path) -> None:
    done = run(facts, tmp_path)
    loaded, drawn = json.loads(done.stdout)
    assert loaded == []
    assert drawn == {name: picture.svg for name, picture in pictures(facts).items()}
    assert done.stderr == ""


def test_where_numpy_is_loaded_it_draws_by_itself(facts: dict[str, Any], tmp_path: Path) -> None:
    loaded, drawn = json.loads(run(facts, tmp_path, f"import numpy\n{CODE}").stdout)
    assert loaded == ["matplotlib", "numpy"]
    assert drawn == {name: picture.svg for name, picture in pictures(facts).items()}


def test_what_goes_wrong_there_is_raised_here(facts: dict[str, Any], tmp_path: Path) -> None:
    done = run({key: value for key, value in facts.items() if key != "checkpoints"}, tmp_path)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("KeyError: 'checkpoints'")
