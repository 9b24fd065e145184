"""The claims of a write-up that somebody else made, as a YAML file lists them; its format is in studies/CLAIMS.md."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import override

from harness_tasks._messages import nearest_name
from harness_tasks.errors import UserError
from harness_tasks.reading import Kind, read_json, read_yaml
from harness_tasks.validation import first_problem, wrong_key
from report.audit.architectures import KEYS
from report.audit.averages import Average, Score
from report.audit.figures import Printed, read, stands_in
from report.audit.numbers import HeadName
from report.audit.parameters import Says
from report.audit.statements import Change, Scale

_CLAIMS = Kind(
    "the claims file",
    "it lists what is to be checked",
    "mend what the message names, or write a file as studies/CLAIMS.md says",
    limit_mib=16,
)
_CONFIGURATION = Kind(
    "the configuration", "the number of parameters follows from it", "give the path of a config.json", limit_mib=16
)


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


class _Claim(_Strict):
    id: Identifier
    where: Annotated[str, Field(min_length=1)]
    """Where in the write-up it stands."""
    quote: Annotated[str, Field(min_length=1)]
    """The author's words, unchanged."""

    def numbers(self) -> dict[str, Printed]:
        """Returns the numbers that the claim's author printed, by their keys."""
        return {}


class ClassificationScores(_Claim):
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

    def scores(self) -> dict[Score, Printed]:
        """Returns the scores that are claimed."""
        texts: dict[Score, str | None] = {
            "accuracy": self.accuracy, "precision": self.precision, "recall": self.recall, "F1": self.f1,
        }  # fmt: skip
        return {score: read(text) for score, text in texts.items() if text is not None}

    @override
    def numbers(self) -> dict[str, Printed]:
        return {score.lower(): figure for score, figure in self.scores().items()}


class Parameters(_Claim):
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
        return {"count": read(self.count)}


class TrainableShare(_Claim):
    """How large a share of the parameters is trained."""

    kind: Literal["trainable_share"]
    share: PrintedText
    """Without a % sign: of 100, as peft prints it, or of 1."""
    says: Says = "is"
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
        return {key: read(text) for key, text in own.items() if text is not None and not is_reference(text)}


class Difference(_Claim):
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
        return {key: read(text) for key, text in own.items() if not is_reference(text)}


class Statement(_Claim):
    """A sentence that says how figures of other claims compare."""

    kind: Literal["statement"]
    says: Literal["equal", "not_equal", "higher", "lower"]
    """`higher`, `lower`: each figure than the one before it."""
    figures: Annotated[list[str], Field(min_length=2)]
    """Figures of other claims: `id.key`."""


class Bounded(_Claim):
    """A score that has bounds, and perhaps is a proportion of n items."""

    kind: Literal["bounded"]
    value: PrintedText
    scale: Scale
    n: Count | None = None
    """Unset: it is no proportion of items."""

    @override
    def numbers(self) -> dict[str, Printed]:
        return {"value": read(self.value)}


class Missing(_Claim):
    """Something that is asked for and left empty."""

    kind: Literal["missing"]
    asked: Annotated[str, Field(min_length=1)]
    """What should stand there."""


