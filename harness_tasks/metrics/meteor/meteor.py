"""METEOR as NLTK computes it, without asking the network for anything; 0 to 1."""

import datasets
import evaluate

from harness_tasks.metrics import meteor_name, meteor_score, signatures

_DESCRIPTION = """
METEOR (Banerjee and Lavie 2005) with NLTK's implementation: words are matched exactly, by Porter stem, and by WordNet
synonym where this machine has WordNet. The mean over items of the best score over an item's references.
"""

_CITATION = """\
@inproceedings{banerjee2005meteor,
  title={{METEOR}: An Automatic Metric for {MT} Evaluation with Improved Correlation with Human Judgments},
  author={Banerjee, Satanjeev and Lavie, Alon},
  booktitle={Proceedings of the ACL Workshop on Intrinsic and Extrinsic Evaluation Measures},
  year={2005}
}
"""

_INPUTS = """
Args:
    predictions: a list of texts
    references: a list of texts, or of lists of texts: an item's references
Returns:
    a dict with one score, 0 to 1: `meteor` where WordNet was found, else `meteor_exact_stem`
Example:
    metric = evaluate.load("harness_tasks/metrics/meteor")
    metric.compute(predictions=["the cat sat"], references=[["the cat sat", "a cat sat"]])
"""


class Meteor(evaluate.Metric):
    """The mean METEOR of texts; see `_INPUTS`."""

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
            reference_urls=["https://www.nltk.org/api/nltk.translate.meteor_score.html"],
        )

    def _compute(self, *, predictions: list[str], references: list) -> dict[str, float]:
        several = [[reference] if isinstance(reference, str) else reference for reference in references]
        scores = [meteor_score(*item) for item in zip(predictions, several, strict=True)]
        return {meteor_name(): sum(scores) / len(scores)}

    def signatures(self) -> dict[str, str]:
        """Returns what the score is computed with on this machine, under its name."""
        return {meteor_name(): signatures("answers")[meteor_name()]}
