"""One shape for the result files of every lm_eval: what 0.3 to 0.5 wrote, as 0.4.13 writes it.

lm_eval 0.3 named a score `acc`, not `acc,none`. 0.4.0 to 0.4.2 listed a task's `metadata` and recorded no numbers of
items; 0.4.0 and 0.4.1 named a group's parts only by the `group` of their configurations and the indentation of their
names. A dictionary that `simple_evaluate` returned and somebody saved holds its samples itself, may be the `results`
alone, and several of them may stand in one file.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from harness_tasks.reading import Kind
from report.reading.harnesses import LM_EVAL, Harness, Place
from report.reading.results import NOT_METRICS, Document

_WITH_SHOTS = re.compile(r"harness\|.+\|(\d+)")
"""A task's name in the files of the first Open LLM Leaderboard: `harness|arc:challenge|25`, with 25 examples."""


class _Config(TypedDict, total=False):
    metric_list: list[dict[str, Any]] | None
    metadata: dict[str, Any] | list[Any] | None


_Results = TypedDict(
    "_Results",
    {
        "results": dict[str, dict[str, Any]],
        "group_subtasks": dict[str, list[str] | None] | None,
        "configs": dict[str, _Config] | None,
        "versions": dict[str, Any] | None,
        "n-shot": dict[str, Any] | None,
        "higher_is_better": dict[str, dict[str, bool | None] | None] | None,
        "n-samples": dict[str, dict[str, Any] | None] | None,
        "config": dict[str, Any] | None,
        "samples": dict[str, list[dict[str, Any]]] | None,
    },
    total=False,
)

_OF_METADATA = {"about": str, "primary": str, "cluster": str, "signature": dict}
"""What we read of a task's metadata, and what it must be."""

LARGEST_SCORE = 1e50
"""No score or error is as large; of larger ones squares and their sums could not be computed."""

RESULT_FILE = Kind(
    "the result file",
    "scores are read from it, and what is incomplete or not lm_eval's cannot be compared",
    "name the folder that was lm_eval's --output_path, or copy the file again",
    limit_mib=1024,
    schema=_Results,
    finite=False,  # other people's results hold a NaN here and there: then that score is missing
)


@dataclass(frozen=True)
class ResultFile(Document):
    """A result file in the shape of lm_eval 0.4.13, whichever version wrote it.

    ``places``: of what was moved, where it stands in the file. ``prefix``: where in the file these results begin.
    ``harness``: which program scored; its results are in this shape too.
    """

    places: Mapping[Place, Place] = field(default_factory=dict, repr=False)
    prefix: Place = ()
    harness: Harness = field(default_factory=lambda: Harness(LM_EVAL))

    @property
    def is_lm_evals(self) -> bool:
        """Whether lm_eval wrote the file."""
        return self.harness.key == (LM_EVAL, "")

    def source(self, *parts: str | int) -> dict[str, str]:
        """Returns where a value stands in the file as it is: file, JSON pointer (RFC 6901) and SHA-256."""
        return super().source(*self.prefix, *self.places.get(tuple(map(str, parts)), parts))


def parts_of(content: Any) -> list[tuple[Place, dict[str, Any]]]:
    """Returns the results in a JSON value, each with its place in it; none where it holds no results of lm_eval.

    >>> parts_of({"arc": {"acc,none": 0.5}})
    [((), {'arc': {'acc,none': 0.5}})]
    >>> [place for place, _ in parts_of({"m": {"results": {"arc": {"acc,none": 0.5}}}})], parts_of({"accuracy": 0.9})
    ([('m',)], [])
    """
    if not isinstance(content, dict):
        return []
    if _is_whole(content) or _is_bare(content):
        return [((), content)]
    within: list[tuple[Place, dict[str, Any]]] = [((key,), part) for key, part in content.items() if _is_whole(part)]
    return within if within and all(isinstance(part, dict) for part in content.values()) else []


