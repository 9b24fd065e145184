"""The scored items of one task: what each side said of each item, read from the sample files line by line."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

from harness_tasks.kinds import SAMPLES
from harness_tasks.overlap import GRADES
from harness_tasks.reading import Kind, iterate_rows
from report.facts.schema.scores import Comparison, MetricScores, Range, ScoredTask, TaskFacts, Unscored
from report.page.explorer import sample_texts
from report.reading import kinds
from report.reading.results import Document, Scores, read_json

MOST_LABELS = 12
"""Different gold answers up to which they are labels to filter by."""

Clean = Callable[[str], str]


@dataclass(slots=True)
class ItemSide:
    """What one model said of an item. A score is None where the metric does not concern the item."""

    answer: str
    choices: sample_texts.Choices
    scores: list[float | None]
    confidence: float | None = None
    """The probability of the answer, from 0 to 1, where the samples tell it."""


@dataclass(slots=True)
class Item:
    """One scored item; ``sides`` are the base model's and each checkpoint's, None where it did not score the item."""

    group: int
    """Which source it comes from, its cluster; items of one stand together."""
    title: str
    prompt: str
    gold: list[str]
    label: str | None
    length: int
    name: str = ""
    sides: list[ItemSide | None] = field(default_factory=list)
    overlap: list[int | None] = field(default_factory=list)
    """For each checkpoint the grades of overlap with its training rows, as bits in the order of `GRADES`."""


@dataclass
class ExplorerTask:
    """The scored items of one task, those of one source together; ``sides`` names the base model and checkpoints."""

    name: str
    sides: list[str]
    metrics: list[str]
    primary: int | None
    verdict: int | None
    """The metric by which an item is right or wrong; None where there is none."""
    facts: ScoredTask
    length_unit: str = "words"
    cluster: str | None = None
    """The field of a row that names its cluster; None where items are independent."""
    items: list[Item] = field(default_factory=list)


@dataclass(frozen=True)
class _Sampled:
    """A side's scores, and all rows of its sample file."""

    scores: Scores
    rows: Iterable[dict[str, Any]]


@dataclass(slots=True)
class _Row:
    doc_id: int
    doc_hash: str
    item: Item | None
    """None where another side has told of the same document."""
    side: ItemSide


@dataclass(slots=True)
class _Known:
    doc_id: int
    doc_hash: str
    item: Item


def read_task(
    folder: Path, facts: TaskFacts, read: Mapping[str, Scores] | None = None, *, text: Clean, label: Clean
) -> ExplorerTask | None:
    """Returns the items of the task that ``facts`` tell of; None where no samples of it lie in ``folder``.

    A model whose samples are not there said nothing: pages can be made of facts that lie alone.
    ``read``: the scores of models that are read already, with their prompts; files of others are read row by row.
    ``text`` makes a row's text fit to be shown, ``label`` a label's name.

    Raises:
        UserError: a file is damaged.
    """
    if isinstance(facts, Unscored):
        return None
    name, compared = facts.task, facts.comparisons
    sides = ["base", *(one.checkpoint.value for one in compared)]
    scored = [side for side in sides if (folder / "scores" / side / name / "samples.jsonl").is_file()]
    if not scored:
        return None
    metrics = list(dict.fromkeys(score.metric for score in _metrics(facts)))
    primary = next((score.metric for one in compared if (score := one.primary)), None)
    verdict = _verdict(compared)
    task = ExplorerTask(
        name,
        sides,
        metrics=metrics,
        primary=metrics.index(primary) if primary else None,
        verdict=metrics.index(verdict) if verdict else None,
        facts=facts,
    )
    found = _joined({side: _scores(folder, side, name, read or {}) for side in scored}, task, text, label)
    _measure_lengths(folder, scored[0], task, found)
    _grade(folder, task, found)
    task.items = [row.item for row in found]
    return task


def _scores(folder: Path, side: str, task: str, read: Mapping[str, Scores]) -> _Sampled | None:
    """Returns a side's scores with the rows of its sample file; None where the file is empty."""
    if side in read:
        return _Sampled(read[side], read[side].samples.content)
    name = f"scores/{side}/{task}"
    rows = lines(folder, f"{name}/samples.jsonl", SAMPLES)
    first = next(rows, None)
    if first is None:
        return None
    samples = Document(f"{name}/samples.jsonl", "", [first])
    scores = Scores(task, read_json(folder, f"{name}/results.json", kinds.RESULTS), samples)
    return _Sampled(scores, chain([first], rows))


def _joined(scored: Mapping[str, _Sampled | None], task: ExplorerTask, text: Clean, label: Clean) -> list[_Known]:
    """Returns every item that one of the sides ``scored`` tells of, those of one source together."""
    groups: dict[str, int] = {}
    known: dict[str, list[_Known]] = {}
    taken: set[str] = set()
    for side, sampled in scored.items():
        at = task.sides.index(side)
        # By `doc_hash`: `doc_id` is an order, no name. One document may be there twice.
        waiting = {doc_hash: list(rows) for doc_hash, rows in known.items()}
        for row in _rows(sampled, task, groups, known, text, label) if sampled else ():
            same = waiting.get(row.doc_hash)
            if same:
                same.pop(0).item.sides[at] = row.side
                continue
            item = row.item or replace(known[row.doc_hash][0].item)
            item.name = _unlike(str(row.doc_id), taken)
            item.sides = [row.side if place == at else None for place in range(len(task.sides))]
            item.overlap = [None] * (len(task.sides) - 1)
            known.setdefault(row.doc_hash, []).append(_Known(row.doc_id, row.doc_hash, item))
    return sorted((one for rows in known.values() for one in rows), key=lambda one: one.item.group)


