"""Tasks by name, and what is said where one cannot be had."""

from pathlib import Path

import pytest

from harness_tasks import UserError
from harness_tasks.loading import check_task, load_task, parse_metadata


def write_task(folder: Path, *lines: str) -> Path:
    (folder / "task.yaml").write_text("\n".join(["task: own_task", "output_type: generate_until", *lines]) + "\n")
    return folder


def test_the_demo_tasks_load_and_render() -> None:
    for name in ("reviews_demo", "passages_demo"):
        task = check_task(name, num_fewshot=2, training=True)
        assert task.has_training_docs()
        assert not task.doc_to_text(task.eval_docs[0]).endswith((" ", "\n"))
        assert task.config.metadata["data"]["rows"]["test"] == len(task.eval_docs)


def test_an_unknown_task_names_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        load_task("review_demo", include_defaults=False)
    assert str(caught.value) == (
        "Found: there is no task 'review_demo'\n"
        "Why it matters: nothing can be rendered, trained on or scored without one\n"
        "To mend it: name one of: reviews_demo"
    )


def test_a_part_of_a_name_suggests_the_whole_ones() -> None:
    with pytest.raises(UserError, match="name one of: sst2_llama, sst2_llama_glue"):
        load_task("sst2", include_defaults=False)


def test_a_name_like_nothing_else() -> None:
    with pytest.raises(UserError, match="`lm_eval ls tasks` lists the tasks that there are"):
        load_task("xyzzy", include_defaults=False)


def test_a_tag_is_no_task(data_dir: Path) -> None:
    metadata = {"data_dir": str(data_dir)}
    with pytest.raises(UserError, match=r"squad2/train-v2\.0\.json"):
        load_task("aftertune", metadata=metadata)  # squad_llama is among them


def test_a_group_names_its_members(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(
            f"task: {name}\ntag: pair\ncustom_dataset: !function harness_tasks.passages_demo.hooks.load\n"
            "output_type: generate_until\ntest_split: test\ndoc_to_text: question\ndoc_to_target: title\n"
        )
    with pytest.raises(UserError, match="'pair' is a group of 2 tasks") as caught:
        load_task("pair", include_path=tmp_path)
    assert caught.value.mend == "name one of them: one, two"


def test_a_task_of_someone_elses_that_cannot_load(tmp_path: Path) -> None:
    folder = write_task(tmp_path, "custom_dataset: !function missing_module.load", "test_split: test")
    with pytest.raises(UserError, match="the task 'own_task' cannot be loaded: ImportError: Cannot import module"):
        load_task("own_task", include_path=folder)


def test_a_task_without_a_training_split(tmp_path: Path) -> None:
    folder = write_task(
        tmp_path,
        "custom_dataset: !function harness_tasks.passages_demo.hooks.load",
        "test_split: test",
        "doc_to_text: question",
        "doc_to_target: title",
    )
    check_task("own_task", include_path=folder)
    with pytest.raises(UserError) as caught:
        check_task("own_task", include_path=folder, training=True)
    assert str(caught.value) == (
        "Found: the task 'own_task' has no training split\n"
        "Why it matters: its training rows are what a model would be fine-tuned on\n"
        "To mend it: name another task, or give this one a `training_split` in its YAML"
    )


def test_a_row_that_cannot_be_rendered(tmp_path: Path) -> None:
    folder = write_task(
        tmp_path,
        "custom_dataset: !function harness_tasks.passages_demo.hooks.load",
        "test_split: test",
        "training_split: train",
        "doc_to_text: question",
        "doc_to_target: title",
    )
    task = check_task("own_task", include_path=folder)
    task.config.doc_to_text = "{{nothing}}"
    from harness_tasks.loading import _render_first

    with pytest.raises(UserError, match="the first scored row of the task 'own_task' cannot be rendered"):
        _render_first(task, "own_task", task.eval_docs, "scored")


def test_more_shots_than_rows() -> None:
    with pytest.raises(UserError, match="has 336 rows to draw 400 shots from"):
        check_task("passages_demo", num_fewshot=400)


def test_an_include_path_that_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        load_task("reviews_demo", include_path=tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["data_dir=x", "[1]", "{"])
def test_metadata_that_is_no_object(text: str) -> None:
    with pytest.raises(UserError, match="is not a JSON object"):
        parse_metadata(text)
    assert parse_metadata(None) == {}


def test_a_task_of_ours_is_found_beside_a_folder_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "other.yaml").write_text("task: other\noutput_type: generate_until\n")
    assert load_task("passages_demo", include_path=folder).config.task == "passages_demo"