def in_one_shape(content: dict[str, Any]) -> tuple[dict[str, Any], dict[Place, Place]]:
    """Returns results in the shape of lm_eval 0.4.13, and where in ``content`` stands what is elsewhere in that shape.

    ``content`` has the schema of `RESULT_FILE`, or is bare: the scores by task alone.
    """
    bare = not _is_whole(content)
    whole = {"results": content} if bare else {key: content[key] for key in content if key != "samples"}
    old = not any("," in key for scores in whole["results"].values() for key in scores)
    results: dict[str, dict[str, Any]] = {}
    places: dict[Place, Place] = {}
    for task, scores in whole["results"].items():
        before: Place = (task,) if bare else ("results", task)
        if bare:
            places["results", task] = before
        results[task] = {}
        for key, value in scores.items():
            name = _new_key(key) if old and number(value) is not None else key
            results[task][name] = value
            if bare or name != key:
                places["results", task, name] = (*before, key)
    configs = {task: _config(config) for task, config in (whole.get("configs") or {}).items()}
    sections = {key: whole.get(key) or {} for key in ("versions", "n-shot", "higher_is_better", "n-samples", "config")}
    sections["n-shot"] = {task: n for task, n in sections["n-shot"].items() if type(n) is int}
    sections["versions"] = {task: told for task, told in sections["versions"].items() if _is_version(told)}
    shots = sections["config"].get("num_fewshot")
    if old and not sections["n-shot"] and isinstance(shots, int):
        sections["n-shot"] = dict.fromkeys(results, shots)  # lm_eval 0.3 gave all tasks the same number
        places |= {("n-shot", task): ("config", "num_fewshot") for task in results}
    shown = {task: int(found[1]) for task in results if (found := _WITH_SHOTS.fullmatch(task))}
    for task in shown.keys() - (whole.get("n-shot") or {}).keys():
        sections["n-shot"][task] = shown[task]
        places["n-shot", task] = ("results", task)
    groups = {name: parts for name, parts in (whole.get("group_subtasks") or {}).items() if parts}
    groups = groups or dict(_groups(results, configs))
    return {**whole, **sections, "results": results, "configs": configs, "group_subtasks": groups}, places


def number(value: Any) -> float | None:
    """Returns a number as a float; None for all else, `N/A` and NaN among it, and what no score comes near."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST_SCORE < value < LARGEST_SCORE
    return float(value) if known else None


def item_count(value: Any) -> int | None:
    """Returns a number of items; None for what is none. lm_eval writes `200.0` where the limit was given so."""
    found = number(value)
    return int(found) if found is not None and found >= 1 and found == int(found) else None


def _is_whole(content: Any) -> bool:
    """Returns whether it is what lm_eval's `evaluate` returns, if only in its outer shape."""
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, dict) or not all(isinstance(scores, dict) for scores in results.values()):
        return False
    named = any("," in key or key.endswith("_stderr") for scores in results.values() for key in scores)
    return named or any(key in content for key in ("versions", "configs", "config", "n-shot"))


def _is_bare(content: dict[str, Any]) -> bool:
    """Returns whether it is the scores by task alone."""
    if not content or not all(isinstance(scores, dict) for scores in content.values()):
        return False
    return all(
        any(number(value) is not None and ("," in key or f"{key}_stderr" in scores) for key, value in scores.items())
        for scores in content.values()
    )


def _is_version(told: Any) -> bool:
    return isinstance(told, str) or number(told) is not None


def _new_key(key: str) -> str:
    return key if key in NOT_METRICS else f"{key},none"


def _config(config: dict[str, Any]) -> dict[str, Any]:
    metadata = config.get("metadata") or {}
    if isinstance(metadata, list):
        merged: dict[str, Any] = {}
        for part in metadata:
            merged |= part if isinstance(part, dict) else {}
        metadata = merged
    # Others' tasks may use these names for something else.
    odd = {key for key, kind in _OF_METADATA.items() if key in metadata and not isinstance(metadata[key], kind)}
    if not isinstance(config.get("fewshot_config"), dict):
        config = {**config, "fewshot_config": None}
    return {**config, "metadata": {key: value for key, value in metadata.items() if key not in odd}}


def _groups(results: Mapping[str, Any], configs: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yields the groups of a file that lists none, with their parts: by the indentation of the names, else by `group`.

    lm_eval 0.4.0 and 0.4.1 print a group's parts below it, as ` - part`, a space further in at every level. In the
    files of the first Open LLM Leaderboard `all` is the mean of all others.
    """
    if "all" in results and any(_WITH_SHOTS.fullmatch(task) for task in results):
        yield "all", [task for task in results if task != "all"]
        return
    depths = {task: _depth(scores.get("alias")) for task, scores in results.items()}
    above: list[str] = []
    indented: dict[str, list[str]] = {}
    for task, depth in depths.items():
        above = above[:depth]
        if above:
            indented.setdefault(above[-1], []).append(task)
        above.append(task)
    for task in results:
        if task in configs:
            continue
        declared = [part for part, config in configs.items() if part in results and _is_in(config.get("group"), task)]
        parts = declared or indented.get(task)
        if parts:
            yield task, parts


def _depth(alias: Any) -> int:
    text = alias if isinstance(alias, str) else ""
    stripped = text.lstrip(" ")
    return len(text) - len(stripped) if stripped.startswith("- ") else 0


def _is_in(group: Any, name: str) -> bool:
    return name in group if isinstance(group, list) else group == name
