"""The files that a study's page is made of, each with its schema: what facts take from it, and of which type.

Those that training leaves have theirs in `finetune.kinds`. A schema names what is read here, and lets pass what else
its writer put there.
"""

from functools import partial
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from finetune.kinds import AGAIN, Data, page_kind
from harness_tasks.generations import Ended
from harness_tasks.kinds import Count, Number, Text

Label = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class ModelRecord(TypedDict, total=False):
    """`model.json`: the base model's card."""

    name: Text | None
    architecture: Text | None
    licence: Text | None
    url: Text | None
    source: Text | None
    dequantised_from: Text | None
    fingerprint: Text | None
    revision: Text | None
    config_sha256: Text | None
    parameters: Count | None
    context_length_tokens: Count | None
    vocabulary: Count | None
    layers: Count | None
    hidden_size: Count | None


class PublishedRecord(TypedDict, total=False):
    """What was pushed to a repository of the Hub: its name, address and commit, and when it was compared last."""

    repo: Text | None
    url: Text | None
    commit: Text | None
    checked_at: Text | None


class StepRecord(TypedDict):
    """A step of a run: ``name`` is the scored checkpoint's, with ``task``, in steps that write a score."""

    rule: Text
    name: NotRequired[Text]
    task: NotRequired[Text]
    checkpoint: NotRequired[Text]
    shard: NotRequired[Text]


class FailedStepRecord(StepRecord):
    """A step that failed: how often it was tried, why it failed, and the file of its messages."""

    tries: Count
    reason: Text
    log: NotRequired[Text | None]


SCORING = ("score", "join")
"""The rules that write a score into its place."""


def _names_its_score(step: StepRecord) -> StepRecord:
    if step["rule"] in SCORING and not {"name", "task"} <= step.keys():
        raise ValueError("a step that scores, and no word of which checkpoint on which task")
    return step


class Failures(TypedDict):
    """`logs/failed.json`."""

    failed: list[Annotated[FailedStepRecord, AfterValidator(_names_its_score)]]
    not_started: list[Annotated[StepRecord, AfterValidator(_names_its_score)]]


class MetricEntry(TypedDict):
    """An entry of a task's `metric_list`."""

    metric: Text


class TaskMetadata(TypedDict, total=False):
    """A task's `metadata:`, as its YAML declares it and its hook completes it."""

    about: Text | None
    text_licence: Text | None
    cluster: Text | None
    primary: Text | None
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    input: Text | None
    labels: list[Any] | None
    positive_label: Label | None
    signature: dict[Text, Text] | None
    overlaps_with: list[Any] | None
    allowed: list[Text] | None
    data: Data | None


class TaskConfiguration(TypedDict, total=False):
    """What lm_eval's results say of a task."""

    metadata: TaskMetadata | None
    metric_list: list[MetricEntry] | None


class Samples(TypedDict, total=False):
    """How many items a task has, and how many were scored."""

    original: Count
    effective: Count


class RunConfiguration(TypedDict, total=False):
    """What lm_eval's results say of the model class and its arguments."""

    model: Text | None
    model_dtype: Text | None
    softmax_dtype: Text | None
    device: Text | None
    model_args: dict[Text, Any] | Text | None


class ScoredRecord(TypedDict, total=False):
    """Which model was scored, as the workflow notes it: the hash of a checkpoint's record, the base's hash."""

    checkpoint: Text | None
    base: Text | None


Results = TypedDict(
    "Results",
    {
        "results": dict[Text, dict[Text, Any]],
        "configs": NotRequired[dict[Text, TaskConfiguration] | None],
        "versions": NotRequired[dict[Text, Any] | None],
        "n-shot": NotRequired[dict[Text, Count | None] | None],
        "n-samples": NotRequired[dict[Text, Samples] | None],
        "higher_is_better": NotRequired[dict[Text, dict[Text, bool | None]] | None],
        "config": NotRequired[RunConfiguration | None],
        "scored": NotRequired[ScoredRecord | None],
        "git_hash": NotRequired[Text | None],
        "date": NotRequired[Number | None],
        "total_evaluation_time_seconds": NotRequired[Text | Number | None],
        "transformers_version": NotRequired[Text | None],
        "lm_eval_version": NotRequired[Text | None],
    },
)
"""lm_eval's results file, of a task that a study scored."""


class Lengths(TypedDict):
    """The first row of `lengths.jsonl`."""

    samples_sha256: NotRequired[Text]
    max_length_tokens: NotRequired[Count | None]
    max_answer_tokens: NotRequired[Count | None]
    unrecorded: NotRequired[Text]


