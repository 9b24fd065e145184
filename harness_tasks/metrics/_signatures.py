"""What a score was computed with, as one text a metric: settings, tokenizer, versions, in sacrebleu's notation.

Scores whose signatures differ are not to be compared.
"""

from importlib.metadata import version
from typing import Literal

from harness_tasks.metrics import _bleu, _calibration, _meteor, _rouge, _wordnet

Kind = Literal["classification", "answers"]

VERSION = "aftertune-metrics-1"
"""The version of what is computed here and not by a library; raised when a score changes."""

_CHOICE = "choice:likeliest,first of equals|norm:none"
_PROBABILITY = "p:softmax of the choices' log-likelihoods|norm:none"
_SQUAD = "case:lower|punct:no|articles:no|refs:max"


def signatures(kind: Kind) -> dict[str, str]:
    """Returns the signature of every metric that a task of this kind computes on this machine.

    >>> signatures("classification")["acc"]
    "choice:likeliest,first of equals|norm:none|agg:mean|tok:the model's|version:aftertune-metrics-1"
    """
    return _classification() if kind == "classification" else _answers()


def squad_signature(*, word_abstains: bool) -> str:
    """Returns the signature of exact match and F1.

    ``word_abstains``: "unanswerable" means no answer, as in the tasks, and not in `squad_v2_scores`.
    """
    nothing = "unanswerable,empty" if word_abstains else "empty"
    return _join(f"{_SQUAD}|none:{nothing}|agg:mean", "space", VERSION)


def meteor_signature() -> str:
    """Returns METEOR's signature on this machine; it says whether there is WordNet, and which."""
    wordnet = _wordnet.find_wordnet()
    settings = [
        f"alpha:{_meteor.ALPHA:g}|beta:{_meteor.BETA:g}|gamma:{_meteor.GAMMA:g}",
        "stages:exact,stem,synonym" if wordnet else "stages:exact,stem",
        "stem:porter|case:lower|refs:max|agg:mean",
    ]
    versions = [f"nltk-{version('nltk')}", *([f"wordnet-{wordnet.version}"] if wordnet else [])]
    return _join("|".join(settings), "NLTKWordTokenizer", *versions)


def rouge_signature() -> str:
    """Returns the signature of ROUGE, one for all its kinds."""
    settings = "score:F|case:lower|stem:no|refs:max|agg:mean"
    return _join(settings, "[a-z0-9]+", f"rouge_score-{version('rouge_score')}")


def bleu_signature() -> str:
    """Returns the signature of corpus BLEU."""
    settings = f"order:{_bleu.ORDER}|case:mixed|eff:yes|smooth:exp|refs:all|agg:corpus"
    return _join(settings, "13a", f"sacrebleu-{version('sacrebleu')}")


def _classification() -> dict[str, str]:
    positive = f"{_CHOICE}|class:positive|zero_division:0|agg:counts"
    settings = {
        "acc": f"{_CHOICE}|agg:mean",
        **dict.fromkeys(("precision", "recall", "f1"), positive),
        "mcc": f"{_CHOICE}|zero_division:0|agg:counts",
        "brier": f"{_PROBABILITY}|halved:yes|agg:mean",
        "ece": f"{_PROBABILITY}|bins:{_calibration.BINS}|width:equal|edge:upper|agg:bins",
    }
    return {metric: _join(text, "the model's", VERSION) for metric, text in settings.items()}


def _answers() -> dict[str, str]:
    squad = [prefix + metric for prefix in ("", "HasAns_", "NoAns_") for metric in ("exact", "f1")]
    return {
        **dict.fromkeys(squad, squad_signature(word_abstains=True)),
        _meteor.meteor_name(): meteor_signature(),
        **dict.fromkeys(_rouge.KINDS, rouge_signature()),
        "bleu": bleu_signature(),
    }


def _join(settings: str, tokenizer: str, *versions: str) -> str:
    return f"{settings}|tok:{tokenizer}|version:{','.join(versions)}"
