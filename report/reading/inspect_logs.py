"""The logs of Inspect (https://inspect.aisi.org.uk): `.eval`, a ZIP archive of JSON files, and `.json`, of version 2.

header.json                   what was run, its status and its scores; in a `.json` log the whole
samples/<id>_epoch_<n>.json   an item's text, answer and scores; in a `.json` log under `samples`
samples/<id>_epoch_<n>/       the same, of a very large item, in parts: `sample.json`, `metadata.json`, messages, events
reductions.json               an item's score over several epochs
_journal/start.json           what was to be run, all that a run leaves that was killed

Nothing of Inspect's code is used. Of a model's arguments those that say which model it was are kept, and no other: keys
and addresses stand among them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, NotRequired

from typing_extensions import TypedDict

from harness_tasks.errors import UserError
from harness_tasks.reading import Kind, checked
from report.reading.archives import Archive
from report.reading.harnesses import (
    INSPECT,
    Called,
    Harness,
    Place,
    Table,
    Translated,
    empty_content,
    key_of,
    stderr_key,
)
from report.reading.inspect_samples import Column, Item, Reduction, Sample, items_of, sample_rows, value_of


class _Metric(TypedDict):
    name: str
    value: Any
    group: NotRequired[str | None]


class _Score(TypedDict):
    name: str
    scorer: str
    reducer: NotRequired[str | None]
    metrics: dict[str, _Metric]


class _Results(TypedDict):
    scores: list[_Score]
    completed_samples: NotRequired[int]
    headline: NotRequired[dict[str, Any] | None]


class _Dataset(TypedDict, total=False):
    samples: int | None
    sample_ids: list[str | int] | None


class _Scorer(TypedDict):
    name: str
    metrics: NotRequired[Any]


class _Spec(TypedDict):
    task: str
    model: str
    eval_id: NotRequired[str]
    run_id: NotRequired[str]
    task_version: NotRequired[int | str]
    dataset: NotRequired[_Dataset]
    config: NotRequired[dict[str, Any]]
    packages: NotRequired[dict[str, str]]
    scorers: NotRequired[list[_Scorer] | None]
    model_args: NotRequired[dict[str, Any]]


class _Header(TypedDict):
    version: int
    eval: _Spec
    status: NotRequired[str]
    results: NotRequired[_Results | None]
    invalidated: NotRequired[bool]


_WHY = "scores and items are read from it, and one that is damaged or of another kind gives none"
_MEND = "copy the log again as Inspect wrote it, or write it anew with `inspect log convert --to eval`"
_LOG = Kind("the Inspect log", _WHY, _MEND, limit_mib=1024, finite=False)
_HEADER = Kind(_LOG.name, _WHY, _MEND, limit_mib=256, schema=_Header, finite=False)
_SAMPLE = Kind(_LOG.name, _WHY, _MEND, limit_mib=256, schema=Sample, finite=False)
_REDUCTIONS = Kind(_LOG.name, _WHY, _MEND, limit_mib=512, schema=list[Reduction], finite=False)
_METADATA = Kind(_LOG.name, _WHY, _MEND, limit_mib=64, schema=dict[str, Any], finite=False)

_VERSION = 2
_MEANS = ("accuracy", "mean")
"""Inspect's metrics that are the mean of the items' scores."""
_ERRORS = ("stderr", "bootstrap_stderr")
_SPREADS = ("std", "var", *_ERRORS)
_LOCAL = ("hf", "vllm", "sglang", "mockllm", "transformer_lens", "nnterp", "llama-cpp-python", "ollama")
"""Providers that run a model by itself: what follows them is the model's name, its folder or its repository."""
_OF_THE_MODEL = ("revision", "torch_dtype", "dtype", "tokenizer", "tokenizer_path", "chat_template")


def is_inspect(content: Any) -> bool:
    """Returns whether a JSON value is a log of Inspect, if only in its outer shape."""
    spec = content.get("eval") if isinstance(content, dict) else None
    return isinstance(spec, dict) and "version" in content and {"task", "model"} <= spec.keys()


