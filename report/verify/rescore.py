"""The sample rows scored again, each from the response that it records, and their hashes made again."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from harness_tasks.files import sha256_text
from report.verify.problems import Problem

Row = Mapping[str, Any]
_CLOSE = 1e-9


def rescored(file: str, rows: Iterable[Row], others: Collection[str] = ()) -> Iterator[Problem]:
    """Yields what the rows of the sample file ``file`` say that their own contents do not give.

    The doc, the prompt and the target must have the hashes that lm_eval gave them, the filtered response must be the
    recorded one, and each score of ours must be what that response scores. ``others``: filters that do something else
    than to take the first response, such as a search in it; they are not ours to apply again.
    """
    for row in rows:
        place = f"{file}, item {row.get('doc_id')}"
        for name, text in _hashed(row).items():
            digest = sha256_text(text)
            if row.get(name) != digest:
                yield Problem(f"{place}, {name}", str(row.get(name)), f"{digest}: what the row holds was changed")
        if row.get("filter") not in others and not _is_first(row.get("resps"), row.get("filtered_resps")):
            told = json.dumps(row.get("resps"), ensure_ascii=False)
            yield Problem(f"{place}, filtered_resps", json.dumps(row.get("filtered_resps"), ensure_ascii=False), told)
        for name, value in scores_of(row).items():
            if name in row and not same(row[name], value):
                yield Problem(f"{place}, {name}", json.dumps(row[name]), f"{json.dumps(value)} from its response")


def other_filters(configuration: Mapping[str, Any]) -> set[str]:
    """Returns the filters of a task, by its configuration, that do more than to take the first response.

    >>> strict = {"name": "strict", "filter": [{"function": "regex"}, {"function": "take_first"}]}
    >>> other_filters({"filter_list": [strict, {"name": "none", "filter": [{"function": "take_first"}]}]})
    {'strict'}
    """
    return {
        str(one.get("name"))
        for one in configuration.get("filter_list") or ()
        if any(step.get("function") != "take_first" for step in one.get("filter") or ())
    }


def _hashed(row: Row) -> dict[str, str]:
    """Returns the texts behind a row's hashes, as lm_eval's `evaluate` makes them."""
    arguments = row.get("arguments")
    first: Any = next(iter(arguments.values()), {}) if isinstance(arguments, Mapping) else {}
    texts = {"doc_hash": json.dumps(row.get("doc"), indent=2, ensure_ascii=False)}
    if "target" in row:
        texts["target_hash"] = str(row["target"])
    if isinstance(first, Mapping) and isinstance(first.get("arg_0"), str):
        texts["prompt_hash"] = first["arg_0"]
    return texts


def _is_first(responses: Any, filtered: Any) -> bool:
    """Returns whether the filtered response is the first of each recorded one."""
    if not isinstance(responses, list) or not isinstance(filtered, list) or len(responses) != len(filtered):
        return responses is None
    pairs = zip(responses, filtered, strict=True)
    return all(isinstance(every, list) and every and every[0] == one for every, one in pairs)


def scores_of(row: Row) -> dict[str, Any]:
    """Returns the scores that the row's response gives: of choices, or of an answer to a question; else none."""
    from harness_tasks.metrics import answer_scores, classification_scores

    doc, filtered = row.get("doc") or {}, row.get("filtered_resps") or []
    answers = doc.get("answers")
    if isinstance(answers, Mapping) and "text" in answers and filtered and isinstance(filtered[0], str):
        return answer_scores(filtered[0], list(answers["text"]))
    if isinstance(row.get("mcc"), list) and isinstance(doc.get("label"), int):
        return classification_scores(doc["label"], [float(choice[0]) for choice in filtered])
    return {}


def same(one: Any, other: Any) -> bool:
    """Returns whether two values of JSON say the same, numbers to a billionth."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= _CLOSE * max(1.0, abs(one), abs(other))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
