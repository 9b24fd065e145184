"""The files that training and merging leave, each with its schema: what is read of them again, and of which type.

A schema names what is read, here or by the report, and lets pass what else stands there.
"""

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from harness_tasks.kinds import Count, Number, Text, TrainedRow, TrainingRecord
from harness_tasks.reading import Kind

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Data(TypedDict, total=False):
    """Of training rows, and of a task's data."""

    source: Text | None
    name: Text | None
    revision: Text | None
    fingerprint: Text | dict[Text, Text] | None
    rows: Count | dict[Text, Count] | None
    rows_available: Count | None
    dropped: dict[Text, Count | None] | None
    train_rows_sha256: Text | None


class Render(TypedDict, total=False):
    """The prompt template hash: the SHA-256 over the parts of `harness_tasks.rendering`."""

    hash: Text | None


class Tokens(TypedDict, total=False):
    """How many tokens a run read, and how many of them were target tokens."""

    input: Count | None
    supervised: Count | None


class LossPoint(TypedDict):
    """The mean training loss of the steps up to ``step``, in nats an item."""

    step: Count
    loss: NotRequired[Number | None]


class DevelopmentPoint(TypedDict):
    """An evaluation on the development split: the loss in nats an item, and the accuracy, 0 to 1."""

    step: Count
    loss: Number
    accuracy: Number


class VerdictRecord(TypedDict):
    """What one guard found; see `harness_tasks.guards.verdicts.Verdict`."""

    id: Text
    verdict: Text
    found: NotRequired[Text]
    why: NotRequired[Text]
    mend: NotRequired[Text]


class ProofRecord(TypedDict, total=False):
    """What the finished checkpoint came to in a process of its own."""

    verdicts: list[VerdictRecord] | None


class Elsewhere(TypedDict):
    """A checkpoint that another program trained: where it is, which it is, and the files that were read of it.

    ``revision``: its commit on the Hub. ``fingerprint``: that, or of a folder the hash of its weights, as of a base.
    ``kind``: `adapter` or `model`. ``head``: a `finetune.heads.Head`. ``files``: the SHA-256 of each file, by name.
    """

    path: Text
    revision: Text | None
    fingerprint: Text | None
    kind: Text
    head: Text
    files: dict[Text, Text]


class EvaluationPoint(TypedDict):
    """An evaluation that another program logged: its loss, and whatever else it called `eval_…`."""

    step: Count
    loss: NotRequired[Number | None]


class NotRead(TypedDict):
    """A file that is never opened, since loading it can run code, and what it would hold."""

    file: Text
    would_hold: Text


class Disagreement(TypedDict):
    """A value that files record differently: the value by the file's name."""

    value: Text
    files: dict[Text, Any]


class FinetuneRecord(TrainingRecord, total=False):
    """`finetune.json`. What `aftertune read-checkpoint` writes has the keys from ``elsewhere`` on too."""

    checkpoint: Text
    key: Text | None
    command: Text | None
    commit: Text | None
    dtype: Text | None
    device: Text | None
    labels: list[Text] | None
    recipe: dict[Text, Any] | None
    versions: dict[Text, Any] | None
    data: Data | None
    render: Render | None
    tokens: Tokens | None
    steps: Count | None
    epochs: Number | None
    seconds: Number | None
    peak_memory_bytes: Count | None
    loss_curve: list[LossPoint] | None
    dev_curve: list[DevelopmentPoint] | None
    chosen_step: Count | None
    resumed_at_steps: list[Count] | None
    guards: list[VerdictRecord] | None
    proof: ProofRecord | None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None
    elsewhere: Elsewhere | None
    recorded_in: dict[Text, Text] | None
    """The file that each value was read in, such as `recipe.learning_rate`: `training_args.yaml`."""
    disagreements: list[Disagreement] | None
    evaluation_curve: list[EvaluationPoint] | None
    not_read: list[NotRead] | None


class MergedLogits(TypedDict, total=False):
    """A merged model's logits beside its adapter's on the base; see `finetune.elsewhere.merged_logits`."""

    rows: Count
    most_tokens: Count
    positions: Count
    dtype: Text
    device: Text
    largest: NotNegative
    mean: NotNegative
    effect: NotNegative | None
    divergence: NotNegative
    same: Count
    not_measured: Text


