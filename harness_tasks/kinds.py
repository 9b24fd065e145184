"""The files that scoring and training leave and that are read here, each with its schema."""

from dataclasses import replace
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator
from typing_extensions import TypedDict

from harness_tasks.reading import Kind

Count = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[float, Field(allow_inf_nan=False)]


def _is_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("input should be a valid string")
    if len(value) > 10_000_000:
        raise ValueError("text should have at most 10,000,000 characters")
    return value


Text = Annotated[str, PlainValidator(_is_text)]
"""Any text. Pydantic's own string refuses half a surrogate, which stands for a byte of a command that is no UTF-8."""


class Sample(TypedDict):
    """A row of lm_eval's samples file. Beside these keys stands one for each metric, checked where it is counted."""

    doc_id: Count
    doc: dict[Text, Any]
    doc_hash: Text
    prompt_hash: NotRequired[Text]
    filter: NotRequired[Text]
    resps: NotRequired[list[Any]]
    filtered_resps: NotRequired[list[Any]]


class AskedSample(Sample):
    """A sample with what was asked, which lengths are counted of."""

    arguments: Annotated[dict[Text, dict[Text, Any]], Field(min_length=1)]


class GoldAnswers(TypedDict):
    """The gold answers of a question, as SQuAD has them."""

    text: list[Text]


class Question(TypedDict):
    """The document of a question on a passage (``context``)."""

    answers: GoldAnswers
    context: NotRequired[Text]


class AnsweredSample(TypedDict):
    """A sample of a question whose answer is written."""

    doc: Question
    filtered_resps: Annotated[list[Any], Field(min_length=1)]


class _ShardSample(TypedDict):
    doc_id: Count
    filter: Text
    doc_hash: Text
    prompt_hash: Text
    target_hash: Text
    metrics: list[Text]


def _holds_its_metrics(row: Any) -> Any:
    # A TypedDict gives back the keys that it names; so this stands before it.
    if isinstance(row, dict) and isinstance(row.get("metrics"), list):
        lacking = [metric for metric in row["metrics"] if isinstance(metric, str) and metric not in row]
        if lacking:
            raise ValueError(f"it names the metric {lacking[0]}, and lacks it")
    return row


ShardSample = Annotated[_ShardSample, BeforeValidator(_holds_its_metrics)]


class ShardRecord(TypedDict):
    """Which shard it is, how many items its run scored, and the record of the whole run's items."""

    number: Annotated[int, Field(ge=1, lt=2**31)]
    of: Annotated[int, Field(ge=1, lt=2**31)]
    items: Count
    whole: dict[Text, Any]


class ShardConfiguration(TypedDict):
    """What merging reads of a shard's `config`."""

    shard: ShardRecord
    bootstrap_iters: NotRequired[Count]


class ItemCounts(TypedDict):
    """How many items a task has before any limit."""

    original: Count


def _is_number(text: str) -> str:
    float(text)
    return text


_ShardResults = TypedDict(
    "_ShardResults",
    {
        "config": ShardConfiguration,
        "n-samples": Annotated[dict[Text, ItemCounts], Field(min_length=1, max_length=1)],
        "results": dict[Text, dict[Text, Any]],
        "versions": NotRequired[dict[Text, Any]],
        "date": Number,
        "total_evaluation_time_seconds": Annotated[str, AfterValidator(_is_number)],
    },
)


def _is_of_one_task(results: Any) -> Any:
    task = next(iter(results["n-samples"]))
    if not results["config"]["shard"]["items"]:  # a shard that got no item was not scored
        return results
    for key in ("results", "versions"):
        if task not in results.get(key, {}):
            raise ValueError(f"`{key}` lacks {task}")
    return results


ShardResults = Annotated[_ShardResults, AfterValidator(_is_of_one_task)]


class MetricReplicates(TypedDict):
    """A metric with each cluster left out, in the order of the clusters, or why there are no such values."""

    metric: Text
    filter: Text
    n: Count
    value: NotRequired[Number]
    left_out: NotRequired[list[Number | None]]
    absent: NotRequired[Text]


class TrivialBaseline(TypedDict):
    """One way to answer without a model: what it gives to each metric of each item, and its replicates."""

    name: Text
    values: dict[Text, list[Any]]
    metrics: list[MetricReplicates]


class _Replicates(TypedDict):
    """`replicates.json`. The values of baselines stand in the order of ``doc_ids``."""

    samples_sha256: Text
    clusters: list[Text]
    metrics: list[MetricReplicates]
    doc_ids: NotRequired[list[Count]]
    baselines: NotRequired[list[TrivialBaseline]]


def _is_of_each_cluster(found: _Replicates) -> _Replicates:
    baselines = found.get("baselines", [])
    for metric in [*found["metrics"], *(metric for one in baselines for metric in one["metrics"])]:
        if "absent" not in metric and not {"value", "left_out"} <= metric.keys():
            raise ValueError(f"{metric['metric']} has neither values nor a reason why there are none")
        if len(metric.get("left_out", found["clusters"])) != len(found["clusters"]):
            raise ValueError(f"{metric['metric']} has no value for each of the {len(found['clusters']):,} clusters")
    for one in baselines:
        if any(len(values) != len(found.get("doc_ids", [])) for values in one["values"].values()):
            raise ValueError(f"the baseline {one['name']} has no value for each of the items")
    return found


