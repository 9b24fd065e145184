"""Damaged input ends in three parts and exit code 2, or is read as what it is; nothing is half-written."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "report"))

from damage_targets import TARGETS, Target, trials

QUICK = ("report build", "report verify", "report compare", "report params", "report audit")
"""Targets that load no model: a trial takes some tenths of a second."""


@pytest.mark.parametrize("target", [target for target in TARGETS if target.name in QUICK], ids=lambda one: one.name)
def test_a_damaged_file_is_refused_or_read(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [trial for trial in trials(target, tmp_path, count=15) if trial.fault] == []


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
def test_many_damaged_files_are_refused_or_read(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [trial for trial in trials(target, tmp_path, count=200, first_seed=1000) if trial.fault] == []
