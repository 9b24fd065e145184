"""SQuAD v2 scores written from the official evaluation script's description, sharing no code with the project.

Source: Rajpurkar, Jia and Liang (2018), evaluate-v2.0.py: answers are lower-cased, stripped of punctuation and of the
articles, and their white space is squeezed; F1 is over the bag of tokens; the best reference counts.
"""

import re
import string
from collections import Counter


def squad_v2_scores(golds: dict[str, list[str]], predictions: dict[str, str]) -> dict[str, float]:
    """Returns exact, f1 and their HasAns and NoAns parts, from 0 to 100."""
    parts: dict[str, list[float]] = {}
    for item, references in golds.items():
        said = tokens(predictions[item].strip().split("\n")[0])
        if said == ["unanswerable"]:
            said = []
        wanted = [tokens(reference) for reference in references] or [[]]
        exact = max(float(said == reference) for reference in wanted)
        f1 = max(overlap(said, reference) for reference in wanted)
        kind = "HasAns" if references else "NoAns"
        for name, value in (("exact", exact), ("f1", f1), (f"{kind}_exact", exact), (f"{kind}_f1", f1)):
            parts.setdefault(name, []).append(100 * value)
    return {name: sum(values) / len(values) for name, values in parts.items()}


def tokens(text: str) -> list[str]:
    text = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def overlap(said: list[str], wanted: list[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    common = sum((Counter(said) & Counter(wanted)).values())
    return 2 * common / (len(said) + len(wanted))
