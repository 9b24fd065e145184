"""Samples of scored items as sums by cluster, which is all that intervals and tests of a metric are made of.

Every metric is a function of sums over items (`report.statistics.formulas`): deleting or exchanging a cluster is then a
subtraction. numpy only.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from report.reading.results import ItemScore
from report.statistics.formulas import LABEL_PAIR, MEAN, Array, Formula, Labels, check_items
from report.statistics.metrics import METRICS, metric_of

ROUNDING = 1e-12
"""A difference below this share of the scale is rounding: a sum of a million doubles errs by less."""


@dataclass(frozen=True)
class SumStatistic:
    """A metric's formula in units of a scale: ``unit`` times its value, a score from ``low`` to ``high``."""

    formula: Formula
    unit: float
    low: float
    high: float

    def value(self, sums: Array) -> Array:
        """Returns scores (...) of sums (..., D); 0 where one is undefined."""
        return self.unit * self.formula.value(sums)

    def support(self, by_cluster: Array) -> int:
        """Returns on how many of G clusters the score of sums (G, D) rests; 0 where it is undefined."""
        return self.formula.support(by_cluster)


@dataclass(frozen=True)
class Encoded:
    """One sample of scored items, or several on the same items: what every interval and test takes.

    ``values``: each sample's items that have the metric, encoded (items, D). ``codes``: their clusters as 0 to G − 1.
    ``scale``: the upper end of the metric (1 or 100); None: unknown. ``of_lists``: the items are lists, not numbers.
    """

    statistic: SumStatistic
    values: list[Array]
    codes: NDArray[np.intp]
    scale: float | None
    of_lists: bool

    @property
    def clusters(self) -> int:
        """The number of clusters, G."""
        return int(self.codes.max()) + 1

    @property
    def changed(self) -> bool:
        """Whether the two samples differ in anything that the metric uses."""
        return not np.array_equal(self.values[0], self.values[-1])

    @property
    def all_or_nothing(self) -> bool:
        """Whether every item is a number that is 0 or the scale: right or wrong."""
        if self.of_lists or self.scale is None:
            return False
        return all(np.isin(values[:, 0], (0.0, self.scale)).all() for values in self.values)

    def by_cluster(self) -> Array:
        """Returns (samples, G, D): the sums by cluster."""
        return np.stack([sum_by(self.codes, values) for values in self.values])


def sample_of(
    metric: str,
    items: Sequence[ItemScore | None],
    clusters: Sequence[Hashable] | None = None,
    *,
    scale: float | None = 1.0,
    positive_label: int = 1,
) -> Encoded:
    """Returns one sample of ``items``, encoded; those that are None do not have the metric and are left out.

    ``metric``: the name; it matters only for items that are lists (see `report.statistics.formulas`). Numbers are
    averaged, whatever their name. ``clusters``: one name an item; None: items are independent. ``scale``: the upper end
    of the metric (1 or 100); None: unknown, nothing is clipped and no fall-back is possible.

    Raises ValueError where no item has the metric, for cluster names that are missing, for a score outside 0 to
    ``scale``, and for items the metric cannot be of.
    """
    return _encoded(metric, [items], clusters, scale, positive_label)


def pair_of(
    metric: str,
    before_items: Sequence[ItemScore | None],
    after_items: Sequence[ItemScore | None],
    clusters: Sequence[Hashable] | None = None,
    *,
    scale: float | None = 1.0,
    positive_label: int = 1,
) -> Encoded:
    """Returns two samples of the same items in the same order, encoded.

    Arguments and errors as for `sample_of`; ValueError too where the two do not pair (different lengths, a metric that
    an item has on one side only).
    """
    return _encoded(metric, [before_items, after_items], clusters, scale, positive_label)


def samples_of(
    metric: str,
    samples: Sequence[Sequence[ItemScore | None]],
    clusters: Sequence[Hashable] | None = None,
    *,
    scale: float | None = 1.0,
    positive_label: int = 1,
) -> Encoded:
    """Returns several samples of the same items in the same order, encoded; arguments and errors as for `pair_of`."""
    return _encoded(metric, samples, clusters, scale, positive_label)