@dataclass(frozen=True)
class _Log:
    """A log's parts: ``prefix`` is where its header stands in the file."""

    header: Mapping[str, Any]
    samples: Iterable[Mapping[str, Any]] = field(repr=False)
    reductions: Sequence[Mapping[str, Any]] = field(repr=False)
    prefix: Place = ()

    @property
    def spec(self) -> Mapping[str, Any]:
        """What was to be run."""
        spec: Mapping[str, Any] = self.header["eval"]
        return spec

    @property
    def ids(self) -> list[str | int]:
        """The ids of the items that were to be scored, in their order."""
        return (self.spec.get("dataset") or {}).get("sample_ids") or []

    @property
    def available(self) -> int | None:
        """How many items the data set has."""
        count: int | None = (self.spec.get("dataset") or {}).get("samples")
        return count

    @property
    def completed(self) -> int | None:
        """How many items the log says were scored: all that is known of one without samples."""
        completed = (self.header.get("results") or {}).get("completed_samples")
        return completed // ((self.spec.get("config") or {}).get("epochs") or 1) if completed else None


def read_archive(content: bytes, path: Path, called: Called) -> Translated:
    """Returns what a `.eval` log holds, translated; UserError where it is damaged or of another version."""
    archive = Archive(content, path, _LOG)
    head = next((name for name in ("header.json", "_journal/start.json") if name in archive.names), None)
    if head is None:
        raise UserError(f"{path} holds neither header.json nor _journal/start.json", _WHY, _MEND)
    reductions = archive.json("reductions.json", _REDUCTIONS) if "reductions.json" in archive.names else []
    return _translated(_Log(archive.json(head, _HEADER), _samples(archive), reductions, (head,)), path, called)


def read_whole(content: Mapping[str, Any], path: Path, called: Called) -> Translated:
    """Returns what a `.json` log holds, translated; UserError where it lacks something or is of another version."""
    header = checked({key: value for key, value in content.items() if key != "samples"}, path, _HEADER)
    reductions = checked(content.get("reductions") or [], path, _REDUCTIONS)
    given = content.get("samples") or []
    samples = (checked(sample, path, _SAMPLE) for sample in (given if isinstance(given, list) else [given]))
    return _translated(_Log(header, samples, reductions), path, called)


def _samples(archive: Archive) -> Iterator[Mapping[str, Any]]:
    for name in archive.names:
        if re.fullmatch(r"samples/.*_epoch_\d+\.json", name, re.DOTALL):
            yield archive.json(name, _SAMPLE)
        elif re.fullmatch(r"samples/.*_epoch_\d+/sample\.json", name, re.DOTALL):
            metadata = f"{name.removesuffix('sample.json')}metadata.json"
            told = archive.json(metadata, _METADATA) if metadata in archive.names else {}
            yield {**archive.json(name, _SAMPLE), "metadata": told}


def _translated(log: _Log, path: Path, called: Called) -> Translated:
    if (version := log.header["version"]) != _VERSION:
        raise UserError(f"{path} is a log of Inspect of version {version}, and {_VERSION} is known", _WHY, _MEND)
    task = _plain(log.spec["task"]) or log.spec["task"]
    items = items_of(log.samples, log.ids)
    recorded = _Recorded(task)
    for place, score in _scores(log.header):
        recorded.add(place, score, items, log.reductions, called)
    scored = len(items) or log.completed
    content = {
        **empty_content(),
        "results": {task: recorded.scores},
        "configs": {task: {"metric_list": list(recorded.declared.values()), "metadata": {}}},
        "versions": {task: log.spec.get("task_version")},
        "n-samples": {task: {key: n for key, n in (("original", log.available), ("effective", scored)) if n}},
        "config": _configuration(log.spec),
        # Two runs of the same scores are no copies of each other, as a log and its conversion are.
        "run": log.spec.get("eval_id") or log.spec.get("run_id") or path.name,
    }
    rows = list(sample_rows(items, recorded.columns))
    said = _caution(log, scored)
    return Translated(
        Harness(INSPECT, (log.spec.get("packages") or {}).get("inspect_ai", ""), ("eval", "packages", "inspect_ai")),
        content,
        {("config", "model"): ("eval", "model"), ("config", "model_args"): ("eval", "model"), **recorded.places},
        {task: Table(rows, ("samples",))} if rows else {},
        log.prefix,
        {task: said} if said else {},
    )


