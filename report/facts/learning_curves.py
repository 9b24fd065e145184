"""Scores over training tokens: of one checkpoint on the development split, and of several checkpoints on a task."""

from collections.abc import Sequence

from report.facts.paths import figure_path
from report.facts.schema.parts import is_known
from report.facts.schema.scores import Comparison, OverTokens, TokenPoint
from report.facts.schema.training import CheckpointFacts, Development, Untrained
from report.facts.values import fact, recorded
from report.reading.results import Document


def development_facts(
    record: Document, checkpoint: str, *, steps: int | None, tokens: int | None
) -> Development | None:
    """Returns loss and accuracy on the development split by evaluation; None where there was none.

    The curve is rows of step, training tokens read by then, mean loss and accuracy (0 to 1). ``tokens`` are counted
    for the whole training of ``steps`` alone, so those of a step are its share of the steps.
    """
    entries = record.content.get("dev_curve") or []
    if not entries or not steps or tokens is None:
        return None
    curve = [
        [entry["step"], round(tokens * entry["step"] / steps), float(entry["loss"]), float(entry["accuracy"])]
        for entry in entries
    ]
    source = record.source("dev_curve")
    return Development(
        curve=fact(curve, "curve", source, n=len(curve), also=[record.source("tokens", "input")]),
        chosen=recorded(record, "chosen_step", unit="count"),
        figure=fact(figure_path("development", checkpoint), "text", source),
    )


def over_tokens(
    task: str, comparisons: Sequence[Comparison], checkpoints: Sequence[CheckpointFacts]
) -> OverTokens | None:
    """Returns the primary scores on ``task`` of the checkpoints trained on it; None where all read as many tokens.

    The first point is the base model, at 0 tokens.
    """
    points: list[TokenPoint] = []
    for comparison, checkpoint in zip(comparisons, checkpoints, strict=True):
        score = comparison.primary
        if isinstance(checkpoint, Untrained) or comparison.elsewhere or checkpoint.task.value != task or score is None:
            continue
        if is_known(score.after) and is_known(checkpoint.tokens_input) and is_known(comparison.method):
            if not points and is_known(score.before):
                source = score.before.source
                base = {key: fact("base", "text", source) for key in ("checkpoint", "method")}
                points.append(TokenPoint(**base, tokens=fact(0, "count", source), score=score.before))
            points.append(
                TokenPoint(
                    checkpoint=comparison.checkpoint,
                    method=comparison.method,
                    tokens=checkpoint.tokens_input,
                    score=score.after,
                )
            )
    if len({point.tokens.value for point in points} - {0}) < 2:
        return None
    return OverTokens(points=points, figure=fact(figure_path("tokens", task), "text", points[0].score.source))
