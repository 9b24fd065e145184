"""SQuAD's scores as `evaluate`'s ``squad_v2`` gives them, without the network: exact match and F1, 0 to 100."""

import datasets
import evaluate

from harness_tasks.metrics import squad_v2_scores
from harness_tasks.metrics._signatures import squad_signature

_DESCRIPTION = """
The official scores of SQuAD v1.1 and v2.0 (evaluate-v1.1.py, evaluate-v2.0.py): exact match, and F1 of the words, after
normalisation, the best over the accepted answers; a question without an answer is won by an empty prediction alone.
"""

_CITATION = """\
@inproceedings{rajpurkar2018know,
  title={Know What You Don't Know: Unanswerable Questions for {SQuAD}},
  author={Rajpurkar, Pranav and Jia, Robin and Liang, Percy},
  booktitle={Proceedings of ACL},
  year={2018}
}
"""

_INPUTS = """
Args:
    predictions: a list of dicts: `id`, `prediction_text`, `no_answer_probability` (0 to 1)
    references: a list of dicts: `id`, `answers`, which is a dict of the lists `text` (empty where there is no answer)
        and `answer_start` (not read)
    no_answer_threshold: a prediction whose probability of no answer is above it abstains; 1.0, the default: none does
Returns:
    a dict: `exact`, `f1` (0 to 100), `total`, the same three with `HasAns_` and `NoAns_` where there are such
    questions, and `best_exact`, `best_exact_thresh`, `best_f1`, `best_f1_thresh`, whose thresholds are chosen on these
    very answers
Example:
    metric = evaluate.load("harness_tasks/metrics/squad")
    metric.compute(
        predictions=[{"id": "1", "prediction_text": "1976", "no_answer_probability": 0.0}],
        references=[{"id": "1", "answers": {"text": ["1976"], "answer_start": [97]}}],
    )
"""


class Squad(evaluate.Metric):
    """Exact match and F1 of answers; see `_INPUTS`."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {
                    "predictions": {
                        "id": datasets.Value("string"),
                        "prediction_text": datasets.Value("string"),
                        "no_answer_probability": datasets.Value("float32"),
                    },
                    "references": {
                        "id": datasets.Value("string"),
                        "answers": datasets.Sequence(
                            {"text": datasets.Value("string"), "answer_start": datasets.Value("int32")}
                        ),
                    },
                }
            ),
            reference_urls=["https://rajpurkar.github.io/SQuAD-explorer/"],
        )

    def _compute(self, *, predictions: list, references: list, no_answer_threshold: float = 1.0) -> dict[str, float]:
        return squad_v2_scores(predictions, references, no_answer_threshold)

    def signatures(self) -> dict[str, str]:
        """Returns what `exact` and `f1` are computed with, at the default threshold."""
        return dict.fromkeys(("exact", "f1"), squad_signature(word_abstains=False))
