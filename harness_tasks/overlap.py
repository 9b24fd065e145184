"""Which scored rows resemble which training rows, in three grades. No model, and nothing that is slow to import.

An item can hold several grades, or none; a score on the items without any is what the model does on texts that it was
not trained on.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from harness_tasks import TASKS_PATH, metrics
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, sha256_text
from harness_tasks.kinds import SAMPLES, TRAINED_ROWS
from harness_tasks.messages import reason_of
from harness_tasks.models.files import refusals
from harness_tasks.reading import Kind, iterate_rows
from harness_tasks.text import fold

Grade = Literal["identical", "same_source", "containment"]
GRADES: tuple[Grade, ...] = get_args(Grade)

FEWEST_WORDS = 4
"""Shorter texts contain, or are contained in, too much by chance: "a good film" stands in half of all reviews."""

DEFINITIONS: dict[str, str] = {
    "identical": "a training text has the same words in the same order, whatever the case and punctuation",
    "same_source": "a training row comes from the same source (the field that the task declares as its cluster)",
    "containment": f"it contains a training text verbatim or is contained in one, both of {FEWEST_WORDS} words or more",
}


PARTS = {"all": "all items", "without": "items without any overlap", "with": "items with some overlap"}
"""The parts of the items that are scored apart."""


@dataclass(frozen=True)
class Text:
    """A row's own text, and its source where the task declares one and the row has it."""

    text: str
    source: str | None = None


def grades(scored: Sequence[Text], training: Iterable[Text]) -> list[list[Grade]]:
    """Returns the grades that hold for each of ``scored``; ``training`` is read once, and only what matters is kept.

    A text without any word (after `fold`) is neither identical to another nor contained in one.

    >>> scored = [Text("A fine film!"), Text("so long , and thanks for all the fish", "fish"), Text("dull", "fish")]
    >>> grades(scored, [Text("a fine film"), Text("Thanks for all the fish.", "fish")])
    [['identical'], ['same_source', 'containment'], ['same_source']]
    """
    folded = [fold(item.text) for item in scored]
    wanted = set(folded) - {""}
    sources = {item.source for item in scored} - {None}
    index = _WordRuns(sorted(wanted))
    identical, same_source, contained = set[str](), set[str | None](), set[str]()
    for row in training:
        if row.source in sources:
            same_source.add(row.source)
        text = fold(row.text)
        if text in wanted:
            identical.add(text)
        contained.update(index.contained_either_way(text))

    rows: list[list[Grade]] = []
    for item, text in zip(scored, folded, strict=True):
        holds: dict[Grade, bool] = {
            "identical": text in identical,
            "same_source": item.source in same_source,
            "containment": text in contained,
        }
        rows.append([grade for grade, held in holds.items() if held])
    return rows


