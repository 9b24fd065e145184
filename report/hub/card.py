"""The model card of a checkpoint: the Hub's metadata, and a page from the template, both from the study's facts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from report.facts.publication import HUB_PAGE
from report.facts.schema.diagnosis import Side
from report.facts.schema.parts import Known, is_known, part_at
from report.facts.schema.scores import Comparison, ScoredTask
from report.facts.schema.training import Trained
from report.facts.schema.whole import ComparisonFindings, Facts, Finding
from report.hub.licences import Licence
from report.page import formats
from report.sentences.evidence import resolved
from report.statistics.metrics import metric_of

_TASK_TYPES = {"classification": "text-classification", "extraction": "question-answering"}
_LOADERS = {
    "causal": "AutoModelForCausalLM",
    "sequence-classification": "AutoModelForSequenceClassification",
    "question-answering": "AutoModelForQuestionAnswering",
}
_PIPELINES = {
    "causal": "text-generation",
    "sequence-classification": "text-classification",
    "question-answering": "question-answering",
}
_HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")


@dataclass(frozen=True)
class CardSubject:
    """The checkpoint that a card is about."""

    facts: Facts
    name: str
    """The checkpoint's name."""
    repo: str
    """Its repository on the Hub."""
    licence: Licence
    base: str | None
    """The base model's name on the Hub; None where it has none."""
    configurations: Mapping[str, Mapping[str, Any]]
    """By task: what lm_eval recorded of it."""
    labels: int
    """Classes of a classification head; 0 for any other."""
    is_adapter: bool
    files: tuple[str, ...]
    """The names of what is published beside the card."""
    text_notice: str | None
    """The licence of the training rows' text, where it may be shown."""
    own_templates: Path | None
    """The folder of the study's own templates."""

    @property
    def checkpoint(self) -> Trained:
        """The checkpoint's facts."""
        trained = (found for found in self.facts.checkpoints if isinstance(found, Trained))
        return next(found for found in trained if found.name.value == self.name)

    @property
    def head(self) -> str:
        """What the checkpoint answers with."""
        rows = {row.name.value: row.value.value for row in self.checkpoint.recipe}
        return rows["head"] if rows.get("head") in _LOADERS else "causal"

    @property
    def scored(self) -> list[tuple[ScoredTask, Comparison, Side]]:
        """Each task that it was scored on, with its comparison to the base and what concerns it alone."""
        return [
            (task, comparison, comparison.after)
            for task in self.facts.tasks
            if isinstance(task, ScoredTask)
            for comparison in task.comparisons
            if comparison.checkpoint.value == self.name
            and isinstance(comparison.after, Side)
            and any(is_known(score.after) for score in comparison.scores)
        ]


def base_on_hub(model: str, is_local: bool, url: str | None) -> str | None:
    """Returns the base model's name on the Hub; None where it has none.

    >>> base_on_hub("build/base", True, "https://huggingface.co/ada/small"), base_on_hub("ada/small", False, None)
    ('ada/small', 'ada/small')
    """
    if not is_local and _HUB_ID.fullmatch(model):
        return model
    page = HUB_PAGE.fullmatch(url or "")
    return page[1] if page else None


def model_card(subject: CardSubject) -> str:
    """Returns the card as Markdown with its metadata before it; the same facts give the same bytes."""
    from report.page.template import environment, filled

    facts, checkpoint = subject.facts, subject.checkpoint
    ours = [(part, found) for part, name, found in _said(facts) if name in (None, subject.name)]
    said = {part: [found for where, found in ours if where == part] for part in _PARTS}
    tasks = {task.name.value for task, *_ in subject.scored}
    values = {
        **{key: getattr(facts, key) for key in ("model", "study", "confidence")},
        "checkpoint": checkpoint,
        "name": subject.repo.rpartition("/")[2],
        "scored": [{"task": task, "comparison": comparison} for task, comparison, _ in subject.scored],
        "said": said
        | {part: [found for found in said[part] if _concerns(found, tasks)] for part in ("limits", "warnings")},
        "licence": subject.licence,
        "is_adapter": subject.is_adapter,
        "approximate": subject.is_adapter and is_known(facts.model.dequantised_from),
        "files": subject.files,
        "text_notice": subject.text_notice,
        "loading": Markup(loading(subject)),
        "runs": [run for run in facts.reproduction.runs if run.checkpoint.value == subject.name],
    }
    page = filled(environment(formats.in_markdown, own=subject.own_templates), "model_card.md.j2", values)
    return f"---\n{card_metadata(subject).to_yaml()}\n---\n\n" + re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def card_metadata(subject: CardSubject) -> Any:
    """Returns the card's `ModelCardData`: what the Hub reads of it, with every known score in its `model-index`."""
    from huggingface_hub import ModelCardData

    results = [result for found in subject.scored for result in _results(subject, *found)]
    data = subject.checkpoint.data
    known = subject.licence.id != "other"
    link = subject.facts.model.url.value
    return ModelCardData(
        base_model=subject.base,
        base_model_relation=("adapter" if subject.is_adapter else "finetune") if subject.base else None,
        datasets=[data.name.value] if data.source.value == "hub" else None,
        license=subject.licence.id,
        license_name=None if known else subject.licence.name,
        license_link=None if known else link,
        library_name="peft" if subject.is_adapter else "transformers",
        pipeline_tag=_PIPELINES[subject.head],
        tags=["aftertune", "lm-evaluation-harness"],
        model_name=subject.repo.rpartition("/")[2] if results else None,
        eval_results=results or None,
    )


