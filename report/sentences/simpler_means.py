"""The sentence on a fine-tuned model beside the simpler means that answered the same items."""

from report.facts.schema.parts import is_known
from report.facts.schema.scores import Comparison, SimplerMeans
from report.facts.schema.whole import Finding
from report.sentences.rules import decide, direction, finding, primary_index

UNBEATEN = ("simpler_unclear", "simpler_better", "simpler_equal")
"""The sentences that a reader must know before believing that fine-tuning a language model was of use."""


def beside_simpler(task_at: str, at: str, comparison: Comparison) -> Finding | None:
    """Returns whether the checkpoint does better than the best simpler means, by the interval of their difference.

    None where there is no such means.
    """
    every = [(f"{at}/simpler", comparison.simpler)] if comparison.simpler else []
    every += [(f"{at}/few_shot/{i}", means) for i, means in enumerate(comparison.few_shot)]
    if not every:
        return None
    index = primary_index(comparison)
    good = comparison.scores[index].higher_is_better if index is not None else None
    place, means = _best(every, good)
    way = direction(means.tuned_above) if index is not None else "missing"
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
    evidence |= {"rows": f"{place}/training_rows"} if means.training_rows else {}
    evidence |= {"prompt": f"{place}/name"} if place != f"{at}/simpler" else {}
    return finding(name, evidence | ({} if index is None else {"label": f"{at}/scores/{index}/label"}))


def _best(every: list[tuple[str, SimplerMeans]], good: bool | None) -> tuple[str, SimplerMeans]:
    """Returns the means that the checkpoint does least better than; the first where none is set beside it."""
    known = [one for one in every if is_known(one[1].tuned_above)]
    if not known or good is None:
        return (known or every)[0]
    return min(known, key=lambda one: one[1].tuned_above.value if good else -one[1].tuned_above.value)