@dataclass
class _Recorded:
    """A log's scores in lm_eval's shape, where they stand, which are means of items, and these by item."""

    task: str
    scores: dict[str, Any] = field(default_factory=dict)
    places: dict[Place, Place] = field(default_factory=dict)
    declared: dict[str, dict[str, Any]] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)

    def add(
        self,
        place: Place | None,
        score: Mapping[str, Any],
        items: Mapping[str, Item],
        reductions: Sequence[Mapping[str, Any]],
        called: Called,
    ) -> None:
        """Adds the metrics of a ``score``; one without a ``place`` was never written, and is computed."""
        metrics = {key: metric for key, metric in score["metrics"].items() if not metric.get("group")}
        errors = [key for key, metric in metrics.items() if _plain(metric["name"]) in _ERRORS]
        for key, metric in metrics.items():
            name = _plain(metric["name"])
            if name in _SPREADS:
                continue
            ours = self._key(name, score, called)
            if ours in self.scores:
                continue
            value = metric["value"]
            if name in _MEANS:
                of_metric, _, by = ours.partition(",")
                column = Column(of_metric, by, score["scorer"], value_of(score, reductions))
                value = _mean_of(column, items) if place is None else value
                self.columns.append(column)
                self.declared.setdefault(of_metric, {"metric": of_metric, "aggregation": "mean"})
            self._put(ours, value, None if place is None else (*place, "metrics", key, "value"))
            if name in _MEANS and errors and place is not None:
                self._put(stderr_key(ours), metrics[errors[0]]["value"], (*place, "metrics", errors[0], "value"))

    def _put(self, key: str, value: Any, place: Place | None) -> None:
        if value is not None:
            self.scores[key] = value
            self.places["results", self.task, key] = place or ()

    def _key(self, name: str, score: Mapping[str, Any], called: Called) -> str:
        """Returns what a metric of a score is called: a mean by its scorer, and a second one of a name by both."""
        metric = called(score["name"]) if name == "mean" else called(name)
        by = f"{score['name']}: {score['reducer']}" if score.get("reducer") not in (None, "mean") else score["name"]
        ours = key_of(metric)
        return key_of(metric, by) if name not in _MEANS or ours in self.scores else ours


def _mean_of(column: Column, items: Mapping[str, Item]) -> float | None:
    """Returns the mean of a score over the items; None where one has a value that is no number, or none has any."""
    values = [value for key, item in items.items() if (value := column.value(key, item)) is not None]
    return fmean(values) if values and all(isinstance(value, float) for value in values) else None


def _scores(header: Mapping[str, Any]) -> list[tuple[Place | None, Mapping[str, Any]]]:
    """Returns the scores of a log with their places, the headline's first; without any those to be computed."""
    results = header.get("results")
    found: list[tuple[Place | None, Mapping[str, Any]]] = []
    if results:
        first = (results.get("headline") or {}).get("scorer")
        found += [(("results", "scores", str(number)), score) for number, score in enumerate(results["scores"])]
        return sorted(found, key=lambda pair: pair[1]["scorer"] != first)
    for scorer in header["eval"].get("scorers") or ():
        listed = scorer.get("metrics")
        names = [entry.get("name") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        metrics = {_plain(name): {"name": name, "value": None} for name in names if isinstance(name, str)}
        found.append((None, {"name": scorer["name"], "scorer": scorer["name"], "metrics": metrics}))
    return found


def _configuration(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Returns which model ran: the provider as the class that asked, and the arguments that say which model it is."""
    provider, _, name = spec["model"].partition("/")
    given = spec.get("model_args") or {}
    base = given.get("model_path") or name if provider in _LOCAL else spec["model"]
    model_args = {"pretrained": str(base or spec["model"])}
    model_args |= {key: str(given[key]) for key in _OF_THE_MODEL if isinstance(given.get(key), str | int)}
    limit = (spec.get("config") or {}).get("limit")
    return {"model": provider, "model_args": model_args, "limit": limit if isinstance(limit, int) else None}


def _caution(log: _Log, scored: int | None) -> str:
    """Returns what must be said beside the scores: a run that did not end well, or items that it lacks."""
    status, planned = log.header.get("status", "started"), len(log.ids) or log.available or 0
    said = []
    missed = f"{scored or 0:,} of {planned:,} planned samples were scored" if (scored or 0) < planned else ""
    if status != "success":
        said.append(f"the log's status is “{status}”{': ' if missed else ''}{missed}")
    elif missed:
        said.append(missed)
    if not log.header.get("results") and scored:
        said.append("the log holds no score of its own, and the mean of its samples is shown")
    if log.header.get("invalidated"):
        said.append("the log is marked as invalidated")
    return "; ".join(said)


def _plain(name: str) -> str:
    """Returns a name without the package that it is registered by.

    >>> _plain("inspect_ai/accuracy")
    'accuracy'
    """
    return name.rpartition("/")[2]