def benchmark_files(subject: CardSubject) -> dict[str, bytes]:
    """Returns `.eval_results/<task>.yaml` for each task whose metadata names the Hub benchmark that it is.

    A benchmark is scored whole and in its primary metric: a task with a limit, or without a known score, has none.
    """
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    found = {}
    for task, comparison, _ in subject.scored:
        declared = (subject.configurations.get(task.task, {}).get("metadata") or {}).get("benchmark")
        score = comparison.primary.after if comparison.primary else None
        if not isinstance(declared, Mapping) or task.limited or not is_known(score):
            continue
        entry = EvalResultEntry(
            dataset_id=str(declared["dataset"]),
            task_id=str(declared["task_id"]),
            value=score.value,
            dataset_revision=declared.get("revision"),
            notes=f"lm-evaluation-harness task {task.task}, {task.setting.value}; {_uncertainty(score)}",
        )
        text = yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True)
        found[f".eval_results/{re.sub(r'[^A-Za-z0-9_-]', '-', task.task)}.yaml"] = text.encode()
    return found


def loading(subject: CardSubject) -> str:
    """Returns the lines of Python that load the checkpoint from the Hub, as a block of code."""
    loader = _LOADERS[subject.head]
    lines = [f"from transformers import {loader}, AutoTokenizer", ""]
    if subject.is_adapter:
        base = f'"{subject.base or "FOLDER-OF-THE-BASE-MODEL"}"'
        if "config.json" in subject.files:  # beside an adapter it holds the head's labels and the padding
            lines[0] = f"from transformers import AutoConfig, {loader}, AutoTokenizer"
            lines.append(f'config = AutoConfig.from_pretrained("{subject.repo}")')
            base += ", config=config"
        elif subject.labels:
            base += f", num_labels={subject.labels}"
        lines = ["from peft import PeftModel", *lines, f"base = {loader}.from_pretrained({base})"]
        lines.append(f'model = PeftModel.from_pretrained(base, "{subject.repo}").eval()')
    else:
        lines.append(f'model = {loader}.from_pretrained("{subject.repo}")')
    lines.append(f'tokenizer = AutoTokenizer.from_pretrained("{subject.repo}")')
    if subject.head == "sequence-classification":
        lines += [
            "",
            'inputs = tokenizer(["a text", "another text, longer than the first"], padding=True, return_tensors="pt")',
            "labels = [model.config.id2label[int(i)] for i in model(**inputs).logits.argmax(-1)]",
        ]
    return "\n".join(["```python", *lines, "```"])


def _results(subject: CardSubject, task: ScoredTask, comparison: Comparison, side: Side) -> Iterator[Any]:
    """Yields an `EvalResult` for each known score of the checkpoint on a task."""
    from huggingface_hub import EvalResult

    recorded = subject.configurations.get(task.task, {})
    data = task.data
    on_hub = data.source.value == "hub"
    for row in comparison.scores:
        score, moves = row.after, task.range_of(row.metric)
        if not is_known(score):
            continue
        arguments = {
            "items": score.n,
            "clusters": score.clusters,
            "signature": moves.signature.value if moves else None,
            **{key: getattr(side, key).value for key in ("model_class", "dtype", "softmax_dtype")},
            **(dict(score.interval) if score.interval else {}),
        }
        yield EvalResult(
            task_type=_TASK_TYPES.get(task.kind, "text-generation"),
            task_name=task.task,
            dataset_type=data.name.value if on_hub else task.task,
            dataset_name=str(data.name.value or task.task),
            dataset_config=recorded.get("dataset_name"),
            dataset_split=recorded.get("test_split") or recorded.get("validation_split"),
            dataset_revision=data.revision.value if on_hub else None,
            metric_type=metric_of(row.metric).hub or row.metric,
            metric_name=f"{row.label.value} ({_uncertainty(score)})",
            metric_value=score.value,
            metric_args={key: value for key, value in arguments.items() if value is not None},
        )


def _uncertainty(score: Known) -> str:
    """Returns a score's interval and number of items as plain text."""
    counted = "items not counted" if score.n is None else f"{score.n} items"
    if score.interval is None:
        return f"no interval, {counted}"
    return f"{formats.FILTERS['confidence'](score)} interval {formats.FILTERS['interval'](score)}, {counted}"


_PARTS = ("headline", "difference", "counts", "trained_share", "changes", "cost", "warnings", "limits")


def _said(facts: Facts) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Yields the findings with their evidence in place: part, checkpoint (None: all of them), finding."""
    for part in _PARTS:
        for found in getattr(facts.findings, part):
            about = found if isinstance(found, Finding) else found.headline
            chosen = [found] if isinstance(found, Finding) else _of_comparison(found)
            name = str(about.evidence.get("checkpoint", ""))
            if part == "warnings" and not name and "task" not in about.evidence:
                continue  # on the study's run, not on a checkpoint
            checkpoint = _checkpoint(facts, name) if name else None
            yield from ((part, checkpoint, resolved(facts, sentence)) for sentence in chosen)


def _checkpoint(facts: Facts, place: str) -> str:
    """Returns the name of the checkpoint whose display name is at ``place``."""
    owner = part_at(facts, place.rpartition("/")[0])
    return str((owner.checkpoint if isinstance(owner, Comparison) else owner.name).value)


def _of_comparison(found: ComparisonFindings) -> list[Finding]:
    beside = (found.shift, found.transitions, found.overlap)
    return [*found.tests, *found.metrics, *(sentence for sentence in beside if sentence)]


def _concerns(finding: Mapping[str, Any], tasks: set[str]) -> bool:
    """Returns whether a limit or a warning is one of the tasks in ``tasks``, or of all."""
    task = finding["evidence"].get("name", finding["evidence"].get("task"))
    return task is None or task.value in tasks
