"""How a checkpoint was made: parameters, recipe, data, loss, and what changed in its weights."""

from pydantic import Field

from report.facts.schema.parts import (
    Bytes,
    Count,
    Curve,
    Either,
    KnownCount,
    KnownCurve,
    KnownText,
    Number,
    OrAbsent,
    Part,
    Seconds,
    Setting,
    Share,
    Text,
)


class Component(Part):
    """The parameters of a component of a model."""

    component: KnownText = Field(description="the component")
    counted: KnownCount = Field(description="its parameters, counted tensor by tensor")
    closed_form: Count = Field(description="its parameters by the closed form")
    formula: KnownText = Field(description="the closed form")
    trainable: Count = Field(description="its trainable parameters")


class ParameterCounts(Part):
    """The parameter counts of a model."""

    total: Count = Field(description="all parameters")
    trainable: Count = Field(description="trainable parameters")
    added: Count = Field(description="adapter parameters: those that fine-tuning adds")
    tied: Count = Field(description="tied parameters, which two components share")
    trained_share: Share = Field(description="trainable parameters divided by all parameters")
    components: list[Component]


class NamedSetting(Part):
    """A setting by its name."""

    name: KnownText = Field(description="its name")
    value: Setting = Field(description="its value")
    file: KnownText | None = Field(default=None, description="the file of a checkpoint from elsewhere that records it")


class Dropped(Part):
    """Rows of the training data that were left out."""

    reason: KnownText = Field(description="why rows were left out")
    rows: KnownCount = Field(description="how many")


class TrainingData(Part):
    """The rows that a checkpoint was trained on."""

    source: Text = Field(description="where the rows come from")
    name: Text = Field(description="the data's name")
    fingerprint: Text = Field(description="the SHA-256 of the rows")
    revision: Text = Field(description="the data's revision")
    rows: Count = Field(description="rows that were trained on")
    rows_available: Count = Field(description="rows that there are")
    dropped: list[Dropped]


class Loss(Part):
    """The training loss; the curve alone, as missing, where none was recorded."""

    curve: Curve = Field(description="the loss by step")
    first: Number | None = Field(default=None, description="at the first step that was recorded")
    last: Number | None = Field(default=None, description="at the last one")
    figure: KnownText | None = Field(default=None, description="the drawing's file")


class Development(Part):
    """What the development split showed in training."""

    curve: KnownCurve = Field(description="loss and accuracy on the development split by step and token")
    chosen: Count = Field(description="the step that was kept")
    figure: KnownText = Field(description="the drawing's file")


class Published(Part):
    """Where a checkpoint is on the Hub."""

    repo: Text = Field(description="its name on the Hub")
    url: Text = Field(description="its page there")
    commit: Text = Field(description="the commit that was pushed")
    checked_at: Text = Field(description="when the page was last checked")
    published: bool = Field(description="whether it is published")


class Moved(Part):
    """The relative weight change (Frobenius norm) of some matrices."""

    tensors: KnownCount = Field(description="trained matrices in it")
    mean: Share = Field(description="their mean relative weight change")
    largest: Share = Field(description="the largest of them")


class MovedKind(Moved):
    """The relative weight change of the matrices of a kind."""

    kind: KnownText = Field(description="a kind of matrices")


class MovedLayer(Moved):
    """The relative weight change of the matrices of a layer."""

    layer: KnownCount = Field(description="a layer's number")


class WeightChanges(Part):
    """Which tensors training changed, and by how much."""

    frozen: KnownCount = Field(description="frozen tensors")
    frozen_changed: KnownCount = Field(description="those of them whose values changed")
    trained: KnownCount = Field(description="trained tensors")
    trained_changed: KnownCount = Field(description="those of them whose values changed")
    adapted: bool = Field(description="whether the checkpoint is an adapter")
    new: KnownCount | None = Field(default=None, description="tensors that only a checkpoint from elsewhere has")
    rows: KnownCount | None = Field(default=None, description="rows of the embeddings that both models have")
    rows_moved: KnownCount | None = Field(default=None, description="those of them whose values differ")
    kinds: list[MovedKind]
    layers: list[MovedLayer]
    grid: Curve = Field(description="the mean relative weight change of each kind in each layer")
    figure: KnownText = Field(description="the drawing's file")


