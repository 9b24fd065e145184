"""Scores of which the task's own aggregation was evaluated with each cluster left out, where that was scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from harness_tasks.errors import UserError
from report.facts.measured import AGREEMENT, Measured
from report.facts.pairing import Alignment
from report.reading.results import Document
from report.statistics import replicates
from report.statistics.intervals import Estimate
from report.statistics.paired_tests import PairedTest
from report.statistics.replicates import Replicates


@dataclass(frozen=True)
class ReplicatedScore:
    """A score with what it is without each of ``clusters``, which have names; ``document``: the file that says so."""

    values: Replicates
    clusters: Sequence[str]
    document: Document

    @cached_property
    def level(self) -> Estimate:
        """The score with its interval."""
        return replicates.level(self.values)


class NoReplicates(NamedTuple):
    """Why there are no replicates of a metric."""

    why: str


def replicated_score(measured: Measured, metric: str) -> ReplicatedScore | NoReplicates | None:
    """Returns ``metric`` with its replicates, or why there are none; None where the page counts with its items.

    It does so where they are lists that a formula of ours makes the recorded score of, and where no file says that the
    task aggregates in a way of its own. Raises UserError where the replicates are of another score.
    """
    scores = measured.scores
    said = scores.replicated(metric)
    if said is None or scores.replicates is None or metric not in scores.metrics:
        return None
    recorded, _ = scores.recorded(metric)
    items = measured.list_items(metric)
    if items is not None and items.gives(recorded):
        return None
    if "absent" in said:
        return NoReplicates(said["absent"])
    if abs(said["value"] - recorded) > AGREEMENT * max(1.0, abs(recorded)):
        files = scores.results.file, scores.replicates.file
        raise UserError(
            f"{files[0]} says {metric} = {recorded}, {files[1]} has replicates of {said['value']}",
            "the results and the replicates are not from the same run, or one was edited",
            f"delete {scores.results.file.rpartition('/')[0]} and run the study again",
        )
    return of_clusters(scores.replicates, said, recorded, measured.scale)


def of_clusters(document: Document, said: Mapping[str, Any], value: float, scale: float | None) -> ReplicatedScore:
    """Returns the score ``value`` with the replicates that ``document`` ``said`` of it."""
    named = zip(document.content["clusters"], said["left_out"], strict=True)
    known = [(name, left_out) for name, left_out in named if left_out is not None]
    left_out = np.array([without for _, without in known], dtype=float)
    return ReplicatedScore(Replicates(value, left_out, said["n"], scale), [name for name, _ in known], document)


def paired_replicates(one: ReplicatedScore, other: ReplicatedScore) -> tuple[Replicates, Replicates] | str:
    """Returns both with their clusters in one order; where they are not the same clusters, why they do not pair."""
    alignment = Alignment(one.clusters, other.clusters)
    if differ := alignment.differ:
        return "the scored clusters differ: {:,} are the same, of {:,} and {:,}".format(*differ)
    return one.values, replace(other.values, left_out=np.array(alignment.in_order(other.values.left_out.tolist())))


def replicated_difference(one: ReplicatedScore, other: ReplicatedScore) -> tuple[Estimate, PairedTest] | str:
    """Returns the paired difference, ``other`` minus ``one``, and its test; else why the two do not pair."""
    values = paired_replicates(one, other)
    if isinstance(values, str):
        return values
    interval = replicates.difference(*values)
    return interval, replicates.paired_test(interval)
