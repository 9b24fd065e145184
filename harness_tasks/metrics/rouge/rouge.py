"""ROUGE-1, ROUGE-2 and ROUGE-L by the package `rouge_score`, as plain means; 0 to 1."""

import datasets
import evaluate

from harness_tasks.metrics import rouge_scores, signatures

_DESCRIPTION = """
ROUGE (Lin 2004) by the package rouge_score, without a stemmer: of each kind the mean over items of the best F over an
item's references. The mean is exact, where `evaluate`'s own `rouge` gives the median of unseeded bootstrap means.
"""

_CITATION = """\
@inproceedings{lin2004rouge,
  title={{ROUGE}: A Package for Automatic Evaluation of Summaries},
  author={Lin, Chin-Yew},
  booktitle={Text Summarization Branches Out},
  year={2004}
}
"""

_INPUTS = """
Args:
    predictions: a list of texts
    references: a list of texts, or of lists of texts: an item's references
Returns:
    a dict: `rouge1`, `rouge2`, `rougeL`, 0 to 1
Example:
    metric = evaluate.load("harness_tasks/metrics/rouge")
    metric.compute(predictions=["the cat sat"], references=[["the cat sat", "a cat sat"]])
"""


class Rouge(evaluate.Metric):
    """The mean ROUGE of texts; see `_INPUTS`."""

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
            reference_urls=["https://github.com/google-research/google-research/tree/master/rouge"],
        )

    def _compute(self, *, predictions: list[str], references: list) -> dict[str, float]:
        several = [[reference] if isinstance(reference, str) else reference for reference in references]
        scores = [rouge_scores(*item) for item in zip(predictions, several, strict=True)]
        return {kind: sum(score[kind] for score in scores) / len(scores) for kind in scores[0]}

    def signatures(self) -> dict[str, str]:
        """Returns what each score is computed with."""
        return {kind: text for kind, text in signatures("answers").items() if kind.startswith("rouge")}
