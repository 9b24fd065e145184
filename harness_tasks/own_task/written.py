"""What tasks whose answers are written have in common: answers read from cells, metrics, and the YAML file."""

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from harness_tasks import metrics
from harness_tasks.errors import UserError
from harness_tasks.own_task import making
from harness_tasks.own_task.reading import Table, cell_text

ROUGE = ("rouge1", "rouge2", "rougeL")
_ROUGE = r"score:F|case:lower|stem:no|refs:max|agg:mean|tok:[^\W_]+|version:rouge_score"
_METEOR = (
    "alpha:0.9|beta:3|gamma:0.5|stages:exact,stem|stem:porter|case:lower|refs:max|agg:mean|tok:NLTKWordTokenizer"
    "|version:nltk"
)


def cell_answers(value: Any, where: str) -> list[tuple[str, int | None]] | None:
    """Returns the texts that a cell holds, each with the place in its context that it is said to have.

    A cell is a text, a list of texts, SQuAD's `{"text": [...], "answer_start": [...]}`, or its list of such objects.
    None where it is missing or empty, [] where it is a list without a text: then there is said to be no answer.
    ``where`` is what errors call the cell. Raises UserError where it is something else.

    >>> cell_answers(["Ada", "Ada Lovelace"], ""), cell_answers(1815, ""), cell_answers("", "")
    ([('Ada', None), ('Ada Lovelace', None)], [('1815', None)], None)
    >>> cell_answers({"text": ["Ada"], "answer_start": [3]}, ""), cell_answers([], "")
    ([('Ada', 3)], [])
    """
    if isinstance(value, dict) and "text" in value:
        texts, starts = value.get("text"), value.get("answer_start")
        texts = texts if isinstance(texts, list) else [texts]
        starts = starts if isinstance(starts, list) else [starts]
        known = dict(enumerate(starts))
        value = [{"text": text, "answer_start": known.get(at)} for at, text in enumerate(texts)]
    if isinstance(value, dict | bytes):
        value = [value]
    if not isinstance(value, list):
        text = cell_text(value)
        return None if text is None else [(text, None)]
    found = list[tuple[str, int | None]]()
    for one in value:
        text, start = (one.get("text"), one.get("answer_start")) if isinstance(one, dict) else (one, None)
        if isinstance(text, bytes):
            with suppress(UnicodeDecodeError):
                text = text.decode("utf-8")
        if isinstance(text, list | dict | bytes) or (isinstance(one, dict) and "text" not in one):
            raise UserError(
                f"{where} holds {json.dumps(one, ensure_ascii=False, default=str)[:80]}",
                "an answer is a text, with the texts that are right too beside it",
                'write a text, a list of texts, or {"text": [...], "answer_start": [...]}',
            )
        said = cell_text(text)
        if said is not None:
            found.append((said, start if isinstance(start, int) else None))
    return found


def cell_value(value: Any) -> Any:
    """Returns the list of texts, or SQuAD's object, that a cell of a CSV file holds as a text; else the cell as it is.

    >>> cell_value('["Ada", "Byron"]'), cell_value("[sic] Ada"), cell_value("[1, 2]")
    (['Ada', 'Byron'], '[sic] Ada', '[1, 2]')
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    found = _written(value)
    return value if found is None else found


def _written(text: str) -> Any:
    plain = re.sub(r"array\((\[.*?\])(?:, dtype=\w+)?\)", r"\1", text, flags=re.DOTALL)  # as pandas writes one
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(plain)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, list) and all(isinstance(one, str) or _is_answer(one) for one in value):
            return value
        return value if _is_answer(value) else None
    return None


def _is_answer(value: Any) -> bool:
    return isinstance(value, dict) and "text" in value


def answers_of(
    table: Table, column: str, *, read: Callable[[Any], Any] = lambda value: value
) -> list[list[tuple[str, int | None]] | None]:
    """Returns what `cell_answers` gives for each row of the table; ``read`` makes a cell what it stands for."""
    return [
        cell_answers(read(row.get(column)), f"row {number} of {table.origin}, {column!r},")
        for number, row in enumerate(table.rows, 1)
    ]


def yaml_of(
    wanted: making.Wanted,
    table: Table,
    files: Mapping[str, str],
    *,
    prompt: str,
    hook: str,
    measured: Sequence[str],
    until: Sequence[str],
    most_tokens: int,
    own: Mapping[str, Any],
) -> str:
    """Returns the YAML file of a task whose answers are written and scored by the hooks of the name ``hook``."""
    known = metrics.signatures("answers") | dict.fromkeys(ROUGE, _ROUGE) | {"meteor_exact_stem": _METEOR}
    signature = {name: _without_version(known[name]) for name in measured}
    if hook == "completion":  # there the word is a text as any other
        signature = {name: text.replace("none:unanswerable,empty", "none:empty") for name, text in signature.items()}
    lines = {name: ("!function utils.corpus_bleu" if name == "bleu" else "mean", True) for name in measured}
    # lm_eval 0.5 reads the metrics of a filter, and refuses there the name of its own `f1` where text is generated; it
    # takes a function of that name. 0.4 reads of a filter its functions alone.
    of_filter = {
        "!function utils.f1" if name == "f1" else name: ("!function utils.bleu" if name == "bleu" else "mean", True)
        for name in measured
    }
    filtered = making.metric_lines(of_filter).splitlines()
    return (
        making.HEAD.format(wanted.name, "generate_until")
        + making.yaml_text({"doc_to_text": prompt})
        + f"doc_to_target: !function utils.{hook}_target\nprocess_results: !function utils.{hook}_scores\n"
        + making.yaml_text(
            {"generation_kwargs": {"until": list(until), "max_gen_toks": most_tokens, "do_sample": False}}
        )
        + making.metric_lines(lines)
        + "filter_list:\n  - name: none\n    filter:\n      - function: take_first\n"
        + "".join(f"    {line}\n" for line in filtered)
        + making.yaml_text({"metadata": making.metadata(wanted, table, files, own, signature)})
    )


def _without_version(signature: str) -> str:
    """Returns a signature without the version of a library, which the task's folder adds where it is scored."""
    return re.sub(r"(rouge_score|sacrebleu|nltk)-[^,|]*$", r"\1", signature)
