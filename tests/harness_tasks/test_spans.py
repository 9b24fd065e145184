"""What a span reader reads and answers, by hand on a tokenizer with a token a byte, and by search over all spans."""

import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from harness_tasks import UserError
from harness_tasks.lengths import encode
from harness_tasks.loading import load_task
from harness_tasks.spans import SpanInput, best_span, is_span_doc, span_input, span_labels

LEAD = "Question: Who?\nPassage: "
"""24 bytes, so that the passage begins at token 25: token 0 is `<bos>`."""


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def answer(text: str, start: int) -> dict[str, Any]:
    return {"text": [text], "answer_start": [start]}


def test_the_question_comes_first_and_the_end_token_last(tokenizer: Any) -> None:
    span = span_input(tokenizer, question=" Who? ", passage="Ada did.")
    assert span.ids == (*encode(tokenizer, LEAD + "Ada did."), tokenizer.eos_token_id)
    assert len(span.offsets) == len(span.ids) == 1 + 24 + 8 + 1
    assert span.offsets[:25] == ((0, 0),) * 25
    assert span.offsets[25:-1] == tuple((at, at + 1) for at in range(8))
    assert span.offsets[-1] == (0, 0)


def test_labels_point_at_the_first_answer(tokenizer: Any) -> None:
    span = span_input(tokenizer, question="Who?", passage="It was Ada, Ada.")
    assert span_labels(span, {"text": ["Ada", "Ada."], "answer_start": [12, 12]}) == (25 + 12, 25 + 14)
    assert span_labels(span, answer(" Ada", 6)) == (25 + 7, 25 + 9)  # a space is no part of an answer
    last = len(span.ids) - 1
    assert span_labels(span, {"text": [], "answer_start": []}) == (last, last)


def test_a_character_of_two_bytes_counts_once(tokenizer: Any) -> None:
    """In "é Ü." the tokens 25 and 26 are é's bytes, 27 is the space, 28 and 29 are Ü's."""
    span = span_input(tokenizer, question="Who?", passage="é Ü.")
    assert span_labels(span, answer("Ü", 2)) == (28, 29)
    starts, ends = [0.0] * len(span.ids), [0.0] * len(span.ids)
    starts[29] = ends[29] = 1.0  # the second byte alone stands for the whole character
    assert best_span(starts, ends, span) == "Ü"


@pytest.mark.parametrize(("text", "start"), [("Ada", 6), ("Ada", -4), ("ada", 7), ("Ada did it", 7), (" ", 6)])
def test_an_answer_that_is_not_there_is_refused(tokenizer: Any, text: str, start: int) -> None:
    span = span_input(tokenizer, question="Who?", passage="It was Ada.")
    with pytest.raises(UserError, match=f"the answer '{text}' is said to start at character {start}") as caught:
        span_labels(span, answer(text, start))
    assert caught.value.why == "a span reader learns positions, and would learn a wrong one"


def test_an_answer_that_no_token_covers_is_refused() -> None:
    with pytest.raises(UserError, match="no token of the passage covers the answer 'x' at character 1"):
        span_labels(SpanInput((5, 2), ((0, 1), (0, 0)), "ax"), answer("x", 1))


def test_the_best_span_by_hand() -> None:
    """Tokens: lead, "the ", "big ", "cat", end. Starts and ends sum to 5 for "big cat"; "no answer" has 4."""
    span = SpanInput((9, 5, 6, 7, 2), ((0, 0), (0, 4), (4, 8), (8, 11), (0, 0)), "the big cat")
    starts, ends = [9.0, 1.0, 3.0, 0.0, 2.0], [9.0, 3.0, 0.0, 2.0, 2.0]
    assert best_span(starts, ends, span) == "big cat"
    assert best_span(starts, ends, span, max_answer_tokens=1) is None  # "the" has 4, no more than "no answer"
    assert best_span([*starts[:-1], 3.0], ends, span) is None  # a tie is no answer
    assert best_span([*starts[:-1], 1.9], ends, span, max_answer_tokens=1) == "the"


def test_the_best_span_is_that_of_a_search_over_all(tokenizer: Any) -> None:
    draw = random.Random(5)
    for _ in range(40):
        span = span_input(tokenizer, question="Who?", passage="The old clock\n stopped at noon. It was Ünsal.")
        starts, ends = ([draw.gauss(0, 1) for _ in span.ids] for _ in range(2))
        limit = draw.randint(1, 8)
        inside = [at for at in range(25, len(span.ids) - 1) if tokenizer.decode([span.ids[at]]).strip()]
        spans = [(s, e) for s, e in product(inside, inside) if 0 <= e - s < limit]
        first, last = max(spans, key=lambda pair: starts[pair[0]] + ends[pair[1]])
        expected = None
        if starts[first] + ends[last] > starts[-1] + ends[-1]:
            expected = span.passage[span.offsets[first][0] : span.offsets[last][1]]
        assert best_span(starts, ends, span, max_answer_tokens=limit) == expected


def test_spaces_alone_are_no_answer(tokenizer: Any) -> None:
    span = span_input(tokenizer, question="Who?", passage="a b")
    starts, ends = [-9.0] * len(span.ids), [-9.0] * len(span.ids)
    starts[26] = ends[26] = 5.0  # the space
    starts[25] = ends[27] = 4.0
    assert best_span(starts, ends, span) == "a b"


def test_a_passage_that_is_too_long_loses_its_end(tokenizer: Any) -> None:
    span = span_input(tokenizer, question="Who?", passage="Ada did.")
    cut = span.cut(30)
    assert cut.ids == (*span.ids[:29], tokenizer.eos_token_id)
    assert cut.offsets == (*span.offsets[:29], (0, 0))
    assert span.cut(34) is span


def test_every_demo_answer_is_found_again(tokenizer: Any) -> None:
    docs = load_task("passages_demo").eval_docs
    for doc in docs:
        assert is_span_doc(doc)
        span = span_input(tokenizer, question=doc["question"], passage=doc["context"])
        first, last = span_labels(span, doc["answers"])
        starts, ends = [0.0] * len(span.ids), [0.0] * len(span.ids)
        starts[first], ends[last] = 1.0, 1.0
        found = best_span(starts, ends, span, max_answer_tokens=len(span.ids))
        assert found == (doc["answers"]["text"][0] if doc["answers"]["text"] else None)


@pytest.mark.parametrize(("lack", "text"), [("eos_token", "has no end token"), ("is_fast", "cannot say which")])
def test_a_tokenizer_that_cannot_serve_is_refused(lack: str, text: str) -> None:
    class Stub:
        eos_token_id = None if lack == "eos_token" else 2
        is_fast, name_or_path = lack != "is_fast", "some/model"

    with pytest.raises(UserError, match=f"the tokenizer 'some/model' {text}"):
        span_input(Stub(), question="Who?", passage="Ada.")


def test_other_documents_are_not_for_a_span_reader() -> None:
    assert not is_span_doc(load_task("reviews_demo").eval_docs[0])
    assert not is_span_doc({"question": "Who?", "context": "Ada.", "answers": {"text": ["Ada"]}})
