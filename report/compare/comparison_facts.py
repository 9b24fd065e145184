"""compare.json: every value of a comparison as a fact, the only thing that its templates see."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from report.compare.boards import LEVEL, leaderboard_facts
from report.compare.costs import UNRECORDED, cost_facts
from report.compare.crowds import MOST_PAIRS
from report.compare.files import read_all
from report.compare.models import Entry, PassedOver
from report.compare.pictures import COSTS, priced
from report.compare.regressions import regression_facts
from report.compare.versions import version_facts
from report.facts.schema.parts import Fact, is_known, tree_as_json
from report.facts.unfinished import FILE, unfinished_facts
from report.facts.values import fact, missing
from report.reading.garbage_collection import no_garbage_collection
from report.reading.published_names import plain_tree
from report.statistics.recorded_errors import CONFIDENCE

SCHEMA = "aftertune-comparison/1"


@no_garbage_collection()
def comparison_facts(paths: Sequence[Path], gates: Sequence[str] = (), *, strict: bool = False) -> dict[str, Any]:
    """Returns the facts of a comparison of the results in ``paths``; ``gates`` are `TASK:METRIC`.

    ``strict``: a file that would be passed over is an error.

    Raises:
        UserError: see `read_all`, `measure`, `version_facts` and `regression_facts`.
    """
    given = read_all(paths)
    if strict and given.passed_over:
        raise given.passed_over[0].error
    regressions = regression_facts(given, gates)
    tasks = list(dict.fromkeys(task for entry in given.entries for task in entry.runs))
    first = next(iter(given.entries[0].runs.values())).results.source()
    boards = [leaderboard_facts(task, given.entries) for task in tasks]
    boards = _groups_first([found for found in boards if found["boards"]])
    for number, found in enumerate(boards, 1):
        board = found["boards"][0]
        if strict and (told := next((row["best"].missing for row in board["rows"] if row["contradicts"]), None)):
            raise UserError(told, "the two are not from one run, or one was edited", "score the task again")
        board["figure"] = fact(f"figures/compare-{number}.svg", "text", first)
        found["costs"] = _costs(given.entries, found["key"], board)
        found["smallest"] = _smallest(found["costs"], board)
        found["cost_figures"] = _cost_figures(found["costs"], number, first)
    facts = {
        "schema": SCHEMA,
        "confidence": fact(CONFIDENCE, "share", first),
        "level": fact(LEVEL, "setting", first),
        "most_pairs": fact(MOST_PAIRS, "count", first),
        "crowded": any(is_known(board["shown"]) for task in boards for board in task["boards"]),
        "entries": [_entry(entry, given.names[entry.argument]) for entry in given.entries],
        "tasks": boards,
        "passed_over": [
            {"file": fact(part.file, "text", source), "why": fact(_why(part), "text", source)}
            for part in given.passed_over
            for source in [{"file": part.file, "pointer": "", "sha256": ""}]
        ],
        "replaced": [
            fact(f"{entry.name}, {task}", "text", entry.named_in(task))
            for entry in given.entries
            for task in dict.fromkeys(entry.replaced)
        ],
        "unfinished": [
            unfinished_facts(path, study=name)
            for path, name in zip(given.paths, given.names, strict=True)
            if (path / FILE).is_file()
        ],
        "versions": version_facts(given),
        "regressions": regressions,
    }
    return dict(plain_tree(tree_as_json(facts)))


def _costs(entries: Sequence[Entry], task: str, board: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the cost of each model beside its score, best first; the ones without such a score come last."""
    scores = {row["entry"].value: row["score"] for row in board["rows"]}
    scored = [entry for entry in entries if task in entry.runs]
    order = {name: place for place, name in enumerate(scores)}
    scored.sort(key=lambda entry: order.get(entry.name, len(order)))
    absent = missing("not scored by it")
    return [{**cost_facts(e, e.runs[task]), "score": scores.get(e.name, absent)} for e in scored]


def _cost_figures(costs: Sequence[dict[str, Any]], number: int, source: dict[str, str]) -> list[dict[str, Any]]:
    """Returns the pictures of scores against costs: of each cost that is known of two models, and not the same."""
    found = []
    for key, cost in COSTS.items():
        if len({row[key].value for row in priced(costs, key)}) > 1:
            path = fact(f"figures/compare-{number}-{key}.svg", "text", source)
            found.append({"key": key, "cost": fact(cost.name, "text", source), "path": path})
    return found


def _smallest(costs: Sequence[dict[str, Any]], board: dict[str, Any]) -> Fact:
    """Returns which of several models that none beats has the fewest parameters; missing where one's are not known."""
    unbeaten = {row["entry"].value for row in board["rows"] if row["unbeaten"]}
    sizes = [(cost["parameters"], cost["entry"]) for cost in costs if cost["entry"].value in unbeaten]
    if board["higher_is_better"] is None or len(sizes) < 2 or not all(is_known(size) for size, _ in sizes):
        return missing("nothing to choose from")
    sizes.sort(key=lambda size: size[0].value)
    if sizes[0][0].value == sizes[1][0].value:
        return missing("the smallest two are of one size")
    size, entry = sizes[0]
    return fact(entry.value, "text", size.source)


def _entry(entry: Entry, argument: str) -> dict[str, Any]:
    """Returns who takes part: name and who says it, where its results lie, the class that asked, and versions."""
    documents = list({run.results.file: run.results for run in entry.runs.values()}.values())
    said: dict[str, Fact] = {}
    for key, place in (
        ("model_class", ("config", "model")),
        ("lm_eval", ("lm_eval_version",)),
        ("transformers", ("transformers_version",)),
    ):
        known = [found for found in documents if isinstance(value := found.value(*place), str) and value.strip()]
        values = list(dict.fromkeys(found.value(*place) for found in known))
        also = [found.source(*place) for found in known[1:]] or None
        said[key] = (
            fact(", ".join(values), "text", known[0].source(*place), also=also) if known else missing(UNRECORDED)
        )
    source = entry.named_in()
    named = ".".join(entry.place) if entry.place else _by_the_folder(entry)
    return {
        "name": fact(entry.name, "text", source),
        "named_by": fact(named, "text", source),
        "place": fact(argument, "text", documents[0].source()),
        "tasks": fact(len(entry.runs), "count", documents[0].source("results")),
        **said,
    }


def _by_the_folder(entry: Entry) -> str:
    return "the study" if entry.folder.parent.name == "scores" else "its file's place: no file says which model it is"


def _why(part: PassedOver) -> str:
    """Returns why a file was passed over, without its place on this machine, which may not be published."""
    return part.error.found.replace(f"{part.path.parent}/", "")


def _groups_first(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the tasks with each group before its parts, which follow it at once; `within` is the outermost group."""
    above = {task["key"]: task["group"] for task in tasks}
    for task in tasks:
        path = [task["key"]]
        while (group := above[path[-1]]) in above and group not in path:
            path.append(group)
        task["within"] = path[-1] if len(path) > 1 else None
        task["group"] = task["group"] if len(path) > 1 else None
    return list(_below(None, tasks))


def _below(group: str | None, tasks: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        if task["group"] == group:
            yield task
            yield from _below(task["key"], tasks)
