"""The samples of one of Inspect's logs: of each item what was asked and answered, and its score by each scorer.

An item that was asked in several epochs has a value of each of them. They are reduced as the log says: by their mean,
or by what the log's own reductions made of them.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, NotRequired

from typing_extensions import TypedDict

from harness_tasks.files import sha256_json


class Value(TypedDict):
    """What a scorer gave to an item."""

    value: Any
    answer: NotRequired[Any]


class Sample(TypedDict):
    """An item in one epoch."""

    id: str | int
    epoch: int
    input: Any
    target: NotRequired[Any]
    choices: NotRequired[list[str] | None]
    metadata: NotRequired[dict[str, Any]]
    scores: NotRequired[dict[str, Value] | None]
    messages: NotRequired[list[dict[str, Any]]]
    output: NotRequired[dict[str, Any]]
    attachments: NotRequired[dict[str, str]]


class _Reduced(TypedDict):
    value: Any
    sample_id: NotRequired[str | int | None]


class Reduction(TypedDict):
    """What a reducer made of the epochs of each item."""

    scorer: str
    reducer: NotRequired[str | None]
    samples: list[_Reduced]


_VALUES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_ATTACHMENT = "attachment://"


@dataclass
class Item:
    """An item with its values by scorer, one an epoch, and its answers by scorer.

    ``name``: a hash of its text, target and choices. ``prompt``: the messages before the first answer; None where they
    are not there. ``answers`` and ``completion`` are of the first epoch.
    """

    doc: dict[str, Any]
    name: str
    prompt: str | None
    target: Any
    completion: Any
    values: dict[str, list[Any]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A score by item: the metric and filter that it is called by, its scorer, and its value of an item by its id."""

    metric: str
    filter: str
    scorer: str
    value: Callable[[str, Item], Any]


def items_of(samples: Iterable[Mapping[str, Any]], order: Sequence[str | int]) -> dict[str, Item]:
    """Returns the scored items by their id, in the ``order`` of the data set's ids."""
    items: dict[str, Item] = {}
    for sample in sorted(map(_light, samples), key=lambda sample: int(sample["epoch"])):
        if not sample["scores"]:
            continue
        if (key := str(sample["id"])) not in items:
            text = {name: sample[name] for name in ("input", "target", "choices")}
            known = {name: value for name, value in text.items() if value is not None}
            name = sha256_json(text if sample["input"] is not None else {"id": key})
            doc = {**sample["metadata"], **known}
            items[key] = Item(doc, name, sample["prompt"], sample["target"], sample["completion"])
        item = items[key]
        for scorer, (value, answer) in sample["scores"].items():
            item.values.setdefault(scorer, []).append(value)
            item.answers.setdefault(scorer, answer)
    places = {str(name): place for place, name in enumerate(order)}
    return dict(sorted(items.items(), key=lambda pair: places.get(pair[0], len(places))))


def value_of(score: Mapping[str, Any], reductions: Sequence[Mapping[str, Any]]) -> Callable[[str, Item], Any]:
    """Returns what gives an item's value of ``score``: a number; None where it has none; else a value that is none."""
    scorer, name, reducer = score["scorer"], score["name"], score.get("reducer")
    if reducer in (None, "mean"):
        return lambda _, item: _mean(item.values.get(scorer, item.values.get(name, ())), name)
    found = next((one for one in reductions if (one["scorer"], one.get("reducer")) == (scorer, reducer)), None)
    reduced = {str(one.get("sample_id")): one["value"] for one in found["samples"]} if found else {}
    return lambda key, _: _mean([reduced[key]], name) if key in reduced else None


def sample_rows(items: Mapping[str, Item], columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """Yields lm_eval's sample rows: an item by a filter, with the scores of that filter."""
    for name in dict.fromkeys(column.filter for column in columns):
        of_filter = [column for column in columns if column.filter == name]
        for place, (key, item) in enumerate(items.items()):
            values = [(column.metric, column.value(key, item)) for column in of_filter]
            scores = {metric: value for metric, value in values if value is not None}
            yield {
                "doc_id": place,
                "doc": item.doc,
                "doc_hash": item.name,
                "target": item.target,
                "filter": name,
                "metrics": list(scores),
                **scores,
                **({} if item.prompt is None else {"arguments": [[item.prompt]]}),
                **_answer(item, of_filter[0].scorer),
            }


def _answer(item: Item, scorer: str) -> dict[str, Any]:
    """Returns what the model said and what the scorer took from it; nothing of an item that was asked several times."""
    if len(item.values.get(scorer, ())) != 1 or not isinstance(item.completion, str):
        return {}
    answer = item.answers.get(scorer)
    return {"resps": [[item.completion]], "filtered_resps": [answer if isinstance(answer, str) else item.completion]}


def _light(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what is kept of a sample: its events, many times as large as all else, are not."""
    attached = sample.get("attachments") or {}
    asked: list[str] | None = []
    for message in sample.get("messages") or ():
        if message.get("role") == "assistant" or asked is None:
            break
        text = _text(message.get("content"), attached)
        asked = None if text is None else [*asked, f"{message.get('role')}: {text}"]
    return {
        "id": sample["id"],
        "epoch": sample["epoch"],
        "input": _input(sample["input"], attached),
        "target": sample.get("target"),
        "choices": sample.get("choices") or None,
        "metadata": sample.get("metadata") or {},
        "scores": {name: (score["value"], score.get("answer")) for name, score in (sample.get("scores") or {}).items()},
        "prompt": "\n".join(asked) if asked else None,
        "completion": (sample.get("output") or {}).get("completion"),
    }


def _input(given: Any, attached: Mapping[str, str]) -> str | None:
    """Returns the text of an item, or of its messages; None where a part is elsewhere or no text."""
    if not isinstance(given, list):
        return _text(given, attached)
    texts = [_text(part.get("content"), attached) for part in given if isinstance(part, dict)]
    return None if None in texts else "\n".join(text for text in texts if text)


def _text(content: Any, attached: Mapping[str, str]) -> str | None:
    """Returns the text of a message's content; None where a part of it is attached elsewhere, or is no text."""
    if isinstance(content, list):
        texts = [_text(part.get("text"), attached) for part in content if isinstance(part, dict)]
        return None if None in texts else "\n".join(text for text in texts if text)
    if isinstance(content, str) and content.startswith(_ATTACHMENT):
        return attached.get(content.removeprefix(_ATTACHMENT))
    return content if isinstance(content, str) else None


def _mean(values: Sequence[Any], name: str) -> Any:
    """Returns the mean of an item's values, those left out that are NaN (unscored); None without any.

    ``name``: which of several values a scorer gave. One that stands for no number is returned as it is: then the score
    cannot be counted again.
    """
    numbers = []
    for value in values:
        number = _number(value.get(name) if isinstance(value, dict) else value)
        if not isinstance(number, float):
            return number
        if not math.isnan(number):
            numbers.append(number)
    return fmean(numbers) if numbers else None


def _number(value: Any) -> Any:
    """Returns a value as Inspect's `value_to_float` reads it; as it is where that would be 0 for want of a meaning.

    >>> [_number(value) for value in ("C", "P", "I", "yes", "0.25", True, "perhaps")]
    [1.0, 0.5, 0.0, 1.0, 0.25, 1.0, 'perhaps']
    """
    if not isinstance(value, str):
        return float(value) if isinstance(value, bool | int | float) else value
    if value in _VALUES or value.lower() in _WORDS:
        return _VALUES[value] if value in _VALUES else _WORDS[value.lower()]
    try:
        number = float(value)
    except ValueError:
        return value
    return number if math.isfinite(number) else value
