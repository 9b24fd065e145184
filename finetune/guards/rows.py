"""Guards of the rows: the prompt is the evaluator's, what is learnt is the answer, and nothing of it is cut off."""

import re
from typing import Any

from finetune.batches import IGNORED, Group
from finetune.guards.evidence import Evidence, named, squeezed
from finetune.guards.tokens import added_tokens
from finetune.prepare import Prepared
from finetune.rows import Row
from harness_tasks.choices import gold_choice
from harness_tasks.guards.verdicts import Verdict

_PROMPT_FIELDS = ("output_type", "description", "doc_to_text", "doc_to_choice", "target_delimiter", "gen_prefix")


def prompt(evidence: Evidence) -> Verdict:
    """Fails where a scored task has another prompt template than the training rows."""
    prepared, id_ = evidence.prepared, "prompt"
    if prepared.run.head == "question-answering":
        return Verdict(id_, "by-design", "the span reader's prompt is made by one function, for training and scoring")
    own = _prompt_parts(prepared.task)
    for scored in evidence.scored:
        other = _prompt_parts(scored.task)
        different = [field for field in _PROMPT_FIELDS if own[field] != other[field]]
        if different:
            return Verdict(
                id_,
                "fail",
                f"the prompts of {prepared.run.task} and of {scored.name} differ in {', '.join(different)}",
                "a model that is scored with another prompt than it was trained with can lose all that it learnt",
                f"train on {scored.name} itself, or allow it with --allow prompt to measure just that",
            )
    return Verdict(
        id_, "by-design", "the harness task that scores the checkpoint renders the rows that it is trained on"
    )


def mask(evidence: Evidence) -> Verdict:
    """Fails where the target tokens of a row are not the gold answer, all of it, and nothing else."""
    prepared, id_ = evidence.prepared, "mask"
    rows, total = prepared.rows, len(prepared.rows)
    why = "the loss would be taken on something else than the answer, and look healthy"
    unlearnt = [row for row in rows if not _has_something_to_learn(row, prepared.run.head, len(prepared.labels))]
    if unlearnt:
        return Verdict(
            id_,
            "fail",
            f"{len(unlearnt)} of {total} rows have nothing to learn: no answer, or a label that is none of the choices",
            "such a row costs time and teaches nothing, or teaches a hidden label (-1) as if it were one",
            "give the task's training rows their answers, or leave those without one out of the task",
        )
    _, after = added_tokens(prepared.tokenizer)
    if after and prepared.run.head != "question-answering":
        return Verdict(
            id_,
            "fail",
            f"the tokenizer ends every text, and so every prompt, with {named(prepared.tokenizer, after[0])}",
            "the model would answer a text that has ended, and a choice would be cut off in the wrong place",
            "name the model's own tokenizer, or one that adds nothing at the end",
        )
    for row in rows[:8]:
        if (learnt := _learnt(prepared, row)) != _meant(row):
            return Verdict(
                id_, "fail", f"a batch has the labels {learnt} where the row's are {_meant(row)}", why, "report it"
            )
    for row, doc, target in evidence.documents:
        answer, found = _answer(prepared, doc, target), _learnt_text(prepared, row)
        if answer is not None and squeezed(answer) not in squeezed(found):
            return Verdict(
                id_,
                "fail",
                f"the answer is {answer!r}, and what would be learnt is {found!r}",
                why,
                "name the model's own tokenizer, or correct the task's answers",
            )
    supervised = {
        "causal": sum(len(row.target_ids) for row in rows),
        "sequence-classification": total,
        "question-answering": 2 * total,
    }[prepared.run.head]
    what = {
        "causal": "tokens of answers are learnt",
        "sequence-classification": "labels are learnt, at the last token of each prompt",
        "question-answering": "ends of spans are learnt",
    }[prepared.run.head]
    return Verdict(id_, "pass", f"{supervised:,} {what}, in {total:,} rows, none without")


