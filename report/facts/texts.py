"""What is measured of generated answers, and of texts whose likelihood was computed."""

import ast
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import ceil
from typing import Any

from report.facts.measured import Measured, interval_fact, response
from report.facts.schema.diagnosis import Generation, Texts
from report.facts.schema.parts import Fact
from report.facts.values import fact, missing
from report.reading.degenerate_answers import fallbacks
from report.statistics import intervals
from report.statistics.sums import pair_of, sample_of

Row = Mapping[str, Any]
_REPEATED = re.compile(r"(.{1,60}?)\1{3,}", re.DOTALL)
"""A string that stands there four times or more, one after another."""
_SHORTEST = 8
"""Characters that a repetition has at least: a shorter one may be a number or an ellipsis."""


def is_generation(measured: Measured) -> bool:
    """Returns whether the samples hold what was generated for each item."""
    written = measured.scores.configuration.get("output_type") == "generate_until"
    return written and all("output" in row and row.get("filtered_resps") for row in measured.scores.rows)


def generation_facts(measured: Measured, tokens: Mapping[str, Any]) -> Generation:
    """Returns what the outputs are like; ``tokens``: what was counted of prompts and outputs in tokens."""
    scores, source = measured.scores, measured.scores.samples.source()
    rows, clusters = scores.rows, scores.clusters(scores.rows)
    outputs, golds = [row["output"].strip() for row in rows], [gold_text(row) for row in rows]
    lengths, wanted = ([float(len(text.split())) for text in texts] for texts in (outputs, golds))
    counted = {
        "empty": sum(not text for text in outputs),
        "repeated": sum(map(repeats, outputs)),
        "same": Counter(outputs).most_common(1)[0][1],
    }
    return Generation(
        unread=_unread(measured),
        **{name: fact(number, "count", source, n=len(rows)) for name, number in counted.items()},
        other_script=_other_script(outputs, golds, source),
        words=interval_fact(intervals.level(sample_of("words", lengths, clusters, scale=None)), "number", source),
        gold_words=interval_fact(intervals.level(sample_of("words", wanted, clusters, scale=None)), "number", source),
        longer=interval_fact(
            intervals.difference(pair_of("words", wanted, lengths, clusters, scale=None)), "number", source
        ),
        **{name: tokens[name] for name in ("truncated", "cut_off", "most_tokens")},
    )


def gold_text(row: Row) -> str:
    """Returns the gold answer of a row, the first of several.

    >>> gold_text({"target": "['Paris', 'paris']"}), gold_text({"target": "42"})
    ('Paris', '42')
    """
    text = str(row.get("target", "")).strip()
    if text.startswith("["):
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
        return str(found[0]).strip() if isinstance(found, list) and found else text
    return text


def repeats(text: str) -> bool:
    """Returns whether one string, several times in a row, is at least half of ``text``.

    >>> repeats("no no no no no no"), repeats("a: 1, 2, 3, 4"), repeats("..."), repeats("=" * 40)
    (True, False, False, True)
    """
    longest = max((len(found[0]) for found in _REPEATED.finditer(text)), default=0)
    return longest >= _SHORTEST and 2 * longest >= len(text)


def _unread(measured: Measured) -> Fact:
    """Returns in how many outputs with words the filter found nothing; missing where it takes outputs as they are."""
    scores = measured.scores
    filters = scores.configuration.get("filter_list") or ()
    steps = [step for one in filters if one.get("name") == scores.filter for step in one.get("filter") or ()]
    if all(step.get("function") in ("take_first", "remove_whitespace", "lowercase") for step in steps):
        return missing("the task takes outputs as they are")
    nothing = {"", *fallbacks(scores.configuration)}
    unread = sum(bool(row["output"].strip()) and response(row).strip() in nothing for row in scores.rows)
    return fact(unread, "count", scores.samples.source(), n=len(scores.rows))


def _other_script(outputs: Sequence[str], golds: Sequence[str], source: Mapping[str, str]) -> Fact:
    """Returns how many outputs are mostly in a script that their gold answer has no letter of."""
    pairs = [(script(said), scripts(gold)) for said, gold in zip(outputs, golds, strict=True)]
    known = [(said, of_gold) for said, of_gold in pairs if said and of_gold]
    if not known:
        return missing("no output and its gold answer both have letters")
    return fact(sum(said not in of_gold for said, of_gold in known), "count", source, n=len(known))


def script(text: str) -> str | None:
    """Returns the script of most letters of ``text``; None where it has none.

    >>> script("Привет, Bob"), script("42"), script("東京タワー")
    ('CYRILLIC', None, 'CJK')
    """
    found = Counter(name for letter in text if letter.isalpha() and (name := _script_of(letter)))
    return found.most_common(1)[0][0] if found else None


def scripts(text: str) -> set[str]:
    """Returns the scripts of all letters of ``text``."""
    return {name for letter in text if letter.isalpha() and (name := _script_of(letter))}


@lru_cache(maxsize=10_000)
def _script_of(letter: str) -> str:
    """Returns the script of a letter, by the first word of its Unicode name; Japanese is written in three of them."""
    first = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
    return "CJK" if first in ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA") else first


def texts_facts(measured: Measured) -> Texts | None:
    """Returns where the loss of the texts lies; None where the samples do not hold their log-likelihoods."""
    if measured.scores.configuration.get("output_type") != "loglikelihood_rolling":
        return None
    try:
        losses = [-float(_first(row["filtered_resps"])) for row in measured.scores.rows]
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    sizes = [len(str(row.get("target", "")).encode()) for row in measured.scores.rows]
    if not sum(losses) > 0 or not sum(sizes):
        return None
    source = measured.scores.samples.source()
    order = sorted(range(len(losses)), key=lambda place: (-losses[place] / max(1, sizes[place]), place))
    costly = order[: ceil(len(order) / 10)]
    return Texts(
        texts=fact(len(losses), "count", source),
        costly=fact(len(costly), "count", source, n=len(losses)),
        costly_loss=fact(sum(losses[place] for place in costly) / sum(losses), "share", source, n=len(costly)),
        costly_bytes=fact(sum(sizes[place] for place in costly) / sum(sizes), "share", source, n=len(costly)),
    )


def _first(value: Any) -> Any:
    while isinstance(value, list):
        value = value[0]
    return value