class AnyCheckpoint(Part):
    """A checkpoint of the study, trained or not."""

    name: KnownText = Field(description="its name, which is its folder's")
    display_name: KnownText = Field(description="what the page calls it")
    name_on_own_task: KnownText = Field(description="the same, where it speaks of the training task")
    task: Text = Field(description="the task that it was trained on")
    method: Text = Field(description="how")
    seed: Setting = Field(description="its training seed")
    parameters: OrAbsent[ParameterCounts]
    hub: Published


class Untrained(AnyCheckpoint):
    """A checkpoint of the study that was not trained."""

    absent: Text = Field(description="only where it was not trained: the reason")


class NotRead(Part):
    """A file of a checkpoint from elsewhere that is not opened: reading it could run code."""

    file: KnownText = Field(description="its name")
    would_hold: KnownText = Field(description="what such a file holds")


class PairVerdict(Part):
    """What one check said of whether a checkpoint from elsewhere belongs to the base model."""

    id: KnownText = Field(description="the check")
    verdict: KnownText = Field(description="its verdict")
    found: KnownText = Field(description="what it found")


class PlaceElsewhere(Part):
    """Where a checkpoint lies that was trained elsewhere, and what of its files was not read."""

    place: KnownText = Field(description="its folder or its Hub id, as the study names it")
    kind: KnownText = Field(description="whether it is an adapter or a whole model")
    revision: Text = Field(description="its commit on the Hub")
    fingerprint: Text = Field(description="the SHA-256 of its weights, or its commit")
    identical: bool = Field(description="whether its weights are the base model's, bit by bit")
    not_read: list[NotRead]
    verdicts: list[PairVerdict]


class Trained(AnyCheckpoint):
    """How a checkpoint was made, from its `finetune.json`."""

    path: KnownText = Field(description="its folder")
    command: Text = Field(description="what trained it")
    commit: Text = Field(description="of this project")
    dtype: Text = Field(description="the dtype")
    device: Text = Field(description="what it was trained on")
    steps: Count = Field(description="steps of the optimiser")
    tokens_input: Count = Field(description="input tokens of training")
    tokens_supervised: Count = Field(description="target tokens: those with a loss")
    epochs: Number = Field(description="epochs")
    seconds: Seconds = Field(description="how long it took")
    peak_memory: Bytes = Field(description="peak memory")
    base_fingerprint: Text = Field(description="the SHA-256 of the weights that training started from")
    render_hash: Text = Field(description="the prompt template hash")
    recipe: list[NamedSetting]
    versions: list[NamedSetting]
    data: TrainingData
    loss: Loss
    development: Development | None = None
    resumed: list[KnownCount] = Field(description="a step at which training resumed")
    digest: KnownText = Field(description="the SHA-256 of its record")
    train_rows_digest: Text = Field(description="the SHA-256 of the list of its rows")
    changes: OrAbsent[WeightChanges]
    elsewhere: PlaceElsewhere | None = Field(default=None, description="only where it was trained elsewhere")


CheckpointFacts = Either[Trained, Untrained]


def is_trained_here(checkpoint: CheckpointFacts) -> bool:
    """Returns whether the study trained a checkpoint itself."""
    return isinstance(checkpoint, Trained) and checkpoint.elsewhere is None


def is_from_elsewhere(checkpoint: CheckpointFacts) -> bool:
    """Returns whether a checkpoint was trained elsewhere."""
    return isinstance(checkpoint, Trained) and checkpoint.elsewhere is not None


class Objection(Part):
    """A guard or check that did not pass."""

    checkpoint: KnownText = Field(description="the checkpoint")
    id: KnownText = Field(description="the guard or the check")
    verdict: KnownText = Field(description="its verdict")
    found: KnownText = Field(description="what it found")


class Checks(Part):
    """What the guards before training and the checks of the saved weights said, over all checkpoints."""

    checkpoints: KnownCount = Field(description="checkpoints that were checked")
    guards: KnownCount = Field(description="verdicts of guards before training")
    proofs: KnownCount = Field(description="checks of the saved weights")
    objected: KnownCount = Field(description="guards and checks that did not pass")
    objections: list[Objection]


class PairChecks(Part):
    """What the checks said of whether the checkpoints from elsewhere belong to the base model."""

    checkpoints: KnownCount = Field(description="checkpoints from elsewhere")
    verdicts: KnownCount = Field(description="verdicts of the checks")
    objected: KnownCount = Field(description="those that are not a pass")
    objections: list[Objection]