class MergedPair(TypedDict):
    """A whole model that is taken for the merge of an adapter; see `finetune.elsewhere.merges`.

    ``doc_ids``: the items of ``task`` whose texts were read. ``not_compared``: why nothing is known of the weights.
    """

    adapter: Text
    merged: Text
    recorded: bool
    in_weights: bool
    other_tensors: Count
    matrices: NotRequired[Count]
    cosine: NotRequired[Annotated[float, Field(ge=-1, le=1)]]
    multiple: NotRequired[Number]
    not_compared: NotRequired[Text]
    task: NotRequired[Text]
    doc_ids: NotRequired[list[Count]]
    logits: MergedLogits


class MergesRecord(TypedDict):
    """`merges.json`: which of a study's checkpoints from elsewhere are an adapter and its merge."""

    pairs: list[MergedPair]


class ComponentRecord(TypedDict):
    """A row of the parameter counts: parameters counted, by the closed form, and trainable."""

    component: Text
    counted: Count
    closed_form: Count | None
    formula: Text
    trainable: Count | None
    """None where a whole model was trained elsewhere: nothing tells which."""


class Counted(TypedDict, total=False):
    """Which model was counted: the SHA-256 of a checkpoint's record, or of the configuration of any other model."""

    checkpoint: Text | None
    configuration: Text | None


class ParametersRecord(TypedDict, total=False):
    """The parameter counts, as `parameters/<checkpoint>.json` holds it."""

    model: Text | None
    counted: Counted | None
    total: Count | None
    trainable: Count | None
    added: Count | None
    tied: Count | None
    components: list[ComponentRecord] | None


class WrittenRow(TrainedRow):
    """A row of `train_rows.jsonl`."""

    doc_hash: Text


class TrainedStep(TypedDict):
    """A row of `row_log.jsonl`."""

    step: Count
    epoch: Count
    rows: list[Count]


class WholeCheckpoint(TypedDict):
    """The mark of a checkpoint of the trainer that is whole."""

    step: Count
    seconds: Seconds
    resumed_at_steps: list[Count]
    files: dict[Text, Text]
    """The SHA-256 of each."""


class RunKey(TypedDict):
    """`run.json`: which run a scratch folder belongs to."""

    key: Text


class OriginRecord(TypedDict, total=False):
    """`origin.json` beside the embedded base model."""

    dequantised_from: Text | None


HOLE = "the page would have a hole there, or a wrong number"
AGAIN = "delete it and run the study again: only what is missing is redone"
_TRAIN_AGAIN = "train the checkpoint again"


def page_kind(name: str, schema: Any, *, why: str = HOLE, mend: str = _TRAIN_AGAIN, limit_mib: int = 256) -> Kind:
    """Returns the kind of a file, or of its rows, that a study's page is made of; ``schema`` is a type."""
    return Kind(name, why, mend, limit_mib=limit_mib, schema=schema)


FINETUNE = page_kind("the record of a training", FinetuneRecord)
MERGES = page_kind("the record of merges beside their adapters", MergesRecord, mend=AGAIN)
PARAMETERS = page_kind("the count of parameters", ParametersRecord, mend=AGAIN)
ROWS = page_kind("the rows of a training", WrittenRow, limit_mib=16_384)
ROW_LOG = page_kind(
    "the log of which step trained on which rows",
    TrainedStep,
    why="it shows that each row was trained on once per epoch",
    mend="remove the scratch folder and train again",
    limit_mib=16_384,
)
WHOLE = page_kind(
    "the mark of a complete checkpoint",
    WholeCheckpoint,
    why="a run resumes from a complete checkpoint",
    mend="remove the checkpoint's folder: the run then resumes from an earlier one",
)
RUN = page_kind(
    "the file that says which run a scratch folder belongs to",
    RunKey,
    why="the run would resume from checkpoints of another run",
    mend="remove the scratch folder, or name another with --scratch",
)
ORIGIN = page_kind(
    "the record of where the base model came from",
    OriginRecord,
    why="the page says it",
    mend="write the model again: aftertune embedded",
)
PROOF = page_kind(
    "the proof of a checkpoint", dict[Text, Any], why="it says whether the checkpoint is what was trained"
)
