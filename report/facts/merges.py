"""Facts of merged models beside their adapters: what `merges.json` measured, and their scores paired item by item."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetune.kinds import MERGES
from report.facts.across import paired_difference
from report.facts.examples import said
from report.facts.measured import Measured, interval_fact, label_of, unit_of
from report.facts.pairing import Pair
from report.facts.schema.merges import Merge, MergeScore
from report.facts.schema.parts import Fact, Known, Unit, is_known
from report.facts.values import fact, missing, recorded
from report.reading.results import Document, read_json

_FILE = "merges.json"
_WITHOUT_ANSWERS = ("loglikelihood", "loglikelihood_rolling")
"""Kinds of tasks of which only the likelihood of a text is known."""


def merge_facts(folder: Path) -> list[Merge]:
    """Returns each merge beside its adapter, without scores; none where no step looked for any."""
    if not (folder / _FILE).is_file():
        return []
    document = read_json(folder, _FILE, MERGES)
    return [_merge(document, index, pair) for index, pair in enumerate(document.content["pairs"])]


def add_scores(merges: list[Merge], task: Known, sides: Mapping[str, Measured]) -> None:
    """Adds the primary scores on ``task`` to each merge that was scored on it beside its adapter."""
    for merge in merges:
        adapter, merged = (sides.get(one.value) for one in (merge.adapter, merge.merged))
        if adapter and merged and (primary := adapter.scores.primary):
            merge.scores.append(_score(Pair(adapter, merged), primary, task))


def _merge(document: Document, index: int, pair: Mapping[str, Any]) -> Merge:
    logits = pair["logits"]
    unmeasured = logits.get("not_measured")

    def of_pair(key: str, unit: Unit, absent: str | None = None) -> Fact:
        return recorded(document, "pairs", index, key, unit=unit, absent=absent)

    def of_logits(key: str, unit: Unit, absent: str | None = None) -> Fact:
        return recorded(document, "pairs", index, "logits", key, unit=unit, absent=unmeasured or absent)

    def divided(one: Fact, other: Fact, absent: str) -> Fact:
        if not (is_known(one) and is_known(other)):
            return one if is_known(other) else other
        return (
            fact(one.value / other.value, "share", one.source, also=[other.source]) if other.value else missing(absent)
        )

    alone = "the base model has no such head, so that what the adapter changes is not known"
    mean, effect = of_logits("mean", "number"), of_logits("effect", "number", alone)
    return Merge(
        adapter=fact(pair["adapter"], "text", document.source("pairs", index, "adapter")),
        merged=fact(pair["merged"], "text", document.source("pairs", index, "merged")),
        recorded=pair["recorded"],
        in_weights=pair["in_weights"],
        others=fact(pair["other_tensors"], "count", document.source("pairs", index, "other_tensors")),
        cosine=of_pair("cosine", "coefficient", pair.get("not_compared")),
        multiple=of_pair("multiple", "number", pair.get("not_compared")),
        task=of_pair("task", "text", "no task was scored with both"),
        items=of_logits("rows", "count"),
        most_tokens=of_logits("most_tokens", "count"),
        positions=of_logits("positions", "count"),
        dtype=of_logits("dtype", "text"),
        mean=mean,
        largest=of_logits("largest", "number"),
        effect=effect,
        share=divided(mean, effect, "the adapter changes no logit"),
        divergence=of_logits("divergence", "number"),
        same=divided(of_logits("same", "count"), of_logits("positions", "count"), "no position was compared"),
        scores=[],
    )


def _score(pair: Pair, metric: str, task: Known) -> MergeScore:
    adapter, merged = pair.before, pair.after
    source, also = merged.scores.samples.source(), [adapter.scores.samples.source()]
    reason = pair.refusal() or pair.signature_differs(metric)
    found = reason or paired_difference(pair, metric)
    same: Fact = missing(reason or "the task asks for no answer")
    if not reason and adapter.scores.configuration.get("output_type") not in _WITHOUT_ANSWERS:
        both = zip(adapter.scores.rows, pair.later, strict=True)
        equal = sum(said(adapter, one) == said(merged, other) for one, other in both)
        same = fact(equal, "count", source, also=also, n=len(adapter.scores.rows))
    return MergeScore(
        task=task,
        label=fact(label_of(adapter, metric), "text", adapter.scores.results.source("configs", task.value)),
        difference=missing(found)
        if isinstance(found, str)
        else interval_fact(found[0], unit_of(adapter, metric), source, also=also),
        same=same,
    )
