"""A study as large as the assignment's own: sentiment and passages, two models each, made of invented words."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any, Literal

from report.facts.schema.parts import Fact
from report.facts.schema.scores import Comparison, MetricScores, Range, ScoredTask, Transitions
from report.facts.schema.whole import Facts
from report.facts.values import missing
from tests.report.some_facts import known

SENTIMENT, PASSAGES = "sentiment", "passages"


def write_large_study(folder: Path, *, items: int) -> Facts:
    """Returns facts of a study with ``items`` items a task, whose samples it writes below ``folder``.

    A prompt of the one task is of about 60 tokens, of the other of about 200; five questions share a passage.
    """
    words = _Words(seed=1)
    sentiment = [_sentiment(words, number) for number in range(items)]
    passages = [words.text(130) for _ in range((items + 4) // 5)]
    places = list(range(items))
    words.random.shuffle(places)
    questions = [_question(words, number, passages[place % len(passages)]) for number, place in enumerate(places)]
    for task, rows in ((SENTIMENT, sentiment), (PASSAGES, questions)):
        about = {"input": "sentence" if task == SENTIMENT else "question", "labels": ["negative", "positive"]}
        about |= {} if task == SENTIMENT else {"cluster": "context"}
        for side in ("base", f"{task}-lora"):
            home = folder / "scores" / side / task
            home.mkdir(parents=True)
            results = {"results": {task: {}}, "configs": {task: {"metadata": about}}}
            (home / "results.json").write_text(json.dumps(results), encoding="utf-8")
            with (home / "samples.jsonl").open("w", encoding="utf-8") as file:
                for row in rows:
                    file.write(json.dumps({**row, **_answer(words, task, row, side)}) + "\n")
            with (home / "lengths.jsonl").open("w", encoding="utf-8") as file:
                file.write(json.dumps({"max_length_tokens": 8192, "max_answer_tokens": 32}) + "\n")
                for row in rows:
                    tokens = len(row["arguments"]["gen_args_0"]["arg_0"].split()) * 4 // 3
                    length = {"doc_id": row["doc_id"], "prompt_tokens": tokens, "truncated": False}
                    file.write(json.dumps(length) + "\n")
        overlap = folder / "overlap" / f"{task}-lora" / f"overlap_{task}.jsonl"
        overlap.parent.mkdir(parents=True)
        graded = [{"doc_id": row["doc_id"], "doc_hash": row["doc_hash"], "grades": _grades(row)} for row in rows]
        head = {"training_rows": items, "definition": {"identical": "as written", "same_source": "a passage"}}
        overlap.write_text("".join(json.dumps(row) + "\n" for row in [head, *graded]), encoding="utf-8")
    tasks = [_task(folder, SENTIMENT, "classification", ["acc", "brier"], "acc"), _passages_task(folder)]
    return Facts.model_construct(tasks=tasks)


class _Words:
    """Invented words, the first ones far more frequent than the last, as in a language."""

    def __init__(self, *, seed: int) -> None:
        self.random = random.Random(seed)
        parts = ["ba", "den", "ri", "so", "mel", "tu", "an", "ker", "lo", "vi", "st", "on", "ge", "fa", "ing", "er"]
        self.known = ["".join(self.random.choices(parts, k=1 + number % 4)) for number in range(20_000)]
        self.weights = [1 / (rank + 3) for rank in range(len(self.known))]
        total = 0.0
        self.sums = [total := total + weight for weight in self.weights]

    def text(self, words: int) -> str:
        return " ".join(self.random.choices(self.known, cum_weights=self.sums, k=words))


def _sentiment(words: _Words, number: int) -> dict[str, Any]:
    sentence = words.text(34)
    prompt = f"{sentence}\nQuestion: Is this sentence positive or negative?\nAnswer:"
    doc = {"sentence": sentence, "label": words.random.randrange(2)}
    arguments = {f"gen_args_{n}": {"arg_0": prompt, "arg_1": f" {text}"} for n, text in enumerate(_LABELS)}
    return _row(number, doc, arguments)


def _question(words: _Words, number: int, passage: str) -> dict[str, Any]:
    question = words.text(10) + "?"
    answers = [] if words.random.random() < 0.3 else [" ".join(passage.split()[number % 100 :][:3])]
    prompt = (
        f"Answer the question with words copied from the passage.\nPassage: {passage}\nQuestion: {question}\nAnswer:"
    )
    doc = {"question": question, "context": passage, "answers": {"text": answers}}
    return _row(number, doc, {"gen_args_0": {"arg_0": prompt, "arg_1": {"until": ["\n"]}}})


_LABELS = ("negative", "positive")


def _row(number: int, doc: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    digest = hashlib.sha256(json.dumps(doc).encode()).hexdigest()
    return {"doc_id": number, "doc": doc, "target": "", "arguments": arguments, "filter": "none", "doc_hash": digest}


def _answer(words: _Words, task: str, row: dict[str, Any], side: str) -> dict[str, Any]:
    right = words.random.random() < (0.6 if side == "base" else 0.9)
    if task == SENTIMENT:
        gold = row["doc"]["label"]
        said = gold if right else 1 - gold
        likely = sorted((-words.random.random() * 3 - 0.01 for _ in _LABELS), reverse=said == 0)
        answers = [[f"{value:.4f}", str(value == max(likely))] for value in likely]
        return {"filtered_resps": answers, "acc": float(right), "brier": words.random.random(), "f1": [gold, said]}
    golds = row["doc"]["answers"]["text"]
    gold = golds[0] if golds else "unanswerable"
    said = gold if right else words.text(3)
    score = 100.0 if right else words.random.choice([0.0, 40.0, 200 / 3])
    part = "HasAns" if golds else "NoAns"
    exact = float(right) * 100
    return {"filtered_resps": [f" {said}"], "f1": score, "exact": exact, f"{part}_f1": score, f"{part}_exact": exact}


def _grades(row: dict[str, Any]) -> list[str]:
    number = row["doc_id"]
    return ["identical", "containment"] if number % 50 == 0 else ["same_source"] if number % 10 == 0 else []


def _passages_task(folder: Path) -> ScoredTask:
    names = ["f1", "exact", "HasAns_f1", "HasAns_exact", "NoAns_f1", "NoAns_exact"]
    return _task(folder, PASSAGES, "extraction", names, "exact")


def _mean(folder: Path, side: str, task: str, metric: str) -> Fact:
    """Returns the mean of a side's items, of those that have the metric."""
    with (folder / "scores" / side / task / "samples.jsonl").open(encoding="utf-8") as file:
        values = [row[metric] for row in map(json.loads, file) if isinstance(row.get(metric), float)]
    return known(sum(values) / len(values), "points" if task == PASSAGES else "proportion")


def _task(
    folder: Path, name: str, kind: Literal["classification", "extraction"], metrics: list[str], verdict: str
) -> ScoredTask:
    """Returns those facts of a task that the explorer reads."""
    comparison = Comparison.model_construct(
        checkpoint=known(f"{name}-lora"),
        refused=None,
        transitions=Transitions.model_construct(label=known(verdict)),
        scores=[
            MetricScores.model_construct(
                metric=metric,
                label=known(metric),
                primary=at == 0,
                higher_is_better=metric != "brier",
                before=_mean(folder, "base", name, metric),
                after=_mean(folder, f"{name}-lora", name, metric),
            )
            for at, metric in enumerate(metrics)
        ],
    )
    ranges = [Range.model_construct(metric=metric, label=known(metric)) for metric in metrics]
    licence = missing("the task states no licence")
    return ScoredTask.model_construct(
        task=name, kind=kind, text_licence=licence, comparisons=[comparison], ranges=ranges
    )
