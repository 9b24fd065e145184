"""What a span reader reads and answers: a question before its passage, and the best span of the passage or none.

The question comes first because a causal model reads in one direction: a passage before it would be read without it.
"No answer" is the last token, the only one that has seen everything; at the first token of a causal model every input
looks alike. Pure: nothing here imports torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness_tasks.errors import UserError

MAX_ANSWER_TOKENS = 30
"""The longest answer that is looked for, in tokens; the limit of transformers' `run_qa.py`."""


@dataclass(frozen=True)
class SpanInput:
    """One question with its passage, as a span reader reads it.

    ``offsets`` says for each token of ``ids`` which characters of ``passage`` it covers, begin and end; (0, 0) for a
    token outside the passage. The last token is the end token, which stands for "no answer".
    """

    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    passage: str

    def cut(self, max_length: int) -> "SpanInput":
        """Returns the first ``max_length`` tokens but one, and the end token: the passage loses its end."""
        if len(self.ids) <= max_length:
            return self
        kept = max_length - 1
        return SpanInput((*self.ids[:kept], self.ids[-1]), (*self.offsets[:kept], self.offsets[-1]), self.passage)


def is_span_doc(doc: Mapping[str, Any]) -> bool:
    """Returns whether ``doc`` has SQuAD's fields: a question, a context, and answers with where they start.

    >>> is_span_doc({"question": "Who?", "context": "Ada.", "answers": {"text": ["Ada"], "answer_start": [0]}})
    True
    >>> is_span_doc({"question": "Who?", "context": "Ada.", "answers": ["Ada"]})
    False
    """
    answers = doc.get("answers")
    fields = isinstance(answers, Mapping) and {"text", "answer_start"} <= set(answers)
    return bool(fields) and isinstance(doc.get("question"), str) and isinstance(doc.get("context"), str)


def span_input(tokenizer: Any, *, question: str, passage: str) -> SpanInput:
    """Returns the tokens of "Question: ...", of "Passage: ..." on a new line, and the end token.

    ``passage`` is taken as it is, so that a SQuAD answer's start points into it. Raises UserError where the tokenizer
    has no end token, or cannot say which characters a token covers.
    """
    end = tokenizer.eos_token_id
    if end is None or not tokenizer.is_fast:
        lack = "has no end token" if end is None else "cannot say which characters a token covers"
        raise UserError(
            f"the tokenizer {tokenizer.name_or_path!r} {lack}",
            "a span reader answers with characters of the passage, and with the end token where there is no answer",
            "choose a model whose tokenizer is in a `tokenizer.json` and names an `eos_token`",
        )
    lead = f"Question: {question.strip()}\nPassage: "
    # A text that begins with a word needs no check for a second BOS, which is all that `lengths.encode` adds.
    encoded = tokenizer(lead + passage, return_offsets_mapping=True)
    ids = list(encoded["input_ids"])
    offsets = [_shifted(begin, stop, len(lead)) for begin, stop in encoded["offset_mapping"]]
    if ids[-1] != end:
        ids, offsets = [*ids, end], [*offsets, (0, 0)]
    return SpanInput(tuple(ids), tuple(offsets), passage)


def span_labels(span: SpanInput, answers: Mapping[str, Any]) -> tuple[int, int]:
    """Returns the first and the last token of the first answer; both the last position where there is no answer.

    Raises UserError where the passage does not hold the answer at its start.
    """
    last = len(span.ids) - 1
    if not answers["text"]:
        return last, last
    text, start = answers["text"][0], answers["answer_start"][0]
    stop = start + len(text)
    if not text.strip() or start < 0 or span.passage[start:stop] != text:
        raise UserError(
            f"the answer {text!r} is said to start at character {start}, where the passage reads "
            f"{span.passage[max(start, 0) : stop]!r}",
            "a span reader learns positions, and would learn a wrong one",
            "correct `answer_start` in the data: it counts characters, from 0",
        )
    start, stop = stop - len(text.lstrip()), start + len(text.rstrip())
    covering = [at for at, (begin, end) in enumerate(span.offsets) if begin < end and begin < stop and end > start]
    if not covering:
        raise UserError(
            f"no token of the passage covers the answer {text!r} at character {start}",
            "the tokenizer drops these characters, so no span of tokens is the answer",
            "leave the question out, or choose a model whose tokenizer keeps them",
        )
    return covering[0], covering[-1]


def best_span(
    start_logits: Sequence[float],
    end_logits: Sequence[float],
    span: SpanInput,
    *,
    max_answer_tokens: int = MAX_ANSWER_TOKENS,
) -> str | None:
    """Returns the part of the passage whose start and end logits sum highest; None where "no answer" scores as high.

    Both logits hold a value a token. A span ends where it starts or later, lies in the passage and is at most
    ``max_answer_tokens`` long; of equal ones the first is taken. Source: transformers' `utils_qa.py`; here over all
    spans, not those of the 20 likeliest starts and ends alone.
    """
    best, found = start_logits[-1] + end_logits[-1], None
    # An end of an answer has something to see: a token of spaces alone would be an empty answer.
    inside = [bool(span.passage[begin:stop].strip()) for begin, stop in span.offsets]
    for first in range(len(span.ids)):
        if not inside[first]:
            continue
        for last in range(first, min(first + max_answer_tokens, len(span.ids))):
            if inside[last] and start_logits[first] + end_logits[last] > best:
                best, found = start_logits[first] + end_logits[last], (first, last)
    if found is None:
        return None
    return span.passage[span.offsets[found[0]][0] : span.offsets[found[1]][1]].strip()


def _shifted(begin: int, stop: int, by: int) -> tuple[int, int]:
    """Returns a token's characters counted from the passage's first; (0, 0) where it ends before that."""
    return (max(begin - by, 0), stop - by) if stop > by else (0, 0)
