"""Which scored rows a limited run takes: whole clusters, in an order that only the seed decides."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NoReturn, TypeVar

from harness_tasks.errors import UserError

Item = TypeVar("Item")


def seeded_order(items: Iterable[Item], seed: int, *, prefix: str = "") -> list[Item]:
    """Returns the distinct ``items`` in an order decided by ``seed`` and by their text alone.

    A hash and no random generator, so the order does not depend on where an item stood or on Python's version.

    >>> seeded_order(["a", "b", "c"], 1) == seeded_order(["c", "b", "a"], 1)
    True
    """

    def rank(item: Item) -> tuple[bytes, str]:
        return hashlib.sha256(f"{prefix}\x1f{seed}\x1f{item}".encode()).digest(), str(item)

    return sorted(set(items), key=rank)


def sample_by_cluster(
    docs: Sequence[Mapping[str, Any]], cluster_field: str | None, limit: int | None, seed: int
) -> list[int]:
    """Returns the sorted indices of at most ``limit`` rows of ``docs``: whole clusters, never a part of one.

    Clusters come in an order that ``seed`` decides; one that would overshoot ``limit`` is skipped and smaller ones
    after it are still taken. ``cluster_field`` None: every row is a cluster of its own. ``limit`` None: all rows.
    Raises UserError where ``limit`` is below 1, the field is missing, or no cluster is small enough.

    >>> sample_by_cluster([{"p": "x"}, {"p": "y"}, {"p": "x"}], "p", 2, seed=1) in ([0, 2], [1])
    True
    """
    if limit is None or limit >= len(docs):
        return list(range(len(docs)))
    if limit < 1:
        raise UserError(
            f"a limit of {limit} rows", "no row would be scored", "give a limit of at least 1, or none to score all"
        )
    members: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(cluster_names(docs, cluster_field)):
        members[name].append(index)
    chosen: list[int] = []
    for name in seeded_order(members, seed):
        if len(chosen) + len(members[name]) <= limit:
            chosen += members[name]
    if not chosen:
        smallest = min(len(rows) for rows in members.values())
        raise UserError(
            f"a limit of {limit} rows, where the smallest {cluster_field} has {smallest}",
            "rows are taken by whole cluster, because those of one cluster are not independent",
            f"give a limit of at least {smallest}",
        )
    return sorted(chosen)


def cluster_names(docs: Sequence[Mapping[str, Any]], field: str | None) -> list[str]:
    """Returns the cluster of each of ``docs``: the value of ``field``, or where that is None the row's own number.

    Raises UserError where a row lacks the field.
    """
    if field is None:
        return [str(index) for index in range(len(docs))]
    try:
        # A column of a datasets.Dataset is read at once; row by row would decode every field.
        column = docs[field] if hasattr(docs, "column_names") else [doc[field] for doc in docs]  # type: ignore[call-overload]
    except (KeyError, ValueError):  # a list of rows raises the one, a datasets.Dataset the other
        raise UserError(
            f"the rows have no field {field!r}",
            "it is the field that the task names in `metadata.cluster`, by which rows are drawn and divided",
            "correct `cluster` in the task's YAML, or leave it out where rows are independent",
        ) from None
    return [str(value) for value in column]


def sample_indices(samples: Any, rows: Mapping[str, int], *, others: bool = False) -> dict[str, list[int]]:
    """Returns the sorted indices that lm_eval's ``--samples`` names, by task.

    ``rows`` is how many rows each task has; ``others`` says that tasks which are not there may be named too. lm_eval
    itself takes the indices in any order, and then writes each answer beside another row's `doc_id`; it scores every
    row where a list is empty. Raises UserError where ``samples`` is no object with a list for each of its tasks, names
    a task that is not scored, or an index that is no row, or is there twice.
    """
    if not isinstance(samples, Mapping) or not samples:
        _refuse_samples(f"the samples {_short(samples)}, which are not a JSON object with a list of rows a task")
    if unknown := [name for name in samples if name not in rows and not others]:
        _refuse_samples(f"samples of {unknown[0]}, which is not among the tasks that are scored ({', '.join(rows)})")
    return {name: _indices(name, named, rows.get(name)) for name, named in samples.items()}


def _indices(task: str, named: Any, count: int | None) -> list[int]:
    if not isinstance(named, list) or not named:
        _refuse_samples(f"the samples {_short(named)} of {task}, which are no list of rows")
    if wrong := [at for at in named if type(at) is not int or at < 0 or (count is not None and at >= count)]:
        known = "" if count is None else f", of {count:,} rows numbered from 0"
        _refuse_samples(f"the sample {_short(wrong[0])} of {task}{known}")
    if len(set(named)) < len(named):
        twice = next(at for at, other in pairwise(sorted(named)) if at == other)
        _refuse_samples(f"the sample {twice} of {task} twice")
    return sorted(named)


def _short(value: Any) -> str:
    return repr(value)[:80]


def _refuse_samples(found: str) -> NoReturn:
    raise UserError(
        found,
        "they say which of a task's rows are scored, each once",
        "write them with `aftertune sample`, or leave --samples out to score every row",
    )
