"""What lm_eval and `finetune` wrote, read strictly: a damaged file is an error with a name, never a number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from harness_tasks import reading
from harness_tasks.errors import UserError
from harness_tasks.kinds import REPLICATES, SAMPLES
from harness_tasks.reading import Kind
from report.reading import kinds

ItemScore = float | tuple[float, ...]
"""What one scored item gives to a metric: its own score, or what the metric sums over items, such as the pair
(gold label, predicted label), the pair (confidence, right) or the n-gram counts of BLEU."""

NOT_METRICS = {"name", "alias", "sample_len", "sample_count", "bypass"}

_NUMBERS = {bool, int, float}


@dataclass(frozen=True)
class Document:
    """A file that facts are taken from: its name within the study's folder, its SHA-256, its content."""

    file: str
    sha256: str
    content: Any = field(repr=False)

    def source(self, *parts: str | int) -> dict[str, str]:
        """Returns where a value stands: file, JSON pointer (RFC 6901) and SHA-256.

        >>> Document("a.json", "f0", {}).source("results", "a/b")
        {'file': 'a.json', 'pointer': '/results/a~1b', 'sha256': 'f0'}
        """
        return {"file": self.file, "pointer": pointer(*parts), "sha256": self.sha256}

    def value(self, *parts: str | int) -> Any:
        """Returns what stands at that place; None where nothing does."""
        found: Any = self.content
        for part in parts:
            if isinstance(found, list) and isinstance(part, int):
                found = found[part] if part < len(found) else None
            else:
                found = found.get(part) if isinstance(found, dict) else None
        return found


def pointer(*parts: str | int) -> str:
    """Returns the JSON pointer of ``parts``.

    >>> pointer("tasks", 0, "a~b/c")
    '/tasks/0/a~0b~1c'
    """
    place = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return place.encode("utf-8", "replace").decode()  # JSON may name half a character, which no file can hold


def value_at(content: Any, place: str) -> Any:
    """Returns what a JSON pointer names.

    >>> value_at({"tasks": [{"a/b": 3}]}, "/tasks/0/a~1b")
    3
    """
    for part in place.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        content = content[int(part)] if isinstance(content, list) else content[part]
    return content


def read_json(folder: Path, name: str, kind: Kind) -> Document:
    """Returns the JSON object in ``folder / name``.

    Raises:
        UserError: the file is missing, cut off, not of the kind's schema, or holds a bare NaN or Infinity.
    """
    content = reading.read_bytes(folder / name, kind, shown=name)
    value = reading.parse_json(reading.text_of(content, name, kind), name, kind)
    return Document(name, reading.sha256_of(content), value)


def read_rows(folder: Path, name: str, kind: Kind, *, head: Kind | None = None) -> Document:
    """Returns the JSON objects in ``folder / name``, one a line; ``head``: the first one's kind, where it differs.

    Raises:
        UserError: the file is missing or holds no row of ``kind``, or a line is cut off, not of its schema, or holds a
            bare NaN or Infinity.
    """
    content = reading.read_bytes(folder / name, kind, shown=name)
    text = reading.text_of(content, name, kind)
    first = []
    if head is not None:
        line, _, text = text.partition("\n")
        first = [reading.parse_json(line, name, head, line=1)]
    rows = reading.parse_rows(text, name, kind, first_line=1 + len(first))
    if not rows:
        raise UserError(f"{name} holds no scored item", "a score without its items cannot be recounted", kind.mend)
    return Document(name, reading.sha256_of(content), first + rows)


@dataclass(frozen=True)
class TaskResults:
    """What lm_eval recorded of one model on one task."""

    task: str
    results: Document

    @property
    def scores(self) -> dict[str, Any]:
        """The numbers that lm_eval recorded, by metric and filter such as `acc,none`."""
        recorded: dict[str, Any] = self.results.content["results"][self.task]
        return recorded

    @property
    def configuration(self) -> dict[str, Any]:
        """The task's configuration as lm_eval recorded it; empty where none is recorded."""
        return (self.results.content.get("configs") or {}).get(self.task) or {}

    @property
    def metadata(self) -> dict[str, Any]:
        """What the task says of itself: primary metric, scale, cluster, data."""
        return self.configuration.get("metadata") or {}

    def per_task(self, key: str) -> Any:
        """Returns the task's entry under a key of the results such as `versions`; None where there is none."""
        return (self.results.content.get(key) or {}).get(self.task)

    @property
    def primary(self) -> str | None:
        """The metric that the task declares as its primary one; else the first one that it lists."""
        listed = self.configuration.get("metric_list") or []
        declared = self.metadata.get("primary") or next((entry.get("metric") for entry in listed), None)
        return str(declared) if declared else None

    @property
    def primary_source(self) -> dict[str, str]:
        """Where `primary` stands."""
        place = ("metadata", "primary") if self.metadata.get("primary") else ("metric_list", 0, "metric")
        return self.results.source("configs", self.task, *place)

    def without_cluster(self, file: str, item: int) -> UserError:
        """Returns the error for an ``item`` of the sample file ``file`` that lacks the field of its cluster."""
        return UserError(
            f"item {item} of {file} has no field `{self.metadata['cluster']}`, named as the cluster of {self.task}",
            "items of one cluster resemble each other, and an interval that ignores it is too narrow",
            "give every row of the task's data that field, or name another or none in the task's metadata (`cluster`), "
            "or by `compare --cluster`",
        )


