"""What fine-tuning did to the primary metric: of one comparison as a sentence and in a word, and of the whole study."""

from report.facts.schema.parts import is_known
from report.facts.schema.scores import Comparison, GroupRow, MetricScores, ScoredTask
from report.facts.schema.whole import Finding, GroupFindings, MeasuredFacts
from report.reading.results import pointer
from report.sentences.rules import comparisons, decide, direction, finding, primary_index

_IN_A_WORD = {
    "rises": "improved",
    "falls_for_the_better": "improved",
    "falls": "worse",
    "rises_for_the_worse": "worse",
    "rises_unjudged": "changed",
    "falls_unjudged": "changed",
    "unclear": "unclear",
    "equal": "equal",
    "refused": "refused",
    "no_interval": "unknown",
    "missing": "unknown",
    "undeclared": "undeclared",
    "without_score": "unknown",
}
"""The verdict of each outcome."""


def outcome(task: ScoredTask, comparison: Comparison) -> str:
    """Returns what the primary metric did, by what its interval allows: the one case of the headline that holds."""
    index = primary_index(comparison)
    if index is None:
        return "without_score" if is_known(task.primary) else "undeclared"
    return _outcome(comparison.scores[index], is_refused=comparison.refused is not None)


def _outcome(score: MetricScores | GroupRow, *, is_refused: bool) -> str:
    way, both = direction(score.difference), is_known(score.before) and is_known(score.after)
    good = score.higher_is_better
    name = decide(
        "headline",
        {
            "rises": way == "higher" and good is True,
            "falls": way == "lower" and good is True,
            "rises_for_the_worse": way == "higher" and good is False,
            "falls_for_the_better": way == "lower" and good is False,
            "rises_unjudged": way == "higher" and good is None,
            "falls_unjudged": way == "lower" and good is None,
            "unclear": way == "unclear",
            "equal": way == "equal",
            "refused": way == "missing" and is_refused,
            "no_interval": way == "missing" and not is_refused and both,
            "missing": way == "missing" and not is_refused and not both,
        },
    )
    return name.removeprefix("headline_")


def _of_primary(at: str, index: int) -> dict[str, str]:
    return {key: f"{at}/scores/{index}/{key}" for key in ("label", "before", "after", "difference")}


def headline(task_at: str, task: ScoredTask, at: str, comparison: Comparison) -> Finding:
    """What fine-tuning did to the task's primary metric."""
    evidence = {"task": f"{task_at}/name", "setting": f"{task_at}/setting", "checkpoint": f"{at}/display_name"}
    index, name = primary_index(comparison), outcome(task, comparison)
    if index is not None:
        evidence |= _of_primary(at, index)
    elif name == "without_score":
        evidence["label"] = f"{task_at}/primary"
    if name == "refused":
        evidence["reason"] = f"{at}/refused"
    return finding(f"headline_{name}", evidence)


def scoreboard(facts: MeasuredFacts) -> list[Finding]:
    """Returns the rows of the scoreboard: of each group of tasks, and of each task that stands in none of them."""
    rows, folded = [], set[str]()
    for i, group in enumerate(facts.groups or []):
        if not is_known(group.label):
            continue
        folded |= {task.value for task in group.tasks}
        for j, row in enumerate(group.rows):
            at = pointer("groups", i)
            evidence = {"task": f"{at}/name", "label": f"{at}/label"}
            evidence |= {key: f"{at}/rows/{j}/{key}" for key in ("checkpoint", "before", "after", "difference")}
            rows.append(finding(f"verdict_{_IN_A_WORD[_outcome(row, is_refused=False)]}", evidence))
    return rows + [_row(*where) for where in comparisons(facts) if where[1].name.value not in folded]


def groups(facts: MeasuredFacts) -> list[GroupFindings]:
    """Returns how the score of each group is made of those of its tasks, whose rows of the scoreboard it folds."""
    found = []
    for i, group in enumerate(facts.groups or []):
        at, tasks = pointer("groups", i), {task.value for task in group.tasks}
        name = decide(
            "group",
            {
                "by_items": is_known(group.label) and group.weight_by_size,
                "by_tasks": is_known(group.label) and not group.weight_by_size,
                "without_score": not is_known(group.label),
            },
        )
        evidence = {"group": f"{at}/name"} | ({"reason": f"{at}/label"} if name == "group_without_score" else {})
        parts = [_row(*where) for where in comparisons(facts) if where[1].name.value in tasks]
        found.append(GroupFindings(group=at, how=finding(name, evidence), parts=parts if is_known(group.label) else []))
    return found


def _row(task_at: str, task: ScoredTask, at: str, comparison: Comparison) -> Finding:
    """The verdict on a comparison in a word, with everything that stands beside it on the scoreboard."""
    evidence = {"task": f"{task_at}/name", "checkpoint": f"{at}/display_name"}
    evidence["floor"] = f"{task_at}/floor/score"
    index = primary_index(comparison)
    if index is not None:
        evidence |= _of_primary(at, index)
    if comparison.figures.score:
        evidence["figure"] = f"{at}/figures/score"
    return finding(f"verdict_{_IN_A_WORD[outcome(task, comparison)]}", evidence)


def result(facts: MeasuredFacts) -> Finding:
    """What fine-tuning did in the whole study, in one sentence."""
    found = [(_IN_A_WORD[outcome(task, one)], task_at, at) for task_at, task, at, one in comparisons(facts)]
    kinds = {verdict for verdict, *_ in found}
    evidence: dict[str, str | list[str]] = {"model": "/model/name"}
    evidence["tasks"] = list(dict.fromkeys(f"{task_at}/name" for _, task_at, _ in found))
    name = decide(
        "result",
        {
            "none": not found,
            "improved": kinds == {"improved"},
            "worse": kinds == {"worse"},
            "unclear": kinds == {"unclear"},
            "mixed": len(kinds) > 1
            or bool(kinds and kinds <= {"changed", "equal", "refused", "unknown", "undeclared"}),
        },
    )
    if name == "result_mixed":
        groups = {"improved": ["improved"], "worse": ["worse"], "unclear": ["unclear"], "equal": ["equal"]}
        groups["unjudged"] = ["changed", "refused", "unknown", "undeclared"]
        for group, verdicts in groups.items():
            evidence[group] = [f"{at}/display_name" for verdict, _, at in found if verdict in verdicts]
    return finding(name, evidence)