Claim = ClassificationScores | Parameters | TrainableShare | Difference | Statement | Bounded | Missing
KINDS: dict[str, type[_Claim]] = {
    "classification_scores": ClassificationScores,
    "parameters": Parameters,
    "trainable_share": TrainableShare,
    "difference": Difference,
    "statement": Statement,
    "bounded": Bounded,
    "missing": Missing,
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
    return re.fullmatch(r"[a-z0-9][a-z0-9-]*\.[a-z]\w*", text) is not None and read(text).is_unread


def read_claims(path: str | Path) -> Claims:
    """Returns the claims of a YAML file.

    Raises:
        UserError: the file is missing or no YAML; a key is unknown (the nearest known one is named), lacks or has a
            value of the wrong kind; a figure is not in its quote; a name or a reference leads nowhere.
    """
    path = Path(path)
    values = read_yaml(path, _CLAIMS)
    if not isinstance(values, dict):
        raise UserError(
            f"{path} holds no mapping", "a claims file is a mapping of keys", "start from studies/seed-claims.yaml"
        )
    if isinstance(values.get("models"), dict):
        values["models"] = {
            name: _from_file(path, model) if isinstance(model, str) else _known_keys(model)
            for name, model in values["models"].items()
        }
    try:
        claims = Claims.model_validate(values)
    except ValidationError as error:
        raise _readable(path, values, error) from None
    for claim in claims.claims:
        _check(path, claims, claim)
    return claims


def _from_file(claims_file: Path, name: str) -> dict[str, Any]:
    """Returns the keys that count of the config.json ``name``, a path from the claims file's folder."""
    kind = replace(_CONFIGURATION, mend=f"give the path of a model's config.json, from the folder {claims_file.parent}")
    values = read_json(claims_file.parent / name, kind)
    if not isinstance(values, dict):
        raise UserError(
            f"{claims_file} names the configuration {name}, which holds no mapping",
            "the number of parameters follows from its keys",
            f"give the path of a model's config.json, from the folder {claims_file.parent}",
        )
    if values.get("model_type") not in KEYS:
        return {"model_type": str(values.get("model_type") or "unnamed")}
    if values.get("_remove_final_layer_norm"):
        values["do_layer_norm_before"] = False
    return {key: value for key, value in values.items() if key in Architecture.model_fields}


def _known_keys(model: Any) -> Any:
    """Returns the keys of an architecture that are read: of one that is not known none but its name."""
    kind = model.get("model_type") if isinstance(model, dict) else None
    return {"model_type": kind} if isinstance(kind, str) and kind not in KEYS else model


def _check(path: Path, claims: Claims, claim: _Claim) -> None:
    """Raises UserError where a claim contradicts its own quote or names what is not there."""
    if [other.id for other in claims.claims].count(claim.id) > 1:
        raise UserError(
            f"{path} has two claims called {claim.id}", "a verdict must name its claim", "give each an id of its own"
        )
    for key, figure in claim.numbers().items():
        if not stands_in(figure.text, claim.quote):
            raise UserError(
                f"{path}: {claim.id} has {key} {figure.text}, which its quote does not contain",
                "the audit would check a number that the author did not write",
                "copy quote and figure from the write-up, digit by digit",
            )
    if isinstance(claim, ClassificationScores):
        _check_scores(path, claim)
    if isinstance(claim, TrainableShare) and not (claim.model or (claim.trainable and claim.total)):
        raise UserError(
            f"{path}: {claim.id} has neither a model nor both trainable and total",
            "a share is checked against the model it is of, or the two numbers that it is the quotient of",
            "give `model`, or `trainable` and `total`",
        )
    if isinstance(claim, Parameters | TrainableShare) and claim.model is not None:
        _known(path, claim, claim.model, list(claims.models), "model", "`models:`")
        if claim.labels is not None and claim.head not in (None, "sequence-classification", "token-classification"):
            raise UserError(
                f"{path}: {claim.id} has the head {claim.head} and {claim.labels} labels",
                "a classification head has a row of weights for each label, and only it has labels",
                "give `labels` with a classification head, or where no head is named",
            )
    figures = [f"{other.id}.{key}" for other in claims.claims for key in other.numbers()]
    for reference in references(claim):
        _known(path, claim, reference, figures, "figure", "the other claims")


def _check_scores(path: Path, claim: ClassificationScores) -> None:
    """Raises UserError where there is no score to check, or there are more positives than items."""
    if not claim.numbers():
        raise UserError(
            f"{path}: {claim.id} has no score",
            "there is nothing to check",
            "give accuracy, precision, recall or f1, or make it a claim of the kind missing",
        )
    if claim.positives is not None and claim.n is not None and claim.positives > claim.n:
        raise UserError(
            f"{path}: {claim.id} has {claim.positives} positives among {claim.n} items",
            "these are a part of the items",
            "correct `n` or `positives`",
        )


def references(claim: _Claim) -> list[str]:
    """Returns the figures of other claims that ``claim`` names, as `id.key`."""
    if isinstance(claim, Statement):
        return claim.figures
    if isinstance(claim, Difference):
        return [text for text in (claim.before, claim.after) if is_reference(text)]
    if isinstance(claim, TrainableShare):
        return [text for text in (claim.trainable, claim.total) if text is not None and is_reference(text)]
    return []


def _known(path: Path, claim: _Claim, name: str, known: list[str], what: str, place: str) -> None:
    if name not in known:
        near = nearest_name(name, known, cutoff=0.4)
        raise UserError(
            f"{path}: {claim.id} names the {what} {name}, which {place} do not have",
            "the claim is checked against it",
            (f"write {near}" if near else f"add it to {place}") + f" (known: {', '.join(known) or 'none'})",
        )


def _readable(path: Path, values: dict[str, Any], error: ValidationError) -> UserError:
    """Returns the first problem that pydantic found, in three parts."""
    problem = first_problem(error)
    place, model = _place(values, problem.location)
    if problem.kind in ("union_tag_invalid", "union_tag_not_found"):
        given = str(problem.value.get("kind") or "")
        near = nearest_name(given, KINDS, cutoff=0.4)
        return UserError(
            f"{path}: `{place}` has {f'the unknown kind {given}' if given else 'no kind'}",
            "the kind says what is checked",
            (f"write kind: {near}" if near else "give one") + f" (the kinds: {', '.join(KINDS)})",
        )
    if problem.kind == "string_type" and isinstance(problem.value, int | float):
        return UserError(
            f"{path}: `{place}` is the bare number {problem.value}",
            "YAML drops a number's last zeros and commas, and they say how precisely it was printed",
            "write it in quotation marks, as its author printed it",
        )
    return wrong_key(
        path,
        problem,
        place=place,
        known=list(model.model_fields),
        mistyped="a mistyped key would be ignored, and the claim would not be checked as it is written",
        needed_by="the audit",
        manual="studies/CLAIMS.md",
    )


def _place(values: dict[str, Any], where: tuple[int | str, ...]) -> tuple[str, type[BaseModel]]:
    """Returns how a place in the file is shown, a claim by its id, and the model that its key belongs to."""
    parts = [str(part) for part in where]
    if where[0] == "models" and len(where) > 1:
        return ".".join(parts), Architecture
    if where[0] != "claims" or len(where) < 2:
        return ".".join(parts), Claims
    claim = values["claims"][where[1]]
    name = claim.get("id") if isinstance(claim, dict) else None
    shown = [f"claims.{name or where[1]}", *(part for part in parts[2:] if part not in KINDS)]
    kind = KINDS.get(parts[2], _Claim) if len(parts) > 2 else _Claim
    return ".".join(shown), Adapter if "adapter" in parts[3:-1] else kind
