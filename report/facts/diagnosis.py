"""What is measured of the answers themselves: only this may stand as a cause in the analysis.

Label bias, by the content-free prior and on the items; confidence and calibration; abstention, and outputs without a
word; over-long answers, answers truncated at `max_gen_toks`, and truncated prompts. Of other tasks see
`report.facts.choices` and `report.facts.texts`.
"""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from harness_tasks import metrics
from report.facts.choices import calibration, choice_items, choices_facts
from report.facts.distributions import distribution_facts
from report.facts.measured import (
    Measured,
    abstains,
    answer_text,
    gold_answers,
    interval_fact,
    is_contentless,
    is_tied,
    normalised,
    positive_name,
)
from report.facts.schema.diagnosis import (
    Calibration,
    Classification,
    Diagnosis,
    Extraction,
    Prior,
    PriorInput,
)
from report.facts.schema.parts import Fact
from report.facts.texts import generation_facts, is_generation, texts_facts
from report.facts.values import fact, missing, recorded
from report.reading import kinds
from report.reading.lengths import read_lengths
from report.reading.results import Document, read_json
from report.reading.scored import refuse_other
from report.statistics import intervals
from report.statistics.formulas import CONFIDENCE_PAIR
from report.statistics.metrics import metrics_of
from report.statistics.sums import pair_of, sample_of

Row = dict[str, Any]


def diagnosis(measured: Measured, folder: Path) -> Diagnosis:
    """Returns what is measured of the answers of a checkpoint on a task, by the kind of the task.

    ``folder``: the study's; the token counts and the label prior lie there, beside the scores.
    """
    kind = measured.kind
    home = str(Path(measured.scores.samples.file).parent)
    if kind == "classification":
        return Diagnosis(classification=_classification(measured, folder, home))
    if kind == "extraction":
        return Diagnosis(extraction=_extraction(measured, folder, home))
    tokens = _tokens(folder, home, measured.scores.samples.source())
    if items := choice_items(measured):
        return Diagnosis(choices=choices_facts(measured, items, tokens["truncated"]))
    if is_generation(measured):
        return Diagnosis(generation=generation_facts(measured, tokens))
    return Diagnosis(texts=texts_facts(measured))


def _classification(measured: Measured, folder: Path, home: str) -> Classification:
    scores, pairs = measured.scores, measured.label_pairs
    source, clusters = scores.samples.source(), scores.clusters(scores.rows)
    counts = metrics.confusion(pairs)
    predicted, gold = [float(pair[1] == 1) for pair in pairs], [float(pair[0] == 1) for pair in pairs]
    wrong = counts.false_positive + counts.false_negative
    return Classification(
        **{name: fact(number, "count", source, n=len(pairs)) for name, number in counts._asdict().items()},
        wrong=fact(wrong, "count", source, n=len(pairs)),
        predicted_share=interval_fact(intervals.level(sample_of("acc", predicted, clusters)), "share", source),
        gold_share=interval_fact(intervals.level(sample_of("acc", gold, clusters)), "share", source),
        bias=interval_fact(intervals.difference(pair_of("acc", gold, predicted, clusters)), "share", source),
        prior=_prior(folder, home, measured),
        calibration=_calibration(measured),
        **_ties(measured),
        truncated=_tokens(folder, home, source)["truncated"],
    )


def _prior(folder: Path, home: str, measured: Measured) -> Prior:
    """Returns how probable the positive label is to the model when the input says nothing."""
    name = f"{home}/prior.json"
    if not (folder / name).exists():
        return Prior(share=missing(f"it was not measured: there is no {name}"))
    found = read_json(folder, name, kinds.PRIOR)
    refuse_other(folder, name, Path(home).parent.name, found.value("model_args"))
    if "probabilities" not in found.content:
        return Prior(share=missing(str(found.content.get("absent", "it was not measured"))))
    return Prior(
        share=fact(float(found.content["probabilities"][1]), "share", found.source("probabilities", 1)),
        even=fact(1 / len(found.content["probabilities"]), "share", found.source("labels")),
        label=positive_name(measured),
        inputs=[
            PriorInput(
                input=fact(row["input"] or "an empty text", "text", found.source("inputs", i, "input")),
                share=fact(float(row["probabilities"][1]), "share", found.source("inputs", i, "probabilities", 1)),
            )
            for i, row in enumerate(found.content["inputs"])
        ],
    )


def _calibration(measured: Measured) -> Calibration:
    """Returns how the confidence of the answers compares with how often they are right, in all and by confidence."""
    scores, source = measured.scores, measured.scores.samples.source()
    metric = next((name for name in metrics_of(CONFIDENCE_PAIR) if name in scores.metrics), None)
    found = measured.items(metric) if metric else None
    items = [item for item in found.values if isinstance(item, tuple)] if found else []
    if metric is None or not items:
        return Calibration(overconfidence=missing("the samples hold no probabilities"), bins=[])
    sure, right = ([float(item[side]) for item in items] for side in (0, 1))
    return calibration(sure, right, scores.clusters(scores.having(metric)), source)


