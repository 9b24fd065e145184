"""What is measured of the choices of a task of several: bias to a position or a length, confusion, confidence.

An item's choice is the one of the highest log-likelihood, the first of equal ones: what accuracy is of. A metric that
normalises by length may be of another.
"""

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness_tasks.metrics import probabilities, reliability
from report.facts.measured import Measured, interval_fact
from report.facts.schema.diagnosis import Bin, Calibration, Choices
from report.facts.schema.parts import Fact
from report.facts.values import fact, missing
from report.statistics import intervals
from report.statistics.sums import pair_of, sample_of

Row = Mapping[str, Any]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class ChoiceItem:
    """An item: the texts of its choices, their log-likelihoods, and the places of the gold ones, from 0."""

    texts: Sequence[str]
    log_likelihoods: Sequence[float]
    golds: Sequence[int]

    @property
    def chosen(self) -> int:
        """The place of the choice that was made."""
        return self.log_likelihoods.index(max(self.log_likelihoods))

    @property
    def right(self) -> bool:
        """Whether that is a gold one."""
        return self.chosen in self.golds

    @property
    def gold(self) -> int:
        """The place of the gold choice: of several the chosen one, else the first."""
        return self.chosen if self.right else self.golds[0]

    @property
    def longest(self) -> int | None:
        """The place of the longest choice; None where no single one is."""
        lengths = [len(text.strip()) for text in self.texts]
        return lengths.index(max(lengths)) if lengths.count(max(lengths)) == 1 else None


def choice_items(measured: Measured) -> list[ChoiceItem] | None:
    """Returns the items of a task of choices; None where the samples do not hold choices with their gold one."""
    if measured.scores.configuration.get("output_type") != "multiple_choice":
        return None
    found = [choice_item(row) for row in measured.scores.rows]
    return [item for item in found if item] if all(found) else None


def choice_item(row: Row) -> ChoiceItem | None:
    """Returns the choices of a sample row; None where it does not hold them with their gold one.

    >>> row = {"choices": [" a", " b"], "filtered_resps": [["-2.0", "False"], ["-1.0", "True"]], "target": "0"}
    >>> item = choice_item(row)
    >>> item.chosen, item.golds, item.right
    (1, [0], False)
    """
    texts = row.get("choices") or []
    try:
        log_likelihoods = [float(choice[0]) for choice in row["filtered_resps"]]
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    if len(log_likelihoods) < 2 or any(value != value for value in log_likelihoods):
        return None
    texts = texts[: len(log_likelihoods)]
    target = row.get("target")
    golds = [place for place in _places(_typed(target, row.get("doc") or {}), texts) if 0 <= place < len(texts)]
    return ChoiceItem(texts, log_likelihoods, golds) if golds and len(texts) == len(log_likelihoods) else None


def _typed(target: Any, doc: Mapping[str, Any]) -> Any:
    """Returns a target as lm_eval had it before it wrote it as a text: digits are a place, as it takes them itself.

    They are a text only where the document holds them as one, and not as a number: of the labels "1" to "5", the
    target 3 is the label "4".

    >>> _typed("3", {"label": 3}), _typed("3", {"answer": "3"}), _typed("3", {}), _typed("no", {})
    (3, '3', 3, 'no')
    """
    text = str(target).strip()
    if not text.isdecimal():
        return target
    held = list(doc.values())
    is_text = any(isinstance(value, str) and value.strip() == text for value in held)
    is_number = any(isinstance(value, int) and not isinstance(value, bool) and value == int(text) for value in held)
    return text if is_text and not is_number else int(text)


def _places(target: Any, texts: Sequence[str]) -> list[int]:
    """Returns the places that a row's target names: a number, a choice's text, or a list of either, as text."""
    if isinstance(target, int):
        return [int(target)]
    text = str(target).strip()
    if text.startswith("["):
        try:
            parts = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return []
        return [place for part in parts if isinstance(part, int | str) for place in _places(part, texts)]
    stripped = [one.strip() for one in texts]
    if text in stripped:
        return [stripped.index(text)]
    return [int(text)] if text.isdecimal() else []


def choices_facts(measured: Measured, items: Sequence[ChoiceItem], truncated: Fact) -> Choices:
    """Returns what the choices of ``items``, those of every row, show; ``truncated``: the prompts that did not fit."""
    source, clusters = measured.scores.samples.source(), measured.scores.clusters(measured.scores.rows)
    wrong = [item for item in items if not item.right]
    ties = [item for item in items if item.log_likelihoods.count(max(item.log_likelihoods)) > 1]
    return Choices(
        wrong=fact(len(wrong), "count", source, n=len(items)),
        **_position(items, clusters, source),
        **_length(items, clusters, source),
        **_confused(items, wrong, source),
        calibration=confidence_facts(items, clusters, source),
        ties=fact(len(ties), "count", source, n=len(items)),
        ties_correct=fact(sum(item.right for item in ties), "count", source, n=len(ties)),
        truncated=truncated,
    )


