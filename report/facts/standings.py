"""Which scores on a task the page draws on one scale, where experiments set simpler means or a control beside it."""

from collections.abc import Iterator, Sequence

from report.facts.paths import figure_path
from report.facts.schema.control import Control, ControlledGain
from report.facts.schema.parts import Fact, Known, is_known
from report.facts.schema.scores import ScoredTask, TaskFacts
from report.facts.schema.standings import Standing, Standings
from report.facts.values import fact


def standings(tasks: Sequence[TaskFacts], controls: Sequence[Control]) -> list[Standings]:
    """Returns the scores on each task that has a simpler means, few-shot examples or a control beside a checkpoint.

    A score that is not known is left out; so is one that stands there already under the same name, as where several
    checkpoints learned from the same rows.
    """
    found = []
    for task in tasks:
        own = [one for one in controls if isinstance(one, ControlledGain) and one.task.value == task.name.value]
        if not isinstance(task, ScoredTask) or not is_known(task.primary):
            continue
        rows: dict[tuple[str, float], Standing] = {}
        tuned = [(one.display_name, one.primary.after) for one in task.comparisons if one.primary]
        for place, (name, score) in enumerate([*(others := list(_others(task, own))), *tuned]):
            if is_known(score):
                one = Standing(name=name, score=score, fine_tuned=place >= len(others))
                rows.setdefault((name.value, score.value), one)
        means = [means for one in task.comparisons for means in (one.simpler, *one.few_shot) if means]
        explained = own or any(is_known(one.score) for one in means)
        if rows and explained:
            figure = fact(figure_path("standings", task.name.value), "text", task.name.source)
            found.append(Standings(task=task.name, label=task.primary, rows=list(rows.values()), figure=figure))
    return found


def _others(task: ScoredTask, controls: Sequence[ControlledGain]) -> Iterator[tuple[Known, Fact]]:
    """Yields what else answered the items than the checkpoints, and its score, in the order of the page."""
    yield fact("trivial baseline", "text", task.name.source), task.floor.score
    every = task.comparisons
    simple = {one.simpler.score.value for one in every if one.simpler and is_known(one.simpler.score)}
    base = fact(f"base, {task.setting.value}", "text", task.setting.source)
    for comparison in every:
        if simpler := comparison.simpler:
            of_several = f"{simpler.name.value} beside {comparison.display_name.value}"
            named = fact(of_several, "text", simpler.name.source) if len(simple) > 1 else simpler.name
            yield named, simpler.score
    for comparison in every:
        if comparison.primary:
            yield base, comparison.primary.before
    for comparison in every:
        for means in comparison.few_shot:
            yield means.name, means.score
    for control in controls:
        yield fact(f"control of {control.checkpoint.value}", "text", control.checkpoint.source), control.control
