"""What copying from the right sentence reaches on questions about a passage, without any training.

The answer to a question is taken from the sentence that has most of the question's words: the shortest run of
capitalised words or numerals there that the question does not hold itself; the first of equals, in both choices.
Richardson, Burges and Renshaw (2013, "MCTest", EMNLP, D13-1020) use the sentence with most words of question and answer
as the baseline of their questions; the run stands for the short answers that SQuAD-like tasks ask for.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness_tasks import TASKS_PATH
from harness_tasks.bag_of_words import of_each_item, other_items
from harness_tasks.baselines import sentences
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.kinds import SAMPLES
from harness_tasks.models.files import refusals
from harness_tasks.overlap import read_samples

NAME = "nearest-passage-sentence"
_WORD = re.compile(r"\w+(?:[-'’.,]\w+)*")


def nearest_sentence(
    task: str, *, samples: Path, metadata: Mapping[str, Any] | None = None, include_path: str | Path = TASKS_PATH
) -> dict[str, Any]:
    """Returns what `answer_of` answers to the items of ``samples``, lm_eval's sample file of the task.

    ``predictions`` are texts, and ``values`` what each item gives to each metric by the task's own function, both in
    the order of ``doc_ids``. A metric that not each item has is left out.

    Raises:
        UserError: the task's rows have no ``question`` and ``context``; a file is missing or of another kind, or the
            task cannot be loaded.
    """
    from harness_tasks.loading import check_task

    loaded = check_task(task, include_path=include_path, metadata=metadata)
    rows = read_samples(samples)
    if not rows:
        raise UserError(f"{samples} holds no item", "there is nothing to answer", SAMPLES.mend)
    docs = [dict(row["doc"]) for row in rows]
    if loaded.OUTPUT_TYPE != "generate_until" or not all(_asks(doc) for doc in docs):
        raise UserError(
            f"the items of {task} are no questions on a passage",
            "the nearest sentence is looked for in the field `context`, by the words of the field `question`",
            "leave nearest-passage-sentence out for this task, or name one of SQuAD's fields",
        )
    given = [answer_of(doc["question"], doc["context"]) for doc in docs]
    with refusals(lambda error: other_items(samples, task, error)):
        scored = [loaded.process_results(doc, [answer]) for doc, answer in zip(docs, given, strict=True)]
    return {
        "task": task,
        "name": NAME,
        "samples_sha256": sha256_file(samples),
        "doc_ids": [row["doc_id"] for row in rows],
        "doc_hashes": [row["doc_hash"] for row in rows],
        "predictions": given,
        "values": of_each_item(scored),
    }


def _asks(doc: Mapping[str, Any]) -> bool:
    return all(isinstance(doc.get(field), str) for field in ("question", "context"))


def answer_of(question: str, passage: str) -> str:
    """Returns the shortest run of names or numerals in the sentence of ``passage`` nearest to ``question``.

    Where that has none which the question does not hold, the sentence; of an empty passage the empty text.

    >>> answer_of("Who sold the boats?", "Divers rose. The merchant Yusuf Talmani sold his 12 old boats. He left.")
    '12'
    >>> answer_of("When did the fleet leave?", "Pearls were rare. The fleet left each May for the Gulf of Oman.")
    'May'
    """
    asked = {word.casefold() for word in _WORD.findall(question)}
    best = max(sentences(passage), key=lambda one: len(asked & {word.casefold() for word in _WORD.findall(one)}))
    return min(_runs(best, asked), key=lambda run: (len(run.split()), len(run)), default=best)


def _runs(sentence: str, asked: set[str]) -> Iterator[str]:
    """Yields the runs of capitalised words and numerals, cut where a word of the question or a mark stands.

    The first word of a sentence is capitalised whatever it is, so by itself it is a run only with a numeral in it.
    """
    run, words = list[re.Match[str]](), list(_WORD.finditer(sentence))
    for word in (*words, None):
        joins = word is not None and _names(word[0]) and word[0].casefold() not in asked
        apart = bool(run) and (word is None or sentence[run[-1].end() : word.start()] != " ")
        if run and (apart or not joins):
            if len(run) > 1 or run[0] is not words[0] or _is_numeral(run[0][0]):
                yield sentence[run[0].start() : run[-1].end()]
            run = []
        if joins and word is not None:
            run.append(word)


def _names(word: str) -> bool:
    return word[0].isupper() or _is_numeral(word)


def _is_numeral(word: str) -> bool:
    return any(sign.isdigit() for sign in word)
