"""`hf-seqcls`: a classifier's score of each choice of a multiple-choice task.

The classifier reads the task's own prompt, cut where lm_eval's `hf` cuts it, and its output for each choice is the
score of that choice. One forward serves all choices of a document.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.registry import register_model
from transformers import AutoModelForSequenceClassification

from harness_tasks.errors import UserError
from harness_tasks.lengths import encode_pair
from harness_tasks.models.head_lm import HeadLM
from harness_tasks.models.labels import check_labels
from harness_tasks.models.loading import labels_of_adapter


@register_model("hf-seqcls")
class SequenceClassifierLM(HeadLM):
    """A classifier as lm_eval's model: its log-probability of a label stands for the log-likelihood of a choice."""

    name = "hf-seqcls"
    auto_class = AutoModelForSequenceClassification

    def configure(self, config: Any, own: Mapping[str, Any]) -> None:
        """Gives the base as many labels as the adapter's own head has, and its names for them."""
        if own.get("id2label"):
            config.id2label = {int(index): label for index, label in own["id2label"].items()}
            config.label2id = {label: index for index, label in config.id2label.items()}
        elif self.peft and (labels := labels_of_adapter(self.peft, self.revision)):
            config.num_labels = labels

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Returns for each request the log-probability of its choice, and whether it is the likeliest.

        Raises UserError where the task has another number of choices than the classifier has labels, or the same
        ones in another order.
        """
        self._check_labels(requests)
        prompts: dict[tuple[int, ...], int] = {}
        rows = [prompts.setdefault(self._prompt(request), len(prompts)) for request in requests]
        self.warn_of_cuts([len(prompt) for prompt in prompts], "their beginnings are not read")
        log_probabilities = self._log_probabilities([prompt[-self.max_length :] for prompt in prompts])
        found = []
        for request, row in zip(requests, rows, strict=True):
            scores = log_probabilities[row]
            answer = (scores[request.idx], request.idx == scores.index(max(scores)))
            self.cache_hook.add_partial("loglikelihood", request.args, answer)
            found.append(answer)
        return found

    def _prompt(self, request: Instance) -> tuple[int, ...]:
        """Returns the ids before the choice."""
        ids = encode_pair(self.tokenizer, *request.args)[0]
        if not ids or ids[-1] == self.pad_id:
            raise UserError(
                f"the prompt {request.args[0][-80:]!r} " + ("ends with the padding token" if ids else "is empty"),
                "the classifier reads a prompt's last token, which is the last one that is no padding",
                "give the checkpoint a padding token that is in no prompt, or the task a prompt",
            )
        return tuple(ids)

    @torch.inference_mode()
    def _log_probabilities(self, prompts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Returns the natural logarithm of each label's probability, for each prompt."""
        found: list[list[float]] = [[]] * len(prompts)
        for taken, batch in self.batches(prompts):
            logits = self.model(**batch).logits.float()  # (B, labels)
            for row, values in zip(taken, logits.log_softmax(-1).tolist(), strict=True):
                found[row] = values
        return found

    def _check_labels(self, requests: Sequence[Instance]) -> None:
        """Compares the choices of each task with the labels; what they are called is not known of every checkpoint."""
        labels = [str(self.model.config.id2label[i]) for i in range(self.model.config.num_labels)]
        choices: dict[str, dict[int, str]] = {}
        for request in requests:
            choices.setdefault(str(request.task_name), {}).setdefault(request.idx, request.args[1].strip())
        for task, texts in choices.items():
            meant = [texts[i] for i in sorted(texts)]
            if check_labels(labels, meant, task) in ("alike", "other"):
                print(
                    f"Warning: the classifier's labels are {', '.join(labels)}; they stand, in this order, for the "
                    f"choices of {task}, {', '.join(meant)}.",
                    file=sys.stderr,
                )
