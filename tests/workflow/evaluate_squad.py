"""SQuAD v2 scores written from the official evaluation script's description, and the scores of the answered questions
from the packages that define them, sharing no code with the project.

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
        said = tokens(said_text(predictions[item]))
        wanted = [tokens(reference) for reference in references] or [[]]
        exact = max(float(said == reference) for reference in wanted)
        f1 = max(overlap(said, reference) for reference in wanted)
        kind = "HasAns" if references else "NoAns"
        for name, value in (("exact", exact), ("f1", f1), (f"{kind}_exact", exact), (f"{kind}_f1", f1)):
            parts.setdefault(name, []).append(100 * value)
    return {name: sum(values) / len(values) for name, values in parts.items()}


def answered_scores(golds: dict[str, list[str]], predictions: dict[str, str]) -> dict[str, float]:
    """Returns ROUGE and corpus BLEU, from 0 to 100, over the questions that have an answer."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU

    answered = [item for item, references in golds.items() if references]
    said = [said_text(predictions[item]) for item in answered]
    scorer, kinds = RougeScorer(["rouge1", "rouge2", "rougeL"]), ("rouge1", "rouge2", "rougeL")
    best = [
        {kind: max(scorer.score(gold, text)[kind].fmeasure for gold in golds[item]) for kind in kinds}
        for item, text in zip(answered, said, strict=True)
    ]
    most = max(len(golds[item]) for item in answered)
    references = [[dict(enumerate(golds[item])).get(i) for item in answered] for i in range(most)]
    bleu = BLEU(effective_order=True).corpus_score(said, references).score
    return {kind: 100 * sum(row[kind] for row in best) / len(best) for kind in kinds} | {"bleu": bleu}


def said_text(text: str) -> str:
    """Returns the first line that was written, and nothing where it says that there is no answer."""
    line = text.strip().split("\n")[0]
    return "" if tokens(line) == ["unanswerable"] else line


def tokens(text: str) -> list[str]:
    text = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def overlap(said: list[str], wanted: list[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    common = sum((Counter(said) & Counter(wanted)).values())
    return 2 * common / (len(said) + len(wanted))
