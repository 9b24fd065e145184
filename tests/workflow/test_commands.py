"""The commands of a study's steps."""

from pathlib import Path

from studies import Checkpoint, load_study
from workflow import commands

STUDY = """
title: heads
model: {id: tiny-random}
tasks:
  reviews_demo: {head: sequence-classification, allow: [disk]}
  passages_demo: {head: question-answering}
methods: [lora, dora, qlora, full, head]
authors: [{name: a, did: b}]
"""


def words_of(tmp_path: Path, method: str, task: str = "reviews_demo") -> tuple[list[str], list[str]]:
    """Returns the training and the scoring command of one checkpoint."""
    (tmp_path / "heads.yaml").write_text(STUDY)
    study = load_study(tmp_path / "heads.yaml")
    checkpoint = next(one for one in study.checkpoints() if (one.task, one.method) == (task, method))
    score = commands.score(study, task, checkpoint, dtype="float32", output=Path("out"))
    return commands.train(study, checkpoint), score


def following(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_a_head_is_trained_and_scored_by_its_own_class(tmp_path: Path) -> None:
    train, score = words_of(tmp_path, "lora")
    assert (following(train, "--head"), following(train, "--allow")) == ("sequence-classification", "disk")
    assert following(score, "--model") == "hf-seqcls"
    train, score = words_of(tmp_path, "lora", "passages_demo")
    assert following(train, "--head") == "question-answering"
    assert following(score, "--model") == "hf-span"
    assert "--allow" not in train


def test_an_adapter_is_scored_on_its_base_and_a_whole_model_by_itself(tmp_path: Path) -> None:
    for method in ("lora", "dora", "qlora"):
        folder = f"build/heads/checkpoints/reviews_demo-{method}-seed1"
        arguments = following(words_of(tmp_path, method)[1], "--model_args")
        assert arguments == f"pretrained=build/tiny-model,peft={folder},dtype=float32"
    for method in ("full", "head"):
        folder = f"build/heads/checkpoints/reviews_demo-{method}-seed1"
        assert following(words_of(tmp_path, method)[1], "--model_args") == f"pretrained={folder},dtype=float32"


def test_the_base_is_always_scored_as_a_language_model(tmp_path: Path) -> None:
    (tmp_path / "heads.yaml").write_text(STUDY)
    study = load_study(tmp_path / "heads.yaml")
    assert (
        following(commands.score(study, "reviews_demo", None, dtype="float32", output=Path("out")), "--model") == "hf"
    )
    assert Checkpoint(task="reviews_demo", method="head", seed=1) in study.checkpoints()