def truncation(evidence: Evidence) -> Verdict:
    """Fails where a row has more tokens than the recipe or the model allows, since none is truncated."""
    prepared, id_ = evidence.prepared, "truncation"
    rows = [*prepared.rows, *prepared.dev_rows]
    limit, option = length_limit(prepared)
    longest, over = max(row.length for row in rows), sum(row.length > limit for row in rows)
    if not over:
        return Verdict(id_, "pass", f"the longest row has {longest} tokens, {limit} are allowed, and nothing is cut")
    raised = (
        f"raise max_length to {longest} or more" if option == "max_length" else "take a model that reads longer texts"
    )
    return Verdict(
        id_,
        "fail",
        f"{over} of {len(rows)} training rows are longer than {option} = {limit} tokens (the longest has {longest})",
        "cutting them would take the answer off the end, and the loss would teach nothing while it looks healthy",
        f"{raised}, or leave long rows out of the task",
    )


def length_limit(prepared: Prepared) -> tuple[int, str]:
    """Returns the most tokens that a row may have, and what says so: the recipe or the model."""
    positions = getattr(prepared.config.get_text_config(), "max_position_embeddings", None)
    if positions is not None and positions < prepared.run.recipe.max_length:
        return int(positions), "the model's max_position_embeddings"
    return prepared.run.recipe.max_length, "max_length"


def question_first(evidence: Evidence) -> Verdict:
    """Holds by design: the answer comes after the question in every sequence."""
    id_ = "question-first"
    if evidence.prepared.run.head == "question-answering":
        found = 'the question stands before the passage, and "no answer" is the last token, which has seen both'
    else:
        found = "the answer comes after the whole prompt, which a causal model has read by then"
    return Verdict(id_, "by-design", found)


def _has_something_to_learn(row: Row, head: str, labels: int) -> bool:
    if head == "causal":
        return len(row.target_ids) > 0
    if head == "sequence-classification":
        return row.label is not None and 0 <= row.label < labels
    return row.span is not None and 0 <= row.span[0] <= row.span[1] < len(row.prompt_ids)


def _learnt(prepared: Any, row: Row) -> list[int]:
    """Returns the labels that carry loss when the row is a batch by itself."""
    batch = prepared.formulation.collate([Group((row,), 0)], pad_id=prepared.pad_id)
    labels = batch["labels"].flatten()
    return [int(label) for label in labels[labels != IGNORED]]


def _meant(row: Row) -> list[int]:
    if row.span is not None:
        return list(row.span)
    return list(row.target_ids) if row.label is None else [row.label]


def _learnt_text(prepared: Any, row: Row) -> str:
    """Returns what a row teaches, as text: its target, its label, or its span (empty for no answer)."""
    if row.label is not None:
        return str(prepared.labels[row.label])
    ids = row.target_ids
    if row.span is not None:
        first, last = row.span
        ids = () if first == len(row.prompt_ids) - 1 else row.prompt_ids[first : last + 1]
    return str(prepared.tokenizer.decode(ids))


def _answer(prepared: Any, doc: dict[str, Any], target_doc: dict[str, Any]) -> str | None:
    """Returns the answer that ``doc`` is to have, by the document of its target; None where there is to be none."""
    task, head = prepared.task, prepared.run.head
    if head == "question-answering":
        is_here = target_doc["context"] == doc["context"]  # else a control learns a place alone
        return target_doc["answers"]["text"][0] if target_doc["answers"]["text"] and is_here else None
    if task.OUTPUT_TYPE == "multiple_choice":
        choices, gold = task.doc_to_choice(doc), gold_choice(task, target_doc)
        if not 0 <= gold < len(choices):
            return f"choice {gold} of {len(choices)}"
        return str(choices[gold]) if head == "causal" else None
    target = task.doc_to_target(target_doc)
    return str(target[0] if isinstance(target, list) else target)


def _prompt_parts(task: Any) -> dict[str, str]:
    config = task.dump_config()
    return {field: re.sub(r" at 0x[0-9a-f]+", "", str(config.get(field))) for field in _PROMPT_FIELDS}
