"""Whether numbers that somebody else wrote can be true, and agree with each other."""

from collections import Counter
from pathlib import Path
from typing import get_args

from harness_tasks.files import sha256_file
from report.audit.architectures import Shape, shape
from report.audit.claims import (
    Bounded,
    Claim,
    Claims,
    ClassificationScores,
    Difference,
    Parameters,
    Statement,
    TrainableShare,
    is_reference,
    references,
)
from report.audit.claims_file import read_claims
from report.audit.numbers import Lora
from report.audit.outcome import ClaimVerdict, Outcome, Word
from report.audit.parameters import Subject, audit_parameters, audit_quotient, audit_share
from report.audit.scores import audit_scores
from report.audit.statements import EXCLUDES, audit_bounded, audit_difference, audit_statement
from report.facts.schema.whole import AuditedClaim, AuditFacts, ConfusionMatrix, VerdictCounts
from report.facts.values import fact
from report.reading.results import Document


def audit_claims(path: str | Path) -> list[ClaimVerdict]:
    """Returns a verdict for each claim of a claims file, in its order.

    Raises:
        UserError: the file cannot be read as claims; see `report.audit.claims_file.read_claims`.
    """
    claims = read_claims(path)
    outcomes = {claim.id: _outcome(claims, claim) for claim in claims.claims}
    return [
        ClaimVerdict(claim.id, claim.where, claim.quote.strip(), *_with_neighbours(claims, claim, outcomes))
        for claim in claims.claims
    ]


def audit_facts(path: str | Path) -> AuditFacts:
    """Returns the audit as facts for a page: file, title, url where there is one, claims, and how many of each verdict.

    A verdict's source is its claim's place in the claims file, since it follows from that file alone.
    """
    path = Path(path)
    claims, verdicts = read_claims(path), audit_claims(path)
    document = Document(path.name, sha256_file(path), None)
    counts = Counter(verdict.verdict for verdict in verdicts)
    return AuditFacts(
        file=fact(path.name, "text", document.source()),
        title=fact(claims.title, "text", document.source("title")),
        claims=[_audited(verdict, document, i) for i, verdict in enumerate(verdicts)],
        counts=VerdictCounts(
            **{
                word.replace(" ", "_"): fact(counts[word], "count", document.source("claims"))
                for word in get_args(Word)
            }
        ),
        **({} if claims.url is None else {"url": fact(claims.url, "text", document.source("url"))}),
    )


def _audited(verdict: ClaimVerdict, document: Document, place: int) -> AuditedClaim:
    source = document.source("claims", place)
    return AuditedClaim(
        **{
            key: fact(getattr(verdict, key), "text", document.source("claims", place, key))
            for key in ("id", "where", "quote")
        },
        verdict=fact(verdict.verdict, "text", source),
        arithmetic=fact(verdict.arithmetic, "text", source),
        matrices=[
            ConfusionMatrix(**{name: fact(count, "count", source) for name, count in matrix._asdict().items()})
            for matrix in verdict.matrices
        ],
    )


def _outcome(claims: Claims, claim: Claim) -> Outcome:
    """Returns what the audit says of a claim by itself."""
    figures = [*claim.numbers().values(), *(claims.figure(name) for name in references(claim))]
    if unread := [figure.text for figure in figures if figure.is_unread]:
        what = "is no number" if len(unread) == 1 else "are no numbers"
        return Outcome("cannot be told", f"{', '.join(map(repr, unread))} {what} that can be read here.")
    factors = [figure.text for figure in claim.numbers().values() if figure.is_factor]
    if factors and not isinstance(claim, Difference):
        told = "says how many times one figure is another: a claim of the kind `difference` can be checked"
        return Outcome("cannot be told", f"{', '.join(factors)} {told}.")
    if isinstance(claim, ClassificationScores):
        return audit_scores(
            claim.scores(),
            claim.n,
            positives=claim.positives,
            n_from=claim.n_from,
            average=claim.average,
            labels=claim.labels,
        )
    if isinstance(claim, Parameters):
        return audit_parameters(claim.numbers()["count"], _subject(claims, claim, claim.model), of=claim.of)
    if isinstance(claim, TrainableShare):
        return _share(claims, claim)
    if isinstance(claim, Difference):
        own = claim.numbers()
        before, after = (
            claims.figure(text) if is_reference(text) else own[key]
            for key, text in (("before", claim.before), ("after", claim.after))
        )
        return audit_difference(before, after, own["stated"], change=claim.change)
    if isinstance(claim, Statement):
        return audit_statement([(claims.figure(name), _named(claims, name)) for name in claim.figures], claim.says)
    if isinstance(claim, Bounded):
        return audit_bounded(claim.numbers()["value"], scale=claim.scale, n=claim.n)
    return Outcome("missing", f"Asked for and left empty: {claim.asked}.")


