"""The files that lm_eval left are taken where each is the only one of its kind."""

from pathlib import Path

import pytest

from harness_tasks.errors import UserError
from harness_tasks.reading import only_file
from workflow import score


def test_the_only_file_is_found_however_deep(tmp_path: Path) -> None:
    (tmp_path / "model" / "results_folder.json").mkdir(parents=True)  # a folder is no file
    file = tmp_path / "model" / "results_2026.json"
    file.write_text("{}")
    assert only_file(tmp_path, "results_*.json", why="", mend="") == file


@pytest.mark.parametrize("count", [0, 2])
def test_none_and_several_are_told(tmp_path: Path, count: int) -> None:
    for number in range(count):
        (tmp_path / f"results_{number}.json").write_text("{}")
    with pytest.raises(UserError) as caught:
        score._left_by_lm_eval(tmp_path, "results_*.json")
    assert caught.value.found == f"{tmp_path} holds {count} files results_*.json"
    assert "the step's score would be missing or another's" in caught.value.why
    assert "a full disk is a usual cause" in caught.value.mend
