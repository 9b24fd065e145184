"""The sentence on a fine-tuned model beside a bag of words that learned from the same training rows."""

from report.facts.schema.scores import Comparison
from report.facts.schema.whole import Finding
from report.sentences.rules import decide, direction, finding, primary_index

UNBEATEN = ("bag_of_words_unclear", "bag_of_words_better", "bag_of_words_equal")
"""The sentences that a reader must know before believing that fine-tuning a language model was of use."""


def beside_words(task_at: str, at: str, comparison: Comparison) -> Finding:
    """Returns whether the checkpoint does better than its bag of words, by the interval of their paired difference."""
    place, words, index = f"{at}/bag_of_words", comparison.bag_of_words, primary_index(comparison)
    way = direction(words.tuned_above) if words is not None and index is not None else "missing"
    good = comparison.scores[index].higher_is_better if index is not None else None
    moved = way in ("higher", "lower")
    name = decide(
        "bag_of_words",
        {
            "beaten": moved and good is not None and (way == "higher") == good,
            "better": moved and good is not None and (way == "higher") != good,
            "unjudged": moved and good is None,
            "unclear": way == "unclear",
            "equal": way == "equal",
            "missing": way == "missing",
        },
    )
    evidence = {"task": f"{task_at}/name", "checkpoint": f"{at}/display_name"}
    evidence |= {"rows": f"{place}/training_rows", "score": f"{place}/score", "difference": f"{place}/tuned_above"}
    return finding(name, evidence | ({} if index is None else {"label": f"{at}/scores/{index}/label"}))