class _Length(TypedDict):
    doc_id: Count
    truncated: bool
    prompt_tokens: NotRequired[Count | None]
    answer_tokens: NotRequired[Count | None]
    ended: NotRequired[Ended | None]
    cut_off: NotRequired[bool | None]
    gold_tokens: NotRequired[Count]
    gold_within: NotRequired[Annotated[list[Text], Field(min_length=1)]]


def _is_judged(row: _Length) -> _Length:
    if row.get("ended") is not None and row.get("cut_off") is None:
        raise ValueError("an output that ended, and no word whether it was cut off")
    return row


Length = Annotated[_Length, AfterValidator(_is_judged)]


class PriorInputRecord(TypedDict):
    """The probabilities of the labels for one input without content."""

    input: Text
    probabilities: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=2)]


class _Prior(TypedDict, total=False):
    """`prior.json`: either the probabilities of the labels, or why there are none (``absent``)."""

    absent: Text
    model_args: dict[Text, Any] | Text | None
    inputs: list[PriorInputRecord]
    probabilities: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=2)]


def _is_measured_or_absent(prior: _Prior) -> _Prior:
    if "absent" not in prior and not {"inputs", "probabilities"} <= prior.keys():
        raise ValueError("neither probabilities with their inputs, nor why there are none")
    if len({len(row["probabilities"]) for row in prior.get("inputs", [])} | {len(prior.get("probabilities", []))}) > 1:
        raise ValueError("as many probabilities are not given for each input")
    return prior


PriorRecord = Annotated[_Prior, AfterValidator(_is_measured_or_absent)]


class OverlapRecord(TypedDict):
    """The first row of `overlap_<task>.jsonl`."""

    training_rows: Count
    training_file_sha256: NotRequired[Text | None]
    definition: dict[Literal["identical", "same_source", "containment"], Text]


class Overlapping(TypedDict):
    """An item of `overlap_<task>.jsonl`, and the grades of overlap that hold for it."""

    doc_id: Count
    doc_hash: Text
    grades: list[Literal["identical", "same_source", "containment"]]


class _SimplerMeans(TypedDict):
    """`bag-of-words_<task>.json` or `nearest-passage-sentence_<task>.json`, of which the first learned from rows.

    What an item gives to each metric stands in the order of ``doc_ids``.
    """

    training_rows: NotRequired[Count]
    vocabulary: NotRequired[Count]
    training_file_sha256: NotRequired[Text]
    doc_ids: list[Count]
    doc_hashes: list[Text]
    values: dict[Text, list[Number | list[Number]]]


def _is_of_each_item(found: _SimplerMeans) -> _SimplerMeans:
    learned = [key for key in ("training_rows", "vocabulary", "training_file_sha256") if key in found]
    if len(learned) in (1, 2):
        raise ValueError(f"it names {learned[0]}, and not all of what it learned from")
    items = len(found["doc_ids"])
    if {len(found["doc_hashes"]), *map(len, found["values"].values())} != {items}:
        raise ValueError(f"it has no value for each of the {items:,} items")
    return found


SimplerMeans = Annotated[_SimplerMeans, AfterValidator(_is_of_each_item)]


class Command(TypedDict, total=False):
    """`command.json` beside a score: the command that made it, and which weights it read."""

    command: Text | None
    scored: ScoredRecord | None


class ShardCommand(TypedDict):
    """`command.json` beside a shard's scores."""

    command: Text
    scored: ScoredRecord


_kind = partial(page_kind, mend=AGAIN)

MODEL = _kind("the base model's card", ModelRecord)
HUB = _kind(
    "the record of what was published",
    dict[Text, PublishedRecord],
    why="it says what was pushed, and the report's links come from it",
    mend="delete it and push again: what is on the Hub already is not sent twice",
)
FAILED = _kind("the record of failed steps", Failures, mend="run the study again")
RESULTS = _kind("lm_eval's results", Results)
COMMAND = _kind("the record of a scoring's command", Command)
SHARD_COMMAND = _kind("the record of a shard's command", ShardCommand)
PRIOR = _kind("the record of the content-free prior", PriorRecord)
LENGTHS = _kind("the record of lengths in tokens", Length, limit_mib=1024)
LENGTHS_HEAD = _kind("the record of lengths in tokens", Lengths)
OVERLAP = _kind("the record of overlap with training rows", Overlapping, limit_mib=1024)
OVERLAP_HEAD = _kind("the record of overlap with training rows", OverlapRecord)
SIMPLER_MEANS = _kind("the answers of a simpler means", SimplerMeans, limit_mib=1024)
