"""Checkpoints that differ in their seed alone: the spread of their scores, apart from the error of having few items."""

import re
from collections.abc import Sequence
from math import sqrt

from report.compare.measures import Measure
from report.compare.models import Entry
from report.facts.measured import interval_fact
from report.facts.schema.compared import SeedSpread
from report.facts.values import fact, missing
from report.reading.bases import commit_scored
from report.statistics import seed_spread

_SEED = re.compile(r"-seed\d+$")


def seed_facts(members: Sequence[tuple[Entry, Measure]]) -> list[SeedSpread]:
    """Returns, for each recipe of a study with several seeds, how its scores vary over them.

    ``deviation``: the standard deviation over seeds, which is how far another training would come out elsewhere.
    ``error``: the standard error of one such score, the root of the mean square over seeds, which is how far other
    items would put it. A checkpoint of a study is named by its recipe and seed; other people's models have no recipe.
    Seeds that were scored on two commits of the base are two recipes.
    """
    groups: dict[tuple[int, str, str | None], list[tuple[Entry, Measure]]] = {}
    for entry, found in members:
        if entry.folder.parent.name == "scores" and _SEED.search(entry.own):
            base = commit_scored(found.run.results)
            groups.setdefault((entry.argument, _SEED.sub("", entry.own), base), []).append((entry, found))
    return [_facts(recipe, group) for (_, recipe, _), group in groups.items() if len(group) > 1]


def _facts(recipe: str, group: Sequence[tuple[Entry, Measure]]) -> SeedSpread:
    (entry, one), measures = group[0], [found for _, found in group]
    spread = seed_spread.spread([found.value for found in measures])
    errors = [found.error[0] for found in measures if found.error]
    source, also = one.source, [found.source for found in measures[1:]]
    error = sqrt(sum(error**2 for error in errors) / len(errors)) if len(errors) == len(measures) else None
    return SeedSpread(
        recipe=fact(recipe + entry.name.removeprefix(entry.own), "text", source),
        seeds=fact(len(measures), "count", source, also=also),
        mean=interval_fact(spread, one.unit, source, also=also),
        deviation=fact(spread.deviation, one.unit, source, also=also),
        error=missing("not all of them have one") if error is None else fact(error, one.unit, source, also=also),
    )
