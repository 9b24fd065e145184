"""Span readers as lm_eval's models: against one forward a question and a search over all spans, written out."""

from pathlib import Path
from typing import Any

import lm_eval
import pytest
import torch
from instances import asked
from lm_eval.api.instance import Instance
from random_heads import write_adapter, write_head

from harness_tasks import TASKS_PATH, UserError
from harness_tasks.loading import load_task, task_manager
from harness_tasks.metrics import answer_scores
from harness_tasks.models.span import SpanReaderLM


@pytest.fixture(scope="module")
def docs() -> list[dict[str, Any]]:
    """Questions of the demo on short pieces of their passages, so that lengths differ."""
    task = load_task("passages_demo")
    return [{**task.eval_docs[i], "context": task.eval_docs[i]["context"][: 30 + 7 * i]} for i in range(8)]


@pytest.fixture(scope="module")
def whole(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_head(tiny_model, tmp_path_factory.mktemp("heads") / "reader", "QUESTION_ANS")


def requests_of(docs: list[dict[str, Any]]) -> list[Instance]:
    until = {"until": ["\n"], "max_gen_toks": 32}
    return [asked("generate_until", f"prompt {i}", until, doc=doc, doc_id=i) for i, doc in enumerate(docs)]


def expected(body: Any, head: Any, docs: list[dict[str, Any]]) -> list[str]:
    """The likeliest stretch of at most 30 bytes of each passage, or "unanswerable": no padding, no batches.

    The passages are ASCII, and the tokenizer has an id a byte, the byte's place among the printable bytes and 3.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(body.name_or_path)
    found = []
    for doc in docs:
        lead, passage = f"Question: {doc['question'].strip()}\nPassage: ", doc["context"]
        assert (lead + passage).isascii()
        ids = [1, *tokenizer(lead + passage, add_special_tokens=False)["input_ids"], 2]
        assert len(ids) == len(lead + passage) + 2
        with torch.no_grad():
            starts, ends = head(body(torch.tensor([ids])).last_hidden_state[0]).T.tolist()
        first = 1 + len(lead)
        best, said = starts[-1] + ends[-1], "unanswerable"
        for s in range(len(passage)):
            for e in range(s, min(s + 30, len(passage))):
                score = starts[first + s] + ends[first + e]
                if passage[s].strip() and passage[e].strip() and score > best:
                    best, said = score, " ".join(passage[s : e + 1].split())
        found.append(said)
    return found


@pytest.mark.parametrize("batch_size", [1, 3])
def test_answers_are_the_likeliest_spans(whole: Path, docs: list[dict[str, Any]], batch_size: int) -> None:
    from transformers import AutoModelForQuestionAnswering

    answers = SpanReaderLM(str(whole), device="cpu", batch_size=batch_size).generate_until(requests_of(docs))
    model = AutoModelForQuestionAnswering.from_pretrained(whole)
    assert answers == expected(model.transformer, model.qa_outputs, docs)
    assert len(set(answers)) > 3


def test_no_answer_is_the_tasks_word(tiny_model: Path, tmp_path: Path, docs: list[dict[str, Any]]) -> None:
    """A head of zeros: every span ties with "no answer", which then counts."""
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    folder = write_head(tiny_model, tmp_path / "reader", "QUESTION_ANS")
    model = AutoModelForQuestionAnswering.from_pretrained(folder)
    with torch.no_grad():
        model.qa_outputs.weight.zero_()
        model.qa_outputs.bias.zero_()
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    answers = SpanReaderLM(str(folder), device="cpu", batch_size=4).generate_until(requests_of(docs))
    assert answers == ["unanswerable"] * len(docs)
    assert answer_scores(answers[0], [])["NoAns_exact"] == 100


def test_an_adapter_reads_with_its_bases_body(tiny_model: Path, tmp_path: Path, docs: list[dict[str, Any]]) -> None:
    """Llama's body has another name in the span reader; plain loading would leave it random without a word."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    adapter = write_adapter(tiny_model, tmp_path / "adapter", "QUESTION_ANS")
    lm = SpanReaderLM(str(tiny_model), peft=str(adapter), device="cpu", batch_size=3)
    base = AutoModelForCausalLM.from_pretrained(tiny_model).model.state_dict()
    body = lm.model.base_model.model.transformer
    for name, weights in base.items():
        own = body.get_parameter(name.replace("_proj.weight", "_proj.base_layer.weight") if _adapted(name) else name)
        assert torch.equal(own, weights), name
    assert isinstance(lm.model, PeftModel)
    head = lm.model.base_model.model.qa_outputs
    assert lm.generate_until(requests_of(docs)) == expected(body, head, docs)


def _adapted(name: str) -> bool:
    return name.endswith(("q_proj.weight", "v_proj.weight"))


def test_a_passage_that_is_too_long_loses_its_end(
    whole: Path, docs: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    doc = docs[-1]
    lead = len(f"Question: {doc['question'].strip()}\nPassage: ")
    lm = SpanReaderLM(str(whole), device="cpu", max_length=lead + 2 + 10)
    answers = lm.generate_until(requests_of([doc]))
    assert "1 of 1 inputs are longer than" in (said := capsys.readouterr().err)
    assert "the ends of their passages are not read" in said
    lm.max_length = 4096
    assert lm.generate_until(requests_of([{**doc, "context": doc["context"][:10]}])) == answers


def test_a_task_is_scored_from_the_answers(whole: Path) -> None:
    """Through lm_eval's evaluator: each answer's F1 against the document's own answers."""
    lm = SpanReaderLM(str(whole), device="cpu", batch_size=4)
    results = lm_eval.simple_evaluate(
        model=lm, tasks=["passages_demo"], task_manager=task_manager(TASKS_PATH), limit=5, bootstrap_iters=0
    )
    rows = results["samples"]["passages_demo"]
    for row in rows:
        passage = " ".join(row["doc"]["context"].split())
        assert row["resps"][0][0] in passage or row["resps"][0][0] == "unanswerable"
        assert row["f1"] == answer_scores(row["resps"][0][0], row["doc"]["answers"]["text"])["f1"]
    assert results["results"]["passages_demo"]["f1,none"] == pytest.approx(sum(row["f1"] for row in rows) / 5)


def test_other_tasks_are_refused(whole: Path) -> None:
    lm = SpanReaderLM(str(whole), device="cpu")
    with pytest.raises(UserError, match="a_task has documents with the fields sentence") as caught:
        lm.generate_until(requests_of([{"sentence": "A film."}]))
    assert caught.value.why.startswith("a span reader needs SQuAD's")
    with pytest.raises(UserError, match="a task that asks hf-span to compare texts"):
        lm.loglikelihood([])
