"""What a bag of words learns from a checkpoint's own training rows: a classifier that any fine-tuning has to beat.

TF-IDF of words and pairs of words, and logistic regression, both of scikit-learn. Word pairs with a linear model are
a strong baseline of short texts (Wang and Manning 2012, "Baselines and Bigrams", ACL, P12-2018). No setting is tuned:
`RECIPE` is scikit-learn's defaults but for the pairs, and for `1 + log(tf)` in the place of `tf`, by which a word that
is repeated does not count in full each time (Manning, Raghavan and Schütze 2008, "Introduction to Information
Retrieval", section 6.4.1). Scored items are seen when they are answered, and not before.

A text is the field that the task declares as its `input`, else the whole prompt without few-shot examples. A word that
every training text holds, as the prompt's own words, is left out: it tells no label from another.
"""

import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness_tasks import TASKS_PATH
from harness_tasks.choices import are_fixed, gold_choice
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.kinds import LABELLED_ROWS, SAMPLES
from harness_tasks.messages import counted, reason_of
from harness_tasks.models.files import refusals
from harness_tasks.overlap import input_text, read_samples
from harness_tasks.reading import iterate_rows

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

NAME = "bag-of-words"
RECIPE: dict[str, dict[str, Any]] = {
    "TfidfVectorizer": {"ngram_range": [1, 2], "sublinear_tf": True},
    "LogisticRegression": {"C": 1.0, "max_iter": 1000},
}
"""The settings that are given to scikit-learn; all others are its defaults. `max_iter` is high enough to converge."""
_LOW = -1e6
"""The log-likelihood of a choice that no training row has."""
_BY_LENGTH = ("acc_norm", "acc_bytes")
"""Metrics that divide a choice's log-likelihood by its length, which a class's probability does not have."""


class Texts(NamedTuple):
    """Texts, and the index of each one's gold choice."""

    texts: list[str]
    golds: list[int]


def bag_of_words(
    task: str,
    *,
    samples: Path,
    training_rows: Path,
    metadata: Mapping[str, Any] | None = None,
    include_path: str | Path = TASKS_PATH,
) -> dict[str, Any]:
    """Returns what a bag of words that is trained on ``training_rows`` answers to the items of ``samples``.

    ``predictions`` are indices of ``choices``, ``probabilities`` a row for each item with one for each choice, and
    ``values`` what each item gives to each metric by the task's own function, all in the order of ``doc_ids``.

    Args:
        samples: lm_eval's sample file of the task.
        training_rows: the `train_rows.jsonl` of a checkpoint; labels are the task's, found by each row's hash.
        metadata: what lm_eval's `--metadata` takes.

    Raises:
        UserError: the task's choices are not the same for each item, its training rows are others, or they have one
            label only, or no word; a file is missing or of another kind, or the task cannot be loaded.
    """
    from harness_tasks.loading import check_task

    loaded = check_task(task, include_path=include_path, metadata=metadata, training=True)
    if not are_fixed(loaded.OUTPUT_TYPE, loaded.config.doc_to_choice):
        raise UserError(
            f"the items of {task} have no choices that are the same for each item",
            "a bag of words is a classifier: it can only learn labels that training rows and scored items share",
            "leave the bag of words out for this task, or name one whose YAML lists its choices under `doc_to_choice`",
        )
    rows = read_samples(samples)
    if not rows:
        raise UserError(f"{samples} holds no item", "there is nothing to answer", SAMPLES.mend)
    trained = _trained(loaded, task, training_rows)
    model = fit(trained, f"the training rows of {task}")
    docs = [dict(row["doc"]) for row in rows]
    with refusals(lambda error: other_items(samples, task, error)):
        choices = [str(choice) for choice in loaded.doc_to_choice(docs[0])]
        log_probabilities = answers(model, [text_of(loaded, doc) for doc in docs], len(choices))
        values = _values(loaded, docs, log_probabilities)
    return {
        "task": task,
        "name": NAME,
        "choices": choices,
        "training_rows": len(trained.texts),
        "labels": [trained.golds.count(place) for place in range(len(choices))],
        "vocabulary": len(model[0].vocabulary_),
        "recipe": {
            "scikit-learn": version("scikit-learn"),
            **RECIPE,
            "most_texts_of_a_word": len(trained.texts) - 1,
            "text": _field(loaded) or "the prompt",
        },
        "training_file_sha256": sha256_file(training_rows),
        "samples_sha256": sha256_file(samples),
        "doc_ids": [row["doc_id"] for row in rows],
        "doc_hashes": [row["doc_hash"] for row in rows],
        "predictions": [_highest(one) for one in log_probabilities],
        "probabilities": [[round(math.exp(value), 6) for value in one] for one in log_probabilities],
        "values": values,
    }


def other_items(samples: Path, task: str, error: Exception) -> UserError:
    """Returns the error for items of ``samples`` that ``task`` cannot score."""
    return UserError(
        f"{task} cannot score the items of {samples} ({reason_of(error)})",
        "an item gets its score from the task's own function, which needs all fields of the task's rows",
        SAMPLES.mend,
    )