def _share(claims: Claims, claim: TrainableShare) -> Outcome:
    """Returns what is said of a share: by the two numbers that it is a quotient of, and by its model."""
    share, outcomes = claim.numbers()["share"], []
    says = share.bound or claim.says
    if claim.trainable is not None and claim.total is not None:
        part, whole = (
            claims.figure(text) if is_reference(text) else claim.numbers()[key]
            for key, text in (("trainable", claim.trainable), ("total", claim.total))
        )
        outcomes.append(audit_quotient(share, part, whole, says=says))
    if claim.model is not None:
        outcomes.append(audit_share(share, _subject(claims, claim, claim.model), says=says))
    gravest = min(outcomes, key=lambda outcome: ("impossible", "cannot be told", "holds").index(outcome.verdict))
    return gravest._replace(arithmetic=" ".join(outcome.arithmetic for outcome in outcomes))


_HEADS = {"classifier", "pre_classifier", "score", "qa_outputs", "classification_head"}
"""The modules of new heads, which peft trains beside an adapter whether they are named or not."""


def _subject(claims: Claims, claim: Parameters | TrainableShare, model: str) -> Subject:
    """Returns the model that a claim is about, as far as the write-up describes it."""
    architecture = claims.models[model].model_dump(exclude_none=True)
    subject = Subject(model, architecture, claim.head, claim.labels)
    if (adapter := claim.adapter) is None:
        return subject
    targets = adapter.targets
    if targets == "all-linear":
        known = shape(architecture)
        targets = list(known.modules) if isinstance(known, Shape) else None
    layers = len(set(adapter.layers)) if isinstance(adapter.layers, list) else adapter.layers
    method = adapter.method.lower()
    is_more_trained = bool(set(adapter.modules_to_save or ()) - _HEADS) or adapter.bias in ("all", "lora_only")
    modules = tuple(dict.fromkeys(targets)) if targets else None
    lora = Lora(adapter.r, modules, layers, method == "dora", is_more_trained)
    return subject._replace(lora=lora, method=method)


def _named(claims: Claims, reference: str) -> str:
    """Returns how another claim's figure is named beside its number: where it stands, and its line of the quote."""
    name = reference.partition(".")[0]
    claim = next(claim for claim in claims.claims if claim.id == name)
    text = claims.figure(reference).text
    line = next((line for line in claim.quote.splitlines() if text in line), claim.quote)
    return f"{claim.where}: “{line.strip()}”"


def _with_neighbours(claims: Claims, claim: Claim, outcomes: dict[str, Outcome]) -> Outcome:
    """Returns a claim's outcome; of a statement also who says the opposite, and which of its figures cannot be."""
    outcome = outcomes[claim.id]
    if not isinstance(claim, Statement):
        return outcome
    text = outcome.arithmetic
    for other in claims.claims:
        same = isinstance(other, Statement) and set(other.figures) == set(claim.figures)
        if isinstance(other, Statement) and same and other.says in EXCLUDES[claim.says]:
            text += f" {other.where} says the opposite: “{other.quote.strip()}”"
    for name in dict.fromkeys(reference.partition(".")[0] for reference in claim.figures):
        if outcomes[name].verdict == "impossible":
            text += f" The figure of {name} is itself impossible."
    return outcome._replace(arithmetic=text)
