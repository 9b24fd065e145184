"""What a model's answers to a task are like, apart from whether they are right: none at all, unread, all the same."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

from report.reading.lm_eval_results import LARGEST_SCORE, number

INVALID = "[invalid]"
"""What lm_eval's regular-expression filters put where they find nothing (`fallback`), unless a task says otherwise."""

FEW = 5
"""With fewer answers than this, that all are the same says nothing."""


@dataclass(frozen=True)
class Answers:
    """The answers under one filter: how many, how many of them empty, unread by the filter, or the commonest one.

    ``written``: they are texts, not choices.
    """

    n: int
    written: bool
    empty: int = 0
    unread: int = 0
    same: int = 0

    @property
    def void(self) -> str:
        """Why nothing was measured: the answers are all empty, or none was read; empty where something was."""
        if not self.n:
            return ""
        if not self.written:
            told = f"in none of the {self.n:,} items is one choice likelier than another"
            return told if self.empty == self.n else ""
        if self.empty == self.n:
            return f"all {self.n:,} answers are empty" if self.n > 1 else "its one answer is empty"
        if self.unread == self.n:
            return f"the filter found no answer in any of the {self.n:,} outputs"
        return ""

    @property
    def caution(self) -> str:
        """What must be said of the answers beside their score; empty where there is nothing."""
        if self.void or not self.n:
            return self.void
        if self.same == self.n >= FEW:
            return f"all {self.n:,} answers are the same {'text' if self.written else 'choice'}"
        if self.empty * 2 >= self.n:
            if not self.written:
                return f"in {self.empty:,} of the {self.n:,} items no choice is likelier than another"
            return f"{self.empty:,} of {self.n:,} answers are empty"
        if self.unread * 2 >= self.n:
            return f"the filter found no answer in {self.unread:,} of {self.n:,} outputs"
        return ""


def answers_of(rows: Iterable[Mapping[str, Any]], config: Mapping[str, Any]) -> Answers:
    """Returns what the answers in sample rows of one filter are like; ``config`` is the task's configuration."""
    nothing = fallbacks(config)
    written = config.get("output_type", "generate_until") == "generate_until"
    found = [_answer(row, written=written) for row in rows]
    told = [pair for pair in found if pair is not None]
    if not told or len(told) < len(found):
        return Answers(0, written)
    if all(raw in ("", "None") for raw, _ in told):  # lm_eval writes what a server left out as text
        told = [("", shown) for _, shown in told]
    texts = Counter(shown for _, shown in told)
    return Answers(
        len(told),
        written,
        empty=sum(raw == "" for raw, _ in told),
        unread=sum(raw != "" and (not shown or shown in nothing) for raw, shown in told) if written else 0,
        same=texts.most_common(1)[0][1],
    )


def _answer(row: Mapping[str, Any], *, written: bool) -> tuple[str, str] | None:
    """Returns what the model said and what was made of it; None where the row does not hold an answer."""
    filtered = row.get("filtered_resps")
    if not isinstance(filtered, list) or not filtered:
        return None
    if written:
        if "resps" not in row:  # what the model said was not recorded, which is not that it said nothing
            return None
        raw = _texts(row["resps"])
        shown = _texts(filtered)
        return None if raw is None or shown is None else ("".join(raw).strip(), "".join(shown).strip())
    if len(filtered) < 2:
        return None
    scores = [_log_likelihood(response) for response in filtered]
    if any(score is None for score in scores):
        return None
    known = [score for score in scores if score is not None and not isnan(score)]
    if len(set(known)) < 2:
        return "", ""
    best = scores.index(max(known))
    return f"choice {best}", f"choice {best}"


def _texts(value: Any) -> list[str] | None:
    """Returns the texts in nested lists; None where there is anything else."""
    if isinstance(value, str):
        return [value]
    if value is None:
        return [""]
    if not isinstance(value, list):
        return None
    parts = [_texts(inner) for inner in value]
    return None if any(part is None for part in parts) else [text for part in parts for text in part or ()]


def _log_likelihood(response: Any) -> float | None:
    """Returns the log-likelihood of a choice: a pair with whether it is the likeliest text, as numbers or as text."""
    if isinstance(response, list) and len(response) == 2:
        response = response[0]
    if isinstance(response, str):
        try:
            response = float(response)
        except ValueError:
            return None
    is_number = isinstance(response, int | float) and abs(number(response) or 0.0) < LARGEST_SCORE
    return float(response) if is_number else None


def fallbacks(config: Mapping[str, Any]) -> set[str]:
    """Returns what the filters of a task put where they find nothing."""
    return {INVALID, *_fallbacks(config)}


def _fallbacks(config: Mapping[str, Any]) -> Iterable[str]:
    for entry in config.get("filter_list") or ():
        steps = entry.get("filter") if isinstance(entry, dict) else None
        for step in steps if isinstance(steps, list) else ():
            if isinstance(step, dict) and isinstance(step.get("fallback"), str):
                yield step["fallback"]
