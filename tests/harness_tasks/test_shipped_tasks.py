"""What lm_eval's own tasks are called and where they lie, beside lm_eval's index of all of them."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lm_eval.tasks import TaskManager

from harness_tasks import TASKS_PATH, UserError, shipped_tasks
from harness_tasks.loading import load_task, members, task_manager


@pytest.fixture(scope="module")
def whole() -> TaskManager:
    """lm_eval's own index of all its tasks, which takes seconds."""
    return TaskManager()


def test_the_names_are_those_of_the_index(whole: TaskManager) -> None:
    assert set(whole.all_tasks) - shipped_tasks.names() == set()
    # A file that lm_eval cannot read is passed over by it.
    assert shipped_tasks.names() - set(whole.all_tasks) <= {"scrolls"}


def test_every_task_group_and_tag_lies_in_its_folder(whole: TaskManager) -> None:
    of_folders = defaultdict[Path, list[str]](list)
    for name in whole.all_tasks:
        (folder,) = shipped_tasks.folders([name])
        of_folders[folder].append(name)
    for folder, names in of_folders.items():
        for name in names:
            for file in _files(whole, name):
                assert file.is_relative_to(folder), (name, file, folder)


def _files(index: TaskManager, name: str) -> Iterator[Path]:
    """Yields the files that lm_eval's index has of a name and, of a tag, of its tasks."""
    entry: Any = index.task_index[name]
    for one in [entry, *(index.task_index[task] for task in sorted(entry.tags) if entry.yaml_path is None)]:
        if one.yaml_path:
            yield one.yaml_path


@pytest.mark.parametrize("name", ["hellaswag", "mmlu", "ai2_arc", "glue", "leaderboard", "mmlu_stem", "aclue"])
def test_an_index_for_one_name_knows_what_it_stands_for_and_little_else(whole: TaskManager, name: str) -> None:
    index = task_manager(TASKS_PATH, shipped=[name])
    assert sorted(_below(index, name)) == sorted(_below(whole, name))
    assert len(index.all_tasks) < len(whole.all_tasks) / 10


def _below(index: TaskManager, name: str) -> set[str]:
    """Returns the names of all that a group or a tag holds, its own among them."""
    entry: Any = index.task_index[name]
    listed = (entry.cfg or {}).get("task") if entry.kind.name == "GROUP" else sorted(entry.tags)
    parts = [part for part in listed if isinstance(part, str)] if entry.kind.name in ("GROUP", "TAG") else []
    return {name}.union(*(_below(index, part) for part in parts))


def test_a_name_that_nobody_has_is_told_with_the_nearest_of_lm_evals() -> None:
    assert shipped_tasks.folders(["hellaswga", "reviews_demo"]) == []
    with pytest.raises(UserError, match="hellaswag") as caught:
        load_task("hellaswga")
    assert caught.value.found == "there is no task 'hellaswga'"


def test_folders_of_several_names_do_not_lie_in_each_other() -> None:
    folders = shipped_tasks.folders(["arc_easy", "leaderboard", "leaderboard_musr", "hellaswag"])
    assert [folder.name for folder in folders] == ["leaderboard", "hellaswag", "arc"]


def test_a_task_of_the_users_takes_the_place_of_lm_evals(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("task: hellaswag\noutput_type: generate_until\n", encoding="utf-8")
    index = task_manager(tmp_path, shipped=["hellaswag"])
    assert index.task_index["hellaswag"].yaml_path == tmp_path / "own.yaml"
    assert members("hellaswag", index).tasks == ["hellaswag"]
