"""The tasks of a comparison: of each its leaderboards, the conditions of its scores, and what these cost."""

import sys
from collections.abc import Iterator, Mapping, Sequence

from harness_tasks.progress import Bar
from report.compare.boards import board_facts
from report.compare.costs import cost_facts
from report.compare.measures import metric_keys
from report.compare.models import Entry
from report.compare.pictures import COSTS, priced
from report.compare.settings import apart_facts, setting_facts
from report.facts.schema.compared import Board, ComparedTask, CostFigure, ScoreCost
from report.facts.schema.parts import Fact, is_known
from report.facts.values import fact, missing


def all_task_facts(
    entries: Sequence[Entry], clusters: Mapping[str, str], drawn: dict[str, str]
) -> Iterator[ComparedTask]:
    """Yields what is told of each task with a score, every group before its parts, which follow it at once.

    ``clusters``: the fields of clusters by task that the command names. ``drawn``: the source of what is drawn.
    """
    scored: dict[str, list[Entry]] = {}
    for entry in entries:
        for task in entry.runs:
            scored.setdefault(task, []).append(entry)
    scored = {task: found for task, found in scored.items() if any(metric_keys(entry.runs[task]) for entry in found)}
    groups = {task: _group(task, found) for task, found in scored.items()}
    known = {task: group if group in groups else None for task, group in groups.items()}
    with Bar(len(scored), "comparing", unit="tasks", disable=not sys.stderr.isatty()) as bar:
        for number, (task, group, within) in enumerate(_groups_first(known), 1):
            found = _task_facts(task, group, within, scored[task], number, drawn)
            field = clusters.get(task)
            yield found.model_copy(update={"cluster": fact(field, "text", found.name.source)}) if field else found
            bar.update()


def _groups_first(
    groups: Mapping[str, str | None], group: str | None = None, within: str | None = None
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yields the parts of ``group``, each with its group and the outermost one, and before the next its own parts."""
    for task, above in groups.items():
        if above == group:
            yield task, group, within
            yield from _groups_first(groups, task, within or task)


def _task_facts(
    task: str, group: str | None, within: str | None, scored: Sequence[Entry], number: int, drawn: dict[str, str]
) -> ComparedTask:
    """Returns what is told of ``task``, the one of that ``number`` on the page; its primary metric's board first."""
    run = scored[0].runs[task]
    source = run.results.source("results", task)
    about = next((str(run.metadata["about"]) for e in scored if (run := e.runs[task]).metadata.get("about")), None)
    keys = list(dict.fromkeys(key for entry in scored for key in metric_keys(entry.runs[task])))
    named = len({key.partition(",")[2] for key in keys}) > 1
    figures = [fact(f"figures/compare-{number}.svg", "text", drawn), *[None] * (len(keys) - 1)]
    boards = [
        board_facts(task, key, scored, named=named, figure=figure) for key, figure in zip(keys, figures, strict=True)
    ]
    costs = _costs(scored, task, boards[0])
    leaves = scored[0].runs[task].leaves
    return ComparedTask(
        key=task,
        name=fact(task, "text", source),
        about=fact(about, "text", source) if about else missing("the task does not describe itself"),
        parts=fact(len(leaves), "count", source) if leaves else missing("it is no group"),
        cluster=None,
        group=group,
        within=within,
        settings=[setting_facts(entry, task) for entry in scored],
        apart=[told for entry in scored for told in apart_facts(entry, task)],
        boards=boards,
        costs=costs,
        smallest=_smallest(costs, boards[0]),
        cost_figures=_cost_figures(costs, number, drawn),
    )


def _group(task: str, entries: Sequence[Entry]) -> str | None:
    """Returns the smallest group that ``task`` is a part of, in all files alike; None where it is in none."""
    above: set[str | None] = set()
    for entry in entries:
        own = [part.task for part in entry.runs[task].parts]
        groups = [run for run in entry.runs.values() if len(run.leaves) > len(entry.runs[task].leaves)]
        wider = [run for run in groups if {leaf.task for leaf in run.leaves}.issuperset(own)]
        above.add(min(wider, key=lambda run: len(run.leaves)).task if wider else None)
    return above.pop() if len(above) == 1 else None


def _costs(scored: Sequence[Entry], task: str, board: Board) -> list[ScoreCost]:
    """Returns the cost of each model beside its score, best first; the ones without such a score come last."""
    scores = {row.entry.value: row.score for row in board.rows}
    order = {name: place for place, name in enumerate(scores)}
    absent = missing("not scored by it")
    return [
        cost_facts(entry, entry.runs[task], scores.get(entry.name, absent))
        for entry in sorted(scored, key=lambda entry: order.get(entry.name, len(order)))
    ]


def _cost_figures(costs: Sequence[ScoreCost], number: int, drawn: dict[str, str]) -> list[CostFigure]:
    """Returns the pictures of scores against costs: of each cost that is known of two models, and not the same."""
    return [
        CostFigure(
            key=key,
            cost=fact(cost.name, "text", drawn),
            path=fact(f"figures/compare-{number}-{key}.svg", "text", drawn),
        )
        for key, cost in COSTS.items()
        if len({row.cost.value for row in priced(costs, key)}) > 1
    ]


def _smallest(costs: Sequence[ScoreCost], board: Board) -> Fact:
    """Returns which of several models that none beats has the fewest parameters; missing where one's are not known."""
    unbeaten = {row.entry.value for row in board.rows if row.unbeaten}
    beside = [cost for cost in costs if cost.entry.value in unbeaten]
    sizes = [(cost.parameters, cost.entry) for cost in beside if is_known(cost.parameters)]
    if board.higher_is_better is None or len(beside) < 2 or len(sizes) < len(beside):
        return missing("nothing to choose from")
    sizes.sort(key=lambda size: size[0].value)
    if sizes[0][0].value == sizes[1][0].value:
        return missing("the smallest two are of one size")
    size, entry = sizes[0]
    return fact(entry.value, "text", size.source)
