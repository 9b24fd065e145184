"""Questions on texts of a user's own, answered in SQuAD's way: with words of the text, or not at all."""

from collections.abc import Sequence
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.messages import counted
from harness_tasks.metrics import NO_ANSWER, normalise
from harness_tasks.own_task import making, written
from harness_tasks.own_task.reading import Table, cell_text
from harness_tasks.own_task.splitting import SIDES, Item, Side, clustered, with_all_answers
from harness_tasks.own_task.tokens import answer_limit

LEAST_TOKENS = 32
"""As many as SQuAD's tasks allow an output; more where an answer needs them."""


def make(wanted: making.Wanted, table: Table, question: str, context: str, answers: str) -> making.Made:
    """Returns the task that asks the column ``question`` of the column ``context``.

    Raises:
        UserError: no row has all three, no question has an answer, or the rows cannot be split.
    """
    items, lacking = _items(wanted, table, question, context, answers)
    cleaned = with_all_answers(clustered(items))
    _check(cleaned.items, answers)
    sides, unused = making.split(wanted, cleaned.items)
    rows = {side: [_row(item) for item in sides[side]] for side in SIDES}
    counts = _counts(cleaned.items, [row for side in SIDES for row in rows[side]])
    limit, how = answer_limit(
        (NO_ANSWER, *(row["answers"]["text"][0] for side in SIDES for row in rows[side] if row["answers"]["text"])),
        wanted.model,
        least=LEAST_TOKENS,
    )
    notes = [
        *making.row_notes(table, lacking | cleaned.left_out | unused, sides, wanted.model),
        *_said(counts, sides),
        f"outputs: at most {limit} tokens ({how})",
    ]
    files = making.row_files(rows) | making.hook_files("written.py")
    prompt = _prompt(counts)
    parts = ["", "HasAns_", *(["NoAns_"] if counts["unanswerable"] else [])]
    measured = [f"{part}{name}" for part in parts for name in ("exact", "f1")]
    files[f"{wanted.name}.yaml"] = written.yaml_of(
        wanted,
        table,
        files,
        prompt=prompt,
        hook="question",
        measured=[*measured, "meteor_exact_stem", *written.ROUGE, "bleu"],
        until=["\n"],
        most_tokens=limit,
        own={
            "about": f"Answers to {len(rows['test']):,} questions on texts, made of a user's own rows.",
            "primary": "f1",
            "scale": 100,
            "cluster": "cluster",
            "input": "question",
        },
    )
    files["README.md"] = _readme(wanted, prompt, notes, limit, unanswerable=bool(counts["unanswerable"]))
    return making.Made(files, notes)


def _items(
    wanted: making.Wanted, table: Table, question: str, context: str, answers: str
) -> tuple[list[Item], dict[str, int]]:
    """Returns the rows that have all three, and how many lack which."""
    items, without = list[Item](), dict.fromkeys((question, context, answers), 0)
    for row, found in zip(table.rows, written.answers_of(table, answers, read=written.cell_value), strict=True):
        asked, passage = cell_text(row.get(question)), cell_text(row.get(context))
        lacks = next((n for n, v in ((question, asked), (context, passage), (answers, found)) if v is None), None)
        if lacks is not None or asked is None or passage is None or found is None:
            without[str(lacks)] += 1
            continue
        # the word is what a model answers where there is no answer
        texts = [(text, at) for text, at in found if normalise(text) != NO_ANSWER]
        items.append(
            Item(
                {"question": asked, "context": passage, "starts": dict(texts)},
                f"{asked}\n{passage}",
                cell_text(row.get(wanted.cluster)) if wanted.cluster else None,
                None,
                cell_text(row.get(wanted.split)) if wanted.split else None,
                source=passage,
                answers=tuple(dict.fromkeys(text for text, _ in texts)),
            )
        )
    if not items:
        most = max(without, key=lambda name: without[name])
        raise UserError(
            f"no row of {table.origin} has {question!r}, {context!r} and {answers!r}: {without[most]:,} of "
            f"{len(table.rows):,} lack {most!r}",
            "a question is asked of a text, and scored by its answers",
            "name the columns that hold them with --question, --context and --answers; where there is no text to ask "
            "of, make a task with --prompt and --completion",
        )
    return items, {f"rows without {name!r}": count for name, count in without.items()}


