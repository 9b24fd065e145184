"""What answers that need no model would score on a task, by the task's own function of an item: trivial baselines.

The task's `process_results` is asked with made-up responses in the place of a model's. Of tasks whose function is this
package's nothing is made here: a page knows what their metrics give to a label or to a text.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Document = Mapping[str, Any]
GOLD = "gold"
"""What the gold answers themselves are called among the baselines."""
_LOW = -1e6
"""The log-likelihood of a choice that is not made, beside 0 of the one that is."""


class TrivialAnswers(NamedTuple):
    """What one way of answering gives to the metrics of each item; None: an item that it does not answer."""

    name: str
    values: list[Mapping[str, Any]]


class _TooSlow(Exception):
    """The task's function takes too long."""


def trivial_answers(
    task: Any, docs: Sequence[Document], *, budget_s: float = 30.0, clock: Callable[[], float] = time.perf_counter
) -> list[TrivialAnswers]:
    """Returns what each way of answering scores on ``docs``, rows of ``task``, an object of lm_eval.

    Of choices: one at random, as the mean over all of an item's choices, the most frequent gold position, and the
    longest choice. Of generated answers: the most frequent gold answer, where one occurs twice, and an empty one. Of
    texts whose likelihood is asked: all bytes alike likely. What the gold answers score is named `GOLD`. A way that
    the task's function refuses, or for which no time is left, is not among them.
    """
    function = getattr(task.config, "process_results", None)
    if (getattr(function, "__module__", None) or "").startswith("harness_tasks."):
        return []
    ways = {"multiple_choice": _of_choices, "generate_until": _of_texts, "loglikelihood_rolling": _of_bytes}
    made = ways.get(task.OUTPUT_TYPE)
    if made is None or not docs:
        return []
    begun, found = clock(), list[TrivialAnswers]()
    try:
        given = made(task, docs)
    except Exception:  # a task of somebody's own; its page says that no baseline is known
        return []
    for name, responses in given.items():
        values = list[Mapping[str, Any]]()
        try:
            for doc, ways_of_item in zip(docs, responses, strict=True):
                if clock() - begun > budget_s:
                    raise _TooSlow
                values.append(_mean([dict(task.process_results(doc, one)) for one in ways_of_item]))
        except _TooSlow:
            break
        except Exception:
            continue
        found.append(TrivialAnswers(name, values))
    return found


Responses = list[list[list[Any]]]
"""For each item the responses of one or several ways to answer it, of which the scores are averaged."""


def _of_choices(task: Any, docs: Sequence[Document]) -> dict[str, Responses]:
    choices = [list(task.doc_to_choice(doc)) for doc in docs]
    golds = [_gold_places(task.doc_to_target(doc), texts) for doc, texts in zip(docs, choices, strict=True)]
    places = Counter(place for gold in golds for place in gold)
    most = min(places, key=lambda place: (-places[place], place))
    # Of choices that differ in number, the last one stands in for a place that an item does not have.
    given = {
        "choosing at random": [[_chosen(place, len(texts)) for place in range(len(texts))] for texts in choices],
        f"always choosing {_named(most, choices)}": [
            [_chosen(min(most, len(texts) - 1), len(texts))] for texts in choices
        ],
    }
    if any(len({len(text) for text in texts}) > 1 for texts in choices):
        given["choosing the longest choice"] = [[_chosen(_longest(texts), len(texts))] for texts in choices]
    return given | {
        GOLD: [[_chosen(gold[0], len(texts))] for gold, texts in zip(golds, choices, strict=True)],
    }


def _named(place: int, choices: Sequence[Sequence[str]]) -> str:
    """Returns how a page calls the choice at a place: by its text, where that is the same in all items."""
    texts = {tuple(map(str, one)) for one in choices}
    return f"“{next(iter(texts))[place].strip()}”" if len(texts) == 1 else f"the choice at position {place + 1}"


def _longest(texts: Sequence[str]) -> int:
    """Returns the place of the longest choice; the first of several."""
    return max(range(len(texts)), key=lambda place: len(str(texts[place])))


def _gold_places(target: Any, choices: Sequence[str]) -> list[int]:
    """Returns the places of the gold choices, as lm_eval understands a target: places, or the choices' texts."""
    golds = target if isinstance(target, list | tuple) else [target]
    return [gold if isinstance(gold, int) else list(choices).index(gold) for gold in golds]


def _chosen(place: int, count: int) -> list[tuple[float, bool]]:
    return [(0.0, True) if one == place else (_LOW, False) for one in range(count)]


def _of_texts(task: Any, docs: Sequence[Document]) -> dict[str, Responses]:
    golds = [task.doc_to_target(doc) for doc in docs]
    texts = [str(gold[0] if isinstance(gold, list | tuple) and gold else gold) for gold in golds]
    most, times = Counter(texts).most_common(1)[0]
    given = {f"always answering “{_short(most)}”": [[[most]]] * len(docs)} if times > 1 and most.strip() else {}
    return given | {"giving an empty answer": [[[""]]] * len(docs), GOLD: [[[text]] for text in texts]}


def _of_bytes(task: Any, docs: Sequence[Document]) -> dict[str, Responses]:
    sizes = [len(str(task.doc_to_target(doc)).encode()) for doc in docs]
    return {"taking all bytes for alike likely": [[[-size * math.log(256)]] for size in sizes]}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:39]}…"


def _mean(scores: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Returns the scores of an item, averaged over ways to answer it; what is no number has no mean."""
    if len(scores) == 1:
        return scores[0]
    return {
        metric: math.fsum(float(one[metric]) for one in scores) / len(scores)
        for metric, value in scores[0].items()
        if isinstance(value, int | float) or hasattr(value, "item")
    }
