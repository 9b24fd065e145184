"""A file of claims, read strictly: `studies/CLAIMS.md` says what may stand in it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from harness_tasks.errors import UserError
from harness_tasks.messages import nearest_name
from harness_tasks.reading import Kind, read_json, read_yaml
from harness_tasks.validation import first_invalid, wrong_key
from report.audit.architectures import KEYS
from report.audit.claims import (
    KINDS,
    Adapter,
    AnyClaim,
    Architecture,
    Claim,
    Claims,
    ClassificationScores,
    Parameters,
    TrainableShare,
    references,
)
from report.audit.figures import stands_in

_CLAIMS = Kind(
    "the claims file",
    "it lists what is to be checked",
    "correct what the message names, or write a file as studies/CLAIMS.md describes",
    limit_mib=16,
)
_CONFIGURATION = Kind(
    "the configuration", "the number of parameters follows from it", "give the path of a config.json", limit_mib=16
)


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


def _check(path: Path, claims: Claims, claim: Claim) -> None:
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


def _known(path: Path, claim: Claim, name: str, known: list[str], what: str, place: str) -> None:
    if name not in known:
        near = nearest_name(name, known, cutoff=0.4)
        raise UserError(
            f"{path}: {claim.id} names the {what} {name}, which {place} do not have",
            "the claim is checked against it",
            (f"write {near}" if near else f"add it to {place}") + f" (known: {', '.join(known) or 'none'})",
        )


def _readable(path: Path, values: dict[str, Any], error: ValidationError) -> UserError:
    """Returns the first problem that pydantic found, in three parts."""
    problem = first_invalid(error)
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
    kind = KINDS.get(parts[2], AnyClaim) if len(parts) > 2 else AnyClaim
    return ".".join(shown), Adapter if "adapter" in parts[3:-1] else kind
