"""Which part of a task's scored items a shard takes: whole clusters, by their hashes.

A hash is of what a cluster is and not of where it stands, so that an item stays in its shard when others come or go.
Imports lm_eval only where a row is hashed.

Whole clusters, because the questions on one passage begin with the same tokens, which `hf-shared` reads once: cut by
question, the 2,067 passages of SQuAD v1.1 would be read 7,607 times by 7 shards. It costs balance where clusters are
few: of 7 shards the largest has 1.05 times the mean there (1.04 by question), and 1.42 times on `reviews_demo`'s 243
films (1.13 by snippet).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_json
from harness_tasks.loading import doc_hash
from harness_tasks.sampling import cluster_names, sample_indices


class Shard(NamedTuple):
    """Part ``number`` (from 1) of ``of``."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse_shard(text: str) -> Shard:
    """Returns the shard that ``text`` names; raises UserError where it names none.

    >>> parse_shard("2/7")
    Shard(number=2, of=7)
    """
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    shard = Shard(int(found[1]), int(found[2])) if found else Shard(0, 0)
    if not 1 <= shard.number <= shard.of:
        raise UserError(
            f"the shard {text!r}",
            "it says which part of the items is scored, and of how many parts",
            "write --shard K/N with K from 1 to N, such as 2/7",
        )
    return shard


def shard_of(name: str, shards: int) -> int:
    """Returns in which of ``shards``, from 1, the cluster ``name`` is scored.

    >>> [shard_of(name, 3) for name in ("a", "b", "c", "d")]
    [1, 3, 1, 2]
    """
    return int.from_bytes(hashlib.sha256(f"shard\x1f{name}".encode()).digest()[:8]) % shards + 1


def shard_indices(
    docs: Sequence[Mapping[str, Any]], cluster_field: str | None, shard: Shard, whole: Sequence[int] | None = None
) -> list[int]:
    """Returns the sorted indices of the rows of ``docs`` that ``shard`` scores; none where it got no cluster.

    ``whole``: the indices of all rows that are scored; None: every row. Where ``cluster_field`` is None an item is
    known by lm_eval's `doc_hash`.
    """
    indices = list(range(len(docs))) if whole is None else sorted(set(whole))
    names = cluster_names(docs, cluster_field) if cluster_field else None
    return [at for at in indices if shard_of(names[at] if names else doc_hash(docs[at]), shard.of) == shard.number]


def whole_indices(samples: Mapping[str, Any] | None, task: str, count: int) -> list[int]:
    """Returns the sorted indices of all rows of ``task`` that a run scores, of ``count`` rows that there are.

    ``samples`` is what lm_eval's ``--samples`` takes, None where every row is scored. Raises UserError where it does
    not name the task's rows.
    """
    if samples is None:
        return list(range(count))
    return sample_indices(samples, {task: count})[task]


def shard_record(shard: Shard, mine: Sequence[int], whole: Sequence[int]) -> dict[str, Any]:
    """Returns what a shard's results say of it: which one it is, its number of items, and which whole it is part of."""
    return {"number": shard.number, "of": shard.of, "items": len(mine), "whole": whole_record(whole)}


def whole_record(indices: Sequence[int]) -> dict[str, Any]:
    """Returns the number of items of a whole run, and a hash of their sorted ``indices``."""
    return {"items": len(indices), "sha256": sha256_json(list(indices))}
