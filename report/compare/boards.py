"""A leaderboard: one metric of one task, the models from best to worst, and which of them beats which.

Every pair is tested, and Holm's correction covers all pairs of the board. A model's rank is then the range from one
more than the number of models that beat it, to the number of those that it does not beat: with the confidence of the
board, the true ranks of all models lie in their ranges together (Mogstad, Romano, Shaikh and Wilhelm 2024, Rev. Econ.
Stud. 91, 476-518). A pair that may not be compared, or has no p-value, narrows no range.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from report import paired_tests
from report.compare.files import Entry
from report.compare.measures import Measure, measure, metric_keys
from report.compare.pairs import Difference, difference
from report.facts import Fact, fact, missing
from report.measured import interval_fact

LEVEL = 0.05
"""The level at which a corrected p-value says that one model beats another."""

Member = tuple[Entry, Measure]


def task_facts(task: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """Returns the leaderboards of ``task``, one a metric, its primary metric's first."""
    scored = [entry for entry in entries if task in entry.runs]
    first = scored[0].runs[task]
    source = first.results.source("results", task)
    keys = list(dict.fromkeys(key for entry in scored for key in metric_keys(entry.runs[task])))
    filters = {key.partition(",")[2] for key in keys}
    about = next((str(run.metadata["about"]) for e in scored if (run := e.runs[task]).metadata.get("about")), None)
    return {
        "name": fact(task, "text", source),
        "key": task,
        "about": fact(about, "text", source) if about else missing("the task does not describe itself"),
        "parts": fact(len(first.leaves), "count", source) if first.leaves else missing("it is no group"),
        "settings": [_setting(entry, task) for entry in scored],
        "boards": [board_facts(task, key, scored, named=len(filters) > 1, primary=key == keys[0]) for key in keys],
    }


def board_facts(
    task: str, key: str, entries: Sequence[Entry], *, named: bool = False, primary: bool = True
) -> dict[str, Any]:
    """Returns the leaderboard of one metric; ``named``: its filter is said, since the task has several."""
    members = [(e, measure(e.runs[task], key)) for e in entries if key in metric_keys(e.runs[task])]
    better = _higher_is_better(task, key, entries)
    members.sort(key=lambda member: (member[1].value if better is False else -member[1].value, member[0].name))
    pairs = {(i, j): difference(members[i][1], members[j][1]) for i, j in combinations(range(len(members)), 2)}
    adjusted = dict(zip(pairs, paired_tests.holm([found.p for found in pairs.values()]), strict=True))
    beats = _beats(pairs, adjusted, better)
    source = members[0][1].source
    shown = key if named else key.partition(",")[0]
    lacking = [e for e in entries if all(e is not member[0] for member in members)]
    return {
        "key": key,
        "metric": fact(shown, "text", source),
        "primary": primary,
        "higher_is_better": better,
        "figure": None,
        "tests": fact(sum(found.p is not None for found in pairs.values()), "count", source),
        "rows": [_row(i, members, beats, better) for i in range(len(members))],
        "lacking": [fact(e.name, "text", e.runs[task].results.source("results", task)) for e in lacking],
        "pairs": [_pair(members, at, found, adjusted[at], beats) for at, found in pairs.items()],
        "matrix": [_cells(i, members, pairs, beats, better) for i in range(len(members))],
    }


def _higher_is_better(task: str, key: str, entries: Sequence[Entry]) -> bool | None:
    """Returns whether more is better; None where no file says so, or two contradict each other."""
    metric = key.partition(",")[0]
    said = {(e.runs[task].per_task("higher_is_better") or {}).get(metric) for e in entries} - {None}
    found = said.pop() if len(said) == 1 else None
    return found if isinstance(found, bool) else None


def _beats(
    pairs: dict[tuple[int, int], Difference], adjusted: dict[tuple[int, int], float | None], better: bool | None
) -> set[tuple[int, int]]:
    """Returns (winner, loser) for each pair with a difference that Holm's correction leaves significant."""
    found = set()
    for (i, j), pair in pairs.items():
        p = adjusted[i, j]
        if better is None or pair.interval is None or p is None or p >= LEVEL or pair.interval.value == 0:
            continue
        found.add((i, j) if (pair.interval.value > 0) == better else (j, i))
    return found


