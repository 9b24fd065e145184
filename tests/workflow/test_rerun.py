"""What is done is not done again, and a change redoes exactly what depends on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workflow.conftest import House


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    """Replaces ``old`` by ``new`` in a file for a while; what was there, and its time, come back."""
    text, stat = path.read_text(), path.stat()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    try:
        yield
    finally:
        path.write_text(text)
        import os

        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


MEANS = {"reviews_demo": "bag-of-words", "passages_demo": "nearest-passage-sentence"}


def steps_of(task: str, *, seed: int = 1) -> set[str]:
    """The steps that make one task's checkpoint and measure it."""
    name = f"{task}-lora-seed{seed}"
    measured = {f"{rule} {name} {task}" for rule in ("score", "prior", "overlap")}
    return {f"train {name}", f"parameters {name}", f"baseline {name} {MEANS[task]} {task}"} | measured


def base_steps_of(task: str) -> set[str]:
    """The steps that look at one task and measure the base model on it."""
    return {f"check {task}", f"sample {task}", f"score base {task}", f"prior base {task}", f"score base-2-shot {task}"}


def test_a_second_run_does_nothing(house: House) -> None:
    before = house.outputs()
    again = house.run()
    assert again.returncode == 0
    assert house.outputs() == before
    assert house.to_do() == set()


def test_a_score_that_was_deleted_is_made_again(house: House) -> None:
    score, moved = house.build / "scores" / "base" / "passages_demo", house.folder / "moved"
    score.rename(moved)
    try:
        assert "score base passages_demo" in house.to_do()
    finally:
        moved.rename(score)
    assert house.to_do() == set()


def test_a_changed_prompt_redoes_that_task_alone(house: House) -> None:
    prompt = house.folder / "harness_tasks" / "passages_demo" / "passages_demo.yaml"
    with changed(prompt, "test_split: test\n", 'test_split: test\ndescription: "Read well.\\n"\n'):
        assert house.to_do() == steps_of("passages_demo") | base_steps_of("passages_demo") | {"report"}
    assert house.to_do() == set()


def test_a_changed_base_prompt_redoes_the_tasks_that_include_it(house: House) -> None:
    prompt = house.folder / "harness_tasks" / "sst2" / "_sst2_yaml"
    with changed(prompt, "positive or negative?", "negative or positive?"):
        assert house.to_do() == steps_of("reviews_demo") | base_steps_of("reviews_demo") | {"report"}


def test_a_changed_recipe_redoes_that_checkpoint_alone(house: House) -> None:
    with changed(house.study, "recipe: {epochs: 2, batch_size: 16", "recipe: {epochs: 3, batch_size: 16"):
        assert house.to_do() == steps_of("reviews_demo") | {"report"}


def test_how_often_the_trainer_saves_redoes_nothing(house: House) -> None:
    with changed(house.study, "batch_size: 16, lora_r: 4, save_steps: 2", "batch_size: 16, lora_r: 4, save_steps: 3"):
        assert house.to_do() == set()


def test_a_changed_limit_scores_that_task_again(house: House) -> None:
    with changed(house.study, "limit: 40", "limit: 35"):
        name = "reviews_demo-lora-seed1"
        scored = {"sample reviews_demo", *(f"score {one} reviews_demo" for one in ("base", "base-2-shot", name))}
        again = {f"overlap {name} reviews_demo", f"baseline {name} bag-of-words reviews_demo"}
        assert house.to_do() == scored | again | {"report"}  # the prior reads no item


def test_another_seed_adds_its_checkpoints(house: House) -> None:
    with changed(house.study, "dtype: float32\n", "dtype: float32\nseeds: [1, 2]\n"):
        assert house.to_do() == steps_of("reviews_demo", seed=2) | steps_of("passages_demo", seed=2) | {"report"}


def test_a_changed_template_only_writes_the_page_again(house: House) -> None:
    with changed(house.folder / "templates" / "report.md.j2", "## ", "##  "):
        assert house.to_do() == {"report"}


@pytest.mark.parametrize(("module", "rule"), [("prior", "prior"), ("overlap", "overlap")])
def test_a_changed_measure_is_taken_again_and_no_other(house: House, module: str, rule: str) -> None:
    with changed(house.folder / "harness_tasks" / f"{module}.py", '"""', '"""Now: '):
        steps = {step for step in house.to_do() if step != "report"}
    names = ["reviews_demo-lora-seed1", "passages_demo-lora-seed1"]
    assert steps == {f"{rule} {name} {name.split('-')[0]}" for name in names} | (
        {f"prior base {task}" for task in ("reviews_demo", "passages_demo")} if rule == "prior" else set()
    )


def test_a_changed_metric_scores_again_and_trains_nothing(house: House) -> None:
    with changed(house.folder / "harness_tasks" / "metrics" / "_squad.py", '"""', '"""Now: '):
        steps = house.to_do()
    assert {step.split()[0] for step in steps} == {"score", "overlap", "baseline", "report"}
    assert "score base passages_demo" in steps


def test_a_function_that_the_page_takes_from_the_tasks_writes_the_page_again(house: House) -> None:
    with changed(house.folder / "harness_tasks" / "rendering.py", '"""The prompt', '"""Here is the prompt'):
        assert house.to_do() == {"report"}


def test_an_edited_author_only_writes_the_page_again(house: House) -> None:
    with changed(house.study, "did: run this study", "did: ran this study"):
        assert house.to_do() == {"report"}


def test_claims_to_audit_are_an_input_of_the_page(house: House) -> None:
    (house.study.parent / "claims.yaml").write_text("claims: []\n")  # found beside the study file
    with changed(house.study, "dtype: float32\n", "dtype: float32\nclaims: claims.yaml\n"):
        assert house.to_do() == {"report"}


def test_two_runs_at_once_are_refused(house: House) -> None:
    import fcntl

    with open(house.build / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = house.run()
    assert refused.returncode == 2
    assert "Found: another process is working on build/tiny" in refused.stderr


@pytest.mark.parametrize(
    ("old", "new", "found", "mend"),
    [
        ("limit: 40", "limits: 40", "unknown key `tasks.reviews_demo.limits`", "write `limit`"),
        ("limit: 40", "limit: none", "`tasks.reviews_demo.limit` is 'none'", "docs/reference/study-keys.md"),
        ("id: tiny-random", "id: studies", "the folder studies holds no config.json", "save_pretrained"),
        (
            "{course: natural",
            "{data_dir: nowhere, course: natural",
            "data_dir 'nowhere' is not a folder",
            "AFTERTUNE_DATA",
        ),
    ],
)
def test_a_wrong_study_is_told_before_anything_runs(house: House, old: str, new: str, found: str, mend: str) -> None:
    before = house.outputs()
    with changed(house.study, old, new):
        refused = house.run()
    assert refused.returncode == 2
    assert found in refused.stderr
    assert mend in refused.stderr.split("To mend it: ")[1]
    assert house.outputs() == before