class _WordRuns:
    """Which of some texts contain another one, or are contained in it, word by word.

    Each run of four words leads to the texts that hold it, and a text's rarest run to that text: a text that contains
    another holds the other's rarest run, so few candidates are ever compared.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._holders: dict[str, list[str]] = defaultdict(list)
        self._by_rarest: dict[str, list[str]] = defaultdict(list)
        runs_of = {text: _runs(text) for text in texts}
        for text, runs in runs_of.items():
            for run in set(runs):
                self._holders[run].append(text)
        for text, runs in runs_of.items():
            if runs:
                self._by_rarest[self._rarest(runs)].append(text)

    def contained_either_way(self, other: str) -> Iterator[str]:
        """Yields the texts that stand in ``other``, and those that it stands in."""
        runs = _runs(other)
        known = [run for run in runs if run in self._holders]
        for run in known:
            yield from (inner for inner in self._by_rarest.get(run, ()) if f" {inner} " in f" {other} ")
        if runs and len(known) == len(runs):
            yield from (outer for outer in self._holders[self._rarest(known)] if f" {other} " in f" {outer} ")

    def _rarest(self, runs: list[str]) -> str:
        return min(runs, key=lambda run: len(self._holders[run]))


def _runs(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[start : start + FEWEST_WORDS]) for start in range(len(words) - FEWEST_WORDS + 1)]


IDENTIFIERS = {"id", "_id", "idx", "index", "guid", "uid", "qid", "doc_id", "question_id", "row_id", "sample_id"}
"""Names of fields that only number a row: two rows that differ in nothing else are one row twice."""


def row_identity(doc: Mapping[str, Any]) -> str:
    """Returns the SHA-256 (64 hex digits) of all that a row holds but its identifier: the same for identical rows.

    >>> row_identity({"id": "7", "text": "a"}) == row_identity({"id": "8", "text": "a"}) != row_identity({"text": "b"})
    True
    """
    content = {field: value for field, value in doc.items() if field.lower() not in IDENTIFIERS}
    return sha256_text(json.dumps(content or doc, sort_keys=True, default=str))


def input_text(doc: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> str:
    """Returns the text of a row that overlap is judged by: the field that the task declares as its `input`.

    Where the task declares none it is the row's sentence or question, else its first text field.

    >>> input_text({"id": "7", "title": "Tides", "question": "How high?"}, {"input": "title"})
    'Tides'
    >>> input_text({"id": "7", "title": "Tides", "question": "How high?"})
    'How high?'
    """
    for field in ((metadata or {}).get("input"), "sentence", "question", "text"):
        if field is not None and isinstance(doc.get(field), str):
            return str(doc[field])
    return next((value for value in doc.values() if isinstance(value, str)), "")


@dataclass(frozen=True)
class Overlap:
    """The graded items of one task: ``header`` and ``items`` are the lines of `overlap_<task>.jsonl`.

    The header counts the scored items and the training rows, the items that are long enough to be graded as contained
    (`scored_of_four_words`), and those that are a training text letter by letter (`scored_verbatim`).
    ``scores`` holds the primary metric over all items, over those without any grade and over those with one, each with
    the number of items; it is empty where no sample file was given.
    """

    task: str
    header: dict[str, Any]
    items: list[dict[str, Any]]
    metric: str | None
    scores: dict[str, tuple[int, float | None]]

    def counts(self) -> dict[str, int]:
        """Returns the number of items in each grade, in any, and in none."""
        found: dict[str, int] = dict.fromkeys(GRADES, 0)
        for item in self.items:
            for grade in item["grades"]:
                found[grade] += 1
        none = sum(not item["grades"] for item in self.items)
        return {**found, "any": len(self.items) - none, "none": none}

    def as_json(self) -> dict[str, Any]:
        """Returns the header, the counts and the scores as plain JSON values."""
        scores = {part: {"items": number, self.metric: value} for part, (number, value) in self.scores.items()}
        return {"task": self.task, **self.header, "counts": self.counts(), "scores": scores}

    def as_text(self) -> str:
        """Returns the counts, what each means, and the scores as lines of text."""
        scored, counts = len(self.items), self.counts()
        long, verbatim = self.header["scored_of_four_words"], self.header["scored_verbatim"]
        meanings: dict[str, str] = {**DEFINITIONS, "any": "any of the three holds", "none": "none of the three holds"}
        lines = [
            f"{self.task}: {scored:,} scored items against {self.header['training_rows']:,} training rows",
            "",
            f"{'overlap':<12} {'items':>8} {'share':>7}  an item counts where",
        ]
        for grade, meaning in meanings.items():
            lines.append(f"{grade:<12} {counts[grade]:>8,} {_percent(counts[grade], scored):>7}  {meaning}")
        lines += [
            "",
            f"{verbatim:,} items ({_percent(verbatim, scored)}) equal a training text letter by letter.",
            f"{long:,} items have {FEWEST_WORDS} words or more: {_percent(counts['containment'], long)} of these "
            f"contain a training text or are contained in one. "
            f"The other {scored - long:,} are too short for that grade.",
        ]
        if self.scores:
            lines += ["", f"{self.metric:<28} {'items':>8} {'value':>9}"]
            for part, (number, value) in self.scores.items():
                shown = "–" if value is None else f"{value:.4f}"
                lines.append(f"{PARTS[part]:<28} {number:>8,} {shown:>9}")
        return "\n".join(lines)


def overlap(
    task: str,
    *,
    samples: Path | None = None,
    training_rows: Path | None = None,
    metadata: Mapping[str, Any] | None = None,
    include_path: str | Path = TASKS_PATH,
) -> Overlap:
    """Returns the items of ``task`` graded against its training rows.

    Args:
        samples: lm_eval's sample file of the task; None grades the task's whole scored split.
        training_rows: the `train_rows.jsonl` of a checkpoint; None takes the task's whole training split.
        metadata: what lm_eval's `--metadata` takes.

    Raises:
        UserError: a file is missing or of another kind, or the task or its data cannot be loaded.
    """
    from harness_tasks.loading import declared_metadata, doc_hash, load_task

    declared = declared_metadata(task, include_path)
    if samples is None or training_rows is None or declared is None:
        loaded = load_task(task, include_path=include_path, metadata=metadata)
        declared = dict(loaded.config.metadata or {})
    cluster = str(declared.get("cluster"))

    def of_doc(doc: Mapping[str, Any]) -> Text:
        return Text(input_text(doc, declared), None if doc.get(cluster) is None else str(doc[cluster]))

    if samples is None:
        rows = [{"doc_id": i, "doc": doc, "doc_hash": doc_hash(doc)} for i, doc in enumerate(loaded.eval_docs)]
    else:
        rows = read_samples(samples)
    texts = [of_doc(row["doc"]) for row in rows]
    training: Iterable[Text]
    if training_rows is None:
        training = map(of_doc, loaded.training_docs() if loaded.has_training_docs() else ())
    else:
        training = _trained(training_rows)
    counted = _Counted(training, texts)
    found = grades(texts, counted)
    if not counted.rows:
        raise UserError(
            f"there is no training row of {task}",
            "every scored row would be reported without overlap",
            "name a task with a training split, or the train_rows.jsonl of a checkpoint with --training-rows",
        )
    header = {
        "scored": len(rows),
        "scored_of_four_words": sum(len(fold(text.text).split()) >= FEWEST_WORDS for text in texts),
        "scored_verbatim": sum(_squeezed(text) in counted.verbatim for text in texts),
        "training_rows": counted.rows,
        "training_file_sha256": None if training_rows is None else sha256_file(training_rows),
        "definition": DEFINITIONS,
    }
    items = [
        {"doc_id": row["doc_id"], "doc_hash": row["doc_hash"], "grades": held}
        for row, held in zip(rows, found, strict=True)
    ]
    metric = declared.get("primary")
    if samples is None or metric is None:
        return Overlap(task, header, items, None, {})
    with refusals(unscorable(samples, metric)):
        return Overlap(task, header, items, metric, _scores_of_parts(metric, rows, found))


def _scores_of_parts(
    metric: str, rows: Sequence[Mapping[str, Any]], grades: Sequence[list[Grade]]
) -> dict[str, tuple[int, float | None]]:
    """Returns the number of items and the score of each of `PARTS`."""
    scores = {}
    for part in PARTS:
        kept = (part == "all" or bool(held) == (part == "with") for held in grades)
        values = [row[metric] for row, keep in zip(rows, kept, strict=True) if keep and metric in row]
        scores[part] = (len(values), score(metric, values))
    return scores


class _Counted:
    """Training rows that are counted while they are read: all of them, and the scored texts that are the very same."""

    def __init__(self, training: Iterable[Text], scored: Iterable[Text]) -> None:
        self._training, self._scored = training, set(map(_squeezed, scored))
        self.rows, self.verbatim = 0, set[str]()

    def __iter__(self) -> Iterator[Text]:
        for row in self._training:
            self.rows += 1
            self.verbatim.update({_squeezed(row)} & self._scored)
            yield row


def _squeezed(text: Text) -> str:
    """Returns the words with single spaces between them."""
    return " ".join(text.text.split())


def score(metric: str, values: Sequence[Any]) -> float | None:
    """Returns ``metric`` over the items' ``values`` as the sample file holds them: a mean, or what the pairs give.

    None where there is no item.

    >>> score("acc", [1.0, 0.0]), score("recall", [[1, 1], [1, 0], [0, 0]]), score("acc", [])
    (0.5, 0.5, None)
    """
    if not values:
        return None
    if all(isinstance(value, int | float) for value in values):
        return sum(values) / len(values)
    if metric not in metrics.PAIR_SCORES:
        raise ValueError(f"its items are no numbers, and of pairs only {', '.join(metrics.PAIR_SCORES)} are known")
    return float(metrics.PAIR_SCORES[metric](values))


def unscorable(samples: str | Path, metric: str) -> Callable[[Exception], UserError]:
    """Returns what makes the error for values of ``metric`` in a sample file that no score can be made of."""
    return lambda error: UserError(
        f"{samples} holds values of {metric} of which no score can be made ({reason_of(error)})",
        "a score is made of what each item adds to it",
        SAMPLES.mend,
    )


def _percent(count: int, whole: int) -> str:
    return f"{100 * count / whole:.1f} %" if whole else "–"


def read_samples(path: Path, kind: Kind = SAMPLES) -> list[dict[str, Any]]:
    """Returns the rows of lm_eval's sample file in the order of their items, each item once.

    Raises:
        UserError: the file is missing, or is no sample file of ``kind``.
    """
    found: dict[int, dict[str, Any]] = {}
    for row in iterate_rows(path, kind):
        found.setdefault(row["doc_id"], row)  # a task with several filters writes an item once for each
    return [found[doc_id] for doc_id in sorted(found)]


def _trained(path: Path) -> Iterator[Text]:
    for row in iterate_rows(path, TRAINED_ROWS):
        yield Text(row["text"], row["cluster"])