def _check(items: Sequence[Item], answers: str) -> None:
    if not any(item.answers for item in items):
        raise UserError(
            f"no question has an answer in the column {answers!r}",
            "a model would learn to answer none, and a score would say nothing",
            "name the column of the answers with --answers",
        )
    if len({item.cluster for item in items}) == 1:
        raise UserError(
            f"all {len(items):,} questions are on one text, or on texts that --cluster joins",
            "a text is trained on or scored as a whole, so one side would be empty",
            "add questions on other texts, or name a finer column with --cluster",
        )


def _row(item: Item) -> dict[str, Any]:
    """Returns an item as it is written: SQuAD's fields, answers that stand in the text first, and its cluster."""
    passage, starts = item.row["context"], item.row["starts"]
    found = [(text, _start(passage, text, starts.get(text))) for text in item.answers]
    found.sort(key=lambda one: one[1] < 0)
    return {
        "question": item.row["question"],
        "context": passage,
        "answers": {"text": [text for text, _ in found], "answer_start": [start for _, start in found]},
        "cluster": item.cluster,
    }


def _start(passage: str, text: str, said: int | None) -> int:
    """Returns where ``text`` stands in the passage, the nearest to where it is said to; -1 where it does not."""
    places, at = list[int](), passage.find(text)
    while at >= 0:
        places.append(at)
        at = passage.find(text, at + 1)
    return min(places, key=lambda place: abs(place - (said or 0)), default=-1)


def _counts(items: Sequence[Item], rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Returns how many questions have no answer, and how many none that stands in the text."""
    return {
        "questions": len(items),
        "texts": len({row["context"] for row in rows}),
        "unanswerable": sum(not row["answers"]["text"] for row in rows),
        "elsewhere": sum(bool(s := row["answers"]["answer_start"]) and s[0] < 0 for row in rows),
    }


def _said(counts: dict[str, int], sides: dict[Side, list[Item]]) -> list[str]:
    without = {side: sum(not item.answers for item in sides[side]) for side in SIDES}
    lines = [f"{counted(counts['questions'], 'questions')} on {counted(counts['texts'], 'texts')}"]
    if counts["unanswerable"]:
        lines.append(
            f"unanswerable: {counted(counts['unanswerable'], 'questions')} ({without['train']:,} to train on, "
            f"{without['test']:,} to score); the target is {NO_ANSWER!r}"
        )
    if counts["elsewhere"]:
        lines.append(
            "answers that do not stand in their text word for word: those of "
            f"{counted(counts['elsewhere'], 'questions')}; the prompt asks for no copied words, and a span reader "
            "(--head question-answering) cannot learn them"
        )
    return lines


def _prompt(counts: dict[str, int]) -> str:
    copied = "from the passage" if counts["elsewhere"] else "with words copied from the passage"
    otherwise = f', or "{NO_ANSWER}" if it does not say' if counts["unanswerable"] else ""
    return (
        f"Answer the question {copied}{otherwise}.\nPassage: {{{{context.strip()}}}}\n"
        "Question: {{question.strip()}}\nAnswer:"
    )


def _readme(wanted: making.Wanted, prompt: str, notes: Sequence[str], limit: int, *, unanswerable: bool) -> str:
    shown = "\n".join(f"    {line}" for line in prompt.split("\n"))
    nothing = f", or `{NO_ANSWER}`" if unanswerable else ""
    parts = "with an answer (`HasAns_`)" + (" and without (`NoAns_`)" if unanswerable else "")
    return f"""# {wanted.name}

Made by `aftertune task new`: questions on texts, answered in writing.

{making.run_lines(wanted)}
## Rows

{making.note_list(notes)}

Rows: `question`, `context`, `answers` (`text`, and `answer_start`: the first character in the context, -1 where the
answer does not stand there), `cluster`. Questions on one text, or of one `--cluster`, are on one side. The YAML file
holds the SHA-256 of both files of rows; others are refused.

{making.LICENCE}
## Prompt

{shown}

The target is the first answer{nothing}. Generation is greedy, to the first line break, at most {limit} tokens.

## Metrics

`f1` (primary) and `exact` of SQuAD, 0 to 100, also over the questions {parts}.
"{NO_ANSWER}" and an empty output mean the same: no answer. Over the questions with an answer also `meteor_exact_stem`
(without WordNet's synonyms), `rouge1`, `rouge2`, `rougeL` (words of any script) and corpus `bleu`. Texts without spaces
between words, as of Chinese, are one word to F1 and ROUGE: read `exact` there.
"""
