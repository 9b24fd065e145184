"""The targets and scores of this folder's task, whose answers are written, as its YAML file names them.

It needs lm_eval and what comes with it. Scores are from 0 to 100. An item's `bleu` is a tuple of ten counts, of which
BLEU is made; lm_eval 0.5 takes a list for repeats.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

NO_ANSWER = "unanswerable"
"""The word by which a model says that the passage does not answer; an empty output means the same."""
ROUGE = ("rouge1", "rouge2", "rougeL")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WORD = re.compile(r"[^\W_]+")


class _Text(str):
    """A target that stays text: lm_eval 0.5 makes a number of one such as "1958", and takes it for a choice."""

    def isdigit(self) -> bool:
        return False


def question_target(doc: Mapping[str, Any]) -> str:
    """Returns what a model should write to a question: the first answer on one line, or "unanswerable"."""
    answers = doc["answers"]["text"]
    return _Text(" ".join(answers[0].split()) if answers else NO_ANSWER)


def completion_target(doc: Mapping[str, Any]) -> str:
    """Returns what a model should write after a prompt: the first completion."""
    return _Text(doc["completions"][0])


def question_scores(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """Returns one question's scores, of the output's first line.

    ``exact`` and ``f1`` are SQuAD v2.0's, also under HasAns_ or NoAns_, whichever the question is.
    """
    answers = list(doc["answers"]["text"])
    said = results[0].strip().split("\n", 1)[0].strip()
    said = "" if normalise(said) == NO_ANSWER else said
    exact, f1_score = 100 * exact_match(said, answers), 100 * token_f1(said, answers)
    kind = "HasAns" if answers else "NoAns"
    scores: dict[str, Any] = {"exact": exact, "f1": f1_score, f"{kind}_exact": exact, f"{kind}_f1": f1_score}
    if answers:
        scores["meteor_exact_stem"] = 100 * meteor(said, answers)
        scores |= _overlap(said, answers)
    return scores


def completion_scores(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """Returns one prompt's scores, of the whole output."""
    said, answers = results[0].strip(), list(doc["completions"])
    return {
        "exact": 100 * exact_match(said, answers),
        "f1": 100 * token_f1(said, answers),
        **_overlap(said, answers),
    }


def _overlap(said: str, answers: Sequence[str]) -> dict[str, Any]:
    return {
        **{kind: 100 * value for kind, value in rouge(said, answers).items()},
        "bleu": bleu_counts(said, answers),
    }


def normalise(text: str) -> str:
    """Returns ``text`` in lower case, without ASCII punctuation and the articles a, an, the, spaces squeezed."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(said: str, answers: Sequence[str]) -> float:
    """Returns 1.0 where ``said`` is one of ``answers`` after normalisation, else 0.0; no answers: the empty one."""
    return max(float(normalise(said) == answer) for answer in _normalised(answers))


def token_f1(said: str, answers: Sequence[str]) -> float:
    """Returns the highest F1, 0 to 1, of the words of ``said`` and of one of ``answers``, both normalised."""
    words = normalise(said).split()
    return max(_f1_of(words, answer.split()) for answer in _normalised(answers))


def _normalised(answers: Sequence[str]) -> list[str]:
    # As SQuAD v2.0's script: answers of which nothing is left are dropped, and an empty one stands for none at all.
    return [found for answer in answers if (found := normalise(answer))] or [""]


def _f1_of(predicted: Sequence[str], gold: Sequence[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    shared = sum((Counter(predicted) & Counter(gold)).values())
    precision, recall = shared / len(predicted), shared / len(gold)
    return 2 * precision * recall / (precision + recall) if shared else 0.0


def rouge(said: str, answers: Sequence[str]) -> dict[str, float]:
    """Returns the F of ROUGE-1, -2 and -L, 0 to 1, the highest of ``answers``; words are runs of any script's letters.

    `rouge_score` would count the letters a to z alone.
    """
    scored = [_rouge_scorer().score(answer, said) for answer in answers]
    return {kind: max(float(scores[kind].fmeasure) for scores in scored) for kind in ROUGE}


class _Words:
    """What `rouge_score` cuts texts with."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())


@lru_cache(maxsize=1)
def _rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(ROUGE), tokenizer=_Words())


def bleu_counts(said: str, answers: Sequence[str]) -> tuple[int, ...]:
    """Returns the words of ``said`` and of the answer nearest in length, then for 1 to 4 words the right and all."""
    score = _bleu_scorer().sentence_score(said, list(answers))
    return (int(score.sys_len), int(score.ref_len), *map(int, score.counts), *map(int, score.totals))


def corpus_bleu(items: Iterable[Sequence[int]]) -> float:
    """Returns sacrebleu's BLEU, 0 to 100, of all items: exponential smoothing, effective order."""
    counts = [sum(column) for column in zip(*items, strict=True)]
    (predicted, wanted), correct, total = counts[:2], counts[2:6], counts[6:]
    if not any(correct):
        return 0.0
    logs, smoothing = [], 1.0
    for right, of_them in zip(correct, total, strict=True):
        if of_them == 0:
            break
        smoothing *= 1 if right else 2
        logs.append(math.log(100 * right / of_them if right else 100 / (smoothing * of_them)))
    brevity = 1.0 if predicted >= wanted else math.exp(1 - wanted / predicted)
    return min(100.0, brevity * math.exp(sum(logs) / len(logs)))


@lru_cache(maxsize=1)
def _bleu_scorer() -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize="13a", smooth_method="exp", effective_order=True)


def meteor(said: str, answers: Sequence[str]) -> float:
    """Returns NLTK's METEOR, 0 to 1, the highest of ``answers``: words match exactly or by stem; no synonyms."""
    from nltk.translate.meteor_score import single_meteor_score

    words, stemmer, nothing = _meteor_words(said), _stemmer(), _NoSynonyms()
    if not words:
        return 0.0
    return max(
        float(single_meteor_score(_meteor_words(answer), words, stemmer=stemmer, wordnet=nothing, alpha=0.9, beta=3.0))
        for answer in answers
    )


class _NoSynonyms:
    """Stands for WordNet, which lm_eval does not bring."""

    def synsets(self, word: str) -> list[Any]:
        return []


@lru_cache(maxsize=1024)
def _meteor_words(text: str) -> tuple[str, ...]:
    from nltk.tokenize import NLTKWordTokenizer

    return tuple(NLTKWordTokenizer().tokenize(text))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


class _Named:
    """A function that lm_eval writes into its results by its name, where it would write its address in memory."""

    def __init__(self, name: str, function: Callable[..., float]) -> None:
        self.__name__, self.function = name, function

    def __call__(self, *arguments: Any) -> float:
        return self.function(*arguments)

    def __repr__(self) -> str:
        return f"utils.{self.__name__}"


f1 = _Named("f1", lambda golds, said: token_f1(said, golds))
bleu = _Named("bleu", corpus_bleu)
