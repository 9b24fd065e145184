"""What a page calls a checkpoint: nothing that the study has only one of, but the method and the seed."""

from itertools import product
from typing import get_args

import pytest

from finetune.heads import Head
from finetune.recipe import Method
from studies.study import Checkpoint, Study

HEADS = get_args(Head)


@pytest.mark.parametrize(
    ("values", "name", "on_own_task"),
    [
        ({"method": "lora"}, "LoRA, seed 1", "LoRA, seed 1"),
        ({"method": "full", "is_named_by_task": True}, "full fine-tuning on sst2, seed 1", "full fine-tuning, seed 1"),
        (
            {"method": "head", "is_named_by_head": True, "head": "sequence-classification"},
            "head alone (classifier), seed 1",
            "head alone (classifier), seed 1",
        ),
        (
            {"method": "qlora", "is_named_by_head": True, "is_named_by_task": True},
            "QLoRA (language model) on sst2, seed 1",
            "QLoRA (language model), seed 1",
        ),
    ],
)
def test_a_name_has_what_tells_checkpoints_apart(values: dict[str, object], name: str, on_own_task: str) -> None:
    one = Checkpoint.model_validate({"task": "sst2", "seed": 1, **values})
    assert one.display_name() == name
    assert one.display_name("sst2") == on_own_task
    assert one.display_name("squad") == name


@pytest.mark.parametrize(("tasks", "heads", "seeds"), product((1, 3), (1, 2, 3), (1, 3)))
def test_no_two_checkpoints_of_a_study_have_one_name(tasks: int, heads: int, seeds: int) -> None:
    """Every method, for one and for several tasks, heads and seeds; on one task too, where the task goes unsaid."""
    every = [
        Checkpoint(
            task=f"task{task}",
            method=method,
            seed=seed,
            head=head,
            is_named_by_head=heads > 1,
            is_named_by_task=tasks > 1,
        )
        for task, method, seed, head in product(range(tasks), get_args(Method), range(seeds), HEADS[:heads])
    ]
    assert len({one.display_name() for one in every}) == len(every)
    for task in range(tasks):
        assert len({one.display_name(f"task{task}") for one in every}) == len(every)


def test_a_study_says_of_its_checkpoints_what_it_has_several_of() -> None:
    common = {"name": "s", "title": "T", "model": {"id": "embedded"}, "authors": [{"name": "A", "did": "all"}]}
    one = Study.model_validate({**common, "tasks": {"reviews_demo": {}}, "seeds": [1, 2]})
    assert [made.display_name() for made in one.trained_checkpoints()] == ["LoRA, seed 1", "LoRA, seed 2"]
    two = Study.model_validate({**common, "tasks": {"reviews_demo": {}, "passages_demo": {}}})
    assert [made.display_name() for made in two.trained_checkpoints()] == [
        "LoRA on reviews_demo, seed 1",
        "LoRA on passages_demo, seed 1",
    ]
