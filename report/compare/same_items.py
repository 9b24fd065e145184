"""Which items of two harnesses are the same: those whose texts match get one name, by which they are then paired."""

from collections.abc import Iterable, Sequence

from report.compare.models import Entry
from report.reading.harnesses import LM_EVAL
from report.reading.item_texts import ItemTexts, same_items
from report.reading.task_runs import Run


def name_alike(entries: Sequence[Entry]) -> None:
    """Gives an item the `doc_hash` that it has in the results of another harness, on each task that two have scored."""
    by_task: dict[str, list[Run]] = {}
    for entry in entries:
        for task, run in entry.runs.items():
            if run.samples is not None:
                by_task.setdefault(task, []).append(run)
    for runs in by_task.values():
        if len({run.harness.key for run in runs}) > 1:
            _name_alike(sorted(runs, key=lambda run: run.harness.name != LM_EVAL))


def _name_alike(runs: Iterable[Run]) -> None:
    known: list[tuple[frozenset[str], ItemTexts]] = []
    for run in runs:
        assert run.samples is not None
        names = _names(run)
        if any(names == of_known for of_known, _ in known):
            continue
        texts = run.samples.texts()
        called = next((found for _, of_known in known if (found := same_items(of_known, texts))), {})
        for row in run.samples.content:
            row["doc_hash"] = called.get(row["doc_hash"], row["doc_hash"])
        renamed = {
            column: {called.get(name, name): text for name, text in items.items()} for column, items in texts.items()
        }
        known.append((_names(run), renamed))


def _names(run: Run) -> frozenset[str]:
    return frozenset(row["doc_hash"] for row in run.samples.content) if run.samples else frozenset()
