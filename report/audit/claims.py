"""The claims of a write-up that somebody else made, as a YAML file lists them; its format is in studies/CLAIMS.md."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from report.audit.averages import Average, ScoreName
from report.audit.figures import Printed, read_figure
from report.audit.numbers import HeadName
from report.audit.parameters import ShareRelation
from report.audit.statements import Change, Scale

PrintedText = Annotated[str, Field(min_length=1)]
"""A number as its author printed it, in quotation marks, so that YAML keeps its last zeros."""
Count = Annotated[int, Field(ge=1, le=10**15)]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Architecture(_Strict):
    """What the number of parameters follows from; keys as in a model's config.json.

    Which of them an architecture needs, `report.audit.architectures.KEYS` says.
    """

    model_type: Annotated[str, Field(min_length=1)]
    hidden_size: Count | None = None
    intermediate_size: Count | None = None
    num_hidden_layers: Count | None = None
    num_attention_heads: Count | None = None
    num_key_value_heads: Count | None = None
    vocab_size: Count | None = None
    head_dim: Count | None = None
    """Unset: `hidden_size` / `num_attention_heads`."""
    tie_word_embeddings: bool | None = None
    attention_bias: bool | None = None
    mlp_bias: bool | None = None
    max_position_embeddings: Count | None = None
    type_vocab_size: Count | None = None
    embedding_size: Count | None = None
    num_hidden_groups: Count | None = None
    inner_group_num: Count | None = None
    n_embd: Count | None = None
    n_layer: Count | None = None
    n_positions: Count | None = None
    n_inner: Count | None = None
    ffn_dim: Count | None = None
    word_embed_proj_dim: Count | None = None
    do_layer_norm_before: bool | None = None
    dim: Count | None = None
    hidden_dim: Count | None = None
    n_layers: Count | None = None
    d_model: Count | None = None
    d_kv: Count | None = None
    d_ff: Count | None = None
    num_layers: Count | None = None
    num_decoder_layers: Count | None = None
    num_heads: Count | None = None
    relative_attention_num_buckets: Count | None = None
    feed_forward_proj: str | None = None


class Adapter(_Strict):
    """An adapter, as far as the write-up describes it."""

    method: str = "lora"
    """Others than `lora`, `dora`, `qlora` and `rslora` are not known."""
    r: Count | None = None
    targets: Literal["all-linear"] | Annotated[list[str], Field(min_length=1)] | None = None
    """Names of modules."""
    layers: Count | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = None
    """How many layers it is on, or which (peft's `layers_to_transform`)."""
    alpha: float | None = None
    dropout: float | None = None
    bias: Literal["none", "all", "lora_only"] | None = None
    modules_to_save: list[str] | None = None
    """What is trained whole beside it."""


class AnyClaim(_Strict):
    """What every claim says of itself: its name, where it stands, and its words."""

    id: Identifier
    where: Annotated[str, Field(min_length=1)]
    """Where in the write-up it stands."""
    quote: Annotated[str, Field(min_length=1)]
    """The author's words, unchanged."""

    def numbers(self) -> dict[str, Printed]:
        """Returns the numbers that the claim's author printed, by their keys."""
        return {}


class ClassificationScores(AnyClaim):
    """Scores of one label, or their averages over labels."""

    kind: Literal["classification_scores"]
    accuracy: PrintedText | None = None
    precision: PrintedText | None = None
    recall: PrintedText | None = None
    f1: PrintedText | None = None
    n: Count | None = None
    """Scored items."""
    positives: Annotated[int, Field(ge=0)] | None = None
    """How many of them are positive, where that is known."""
    n_from: str | None = None
    """Where `n` is known from."""
    average: Average | None = None
    """Unset: the write-up does not say."""
    labels: Annotated[int, Field(ge=2)] | None = None
    """How many labels an average is over."""

    def scores(self) -> dict[ScoreName, Printed]:
        """Returns the scores that are claimed."""
        texts: dict[ScoreName, str | None] = {
            "accuracy": self.accuracy, "precision": self.precision, "recall": self.recall, "F1": self.f1,
        }  # fmt: skip
        return {score: read_figure(text) for score, text in texts.items() if text is not None}

    @override
    def numbers(self) -> dict[str, Printed]:
        return {score.lower(): figure for score, figure in self.scores().items()}


class Parameters(AnyClaim):
    """A number of parameters."""

    kind: Literal["parameters"]
    count: PrintedText
    of: Literal["total", "trainable"] = "total"
    model: str
    """A name under `models:`."""
    head: HeadName | None = None
    """Unset: the write-up names none."""
    labels: Count | None = None
    """Width of a classification head; unset: the write-up does not say."""
    adapter: Adapter | None = None

    @override
    def numbers(self) -> dict[str, Printed]:
        return {"count": read_figure(self.count)}


class TrainableShare(AnyClaim):
    """How large a share of the parameters is trained."""

    kind: Literal["trainable_share"]
    share: PrintedText
    """Without a % sign: of 100, as peft prints it, or of 1."""
    says: ShareRelation = "is"
    """`below` and `above`: less or more than the share."""
    trainable: str | None = None
    """A printed number, or a figure of another claim: `id.key`."""
    total: str | None = None
    model: str | None = None
    """A name under `models:`."""
    head: HeadName | None = None
    labels: Count | None = None
    adapter: Adapter | None = None

    @override
    def numbers(self) -> dict[str, Printed]:
        own = {"share": self.share, "trainable": self.trainable, "total": self.total}
        return {key: read_figure(text) for key, text in own.items() if text is not None and not is_reference(text)}


class Difference(AnyClaim):
    """What lies between two figures."""

    kind: Literal["difference"]
    before: str
    """A printed number, or a figure of another claim: `id.key`."""
    after: str
    stated: PrintedText
    change: Change | None = None
    """`relative`: as a share of the figure before; `error`: of what that leaves to the full mark; unset: not said."""

    @override
    def numbers(self) -> dict[str, Printed]:
        own = {"before": self.before, "after": self.after, "stated": self.stated}
        return {key: read_figure(text) for key, text in own.items() if not is_reference(text)}


class Statement(AnyClaim):
    """A sentence that says how figures of other claims compare."""

    kind: Literal["statement"]
    says: Literal["equal", "not_equal", "higher", "lower"]
    """`higher`, `lower`: each figure than the one before it."""
    figures: Annotated[list[str], Field(min_length=2)]
    """Figures of other claims: `id.key`."""


class Bounded(AnyClaim):
    """A score that has bounds, and perhaps is a proportion of n items."""

    kind: Literal["bounded"]
    value: PrintedText
    scale: Scale
    n: Count | None = None
    """Unset: it is no proportion of items."""

    @override
    def numbers(self) -> dict[str, Printed]:
        return {"value": read_figure(self.value)}


class EmptyCell(AnyClaim):
    """Something that is asked for and left empty."""

    kind: Literal["missing"]
    asked: Annotated[str, Field(min_length=1)]
    """What should stand there."""


Claim = ClassificationScores | Parameters | TrainableShare | Difference | Statement | Bounded | EmptyCell
KINDS: dict[str, type[AnyClaim]] = {
    "classification_scores": ClassificationScores,
    "parameters": Parameters,
    "trainable_share": TrainableShare,
    "difference": Difference,
    "statement": Statement,
    "bounded": Bounded,
    "missing": EmptyCell,
}


class Claims(_Strict):
    """The whole of a claims file."""

    title: Annotated[str, Field(min_length=1)]
    """The write-up whose claims they are."""
    url: str | None = None
    """Where it can be read."""
    models: dict[str, Architecture] = {}
    """The architectures that `parameters` claims name."""
    claims: Annotated[list[Annotated[Claim, Field(discriminator="kind")]], Field(min_length=1)]

    def figure(self, reference: str) -> Printed:
        """Returns the figure that `id.key` names."""
        name, _, key = reference.partition(".")
        return next(claim.numbers()[key] for claim in self.claims if claim.id == name)


def is_reference(text: str) -> bool:
    """Returns whether ``text`` names another claim's figure rather than being a number.

    >>> is_reference("zero-shot.accuracy"), is_reference("0.5458"), is_reference("nan")
    (True, False, False)
    """
    return re.fullmatch(r"[a-z0-9][a-z0-9-]*\.[a-z]\w*", text) is not None and read_figure(text).is_unread


def references(claim: AnyClaim) -> list[str]:
    """Returns the figures of other claims that ``claim`` names, as `id.key`."""
    if isinstance(claim, Statement):
        return claim.figures
    if isinstance(claim, Difference):
        return [text for text in (claim.before, claim.after) if is_reference(text)]
    if isinstance(claim, TrainableShare):
        return [text for text in (claim.trainable, claim.total) if text is not None and is_reference(text)]
    return []