@dataclass(frozen=True)
class Scores(TaskResults):
    """One run's scores on one task by one filter: lm_eval's results, and its sample rows.

    ``by``: the filter's name; None: that of the first row. ``replicates``: the task's own aggregations with each
    cluster left out; None where there are none.
    """

    samples: Document
    by: str | None = None
    replicates: Document | None = None

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the filter in the order of `doc_id`; one an item."""
        rows = [row for row in self.samples.content if row.get("filter") == self.filter]
        return sorted(rows, key=lambda row: row["doc_id"])

    @property
    def hashes(self) -> list[Any]:
        """The `doc_hash` of each of `rows`."""
        return self.column("doc_hash", self.rows)

    def column(self, key: str, rows: Sequence[dict[str, Any]]) -> list[Any]:
        """Returns what stands under ``key`` in each of ``rows``, None where nothing does; of all of them one list."""
        if rows is not self.rows:
            return [row.get(key) for row in rows]
        if key not in self._columns:
            self._columns[key] = [row.get(key) for row in rows]
        return self._columns[key]

    @cached_property
    def _columns(self) -> dict[str, list[Any]]:
        return {}

    def line(self, row: dict[str, Any]) -> int:
        """Returns at which place of the sample file ``row`` stands, from 0."""
        return self._lines[id(row)]

    @cached_property
    def _lines(self) -> dict[int, int]:
        return {id(row): line for line, row in enumerate(self.samples.content)}

    @property
    def filter(self) -> str | None:
        """The filter's name, `none` in most tasks."""
        return self.samples.content[0].get("filter") if self.by is None else self.by

    @cached_property
    def filters(self) -> list[str]:
        """The filters that the task's responses were scored by; the first one is that of the page's items."""
        return list(dict.fromkeys(str(row["filter"]) for row in self.samples.content if row.get("filter") is not None))

    @cached_property
    def metrics(self) -> list[str]:
        """The metrics recorded for the filter, the primary one first, the rest as lm_eval listed them."""
        names = []
        for key, value in self.scores.items():
            metric, _, by_filter = key.partition(",")
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and by_filter == self.filter and metric not in NOT_METRICS and not metric.endswith("_stderr"):
                names.append(metric)
        return sorted(names, key=lambda name: name != self.primary)

    def recorded(self, metric: str) -> tuple[float, dict[str, str]]:
        """Returns the value that lm_eval recorded, and where it stands."""
        key = f"{metric},{self.filter}"
        return self.scores[key], self.results.source("results", self.task, key)

    def replicated(self, metric: str) -> dict[str, Any] | None:
        """Returns what the replicates say of ``metric``; None where nothing, as of a plain mean."""
        rows = self.replicates.content["metrics"] if self.replicates else ()
        found = (row for row in rows if (row["metric"], row["filter"]) == (metric, self.filter))
        return next(found, None)

    def having(self, metric: str) -> list[dict[str, Any]]:
        """Returns the rows of the items that count for ``metric`` (HasAns_* and NoAns_* concern a part of them)."""
        if metric not in self._having:
            found = [row for row in self.rows if metric in row]
            self._having[metric] = self.rows if len(found) == len(self.rows) else found
        return self._having[metric]

    @cached_property
    def _having(self) -> dict[str, list[dict[str, Any]]]:
        return {}

    def clusters(self, rows: Sequence[dict[str, Any]]) -> list[str] | None:
        """Returns the cluster of each of `rows`, the value of the doc's declared field; None where none is declared."""
        if self.metadata.get("cluster") is None:
            return None
        return self._clusters if rows is self.rows else self._clusters_of(rows)

    @cached_property
    def _clusters(self) -> list[str]:
        return self._clusters_of(self.rows)

    def _clusters_of(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        field_name, names = self.metadata["cluster"], self._cluster_names
        try:
            found = (str(row["doc"][field_name]) for row in rows)
            return [names.setdefault(name, name) for name in found]
        except KeyError:
            lacking = next(row["doc_id"] for row in rows if field_name not in row.get("doc", {}))
            raise self.without_cluster(self.samples.file, lacking) from None

    @cached_property
    def _cluster_names(self) -> dict[str, str]:
        """Each name as one object, which is faster to count by."""
        return {}


def item_scores(rows: Iterable[Mapping[str, Any]], metric: str) -> list[ItemScore] | None:
    """Returns what each row gives to ``metric``; None where one gives neither a number nor a list of numbers.

    >>> item_scores([{"f1": [1, 0]}, {"f1": [1, 1]}], "f1"), item_scores([{"acc": True}, {"acc": 0.5}], "acc")
    ([(1, 0), (1, 1)], [1.0, 0.5])
    >>> item_scores([{"acc": 1.0}, {"acc": "right"}], "acc")
    """
    values: list[Any] = [row.get(metric) for row in rows]
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        try:
            return list(map(float, values))
        except OverflowError:  # an integer of hundreds of digits
            return None
    lists = [value for value in values if type(value) is list]
    if not kinds <= {*_NUMBERS, list} or not all(lists) or not set(map(type, chain.from_iterable(lists))) <= _NUMBERS:
        return None
    return [tuple(value) if type(value) is list else float(value) for value in values]


def is_begun(folder: Path) -> bool:
    """Returns whether a step has left anything in ``folder`` (the workflow makes it empty before the step runs)."""
    return folder.is_dir() and any(folder.iterdir())


def read_scores(
    folder: Path, checkpoint: str, task: str, documents: dict[str, Any] | None = None, *, with_prompts: bool = False
) -> Scores | None:
    """Returns the scores of a checkpoint on a task; None where it has not been scored.

    ``documents``: the ones read before, by their hash, to which this adds. Rows of several checkpoints on one task then
    hold an equal document once, and an equal prompt, which is most of what they hold. ``with_prompts``: they keep what
    was asked, of which no fact is made.

    Raises:
        UserError: one of the two files is missing, damaged, empty or about another task.
    """
    name = f"scores/{checkpoint}/{task}"
    if not is_begun(folder / name):
        return None
    results = read_json(folder, f"{name}/results.json", kinds.RESULTS)
    samples = read_rows(folder, f"{name}/samples.jsonl", SAMPLES)
    if task not in (results.content.get("results") or {}):
        raise UserError(
            f"{results.file} has no scores of {task}",
            "the file belongs to another task or is not a result file of lm_eval",
            f"delete {folder / name} and run the study again",
        )
    mend = f"delete {folder / name} and run the study again"
    replicates = read_replicates(folder, f"{name}/replicates.json", samples, mend)
    known = {} if documents is None else documents
    for row in samples.content:
        _keep_what_was_said(row)
        asked = row.pop("arguments", None) if not with_prompts else row.get("arguments")
        name, document, prompt = known.setdefault(row["doc_hash"], (row["doc_hash"], row["doc"], asked))
        if document == row["doc"]:
            row["doc_hash"], row["doc"] = name, document
        if with_prompts and asked is not None and prompt == asked:
            row["arguments"] = prompt
    return Scores(task, results, samples, replicates=replicates)


def _keep_what_was_said(row: dict[str, Any]) -> None:
    """Leaves in a row the texts of its `choices`, or of its `output` before any filter, and not all responses."""
    responses, arguments = row.pop("resps", None), row.get("arguments")
    asked = list(arguments.values()) if isinstance(arguments, dict) else []
    second = [one.get("arg_1") for one in asked if isinstance(one, dict)]
    if len(second) > 1 and all(isinstance(text, str) for text in second):
        row["choices"] = second
    elif len(second) == 1 and not isinstance(second[0], str):
        said = responses
        while isinstance(said, list) and said:
            said = said[0]
        if isinstance(said, str):
            row["output"] = said


def read_replicates(folder: Path, name: str, samples: Document, mend: str) -> Document | None:
    """Returns the replicates in ``folder / name``, None where no such file is; UserError if of other samples."""
    if not (folder / name).exists():
        return None
    found = read_json(folder, name, REPLICATES)
    if found.content["samples_sha256"] != samples.sha256:
        raise UserError(
            f"{name} holds replicates of other samples than those in {samples.file}",
            "intervals would be made of another run's values",
            mend,
        )
    return found
