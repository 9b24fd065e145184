"""`hf-span`: a span reader's answer to the questions of a task with SQuAD's fields.

The reader's input is the question and its passage (`harness_tasks.spans`), not the task's prompt; its answer is scored
as any text that a model writes.
"""

from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.registry import register_model
from transformers import AutoModelForQuestionAnswering

from harness_tasks.errors import UserError
from harness_tasks.metrics import NO_ANSWER
from harness_tasks.models.head_lm import HeadLM
from harness_tasks.spans import SpanInput, best_span, is_span_doc, span_input


@register_model("hf-span")
class SpanReaderLM(HeadLM):
    """A span reader as lm_eval's model: it copies its answer from the passage, or says that there is none."""

    name = "hf-span"
    auto_class = AutoModelForQuestionAnswering

    @torch.inference_mode()
    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Returns for each request the likeliest span of its passage on one line, or the task's word for no answer.

        Raises UserError for a task whose documents have not SQuAD's fields.
        """
        whole = [self._input(request) for request in requests]
        self.warn_of_cuts([len(span.ids) for span in whole], "the ends of their passages are not read")
        spans = [span.cut(self.max_length) for span in whole]
        found = [""] * len(requests)
        for taken, batch in self.batches([span.ids for span in spans]):
            logits = self.model(**batch)  # start and end logits, each (B, T)
            starts, ends = logits.start_logits.float().tolist(), logits.end_logits.float().tolist()
            for row, start, end in zip(taken, starts, ends, strict=True):
                length = len(spans[row].ids)
                answer = best_span(start[:length], end[:length], spans[row])
                # An answer is what stands on a model's first line.
                found[row] = NO_ANSWER if answer is None else " ".join(answer.split())
                self.cache_hook.add_partial("generate_until", requests[row].args, found[row])
        return found

    def _input(self, request: Instance) -> SpanInput:
        doc: dict[str, Any] = request.doc
        if not is_span_doc(doc):
            raise UserError(
                f"{request.task_name} has documents with the fields {', '.join(doc)}",
                "a span reader needs SQuAD's: question, context, and answers with text and answer_start",
                "score it on such a task, or score a language model with --model hf",
            )
        return span_input(self.tokenizer, question=doc["question"], passage=doc["context"])