def _ties(measured: Measured) -> Mapping[str, Any]:
    """Returns on how many items two choices are equally likely, and how many of those the order alone makes correct."""
    rows, source = measured.scores.rows, measured.scores.samples.source()
    ties = [is_tied(row) for row in rows]
    if any(tied is None for tied in ties):
        return dict.fromkeys(("ties", "ties_correct"), missing("the samples hold no log-likelihood of each choice"))
    correct = sum(gold == said for (gold, said), tied in zip(measured.label_pairs, ties, strict=True) if tied)
    return {
        "ties": fact(sum(map(bool, ties)), "count", source, n=len(rows)),
        "ties_correct": fact(correct, "count", source, n=sum(map(bool, ties))),
    }


def _extraction(measured: Measured, folder: Path, home: str) -> Extraction:
    scores = measured.scores
    source = scores.samples.source()
    parts: dict[str, list[Row]] = {"abstained": scores.rows, "abstained_answerable": [], "abstained_unanswerable": []}
    for row in scores.rows:
        parts["abstained_answerable" if gold_answers(row) else "abstained_unanswerable"].append(row)
    answerable = parts["abstained_answerable"]
    silent = {id(row) for row in scores.rows if abstains(row)}
    contentless = [row for row in scores.rows if is_contentless(row)]
    without = silent | {id(row) for row in contentless}
    answered = [row for row in answerable if id(row) not in without]
    # The metric compares what its normalisation leaves, which is nothing here and in an answer that is not there.
    credited = sum(not gold_answers(row) and normalised(answer_text(row)) == "" for row in contentless)
    shares: dict[str, Any] = {
        name: _share(measured, rows, lambda row: id(row) in silent) for name, rows in parts.items()
    }
    return Extraction(
        **shares,
        answerable=fact(len(answerable), "count", source),
        unanswerable=fact(len(parts["abstained_unanswerable"]), "count", source),
        contentless=fact(len(contentless), "count", source, n=len(scores.rows)),
        contentless_credited=fact(credited, "count", source, n=len(contentless)),
        holds_more=_share(measured, answerable, _holds_more),
        words=_words(measured, answered, lambda row: len(answer_text(row).split())),
        gold_words=_words(measured, answered, lambda row: fmean(len(gold.split()) for gold in gold_answers(row))),
        distributions=distribution_facts(measured),
        **_tokens(folder, home, source),
    )


def _share(measured: Measured, rows: list[Row], holds: Any) -> Fact:
    if not rows:
        return missing("no scored question is of this kind")
    scores = measured.scores
    interval = intervals.level(sample_of("acc", [float(holds(row)) for row in rows], scores.clusters(rows)))
    return interval_fact(interval, "share", scores.samples.source())


def _words(measured: Measured, rows: list[Row], count: Any) -> Fact:
    if not rows:
        return missing("no answerable question was answered in words")
    scores = measured.scores
    interval = intervals.level(
        sample_of("words", [float(count(row)) for row in rows], scores.clusters(rows), scale=None)
    )
    return interval_fact(interval, "number", scores.samples.source())


def _holds_more(row: Row) -> bool:
    """Returns whether an answer holds a gold answer, word for word, and more words."""
    text = normalised(answer_text(row))
    golds = [normalised(gold) for gold in gold_answers(row)]
    return text not in golds and any(gold and f" {gold} " in f" {text} " for gold in golds)


def _tokens(folder: Path, home: str, samples: dict[str, str]) -> Mapping[str, Any]:
    """Returns how many prompts did not fit, and how many generations were cut off at the most tokens allowed."""
    found = read_lengths(folder, home, samples)
    if found is None:
        absent = missing(f"tokens were not counted: there is no {home}/lengths.jsonl")
        return dict.fromkeys(("truncated", "cut_off", "most_tokens", "gold_too_long", "gold_cut"), absent)
    settings, *rows = found.content
    source = found.source()
    ends = [row["cut_off"] for row in rows if row.get("ended") is not None]
    most = settings.get("max_answer_tokens")
    # Of a part of the outputs nothing is said of all: those that another run generated may be the ones cut off.
    unknown = settings.get("unrecorded") or (None if ends else _no_ends(rows))
    golds = [row["gold_tokens"] for row in rows if "gold_tokens" in row]
    return {
        "gold_too_long": fact(sum(tokens > most for tokens in golds), "count", source, n=len(golds))
        if golds and most is not None
        else missing("the tokens of gold answers were not counted"),
        "gold_cut": _gold_cut(rows, most, source),
        "truncated": fact(sum(bool(row["truncated"]) for row in rows), "count", source, n=len(rows)),
        "cut_off": missing(str(unknown)) if unknown else fact(sum(ends), "count", source, n=len(ends)),
        "most_tokens": recorded(Document(found.file, found.sha256, settings), "max_answer_tokens", unit="count")
        if most is not None
        else missing("no text is generated"),
    }


def _gold_cut(rows: list[Row], most: int | None, source: dict[str, str]) -> Fact:
    """Returns for how many questions a gold answer is longer than an output may be, and is scored as cut there."""
    if any(most is not None and row.get("gold_tokens", 0) > most and "gold_within" not in row for row in rows):
        return missing("what an output can hold of the gold answers was not recorded")
    return fact(sum("gold_within" in row for row in rows), "count", source)


def _no_ends(rows: list[Row]) -> str:
    """Returns why no row says how a generation ended."""
    if any(row.get("cut_off") is not None for row in rows):  # as 0.1 wrote it: of texts encoded again
        return "the outputs' tokens were counted in their texts, and not as they were generated"
    return "no text is generated"
