"""Corpus BLEU as sacrebleu computes it, with the effective order; 0 to 100."""

import datasets
import evaluate

from harness_tasks.metrics import bleu_statistics, corpus_bleu, signatures

_DESCRIPTION = """
Corpus BLEU (Papineni et al. 2002) as sacrebleu computes it: tokenizer 13a, exponential smoothing, effective order, so
that short answers can score: n-grams longer than every prediction are left out of the mean.
"""

_CITATION = """\
@inproceedings{post2018call,
  title={A Call for Clarity in Reporting {BLEU} Scores},
  author={Post, Matt},
  booktitle={Proceedings of the Third Conference on Machine Translation},
  year={2018}
}
"""

_INPUTS = """
Args:
    predictions: a list of texts
    references: a list of texts, or of lists of texts: an item's references, not necessarily as many for each item
Returns:
    a dict: `bleu`, 0 to 100, and the counts that it is made of: `translation_length`, `reference_length` (words) and
    the lists `correct` and `total` (n-grams of 1 to 4 words)
Example:
    metric = evaluate.load("harness_tasks/metrics/bleu")
    metric.compute(predictions=["the cat sat"], references=[["the cat sat", "a cat sat"]])
"""


class Bleu(evaluate.Metric):
    """The corpus BLEU of texts; see `_INPUTS`."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=[
                datasets.Features({"predictions": text, "references": datasets.Sequence(text)}),
                datasets.Features({"predictions": text, "references": text}),
            ],
            reference_urls=["https://github.com/mjpost/sacrebleu"],
        )

    def _compute(self, *, predictions: list[str], references: list) -> dict[str, float | int | list[int]]:
        several = [[reference] if isinstance(reference, str) else reference for reference in references]
        items = [bleu_statistics(*item) for item in zip(predictions, several, strict=True)]
        counts = [sum(column) for column in zip(*items, strict=True)]
        return {
            "bleu": corpus_bleu(items),
            "translation_length": counts[0],
            "reference_length": counts[1],
            "correct": counts[2:6],
            "total": counts[6:],
        }

    def signatures(self) -> dict[str, str]:
        """Returns what the score is computed with."""
        return {"bleu": signatures("answers")["bleu"]}
