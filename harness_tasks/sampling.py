"""Which scored rows a limited run takes: whole clusters, in an order that only the seed decides."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from harness_tasks.errors import UserError

Item = TypeVar("Item")


def seeded_order(items: Iterable[Item], seed: int, *, prefix: str = "") -> list[Item]:
    """Returns the distinct ``items`` in an order decided by ``seed`` and by their text alone.

    A digest and no random generator, so the order does not depend on where an item stood or on Python's version.

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
