"""Tests of the difference of two scores on the same items: p-values, what could have been detected, equivalence.

Fisher's idea throughout: were the two models alike, exchanging what they did on a cluster would change nothing but
chance. For accuracy on independent items that is the exact McNemar test; for every other metric, and for items that
share a passage or a film, the swap test: approximate randomisation with whole clusters exchanged.

McNemar, Q. (1947), Psychometrika 12, 153-157; Noreen, E. W. (1989), Computer-Intensive Methods for Testing Hypotheses;
Riezler, S. and Maxwell, J. T. (2005), ACL workshop on evaluation measures, 57-64; Holm, S. (1979), Scand. J. Statist.
6, 65-70; Schuirmann, D. J. (1987), J. Pharmacokin. Biopharm. 15, 657-680; Bloom, H. S. (1995), Evaluation Review 19,
547-556.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from report.statistics.formulas import Array
from report.statistics.intervals import NO_CHANGE, Estimate, difference, wilson
from report.statistics.sums import ROUNDING, Encoded

EquivalenceVerdict = Literal["equivalent", "not equivalent", "cannot be told"]
CHUNK = 2_000_000
"""Exchanges drawn at once, a draw and a cluster each. Another number would give other draws of the same seed."""


@dataclass(frozen=True)
class PairedTest:
    """A two-sided p-value and how it was found; where ``p`` is None, ``method`` says why there is none.

    ``fixed``, ``broken``: items that went from wrong to right and back (McNemar). ``observed``: the absolute
    difference of the two scores, in the metric's scale. ``hits`` of ``draws``: exchanges with a difference at least as
    large (swap test). ``seed``: of the draws; None where all exchanges were counted.
    """

    p: float | None
    method: str
    fixed: int | None = None
    broken: int | None = None
    observed: float | None = None
    hits: int | None = None
    draws: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Detectable:
    """A minimum detectable effect; where ``value`` is None, ``method`` says why there is none."""

    value: float | None
    method: str


@dataclass(frozen=True)
class EquivalenceTest:
    """Whether two scores differ by less than ``margin``, in the metric's scale.

    ``interval``: of other − one, at the confidence that matches the two tests (90 % for ``alpha`` .05). ``p``: the
    larger of the two; where it is None, ``method`` says why there is none.
    """

    verdict: EquivalenceVerdict
    p: float | None
    interval: Estimate
    margin: float
    method: str


def paired_test(pair: Encoded, *, draws: int = 10_000, seed: int = 1) -> PairedTest:
    """Returns the test that fits: exact McNemar for right or wrong on independent items, else the swap test.

    No p-value is given for one cluster or one item, which no exchange tells from another, and where both scores are
    undefined. Where no item changed, p is 1.
    """
    if 1 < pair.clusters == len(pair.codes) and pair.all_or_nothing:
        return mcnemar(*(values[:, 0].tolist() for values in pair.values))
    return swap_test(pair, draws=draws, seed=seed)


def mcnemar(before_items: Sequence[float], after_items: Sequence[float]) -> PairedTest:
    """Returns the exact two-sided McNemar test of items that are right (above 0) or wrong (0) and independent.

    Raises ValueError where the two do not pair, and for items of more than one score above 0.

    >>> round(mcnemar([0] * 20 + [1] * 45, [1] * 20 + [0] * 45).p, 8)
    0.00262638
    """
    if len(before_items) != len(after_items):
        raise ValueError(f"{len(before_items)} items before and {len(after_items)} after do not pair")
    scores = {*before_items, *after_items} - {0}
    if len(scores) > 1 or any(score < 0 for score in scores):
        raise ValueError(f"items are right or wrong, 0 or one other score, not {sorted({0, *scores})}")
    before, after = np.array(before_items) > 0, np.array(after_items) > 0
    fixed, broken = int((after & ~before).sum()), int((before & ~after).sum())
    if not fixed + broken:
        return PairedTest(1.0, NO_CHANGE, fixed, broken)
    from scipy.special import bdtr

    p = min(1.0, 2 * float(bdtr(min(fixed, broken), fixed + broken, 0.5)))
    return PairedTest(p, "exact McNemar test", fixed, broken)


def swap_test(pair: Encoded, *, draws: int = 10_000, seed: int = 1) -> PairedTest:
    """Returns how often exchanging before and after by whole cluster gives a difference at least as large as ours.

    The statistic is the absolute difference of the two scores; a tie is a hit, and so is what differs by rounding.
    Clusters in which nothing changed play no part. Where the others have no more than ``draws`` exchanges, all are
    counted and p is exact; else p = (1 + hits) / (1 + draws) of random ones, which keeps its level (Phipson and Smyth
    2010). See `paired_test` for what has no p-value.
    """
    value, by_cluster = pair.statistic.value, pair.by_cluster()
    one_of = "item" if pair.clusters == len(pair.codes) else "cluster"
    if not pair.changed:
        return PairedTest(1.0, NO_CHANGE, observed=0.0)
    if pair.clusters < 2:
        return PairedTest(None, f"no p-value: one {one_of}")
    if not any(pair.statistic.support(sums) for sums in by_cluster):
        return PairedTest(None, f"no p-value: {pair.statistic.formula.undefined}")
    before, after = by_cluster
    changed = (before - after)[(before != after).any(axis=1)]  # (C clusters, D): what an exchange adds to after
    if not len(changed):
        return PairedTest(1.0, "no cluster's sum changed", observed=0.0)
    exact = 2 ** len(changed) <= draws
    number = 2 ** len(changed) if exact else draws
    totals = before.sum(axis=0), after.sum(axis=0)
    observed = abs(float(value(totals[1]) - value(totals[0])))
    least = observed - 100 * ROUNDING * max(pair.scale or 1.0, observed)
    if exact:
        moved = (np.arange(number)[:, None] >> np.arange(len(changed)) & 1).astype(float) @ changed
    else:
        moved = _exchanged(changed, number, np.random.default_rng(seed))
    found = np.abs(value(totals[1] + moved) - value(totals[0] - moved))
    hits = int(np.count_nonzero(found >= least))
    if exact:
        method = f"exact swap test by {one_of}: all {number:,} exchanges of the {len(changed)} that changed"
        return PairedTest(hits / number, method, observed=observed, hits=hits, draws=number)
    method = f"swap test by {one_of}: {draws:,} random exchanges, seed {seed}"
    return PairedTest((1 + hits) / (1 + draws), method, observed=observed, hits=hits, draws=draws, seed=seed)


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Returns the p-values adjusted by Holm's method for being one family; None stays None and does not count in it.

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    adjusted = holm_of(np.array([np.nan if p is None else p for p in ps], dtype=float))
    return [None if np.isnan(p) else float(p) for p in adjusted]


def holm_of(ps: Array) -> Array:
    """Returns what `holm` does, of an array (T,) in which nan stands for no p-value."""
    adjusted = np.full(len(ps), np.nan)
    order = np.argsort(ps, kind="stable")[: np.count_nonzero(~np.isnan(ps))]  # nan is sorted last
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, np.arange(len(order), 0, -1) * ps[order]))
    return adjusted


def detectable(difference: Estimate, power: float = 0.8, alpha: float = 0.05) -> Detectable:
    """Returns the smallest true difference that such a comparison finds with probability ``power``.

    It is (t(1 − alpha / 2) + t(power)) × standard error with t at clusters − 1 degrees of freedom (Bloom 1995), in the
    metric's scale. Without a standard error there is none.
    """
    if difference.standard_error is None:
        reason = difference.method.removeprefix("no interval: ")
        return Detectable(None, f"no detectable difference: without a standard error ({reason})")
    from scipy.special import stdtrit

    quantiles = stdtrit(difference.clusters - 1, [1 - alpha / 2, power])
    method = f"paired standard error × t(G−1), power {power:.0%}, level {alpha:g}"
    return Detectable(float(quantiles.sum()) * difference.standard_error, method)


def equivalence(pair: Encoded, *, margin: float, alpha: float = 0.05) -> EquivalenceTest:
    """Returns whether the two scores are shown to differ by less than ``margin`` (in the metric's scale, above 0).

    Two one-sided t tests at level ``alpha`` on the paired jackknife's standard error (Schuirmann 1987), which is the
    same as asking whether the interval at confidence 1 − 2 ``alpha`` lies within ± ``margin``. Where the interval is
    not made of a standard error only the interval decides; and where no item changed it is how many clusters may change
    though none of these did (Wilson), for two alike answers to three questions show little. "not equivalent" means that
    the whole interval lies beyond the margin; a difference that is merely not significant "cannot be told".
    """
    if not 0 < margin < float("inf"):
        raise ValueError(f"a margin of {margin}: needs a number above 0")
    found = difference(pair, confidence=1 - 2 * alpha)
    return equivalence_of(_unchanged(pair, found) if found.method == NO_CHANGE else found, margin=margin, alpha=alpha)


def equivalence_of(found: Estimate, *, margin: float, alpha: float = 0.05) -> EquivalenceTest:
    """Returns what `equivalence` does, of a difference with its interval at confidence 1 − 2 ``alpha``."""
    if found.lower is None or found.upper is None:
        return EquivalenceTest("cannot be told", None, found, margin, f"no p-value: {found.method}")
    p, method = None, f"no p-value: the interval is {found.method}"
    inside = -margin < found.lower and found.upper < margin
    if found.standard_error is not None:
        from scipy.special import stdtr

        # each is the chance of a difference so far inside the margin, were the true one at the margin
        nearest = margin - abs(found.value)
        p = float(stdtr(found.clusters - 1, -nearest / found.standard_error))
        inside, method = p < alpha, "two one-sided tests, paired jackknife, t(G−1)"
    beyond = found.lower >= margin or found.upper <= -margin
    verdict: EquivalenceVerdict = "equivalent" if inside else "not equivalent" if beyond else "cannot be told"
    return EquivalenceTest(verdict, p, found, margin, method)


def _unchanged(sample: Encoded, found: Estimate) -> Estimate:
    """Returns what none of the clusters having changed says of the difference: Wilson's end of 0 of them, each way."""
    statistic, by_cluster = sample.statistic, sample.by_cluster()[0]
    support, span = statistic.support(by_cluster), statistic.high - statistic.low
    if not support or not np.isfinite(span):
        reason = (
            "no item changed, and the score is undefined" if not support else "no item changed, and no scale is known"
        )
        return replace(found, lower=None, upper=None, method=f"no interval: {reason}")
    most = span * (wilson(0, support, found.confidence).upper or 0.0)
    unit = "item" if sample.clusters == len(sample.codes) else "cluster"
    return replace(found, lower=-most, upper=most, method=f"Wilson over {unit}s, none of which changed")


def _exchanged(changed: Array, draws: int, random: np.random.Generator) -> Array:
    """Returns (draws, D): what each of ``draws`` random exchanges of the clusters (C, D) adds to one side.

    A draw is a coin a cluster, hence C bits, and eight clusters have 256 sums: they are added up once and looked up by
    the byte of the draw. That takes a tenth of the time of a product with the coins as numbers, and of its memory.
    """
    count, columns = changed.shape
    width = -(-count // 8)
    coins = np.concatenate([_coins(random, rows, width) for rows in _blocks(draws, max(1, CHUNK // count))]).T.copy()
    padded = np.zeros((width * 8, columns))
    padded[:count] = changed
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(float)  # (256, 8)
    moved = np.zeros((draws, columns))
    for eight, bytes_drawn in zip(padded.reshape(width, 8, columns), coins, strict=True):
        moved += (bits @ eight).take(bytes_drawn, axis=0)
    return moved


def _blocks(number: int, size: int) -> list[int]:
    """Returns ``number`` as a sum of ``size`` and a rest."""
    return [min(size, number - start) for start in range(0, number, size)]


def _coins(random: np.random.Generator, rows: int, width: int) -> NDArray[np.uint8]:
    """Returns (rows, width) random bytes: eight coins each."""
    return np.frombuffer(random.bytes(rows * width), dtype=np.uint8).reshape(rows, width)