def _row(place: int, members: Sequence[Member], beats: set[tuple[int, int]], better: bool | None) -> dict[str, Any]:
    entry, found = members[place]
    best = 1 + sum(loser == place for _, loser in beats)
    worst = len(members) - sum(winner == place for winner, _ in beats)
    unknown = missing("no file says whether more is better")
    score = interval_fact(found.level, found.unit, found.source, also=found.also or None, value=found.value)
    if not found.n:
        score = {key: value for key, value in score.items() if key not in ("n", "clusters")}
    return {
        "entry": fact(entry.name, "text", found.run.results.source("model_name")),
        "score": score,
        "best": unknown if better is None else fact(best, "count", found.source),
        "worst": unknown if better is None else fact(worst, "count", found.source),
        "tied": best != worst,
        "unbeaten": best == 1,
        "beats": [
            fact(members[loser][0].name, "text", members[loser][1].source)
            for winner, loser in sorted(beats)
            if winner == place
        ],
        "how": fact(found.level.method, "text", found.source),
    }


def _pair(
    members: Sequence[Member],
    places: tuple[int, int],
    found: Difference,
    adjusted: float | None,
    beats: set[tuple[int, int]],
) -> dict[str, Any]:
    one, other = (members[place] for place in places)
    source = (one[1].run.samples or one[1].run.results).source() if not found.unpaired else one[1].source
    also = [*one[1].also, other[1].source, *other[1].also]
    refused = missing(found.refused) if found.refused else None
    p, untested = found.p, missing(found.refused or found.p_method)
    verdict = "first" if places in beats else "second" if places[::-1] in beats else "open"
    return {
        "one": fact(one[0].name, "text", one[1].run.results.source("model_name")),
        "other": fact(other[0].name, "text", other[1].run.results.source("model_name")),
        "difference": _difference_fact(found, one[1], source, also),
        "p_value": untested if p is None else fact(p, "p", source, also=also),
        "adjusted": untested if adjusted is None else fact(adjusted, "p", source, also=also),
        "p_method": refused or fact(found.p_method, "text", source),
        "unpaired": fact(found.unpaired, "text", source) if found.unpaired else None,
        "refused": refused,
        "flags": [fact(flag, "text", source) for flag in found.flags],
        "verdict": "refused" if found.refused else "untested" if p is None else verdict,
    }


def _difference_fact(found: Difference, one: Measure, source: dict[str, str], also: list[Any]) -> Fact:
    if found.interval is None:
        return missing(found.refused)
    return interval_fact(found.interval, one.unit, source, also=also)


def _cells(
    row: int,
    members: Sequence[Member],
    pairs: dict[tuple[int, int], Difference],
    beats: set[tuple[int, int]],
    better: bool | None,
) -> list[dict[str, Any]]:
    """Returns a row of the matrix: what the row's model is beside each column's, and by how much."""
    cells: list[dict[str, Any]] = []
    for column in range(len(members)):
        if column == row:
            cells.append({"is": "itself", "difference": missing("it is the same model")})
            continue
        found = pairs[min(row, column), max(row, column)]
        word = "beats" if (row, column) in beats else "loses to" if (column, row) in beats else "open"
        if found.refused:
            word = "not compared"
        elif found.p is None or better is None:
            word = "untested"
        known = found.interval
        source, unit = members[row][1].source, members[row][1].unit
        value = missing(found.refused or "there is none")
        if known is not None:
            value = fact(known.value if row < column else -known.value, unit, source, also=[members[column][1].source])
        cells.append({"is": word, "difference": value})
    return cells


def _setting(entry: Entry, task: str) -> dict[str, Any]:
    """Returns under what conditions a model was scored: version, worked examples, items, whether there are samples."""
    run = entry.runs[task]
    source, (effective, original) = run.results.source("results", task), run.counted
    shots = run.per_task("n-shot")
    version = run.per_task("versions")
    samples = any(part.samples for part in run.leaves or (run,))
    limited = effective is not None and original is not None and effective < original
    return {
        "entry": fact(entry.name, "text", source),
        "version": missing("not recorded") if version is None else fact(version, "setting", source),
        "shots": missing("not recorded") if shots is None else fact(shots, "count", source),
        "chat_template": fact(bool(run.results.content.get("chat_template")), "setting", source),
        "items": missing("not recorded") if effective is None else fact(effective, "count", source),
        "available": missing("not recorded") if original is None else fact(original, "count", source),
        "limited": limited,
        "samples": fact(samples, "setting", source),
    }