Replicates = Annotated[_Replicates, AfterValidator(_is_of_each_cluster)]


class TrainedRow(TypedDict):
    """A row of `train_rows.jsonl`."""

    text: Text
    cluster: Text | None


class LabelledRow(TypedDict):
    """The hash by which a row of `train_rows.jsonl` is found in its task, which knows its label."""

    doc_hash: Text


class Tensor(TypedDict):
    """A row of `tensors.json`: a matrix before and after training; the change is relative, by Frobenius norms."""

    name: Text
    layer: Annotated[int, Field(ge=0, lt=100_000)] | None
    kind: Text
    trained: bool
    adapter: NotRequired[bool]
    sha256_before: Text | None
    sha256_after: Text | None
    relative_change: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    rows: NotRequired[Count]
    """Of embeddings and heads, how many rows both have; of these ``rows_moved`` differ, and ``rows_added`` are new."""
    rows_moved: NotRequired[Count]
    rows_added: NotRequired[int]


class TensorChanges(TypedDict, total=False):
    """`tensors.json`; what `aftertune read-checkpoint` writes has the keys from ``identical`` on too."""

    checkpoint: Text | None
    tensors: list[Tensor] | None
    identical: bool | None
    only_in_base: list[Text] | None
    only_in_checkpoint: list[Text] | None
    not_computed: dict[Text, Text] | None
    """The tensors whose change is not known, each with the reason."""


class TrainedBase(TypedDict, total=False):
    """The base model that a checkpoint was trained from."""

    fingerprint: Text | None


class TrainingRecord(TypedDict, total=False):
    """What scoring takes from `finetune.json`, the record beside a checkpoint."""

    task: Text | None
    method: Text | None
    checkpoint: Text
    base: TrainedBase | None


class MergeRecord(TypedDict, total=False):
    """`merged_from.json` beside a merged model: the adapter's own record, empty where it had none."""

    adapter: TrainingRecord
    base_fingerprint: Text | None
    adapter_sha256: Text


class ModelArguments(TypedDict):
    """What `--model_args` named of the model that was scored."""

    pretrained: Text
    tokenizer: NotRequired[Text | None]
    peft: NotRequired[Text | None]
    revision: NotRequired[Text | None]


class ScoredRun(TypedDict):
    """What scoring records of its model class and its arguments."""

    model_args: ModelArguments
    model: NotRequired[Text]


class ScoredModel(TypedDict):
    """What lm_eval's results say of the model that was scored."""

    config: ScoredRun
    max_length: Annotated[int, Field(gt=0, lt=2**31)]


SAMPLES = Kind(
    "lm_eval's samples",
    "a score without its items cannot be recounted",
    "score again with --log_samples, or delete it and run the study again: only what is missing is redone",
    limit_mib=16_384,
    schema=Sample,
    finite=False,
)
ASKED_SAMPLES = Kind(
    "lm_eval's samples",
    "tokens are counted in what was asked and answered",
    "score the task again with --log_samples",
    limit_mib=16_384,
    schema=AskedSample,
    finite=False,
)
ANSWERED = replace(SAMPLES, schema=AnsweredSample)
REPLICATES = Kind(
    "the replicates of a task's metrics",
    "they are the task's own aggregations with each cluster left out, of which intervals are made",
    "score the task again with `aftertune score`, which writes them beside the samples",
    limit_mib=1024,
    schema=Replicates,
)
TRAINED_ROWS = Kind(
    "the training rows",
    "overlap is graded row by row",
    "name the train_rows.jsonl that `aftertune train` writes beside a checkpoint",
    limit_mib=16_384,
    schema=TrainedRow,
)
LABELLED_ROWS = replace(TRAINED_ROWS, why="a baseline learns from the very rows of the checkpoint", schema=LabelledRow)
TENSORS = Kind(
    "the record of what training changed",
    "only this file says which weights training changed, and by how much",
    "train the checkpoint again",
    schema=TensorChanges,
)
SCORED_MODEL = Kind(
    "lm_eval's results",
    "tokens are counted with the tokenizer of the model that was scored",
    "score the task again with `aftertune score`",
    schema=ScoredModel,
    finite=False,
)
SHARD_RESULTS = Kind(
    "a shard's results",
    "only shards of one run are merged; any other rows may be of other items, or behind other shots",
    "score it with `aftertune score --shard K/N`",
    schema=ShardResults,
    finite=False,  # lm_eval writes a bare NaN
)
SHARD_SAMPLES = Kind(
    "a shard's samples",
    "it was truncated while it was written or copied, so its numbers cannot be trusted",
    "copy it again, or score the shard again",
    limit_mib=16_384,
    schema=ShardSample,
    finite=False,
)
TRAINED = Kind(
    "the record of a training",
    "it says on which task and which base model the checkpoint was trained",
    "copy the checkpoint's folder again, or train it again",
    schema=TrainingRecord,
)
MERGED = Kind(
    "the record of a merge",
    "it says which adapter the model already holds",
    "merge again: aftertune merge ADAPTER --output DIR",
    schema=MergeRecord,
)
