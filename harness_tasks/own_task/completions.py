"""Prompts of a user's own, and the texts that a model is to write after them."""

from collections.abc import Sequence

from harness_tasks.errors import UserError
from harness_tasks.messages import counted
from harness_tasks.own_task import making, written
from harness_tasks.own_task.reading import Table, cell_text
from harness_tasks.own_task.splitting import SIDES, Item, clustered, with_all_answers
from harness_tasks.own_task.tokens import answer_limit

LEAST_TOKENS = 16
_STOPS = ("\n", "\n\n")


def make(wanted: making.Wanted, table: Table, prompt: str, completion: str) -> making.Made:
    """Returns the task that asks for the column ``completion`` after the column ``prompt``.

    Raises:
        UserError: no row has both, or the rows cannot be split.
    """
    items, lacking = _items(wanted, table, prompt, completion)
    cleaned = with_all_answers(clustered(items))
    sides, unused = making.split(wanted, cleaned.items)
    rows = {
        side: [
            {**item.row, "completions": list(item.answers)} | ({"cluster": item.cluster} if wanted.cluster else {})
            for item in sides[side]
        ]
        for side in SIDES
    }
    texts = [text for item in cleaned.items for text in item.answers]
    until = _until(texts)
    limit, how = answer_limit(texts, wanted.model, least=LEAST_TOKENS)
    several = sum(len(item.answers) > 1 for item in cleaned.items)
    longest = max(len(text.split()) for text in texts)
    notes = [
        *making.row_notes(table, lacking | cleaned.left_out | unused, sides, wanted.model),
        f"longest completion: {counted(longest, 'words')}",
        *([f"prompts with several completions, each of which is right: {several:,}"] if several else []),
        f"outputs: at most {limit} tokens ({how})",
        "outputs end " + _ENDS[until],
    ]
    files = making.row_files(rows) | making.hook_files("written.py")
    files[f"{wanted.name}.yaml"] = written.yaml_of(
        wanted,
        table,
        files,
        prompt="{{prompt}}",
        hook="completion",
        measured=["exact", "f1", *written.ROUGE, "bleu"],
        until=until,
        most_tokens=limit,
        own={
            "about": f"What is to be written after {len(rows['test']):,} prompts, made of a user's own rows.",
            "primary": "f1",
            "scale": 100,
            **({"cluster": "cluster"} if wanted.cluster else {}),
            "input": "prompt",
        },
    )
    files["README.md"] = _readme(wanted, notes, _ENDS[until], limit)
    return making.Made(files, notes)


def _items(wanted: making.Wanted, table: Table, prompt: str, completion: str) -> tuple[list[Item], dict[str, int]]:
    """Returns the rows that have a prompt and a completion, and how many lack which."""
    items, without = list[Item](), {prompt: 0, completion: 0}
    for row, found in zip(table.rows, written.answers_of(table, completion), strict=True):
        asked = cell_text(row.get(prompt))
        if asked is None or not found:
            without[prompt if asked is None else completion] += 1
            continue
        items.append(
            Item(
                {"prompt": asked},
                asked,
                cell_text(row.get(wanted.cluster)) if wanted.cluster else None,
                None,
                cell_text(row.get(wanted.split)) if wanted.split else None,
                answers=tuple(dict.fromkeys(text.replace("\r\n", "\n") for text, _ in found)),
            )
        )
    if not items:
        raise UserError(
            f"no row of {table.origin} has both {prompt!r} and {completion!r}",
            "a task is made of rows with a prompt and what is to be written after it",
            "name the columns that hold them with --prompt and --completion",
        )
    return items, {f"rows without {name!r}": count for name, count in without.items()}


def _until(texts: Sequence[str]) -> tuple[str, ...]:
    """Returns the shortest stop string that no completion holds; none where each is in one.

    >>> _until(["a", "b"]), _until(["a\\nb"]), _until(["a\\n\\nb"])
    (('\\n',), ('\\n\\n',), ())
    """
    return next(((stop,) for stop in _STOPS if not any(stop in text for text in texts)), ())


_ENDS = {
    ("\n",): "at the first line break, which no completion holds",
    ("\n\n",): "at the first blank line, which no completion holds",
    (): "at the model's end token: completions hold blank lines, so no stop string can end them",
}


def _readme(wanted: making.Wanted, notes: Sequence[str], ends: str, limit: int) -> str:
    return f"""# {wanted.name}

Made by `aftertune task new`: what is to be written after a prompt.

{making.run_lines(wanted)}
## Rows

{making.note_list(notes)}

Rows: `prompt`, `completions`{", `cluster`" if wanted.cluster else ""}. The YAML file holds the SHA-256 of both files of
rows; others are refused.

{making.LICENCE}
## Prompt

The prompt as it is; the completion follows behind a space. The target is the prompt's first completion. Generation is
greedy, at most {limit} tokens; outputs end {ends}.

## Metrics

`f1` (primary): token F1, of words without case, ASCII punctuation and the articles a, an, the, as SQuAD's. `exact`: the
whole output is a completion, compared in the same way. `rouge1`, `rouge2`, `rougeL` (words of any script) and corpus
`bleu`. All from 0 to 100, the best of a prompt's completions. Texts without spaces between words, as of Chinese, are
one word to F1 and ROUGE: read `exact` there.
"""
