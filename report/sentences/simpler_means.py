"""The sentence on a fine-tuned model beside a simpler means that answered the same items."""

from report.facts.schema.scores import Comparison
from report.facts.schema.whole import Finding
from report.sentences.rules import decide, direction, finding, primary_index

UNBEATEN = ("simpler_unclear", "simpler_better", "simpler_equal")
"""The sentences that a reader must know before believing that fine-tuning a language model was of use."""


def beside_simpler(task_at: str, at: str, comparison: Comparison) -> Finding:
    """Returns whether the checkpoint does better than the simpler means, by the interval of their paired difference."""
    place, means, index = f"{at}/simpler", comparison.simpler, primary_index(comparison)
    way = direction(means.tuned_above) if means is not None and index is not None else "missing"
    good = comparison.scores[index].higher_is_better if index is not None else None
    moved = way in ("higher", "lower")
    name = decide(
        "simpler",
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
    evidence |= {"name": f"{place}/name", "score": f"{place}/score", "difference": f"{place}/tuned_above"}
    evidence |= {"rows": f"{place}/training_rows"} if means is not None and means.training_rows else {}
    return finding(name, evidence | ({} if index is None else {"label": f"{at}/scores/{index}/label"}))
