"""Intervals and tests straight from items: each argument of the samples and of the statistic in one call."""

from typing import Any

from report.statistics import intervals, paired_tests
from report.statistics.intervals import Estimate
from report.statistics.paired_tests import EquivalenceTest, PairedTest
from report.statistics.sums import pair_of, sample_of

OF_SAMPLES = ("scale", "positive_label")


def level(metric: str, items: Any, clusters: Any = None, **options: Any) -> Estimate:
    of_sample, others = _split(options)
    return intervals.level(sample_of(metric, items, clusters, **of_sample), **others)


def difference(metric: str, before: Any, after: Any, clusters: Any = None, **options: Any) -> Estimate:
    of_pair, others = _split(options)
    return intervals.difference(pair_of(metric, before, after, clusters, **of_pair), **others)


def paired_test(metric: str, before: Any, after: Any, clusters: Any = None, **options: Any) -> PairedTest:
    of_pair, others = _split(options)
    return paired_tests.paired_test(pair_of(metric, before, after, clusters, **of_pair), **others)


def swap_test(metric: str, before: Any, after: Any, clusters: Any = None, **options: Any) -> PairedTest:
    of_pair, others = _split(options)
    return paired_tests.swap_test(pair_of(metric, before, after, clusters, **of_pair), **others)


def equivalence(metric: str, one: Any, other: Any, clusters: Any = None, **options: Any) -> EquivalenceTest:
    of_pair, others = _split(options)
    return paired_tests.equivalence(pair_of(metric, one, other, clusters, **of_pair), **others)


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the options of the samples, and those of the statistic."""
    others = {key: value for key, value in options.items() if key not in OF_SAMPLES}
    return {key: value for key, value in options.items() if key in OF_SAMPLES}, others
