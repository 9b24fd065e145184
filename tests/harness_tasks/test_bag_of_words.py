"""The bag of words: against scikit-learn called by hand, and on labels of which the truth is planted."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from harness_tasks import UserError
from harness_tasks.bag_of_words import Texts, answers, bag_of_words, fit
from harness_tasks.loading import doc_hash
from tests.in_this_process import aftertune

TASKS = Path(__file__).parents[1] / "finetune" / "guards" / "tasks"
Rows = list[dict[str, Any]]


def words(number: int, choice: random.Random) -> str:
    return " ".join(choice.choices([f"word{i}" for i in range(40)], k=number))


def planted(number: int, *, is_random: bool = False, seed: int = 1) -> Rows:
    """Sentences of 12 random words with "fine" or "dull" among them, which decides the label unless that is random."""
    choice, made = random.Random(seed), []
    for i in range(number):
        label = i % 2
        sentence = f"{words(6, choice)} {('dull', 'fine')[label]} {words(6, choice)}"
        made.append({"sentence": sentence, "label": choice.randrange(2) if is_random else label, "film": f"{seed}-{i}"})
    return made


class Files:
    """A task's rows, and the files of a checkpoint and of its scores in ``folder``."""

    def __init__(self, folder: Path, train: Rows, test: Rows) -> None:
        self.rows, self.samples, self.trained = folder / "rows.json", folder / "samples.jsonl", folder / "rows.jsonl"
        self.rows.write_text(json.dumps({"train": train, "validation": test, "test": test}))
        items = [{"doc_id": i, "doc": doc, "doc_hash": doc_hash(doc)} for i, doc in enumerate(test)]
        self.samples.write_text("".join(json.dumps(item) + "\n" for item in items))
        self.train_on([{"doc_hash": doc_hash(doc)} for doc in train])

    def train_on(self, rows: Rows) -> None:
        self.trained.write_text("".join(json.dumps({"text": "", "cluster": None, **row}) + "\n" for row in rows))

    def answers(self) -> dict[str, Any]:
        return bag_of_words(
            "toy_choice",
            samples=self.samples,
            training_rows=self.trained,
            metadata={"rows": str(self.rows)},
            include_path=TASKS,
        )


def accuracy(found: dict[str, Any]) -> float:
    return math.fsum(found["values"]["acc"]) / len(found["values"]["acc"])


def test_it_is_scikit_learns_classifier_of_weighted_counts() -> None:
    """TF-IDF from counts by hand: (1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), each row of length 1."""
    rows = planted(80, is_random=True)
    texts, golds = [row["sentence"] for row in rows], [row["label"] for row in rows]
    counter = CountVectorizer(ngram_range=(1, 2))
    counts = counter.fit_transform(texts).toarray().astype(float)
    inverse = [math.log((1 + 80) / (1 + column)) + 1 for column in (counts > 0).sum(0)]

    def weighted(counts: Any) -> Any:
        return normalize(
            [[(1 + math.log(tf)) * idf if tf else 0 for tf, idf in zip(r, inverse, strict=True)] for r in counts]
        )

    expected = LogisticRegression(max_iter=1000).fit(weighted(counts), golds)
    other = [row["sentence"] for row in planted(10, seed=2)]
    probabilities = expected.predict_proba(weighted(counter.transform(other).toarray()))
    found = answers(fit(Texts(texts, golds), "the rows"), other, 3)
    assert [[math.exp(value) for value in row[:2]] for row in found] == [
        pytest.approx(row, abs=1e-4) for row in probabilities
    ]
    assert {row[2] for row in found} == {-1e6}  # a choice that no training row has


def test_a_label_that_one_word_decides_is_learned_and_a_random_one_is_not(tmp_path: Path) -> None:
    found = Files(tmp_path, planted(400), planted(200, seed=2)).answers()
    assert accuracy(found) == 1.0
    assert found["predictions"] == [0, 1] * 100
    assert found["labels"] == [200, 200]
    assert found["choices"] == ["bad", "good"]
    assert found["doc_ids"] == list(range(200))
    at_random = Files(tmp_path, planted(400, is_random=True), planted(200, is_random=True, seed=2)).answers()
    assert abs(accuracy(at_random) - 0.5) < 1.96 * math.sqrt(0.25 / 200)


def test_only_the_rows_of_the_checkpoint_are_learned_from(tmp_path: Path) -> None:
    files = Files(tmp_path, train := planted(400), planted(20, seed=2))
    files.train_on([{"doc_hash": doc_hash(row)} for row in train[:30]])
    assert files.answers()["training_rows"] == 30
    assert files.answers() == files.answers()


def refused(files: Files) -> str:
    with pytest.raises(UserError) as refusal:
        files.answers()
    return str(refusal.value)


def test_rows_of_one_label_of_another_task_and_without_words_are_refused(tmp_path: Path) -> None:
    test = planted(4, seed=2)
    said = refused(Files(tmp_path, [row for row in planted(40) if row["label"]], test))
    assert "the training rows of toy_choice have 1 label (20 rows)" in said
    assert "a classifier learns from rows of different labels" in said
    assert "train on rows of two labels or more" in said
    files = Files(tmp_path, planted(40), test)
    files.train_on([{"doc_hash": "0" * 64}])
    assert "1 of the 1 rows of" in refused(files)
    assert "are no training rows of toy_choice" in refused(files)
    wordless = [{**row, "sentence": "?!"} for row in planted(40)]
    assert "no words are left of the training rows of toy_choice" in refused(Files(tmp_path, wordless, test))


def test_items_that_the_task_cannot_score_are_refused(tmp_path: Path) -> None:
    files = Files(tmp_path, planted(40), planted(4, seed=2))
    whole = files.samples.read_text()
    files.samples.write_text(whole.replace('"label"', '"labels"'))
    assert f"toy_choice cannot score the items of {files.samples} (" in refused(files)
    files.samples.write_text("")
    assert f"{files.samples} holds no item" in refused(files)


def test_the_words_of_a_prompt_are_left_out(tmp_path: Path) -> None:
    """A task without `input`: the whole prompt is the text, and "answer" stands in each of them."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "toy.py").write_text((TASKS / "toy.py").read_text())
    (own / "toy.yaml").write_text((TASKS / "toy_choice.yaml").read_text().replace(", input: sentence", ""))
    files = Files(tmp_path, planted(60), planted(20, seed=2))
    rows = {"samples": files.samples, "training_rows": files.trained, "metadata": {"rows": str(files.rows)}}
    found = bag_of_words("toy_choice", **rows, include_path=own)  # type: ignore[arg-type]
    of_input = files.answers()
    assert (found["recipe"]["text"], of_input["recipe"]["text"]) == ("the prompt", "sentence")
    # Of "… word7\nAnswer:" only the pairs "word7 answer" are new, one for each of the last words.
    last = {row["sentence"].split()[-1] for row in planted(60)}
    assert found["vocabulary"] == of_input["vocabulary"] + len(last)


def test_a_task_without_common_choices_is_refused_by_the_command(tmp_path: Path) -> None:
    files = Files(tmp_path, planted(4), planted(4, seed=2))
    options = ["--samples", str(files.samples), "--training-rows", str(files.trained), "--output", "out.json"]
    done = aftertune("baseline", "toy_answer", *options, "--include-path", str(TASKS), folder=tmp_path)
    assert done.exit_code == 2
    assert "the items of toy_answer have no choices that are the same for each item" in done.stderr
    assert "a bag of words is a classifier" in done.stderr
    assert not (tmp_path / "out.json").exists()