def _encoded(
    name: str,
    samples: Sequence[Sequence[ItemScore | None]],
    clusters: Sequence[Hashable] | None,
    scale: float | None,
    positive_label: int,
) -> Encoded:
    first, last = samples[0], samples[-1]
    if len(first) != len(last):
        raise ValueError(f"{name}: {len(first)} items before and {len(last)} after do not pair")
    if clusters is not None and len(clusters) != len(first):
        raise ValueError(f"{name}: {len(first)} items but {len(clusters)} cluster names")
    if clusters is not None and None in clusters:
        raise ValueError(f"{name}: an item without a cluster name; give one to each, or to none")
    kept = samples
    if any(None in sample for sample in samples):
        lacking = [[place for place, item in enumerate(sample) if item is None] for sample in samples]
        if lacking[0] != lacking[-1]:
            raise ValueError(f"{name}: an item has the metric on one side only, so the two do not pair")
        kept = [[item for item in sample if item is not None] for sample in samples]
        if clusters is not None:
            clusters = [cluster for item, cluster in zip(first, clusters, strict=True) if item is not None]
    if not kept[0]:
        raise ValueError(f"{name}: no item has this metric, so there is no score")
    statistic, labels = _statistic(name, [item for sample in kept for item in sample], scale, positive_label)
    values, codes = [statistic.formula.encode(sample, labels) for sample in kept], codes_of(clusters, len(kept[0]))
    return Encoded(statistic, values, codes, scale, isinstance(kept[0][0], list | tuple))


def codes_of(clusters: Sequence[Hashable] | None, n: int) -> NDArray[np.intp]:
    """Returns each item's cluster as 0 to G − 1, in order of first appearance; not to be written to.

    >>> codes_of(["film b", "film a", "film b"], 3).tolist()
    [0, 1, 0]
    """
    return np.arange(n) if clusters is None else _codes(tuple(clusters))


@lru_cache(maxsize=16)  # the same items are encoded for every metric and every checkpoint
def _codes(clusters: tuple[Hashable, ...]) -> NDArray[np.intp]:
    order: dict[Hashable, int] = {}
    codes = np.array([order.setdefault(cluster, len(order)) for cluster in clusters], dtype=np.intp)
    codes.flags.writeable = False
    return codes


def sum_by(codes: NDArray[np.intp], values: Array) -> Array:
    """Returns (G, D): the sums of ``values`` (items, D) by cluster."""
    return np.stack([np.bincount(codes, weights=column) for column in values.T], axis=1)


def _statistic(name: str, items: list[Any], scale: float | None, positive_label: int) -> tuple[SumStatistic, Labels]:
    """Returns the metric's statistic, in units of its scale; raises ValueError for items it cannot score."""
    of_lists = any(issubclass(kind, list | tuple) for kind in set(map(type, items)))
    if not of_lists:
        low, high = _range_of_numbers(name, items, scale)
        return SumStatistic(MEAN, 1.0, low, high), Labels(np.empty(0), positive_label)
    formula = metric_of(name).formula
    if formula.made_of is None:
        known = ", ".join(found.name for found in METRICS.values() if found.made_of)
        raise ValueError(f"{name}: its items are lists, and of lists only {known} are known")
    check_items(name, formula.made_of, items)
    unit = scale or 1.0
    labels = Labels(np.unique(np.array(items)) if formula.made_of is LABEL_PAIR else np.empty(0), positive_label)
    return SumStatistic(formula, unit, formula.lowest * unit, unit), labels


def _range_of_numbers(name: str, items: list[Any], scale: float | None) -> tuple[float, float]:
    """Returns between which ends a mean of ``items`` lies; raises ValueError for an item that is outside them."""
    scores = np.array(items, dtype=float)
    if not np.isfinite(scores).all():
        raise ValueError(f"{name}: an item's score is not a finite number")
    if scale is None:
        return -np.inf, np.inf
    outside = (scores < 0) | (scores > scale)
    if outside.any():
        raise ValueError(f"{name}: an item scores {scores[outside][0]}, outside 0 to {scale}")
    return 0.0, scale
