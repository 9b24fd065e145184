"""How many tokens each generation has and why it ended: noted by the model class, written beside lm_eval's samples.

A text encoded again has other tokens than were generated (tokenizers merge), so its length does not say whether it was
cut off. Nothing of torch or lm_eval is imported here.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from harness_tasks.files import write_jsonl
from harness_tasks.reading import Kind, read_rows

Ended = Literal["eos", "stop", "limit"]
"""Why a generation ended: the end token, a stop string of the task, or `max_gen_toks`: only the last is cut off."""


class Generation(NamedTuple):
    """What was generated once: ``tokens`` ids up to the one that ended it, itself included; None: not known."""

    tokens: int | None
    ended: Ended | None


class ItemGenerations(BaseModel):
    """The generations of one item, in the order of its sample row's responses."""

    doc_id: int
    doc_hash: str
    tokens: list[int | None]
    ended: list[Ended | None]


_UNKNOWN = Generation(None, None)
_FILE = Kind(
    name="the file of generations",
    why="it says how many tokens were generated for each item, and why each generation ended",
    mend="score the task again with `aftertune score`, which writes it beside the samples",
    limit_mib=1024,
    schema=ItemGenerations,
)
_SAMPLES = Kind(
    name="the sample file",
    why="the generations are written down by item, as the sample rows are",
    mend="score the task again, into an empty folder",
    limit_mib=4096,
    finite=False,  # lm_eval writes a bare NaN
)
_noted: dict[str, list[Generation]] = defaultdict(list)


def ending(
    ids: Sequence[int], *, ends: set[int], stop: Iterable[str], limit: int, decode: Callable[[Sequence[int]], str]
) -> Generation:
    """Returns where the generation ``ids`` ended, and by what: padding and what the batch wrote after it do not count.

    ``ends`` are the end tokens, ``stop`` the strings that end it, ``limit`` the most tokens that were allowed. Ids that
    ended by none of these are unknown.

    >>> ending([5, 6, 0, 0], ends={0}, stop=[], limit=4, decode=str)
    Generation(tokens=3, ended='eos')
    """
    at_end = next((at for at, token in enumerate(ids, 1) if token in ends), None)
    written = ids if at_end is None else ids[: at_end - 1]
    strings = [string for string in stop if string]

    def stops(length: int) -> bool:
        text = decode(written[:length])
        return any(string in text for string in strings)

    if strings and stops(len(written)):
        low, high = 1, len(written)  # the shortest beginning that holds one
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if stops(middle) else (middle + 1, high)
        return Generation(low, "stop")
    if at_end is not None:
        return Generation(at_end, "eos")
    return Generation(len(ids), "limit") if len(ids) >= limit else _UNKNOWN


def note(context: str, settings: Any, text: str, generation: Generation) -> None:
    """Keeps what was generated for a prompt, asked with lm_eval's generation ``settings``, until it is written."""
    _noted[_key(context, settings, text)].append(generation)


def write_noted(samples: Path) -> Path | None:
    """Returns the file that it wrote beside lm_eval's sample file: a row an item; None where nothing was noted.

    A response that was not noted, such as one out of lm_eval's cache, stands there as unknown.
    """
    if not _noted:
        return None
    seen = dict[str, int]()
    rows = dict[int, dict[str, Any]]()
    for row in read_rows(samples, _SAMPLES):
        asked = next(iter(row["arguments"].values()))
        if row["doc_id"] in rows or not isinstance(asked.get("arg_1"), dict):  # a row a filter; a choice
            continue
        found = [_of(_key(asked["arg_0"], asked["arg_1"], str(text)), seen) for text in row["resps"][0]]
        rows[row["doc_id"]] = {
            "doc_id": row["doc_id"],
            "doc_hash": row["doc_hash"],
            "tokens": [one.tokens for one in found],
            "ended": [one.ended for one in found],
        }
    if not rows:
        return None
    output = samples.with_name(f"generations{samples.name.removeprefix('samples')}")
    write_jsonl(output, list(rows.values()))
    return output


def forget() -> None:
    """Drops what was noted: another model is scored next."""
    _noted.clear()


def read_generations(file: Path) -> dict[int, ItemGenerations]:
    """Returns what a file of generations holds, by `doc_id`; raises UserError where it is none."""
    return {row["doc_id"]: ItemGenerations(**row) for row in read_rows(file, _FILE)}


def _of(key: str, seen: dict[str, int]) -> Generation:
    """Returns what was noted of a response; of several equal ones the next, of one for many items that one."""
    noted = _noted.get(key)
    if not noted:
        return _UNKNOWN
    at = seen.get(key, 0)
    seen[key] = at + 1
    return noted[min(at, len(noted) - 1)]


def _key(context: str, settings: Mapping[str, Any], text: str) -> str:
    return json.dumps([context, settings, text], sort_keys=True, default=str)
