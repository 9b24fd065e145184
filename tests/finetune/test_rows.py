"""Training rows are the evaluator's rows."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from finetune import causal, classifier, span
from finetune.rows import Renderer, Row, hold_out, training_rows
from harness_tasks import prompts
from harness_tasks.errors import UserError
from harness_tasks.loading import doc_hash, load_task
from harness_tasks.text import fold


@pytest.fixture(scope="module")
def evaluator(tiny_model: Path) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=str(tiny_model), device="cpu", dtype="float32")


@pytest.mark.parametrize("name", ["reviews_demo", "passages_demo"])
@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("shots", [0, 2])
def test_trained_ids_begin_with_the_scored_ids(
    evaluator: Any, monkeypatch: pytest.MonkeyPatch, name: str, chat: bool, shots: int
) -> None:
    """Both sides render the same documents; the evaluator's ids come from lm_eval's own methods."""
    task, scored = load_task(name), load_task(name)
    renderer = Renderer(task, evaluator.tokenizer, num_fewshot=shots, apply_chat_template=chat)
    scored.set_config("num_fewshot", shots)
    for side in (task, scored):
        side.set_fewshot_seed(7)
    template = evaluator.apply_chat_template if chat else None
    for doc in list(scored.test_docs())[:4]:
        context = scored.fewshot_context(
            doc, num_fewshot=shots, apply_chat_template=chat, fewshot_as_multiturn=chat, chat_template=template
        )
        if not shots:  # with shots ours skips the document itself, which moves the draw on: context by hand
            assert renderer.context(doc) == context
        monkeypatch.setattr(renderer, "context", lambda _, context=context: context)
        row = causal.row(renderer, doc, cluster=None, text="")
        label = classifier.row(renderer, doc, cluster=None, text="") if name == "reviews_demo" else None
        monkeypatch.undo()
        if name == "reviews_demo":
            requests = prompts.requests(scored, doc, context, apply_chat_template=chat)
            prompt, continuation = evaluator._encode_pair(*requests[doc["label"]].args)
            assert row.prompt_ids == tuple(prompt)
            assert row.target_ids == tuple(continuation)
            assert label is not None
            assert (label.prompt_ids, label.target_ids, label.label) == (row.prompt_ids, (), doc["label"])
        else:
            assert row.prompt_ids == tuple(evaluator.tok_encode(context))
            answer = doc["answers"]["text"][0] if doc["answers"]["text"] else "unanswerable"
            ending = "<eos>" if chat else "\n"
            assert evaluator.tokenizer.decode(row.target_ids) == ("" if chat else " ") + answer + ending


def test_a_row_is_never_its_own_worked_example(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    task = load_task("passages_demo")
    renderer = Renderer(task, AutoTokenizer.from_pretrained(tiny_model), num_fewshot=3)
    docs = list(task.training_docs())
    for doc in docs[:60]:
        assert renderer.context(doc).count(f"Question: {doc['question']}\n") == 1


def test_the_document_hash_is_lm_evals(evaluator: Any, tmp_path: Path) -> None:
    import lm_eval
    from lm_eval.tasks import TaskManager

    from harness_tasks import TASKS_PATH

    manager = TaskManager(include_defaults=False, include_path=str(TASKS_PATH))
    results = lm_eval.simple_evaluate(
        evaluator, tasks=["reviews_demo"], limit=2, task_manager=manager, bootstrap_iters=0
    )
    samples = results["samples"]["reviews_demo"]
    assert [doc_hash(sample["doc"]) for sample in samples] == [sample["doc_hash"] for sample in samples]


class FakeTask:
    """A task with four rows, to see which are taken."""

    task_name, OUTPUT_TYPE = "fake", "multiple_choice"

    config = SimpleNamespace(metadata={"cluster": "film"})

    def training_docs(self) -> list[dict[str, str]]:
        texts = ["a fine film indeed", "dull", "It moves, slowly but surely.", "a plain bore of a film"]
        return [{"sentence": text, "film": str(i)} for i, text in enumerate(texts)]


def echo(doc: dict[str, str], cluster: str | None, text: str) -> Row:
    return Row(text, cluster, text, (1,), (2,))


def taken(**choices: Any) -> tuple[list[str], dict[str, int]]:
    rows, counts = training_rows(FakeTask(), echo, **choices)
    return [row.text for row in rows], counts


def test_short_rows_and_rows_inside_scored_rows_are_left_out() -> None:
    scored = [fold("Well, it moves slowly but surely!"), fold("A plain boredom")]
    texts, counts = taken(min_words=2, excluded=scored)
    assert texts == ["a fine film indeed", "a plain bore of a film"]  # "a plain bore" is no whole-word match
    assert counts == {"available": 4, "identical": 0, "min_words": 1, "overlap": 1}


def test_a_sample_is_seeded_and_in_the_tasks_order() -> None:
    once, _ = taken(train_rows=2, seed=3)
    assert len(once) == 2
    assert taken(train_rows=2, seed=3)[0] == once
    everything = taken()[0]
    assert once == [text for text in everything if text in once]
    assert len({tuple(taken(train_rows=2, seed=seed)[0]) for seed in range(20)}) > 1


def test_a_development_split_takes_whole_clusters() -> None:
    rows = [Row(str(i), f"film {i // 4}", "", (1,), (2,)) for i in range(40)]
    trained, held = hold_out(rows, share=0.25, seed=1)
    assert len(held) == 12  # the least number of films of four rows that holds a quarter of forty
    assert not {row.cluster for row in trained} & {row.cluster for row in held}
    assert sorted([*trained, *held], key=lambda row: int(row.doc_hash)) == rows
    assert hold_out(rows, share=0.25, seed=1) == (trained, held)
    assert any(hold_out(rows, share=0.25, seed=seed)[1] != held for seed in range(2, 6))


def test_rows_without_a_cluster_are_held_out_one_by_one() -> None:
    rows = [Row(str(i), None, "", (1,), (2,)) for i in range(10)]
    assert len(hold_out(rows, share=0.3, seed=1)[1]) == 3


def test_a_span_readers_row_points_at_the_answer(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    task = load_task("passages_demo")
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    renderer = Renderer(task, tokenizer)
    for doc in list(task.training_docs())[:40]:
        row = span.row(renderer, doc, cluster=None, text="")
        assert row.span is not None
        first, last = row.span
        if doc["answers"]["text"]:
            assert tokenizer.decode(row.prompt_ids[first : last + 1]).strip() == doc["answers"]["text"][0]
        else:
            assert first == last == row.length - 1
        text = tokenizer.decode(row.prompt_ids)
        assert text.index(doc["question"]) < text.index(doc["context"])  # a passage that comes first sees no question


def test_a_head_says_which_tasks_it_fits() -> None:
    with pytest.raises(UserError, match="--head question-answering where the answer is a span"):
        classifier.labels_of(load_task("passages_demo"))
    with pytest.raises(UserError, match="needs SQuAD's fields question, context and answers"):
        span.labels_of(load_task("reviews_demo"))
    assert classifier.labels_of(load_task("reviews_demo")) == ("negative", "positive")


def test_documents_with_different_numbers_of_choices_have_no_classifier() -> None:
    class Choices:
        task_name, OUTPUT_TYPE = "choices", "multiple_choice"

        def __init__(self, *choices: list[str]) -> None:
            self.choices = choices

        def training_docs(self) -> range:
            return range(len(self.choices))

        def doc_to_choice(self, doc: int) -> list[str]:
            return self.choices[doc]

    with pytest.raises(UserError, match="have 2 to 3 choices"):
        classifier.labels_of(Choices(["a", "b"], ["a", "b", "c"]))
    assert classifier.labels_of(Choices(["a", "b"], ["c", "d"])) == ("choice 1", "choice 2")