def fit(trained: Texts, of: str) -> "Pipeline":
    """Returns TF-IDF and logistic regression, fitted to texts and labels by `RECIPE`; ``of``: what errors call them.

    Raises:
        UserError: there is one label only, or no word of two letters that not every text holds.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    labels = len(set(trained.golds))
    if labels < 2:
        raise UserError(
            f"{of} have {counted(labels, 'labels')} ({len(trained.golds):,} rows)",
            "a classifier learns from rows of different labels what tells them apart",
            "train on rows of two labels or more, or leave bag-of-words out",
        )
    words = {**RECIPE["TfidfVectorizer"], "ngram_range": (1, 2)}
    model = make_pipeline(
        TfidfVectorizer(**words, max_df=len(trained.texts) - 1), LogisticRegression(**RECIPE["LogisticRegression"])
    )
    try:
        return model.fit(trained.texts, trained.golds)
    except ValueError as error:  # "empty vocabulary", or "no terms remain"
        raise UserError(
            f"no words are left of {of} ({reason_of(error)})",
            "a bag of words tells texts apart by the words that some of them hold",
            "correct `input` under `metadata:` in the task's YAML, or leave bag-of-words out",
        ) from None


def answers(model: "Pipeline", texts: Sequence[str], choices: int) -> list[list[float]]:
    """Returns the log-probability of each choice for each of ``texts``; `_LOW` of one that no training row has."""
    place_of = {int(label): place for place, label in enumerate(model.classes_)}
    found = model.predict_log_proba(list(texts))
    return [
        [max(_LOW, float(row[place_of[one]])) if one in place_of else _LOW for one in range(choices)] for row in found
    ]


def text_of(task: Any, doc: dict[str, Any]) -> str:
    """Returns the text of a row: the declared `input`, else the prompt as the task renders it without examples."""
    return input_text(doc, task.config.metadata) if _field(task) else str(task.doc_to_text(doc))


def _field(task: Any) -> str | None:
    field = (task.config.metadata or {}).get("input")
    return None if field is None else str(field)


def _trained(loaded: Any, task: str, file: Path) -> Texts:
    """Returns texts and labels of the rows in ``file``: rows of the task's training split, found by their hashes."""
    from harness_tasks.loading import doc_hash

    hashes = [row.get("doc_hash") for row in iterate_rows(file, LABELLED_ROWS)]
    wanted, found = set(hashes), dict[str, dict[str, Any]]()
    for doc in loaded.training_docs():
        if (name := doc_hash(doc)) in wanted:
            found[name] = doc
    lacking = sum(name not in found for name in hashes)
    if lacking or not hashes:
        raise UserError(
            f"{lacking:,} of the {len(hashes):,} rows of {file} are no training rows of {task}",
            "their labels are not known, and the bag of words has to learn from the very rows of the checkpoint",
            "name the train_rows.jsonl that `aftertune train` wrote for this task, or train the checkpoint again",
        )
    docs = [found[str(name)] for name in hashes]
    golds = [gold_choice(loaded, doc) for doc in docs]
    known = [(text_of(loaded, doc), gold) for doc, gold in zip(docs, golds, strict=True) if gold >= 0]
    return Texts([text for text, _ in known], [gold for _, gold in known])


def _values(task: Any, docs: Sequence[dict[str, Any]], given: Sequence[Sequence[float]]) -> dict[str, list[Any]]:
    """Returns what each item gives to each metric, by the task's own function of an item."""
    found = []
    for doc, log_probabilities in zip(docs, given, strict=True):
        scores = _scores(task, doc, log_probabilities)
        one_hot = [0.0 if place == _highest(log_probabilities) else _LOW for place in range(len(log_probabilities))]
        if any(metric in scores for metric in _BY_LENGTH):
            chosen = _scores(task, doc, one_hot)
            scores |= {metric: chosen[metric] for metric in _BY_LENGTH if metric in scores}
        found.append(scores)
    return of_each_item(found)


def of_each_item(scored: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Returns the values of each metric that each item has, of items that are ``scored``, in their order."""
    found: dict[str, list[Any]] = {}
    for scores in scored:
        for metric, value in scores.items():
            found.setdefault(metric, []).append(_plain(value))
    # A metric that not each item has is of a part of the items, which an answer's place does not tell.
    return {metric: values for metric, values in found.items() if len(values) == len(scored) and None not in values}


def _scores(task: Any, doc: dict[str, Any], log_likelihoods: Sequence[float]) -> dict[str, Any]:
    highest = _highest(log_likelihoods)
    return dict(task.process_results(doc, [(value, place == highest) for place, value in enumerate(log_likelihoods)]))


def _plain(value: Any) -> Any:
    """Returns a metric's item as JSON has it: a number, or a list of numbers; None of anything else."""
    if isinstance(value, list | tuple):
        parts = [_plain(part) for part in value]
        return None if None in parts else parts
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, int | float) else None


def _highest(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)