def named(place: int, items: Sequence[ChoiceItem]) -> str:
    """Returns how a page calls a place: by the choice's text where all items have the same, else by its number."""
    texts = {tuple(item.texts) for item in items}
    return f"“{next(iter(texts))[place].strip()}”" if len(texts) == 1 else f"position {place + 1}"


def _position(items: Sequence[ChoiceItem], clusters: Sequence[str] | None, source: Mapping[str, str]) -> dict[str, Any]:
    """Returns the place that is chosen most beyond its gold share.

    It is the most extreme of k places, so its interval has the confidence 1 − 0.05 / k (Bonferroni).
    """
    chosen, gold = (Counter(getattr(item, side) for item in items) for side in ("chosen", "gold"))
    places = range(max(len(item.texts) for item in items))
    most = max(places, key=lambda place: (chosen[place] - gold[place], -place))
    sides = [[float(getattr(item, side) == most) for item in items] for side in ("gold", "chosen")]
    level = 1 - (1 - CONFIDENCE) / len(places)
    bias = intervals.difference(pair_of("share", sides[0], sides[1], clusters), confidence=level)
    return {
        "position": fact(named(most, items), "text", source),
        "position_chosen": interval_fact(intervals.level(sample_of("share", sides[1], clusters)), "share", source),
        "position_gold": interval_fact(intervals.level(sample_of("share", sides[0], clusters)), "share", source),
        "position_bias": interval_fact(bias, "share", source),
        "position_excess": fact(
            sum(max(0, chosen[place] - gold[place]) for place in places), "count", source, n=len(items)
        ),
    }


def _length(items: Sequence[ChoiceItem], clusters: Sequence[str] | None, source: Mapping[str, str]) -> dict[str, Any]:
    """Returns how often the longest choice is chosen and is gold, on the items that have a single longest one."""
    names = ("longest_chosen", "longest_gold", "length_bias", "length_excess")
    if len({tuple(item.texts) for item in items}) == 1:
        return dict.fromkeys(names, missing("all items have the same choices"))
    kept = [place for place, item in enumerate(items) if item.longest is not None]
    if not kept:
        return dict.fromkeys(names, missing("no item has a choice that is longer than the others"))
    of_kept = [clusters[place] for place in kept] if clusters else None
    gold, chosen = (
        [float(getattr(items[place], side) == items[place].longest) for place in kept] for side in ("gold", "chosen")
    )
    return {
        "longest_chosen": interval_fact(intervals.level(sample_of("share", chosen, of_kept)), "share", source),
        "longest_gold": interval_fact(intervals.level(sample_of("share", gold, of_kept)), "share", source),
        "length_bias": interval_fact(intervals.difference(pair_of("share", gold, chosen, of_kept)), "share", source),
        "length_excess": fact(abs(round(sum(chosen) - sum(gold))), "count", source, n=len(kept)),
    }


def _confused(items: Sequence[ChoiceItem], wrong: Sequence[ChoiceItem], source: Mapping[str, str]) -> dict[str, Any]:
    """Returns which gold choice was most often taken for which other one."""
    if not wrong:
        return dict.fromkeys(("confused_gold", "confused_chosen", "confused"), missing("no answer is wrong"))
    counts = Counter((item.gold, item.chosen) for item in wrong)
    (gold, chosen), times = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "confused_gold": fact(named(gold, items), "text", source),
        "confused_chosen": fact(named(chosen, items), "text", source),
        "confused": fact(times, "count", source, n=len(wrong)),
    }


def confidence_facts(
    items: Sequence[ChoiceItem], clusters: Sequence[str] | None, source: Mapping[str, str]
) -> Calibration:
    """Returns how the probability of the choices made, among all choices of their items, compares with accuracy."""
    sure, right = [max(probabilities(item.log_likelihoods)) for item in items], [float(item.right) for item in items]
    return calibration(sure, right, clusters, source)


def calibration(
    sure: Sequence[float], right: Sequence[float], clusters: Sequence[str] | None, source: Mapping[str, str]
) -> Calibration:
    """Returns how the confidence of answers compares with how often they are right, in all and by confidence."""
    return Calibration(
        confidence=interval_fact(intervals.level(sample_of("confidence", sure, clusters)), "share", source),
        right=interval_fact(intervals.level(sample_of("acc", right, clusters)), "share", source),
        overconfidence=interval_fact(intervals.difference(pair_of("acc", right, sure, clusters)), "share", source),
        bins=[
            Bin(
                lower=fact(found.lower, "share", source),
                upper=fact(found.upper, "share", source),
                scored=fact(found.n, "count", source),
                confidence=fact(found.confidence, "share", source, n=found.n),
                right=fact(found.accuracy, "share", source, n=found.n),
            )
            for found in reliability(list(zip(sure, right, strict=True)))
            if found.n
        ],
    )