def _unlike(name: str, taken: set[str]) -> str:
    """Returns ``name``, with a number where it is taken: files of other data than the first may repeat a `doc_id`."""
    numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
    free = next(one for one in numbered if one not in taken)
    taken.add(free)
    return free


def _metrics(facts: ScoredTask) -> Iterator[Range | MetricScores]:
    """Yields the metrics of the task in the order of the page, some several times."""
    yield from facts.ranges
    for comparison in facts.comparisons:
        yield from comparison.scores


def _verdict(compared: Sequence[Comparison]) -> str | None:
    """Returns the metric by which the page counts what was fixed and broken."""
    for comparison in compared:
        if comparison.transitions:
            label = comparison.transitions.label.value
            return next(score.metric for score in comparison.scores if score.label.value == label)
    return None


def _rows(
    sampled: _Sampled,
    task: ExplorerTask,
    groups: dict[str, int],
    known: Container[str],
    text: Clean,
    label: Clean,
) -> list[_Row]:
    """Returns the rows of one sample file's first filter in the order of `doc_id`, as `Scores.rows` has them.

    Adds the sources that are new to ``groups``. A row whose document is ``known`` tells nothing of the item again.
    """
    about, kind = sampled.scores, task.facts.kind
    named, cluster = about.metadata.get("input"), about.metadata.get("cluster")
    labels = [str(one) for one in about.metadata.get("labels") or []]
    answer = label if kind == "classification" else text
    task.cluster = cluster or task.cluster
    found: list[_Row] = []
    for row in sampled.rows:
        if row.get("filter") != about.filter:
            continue
        of_row = sample_texts.choices(row)
        said = ItemSide(
            answer(sample_texts.answer(row, of_row, labels)),
            [(answer(choice), round(value, 3)) for choice, value in of_row],
            [_number(row.get(metric)) for metric in task.metrics],
            sample_texts.confidence(row, of_row),
        )
        doc_hash, item = row["doc_hash"], None
        if doc_hash not in known:
            source = str(row["doc"][cluster]) if cluster in row["doc"] else doc_hash
            gold = sample_texts.gold(row, kind, of_row, labels)
            marked = sample_texts.label(row, kind, of_row, gold)
            prompt = sample_texts.prompt(row)
            item = Item(
                group=groups.setdefault(source, len(groups)),
                title=text(sample_texts.title(row, named)),
                prompt=text(prompt),
                gold=[answer(one) for one in gold],
                label=marked if marked is None or kind == "extraction" else answer(marked),
                length=len(prompt.split()),
            )
        found.append(_Row(row["doc_id"], doc_hash, item, said))
    return sorted(found, key=lambda row: row.doc_id)


def lines(folder: Path, name: str, kind: Kind, *, head: Kind | None = None) -> Iterator[dict[str, Any]]:
    """Yields the JSON objects of a file, one a line, without ever holding all of them; `head` is the first one's kind.

    Raises:
        UserError: the file is cut off or was changed by hand.
    """
    return iterate_rows(folder / name, kind, shown=name, head=head)


def _number(value: Any) -> float | None:
    """Returns an item's own score; None for what only adds to a sum over items, and for what is no number."""
    if isinstance(value, bool | int | float) and abs(value) < float("inf"):
        return round(float(value), 4)
    return None


def _measure_lengths(folder: Path, side: str, task: ExplorerTask, rows: list[_Known]) -> None:
    """Takes prompts' lengths in tokens where the lengths that ``side`` read are known of every item; else in words."""
    name = f"scores/{side}/{task.name}/lengths.jsonl"
    if not (folder / name).is_file():
        return
    tokens: dict[int, int] = {}
    for row in islice(lines(folder, name, kinds.LENGTHS, head=kinds.LENGTHS_HEAD), 1, None):
        if row.get("prompt_tokens") is not None:
            tokens[row["doc_id"]] = row["prompt_tokens"]
    if all(row.doc_id in tokens for row in rows):
        task.length_unit = "tokens"
        for one in rows:
            one.item.length = tokens[one.doc_id]


def _grade(folder: Path, task: ExplorerTask, rows: list[_Known]) -> None:
    """Takes the overlap of each item with each checkpoint's training rows, where it was measured."""
    for at, checkpoint in enumerate(task.sides[1:]):
        name = f"overlap/{checkpoint}/overlap_{task.name}.jsonl"
        if not (folder / name).is_file():
            continue
        grades = {
            (row["doc_id"], row["doc_hash"]): sum(1 << at for at, grade in enumerate(GRADES) if grade in row["grades"])
            for row in islice(lines(folder, name, kinds.OVERLAP, head=kinds.OVERLAP_HEAD), 1, None)
        }
        for row in rows:
            row.item.overlap[at] = grades.get((row.doc_id, row.doc_hash))
