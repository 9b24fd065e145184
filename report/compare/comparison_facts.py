"""The whole of a comparison as facts, the only thing that its templates see, and compare.json is made of."""

from collections.abc import Sequence
from pathlib import Path

from harness_tasks.errors import UserError
from harness_tasks.secrets import cleaned
from report.compare.boards import LEVEL
from report.compare.clusters import clusters_of
from report.compare.costs import UNRECORDED
from report.compare.crowds import MOST_PAIRS
from report.compare.files import read_all
from report.compare.models import Entry, PassedOver, harness_fact
from report.compare.regressions import regression_facts
from report.compare.tasks import all_task_facts
from report.compare.versions import version_facts
from report.facts.schema.compared import COMPARED_SCHEMA, ComparedModels, ComparedTask, Participant, PassedOverFile
from report.facts.schema.parts import Fact, is_known
from report.facts.unfinished import FILE, unfinished_facts
from report.facts.values import fact, missing
from report.reading.garbage_collection import no_garbage_collection
from report.reading.published_names import plain_tree
from report.statistics.recorded_errors import CONFIDENCE


@no_garbage_collection()
def comparison_facts(
    paths: Sequence[Path], gates: Sequence[str] = (), *, clusters: Sequence[str] = (), strict: bool = False
) -> ComparedModels:
    """Returns the facts of a comparison of the results in ``paths``.

    ``gates`` are `TASK:METRIC`, ``clusters`` `TASK:FIELD`, each task once.

    They are as they are read from compare.json. ``strict``: a file that would be passed over is an error.

    Raises:
        UserError: see `clusters_of`, `read_all`, `measure`, `version_facts` and `regression_facts`.
    """
    fields = clusters_of(clusters)
    given = read_all(paths, fields)
    if strict and given.passed_over:
        raise given.passed_over[0].error
    regressions = regression_facts(given, gates)
    first = next(iter(given.entries[0].runs.values())).results.source()
    tasks = list(all_task_facts(given.entries, fields, first))
    if strict:
        _refuse_contradictions(tasks)
    facts = ComparedModels(
        schema=COMPARED_SCHEMA,
        confidence=fact(CONFIDENCE, "share", first),
        level=fact(LEVEL, "setting", first),
        most_pairs=fact(MOST_PAIRS, "count", first),
        crowded=any(is_known(board.shown) for task in tasks for board in task.boards),
        entries=[_participant(entry, given.names[entry.argument]) for entry in given.entries],
        tasks=tasks,
        passed_over=[
            PassedOverFile(file=fact(part.file, "text", source), why=fact(_why(part), "text", source))
            for part in given.passed_over
            for source in [{"file": part.file, "pointer": "", "sha256": ""}]
        ],
        replaced=[
            fact(f"{entry.name}, {task}", "text", entry.named_in(task))
            for entry in given.entries
            for task in dict.fromkeys(entry.replaced)
        ],
        unfinished=[
            unfinished_facts(path, study=name)
            for path, name in zip(given.paths, given.names, strict=True)
            if (path / FILE).is_file()
        ],
        versions=version_facts(given),
        regressions=regressions,
    )
    return ComparedModels.model_validate(plain_tree(facts.as_json()))


def _refuse_contradictions(tasks: Sequence[ComparedTask]) -> None:
    """Raises where a score by a task's primary metric and its samples contradict each other."""
    for row in (row for task in tasks for row in task.boards[0].rows):
        if row.contradicts and not is_known(row.best):
            raise UserError(row.best.missing, "the two are not from one run, or one was edited", "score the task again")


def _participant(entry: Entry, argument: str) -> Participant:
    """Returns a model of the comparison: its name, who says it, where its results lie, its class, and versions."""
    documents = list({run.results.file: run.results for run in entry.runs.values()}.values())

    def said(*place: str) -> Fact:
        known = [found for found in documents if isinstance(value := found.value(*place), str) and value.strip()]
        if not known:
            return missing(UNRECORDED)
        also = [found.source(*place) for found in known[1:]] or None
        values = dict.fromkeys(found.value(*place) for found in known)
        return fact(", ".join(values), "text", known[0].source(*place), also=also)

    source = entry.named_in()
    return Participant(
        name=fact(entry.name, "text", source),
        named_by=fact(".".join(entry.place) if entry.place else _by_the_folder(entry), "text", source),
        place=fact(argument, "text", documents[0].source()),
        tasks=fact(len(entry.runs), "count", documents[0].source("results")),
        model_class=said("config", "model"),
        harness=_harnesses(entry),
        transformers=said("transformers_version"),
    )


def _harnesses(entry: Entry) -> Fact:
    """Returns each harness that scored a model, with its version."""
    told = {str(found.value): found for found in map(harness_fact, entry.runs.values())}
    first = next(iter(told.values()))
    return (
        first
        if len(told) == 1
        else fact(", ".join(told), "text", first.source, also=[f.source for f in told.values()][1:])
    )


def _by_the_folder(entry: Entry) -> str:
    return "the study" if entry.folder.parent.name == "scores" else "its file's place: no file says which model it is"


def _why(part: PassedOver) -> str:
    """Returns why a file was passed over, without its place on this machine, which may not be published."""
    return cleaned(part.error.found.replace(f"{part.path.parent}/", ""))
