"""A leaderboard: one metric of one task, the models from best to worst, and which of them beats which.

Every pair is tested, and Holm's correction covers all pairs of the board. A model's rank is then the range from one
more than the number of models that beat it, to the number of those that it does not beat: with the confidence of the
board, the true ranks of all models lie in their ranges together (Mogstad, Romano, Shaikh and Wilhelm 2024, Rev. Econ.
Stud. 91, 476-518). A pair that may not be compared, or has no p-value, narrows no range.

Of a crowd, a board with more than `MOST_PAIRS` pairs, all pairs are tested as well, in the way of
`report.compare.crowds`, and the ranks are made of all; but only the first models' pairs with the best one and with the
one above are told singly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from report.compare.crowds import MOST_PAIRS, SHOWN, all_p_values
from report.compare.measures import Measure, measure, metric_keys
from report.compare.models import Entry, harness_fact
from report.compare.pairs import ScoreDifference, difference_fact, score_difference, told_with
from report.compare.seeds import seed_facts
from report.facts.measured import interval_fact
from report.facts.schema.compared import Board, BoardPair, BoardRow, CellVerdict, MatrixCell, PairVerdict
from report.facts.schema.parts import Fact, Known
from report.facts.values import fact, missing
from report.statistics import paired_tests
from report.statistics.directions import MetricDirection, metric_direction

LEVEL = 0.05
"""The level at which a corrected p-value says that one model beats another."""

_IN_A_MATRIX: dict[PairVerdict, CellVerdict] = {
    "first": "beats",
    "second": "loses to",
    "open": "open",
    "differs": "differs",
    "refused": "not compared",
    "untested": "untested",
}

Member = tuple[Entry, Measure]


def board_facts(task: str, key: str, entries: Sequence[Entry], *, named: bool, figure: Known | None) -> Board:
    """Returns the leaderboard of one metric.

    ``named``: its filter is said, since the task has several. ``figure``: the drawing's file, of the primary metric.
    """
    said = metric_direction(key.partition(",")[0], [run for e in entries for run in e.runs[task].with_leaves])
    better = said.better
    scored = [(e, measure(e.runs[task], key)) for e in entries if key in metric_keys(e.runs[task])]
    scored.sort(key=lambda member: (member[1].value if better is False else -member[1].value, member[0].name))
    # A score that measures nothing is shown, last, and has no rank: to beat it is no achievement.
    members = [member for member in scored if not member[1].void]
    void = [member for member in scored if member[1].void]
    primary = figure is not None
    found = _verdicts([member[1] for member in members], better, told=primary)
    source = scored[0][1].source
    shown = key if named else key.partition(",")[0]
    having = {id(entry) for entry, _ in scored}
    lacking = [e for e in entries if id(e) not in having]
    return Board(
        key=key,
        metric=fact(shown, "text", source),
        primary=primary,
        higher_is_better=better,
        direction=missing(said.why) if better is None else fact(said.said, "text", source),
        figure=figure,
        ranked=fact(len(members), "count", source),
        tests=fact(found.tests, "count", source),
        shown=fact(min(SHOWN, len(members)), "count", source) if found.crowd else missing("all are shown"),
        unbeaten=fact(int(np.count_nonzero(~found.beats.any(axis=0))), "count", source),
        seeds=seed_facts(members) if primary else [],
        rows=[*(_row(i, members, found, said) for i in range(len(members))), *(_void_row(*one) for one in void)],
        lacking=[fact(e.name, "text", e.runs[task].results.source("results", task)) for e in lacking],
        pairs=[_pair(members, at, pair, found) for at, pair in found.pairs.items()],
        matrix=[] if found.crowd else [_cells(i, members, found) for i in range(len(members))],
    )


@dataclass(frozen=True)
class _Verdicts:
    """What the tests of a board's pairs came to, models numbered from best to worst.

    ``pairs``: the differences that are told, first model before second. ``adjusted``: (M, M) Holm-adjusted
    p-values over all pairs, nan where there is none. ``beats``: (M, M), whether the row's model beats the column's.
    ``tests``: how many p-values there are. ``crowd``: whether not all pairs are told. ``better``: whether higher is.
    """

    pairs: dict[tuple[int, int], ScoreDifference]
    adjusted: NDArray[np.float64]
    beats: NDArray[np.bool_]
    tests: int
    crowd: bool
    better: bool | None

    def of(self, one: int, other: int) -> PairVerdict:
        """Returns what may be said of a pair that is told."""
        at = min(one, other), max(one, other)
        pair = self.pairs[at]
        if pair.refused:
            return "refused"
        if pair.p is None:
            return "untested"
        if self.better is None:
            return "differs" if self.adjusted[at] < LEVEL else "open"
        return "first" if self.beats[one, other] else "second" if self.beats[other, one] else "open"


def _verdicts(measures: Sequence[Measure], better: bool | None, *, told: bool) -> _Verdicts:
    """Returns the verdicts on all pairs of ``measures``; of a crowd some pairs are told, if ``told``."""
    size = len(measures)
    upper = np.triu_indices(size, 1)
    crowd = len(upper[0]) > MOST_PAIRS
    p = np.full((size, size), np.nan)
    if crowd:
        tested = all_p_values(measures)
        p = tested.p
        shown = [(i, j) for j in range(1, SHOWN) for i in sorted({0, j - 1})] if told else []
        pairs = {}
        for i, j in shown:
            pair = score_difference(measures[i], measures[j])
            method = tested.method(i, j)
            why = pair.p_method if pair.p is None else "no p-value: there is no standard error"
            pairs[i, j] = replace(pair, p=float(p[i, j]) if method else None, p_method=method or why)
    else:
        pairs = {(i, j): score_difference(measures[i], measures[j]) for i, j in combinations(range(size), 2)}
        for at, pair in pairs.items():
            p[at] = np.nan if pair.p is None else pair.p
    adjusted = np.full((size, size), np.nan)
    adjusted[upper] = paired_tests.holm_of(p[upper])
    values = np.array([found.value for found in measures])
    beats = np.zeros((size, size), dtype=bool)
    if better is not None:
        apart = values[:, None] - values[None]
        told_apart = (adjusted < LEVEL) & (apart != 0)
        beats |= told_apart & ((apart > 0) == better)
        beats |= (told_apart & ((apart > 0) != better)).T
    return _Verdicts(pairs, adjusted, beats, int(np.count_nonzero(~np.isnan(p[upper]))), crowd, better)


def _row(place: int, members: Sequence[Member], verdicts: _Verdicts, said: MetricDirection) -> BoardRow:
    found = members[place][1]
    beaten = np.flatnonzero(verdicts.beats[place]).tolist()
    best = 1 + int(np.count_nonzero(verdicts.beats[:, place]))
    worst = len(members) - len(beaten)
    unranked = missing(said.why) if said.better is None else None
    return _board_row(
        *members[place],
        best=unranked or fact(best, "count", found.source),
        worst=unranked or fact(worst, "count", found.source),
        tied=best != worst,
        unbeaten=best == 1,
        beaten=len(beaten),
        beats=[]
        if verdicts.crowd
        else [fact(members[loser][0].name, "text", members[loser][1].source) for loser in beaten],
    )


def _void_row(entry: Entry, found: Measure) -> BoardRow:
    """Returns the row of a score that measures nothing: it has no rank, for the reason given."""
    unranked = missing(f"no rank: {found.void}")
    return _board_row(entry, found, best=unranked, worst=unranked)


def _board_row(
    entry: Entry,
    found: Measure,
    *,
    best: Fact,
    worst: Fact,
    tied: bool = False,
    unbeaten: bool = False,
    beaten: int = 0,
    beats: Sequence[Known] = (),
) -> BoardRow:
    score = interval_fact(found.level, found.unit, found.source, also=found.also or None, value=found.value)
    if not found.n:
        score = Known(**{key: value for key, value in score.written().items() if key not in ("n", "clusters")})
    return BoardRow(
        entry=fact(entry.name, "text", entry.named_in(found.run.task)),
        harness=harness_fact(found.run),
        score=score,
        how=fact(found.level.method, "text", found.source),
        contradicts=bool(found.contradiction),
        caution=fact(found.caution, "text", found.source) if found.caution else None,
        best=best,
        worst=worst,
        tied=tied,
        unbeaten=unbeaten,
        beaten=fact(beaten, "count", found.source),
        beats=list(beats),
    )


def _pair(members: Sequence[Member], places: tuple[int, int], found: ScoreDifference, verdicts: _Verdicts) -> BoardPair:
    (one, first), (other, second) = (members[place] for place in places)
    source = (first.run.samples or first.run.results).source() if not found.unpaired else first.source
    also = [*first.also, second.source, *second.also]
    refused = missing(found.refused) if found.refused else None
    p, untested = found.p, missing(found.refused or found.p_method)
    return BoardPair(
        one=fact(one.name, "text", one.named_in(first.run.task)),
        other=fact(other.name, "text", other.named_in(second.run.task)),
        difference=difference_fact(found, first.unit, source, also),
        p_value=untested if p is None else fact(p, "p", source, also=also),
        adjusted=untested if p is None else fact(float(verdicts.adjusted[places]), "p", source, also=also),
        p_method=refused or fact(found.p_method, "text", source),
        refused=refused,
        **told_with(found, source),
        verdict=verdicts.of(*places),
    )


def _cells(row: int, members: Sequence[Member], verdicts: _Verdicts) -> list[MatrixCell]:
    """Returns a row of the matrix: what the row's model is beside each column's, and by how much."""
    cells: list[MatrixCell] = []
    found = members[row][1]
    for column, (_, other) in enumerate(members):
        if column == row:
            cells.append(MatrixCell(verdict="itself", difference=missing("it is the same model")))
            continue
        pair = verdicts.pairs[min(row, column), max(row, column)]
        value: Fact = missing(pair.refused or "there is none")
        if pair.interval is not None:
            apart = pair.interval.value if row < column else -pair.interval.value
            value = fact(apart, found.unit, found.source, also=[other.source])
        cells.append(MatrixCell(verdict=_IN_A_MATRIX[verdicts.of(row, column)], difference=value))
    return cells
