"""A classification of a user's own rows, of any number of labels."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness_tasks import metrics
from harness_tasks.errors import UserError
from harness_tasks.messages import counted, nearest_name
from harness_tasks.own_task import making
from harness_tasks.own_task.reading import Table, cell_text
from harness_tasks.own_task.splitting import SIDES, Item, Side, clustered, without_duplicates
from harness_tasks.own_task.tokens import tokenizer_of
from harness_tasks.text import fold

MOST_NAMED = 20
"""Of more labels the prompt names none, and no label has metrics of its own: nobody reads such a list."""
_SIGNATURE = "choice:likeliest,first of equals|norm:none|{}|tok:the model's|version:aftertune-metrics-1"


def make(wanted: making.Wanted, table: Table, text: str, label: str) -> making.Made:
    """Returns the task that asks for the column ``label`` of the column ``text``.

    Raises:
        UserError: no row has both, a label stands in one row only, two labels differ in case alone, or the rows cannot
            be split so that both sides have every label.
    """
    items, lacking = _items(wanted, table, text, label)
    cleaned = without_duplicates(clustered(items))
    labels = _with_positive_last(_labels(cleaned.items, label), wanted.positive)
    sides, unused = making.split(wanted, cleaned.items)
    left_out = lacking | cleaned.left_out | unused
    rows = {side: [_row(wanted, item, labels) for item in sides[side]] for side in SIDES}
    files = making.row_files(rows)
    notes = [*making.row_notes(table, left_out, sides, wanted.model), *_balance(labels, sides)]
    if wanted.model:
        notes += _tokens(wanted.model, labels)
    classes = _class_names(labels) if len(labels) <= MOST_NAMED else []
    files["classes.json"] = json.dumps(classes, ensure_ascii=False) + "\n"
    files |= making.hook_files("classification.py")
    files[f"{wanted.name}.yaml"] = _yaml(wanted, table, labels, classes, files, len(rows["test"]))
    files["README.md"] = _readme(wanted, labels, sides, notes)
    return making.Made(files, notes)


def _items(wanted: making.Wanted, table: Table, text: str, label: str) -> tuple[list[Item], dict[str, int]]:
    """Returns the rows that have a text and a label, and how many lack either."""
    items, without_text, without_label = list[Item](), 0, 0
    for row in table.rows:
        said, named = cell_text(row.get(text)), cell_text(row.get(label))
        without_text += said is None
        without_label += said is not None and named is None
        if said is None or named is None:
            continue
        items.append(
            Item(
                {"text": said},
                said,
                cell_text(row.get(wanted.cluster)) if wanted.cluster else None,
                " ".join(named.split()),
                cell_text(row.get(wanted.split)) if wanted.split else None,
            )
        )
    if not items:
        raise UserError(
            f"no row of {table.origin} has both {text!r} and {label!r}",
            "a task is made of rows with a text and a label",
            "name the columns that hold them with --input and --label",
        )
    counts = {f"rows without {text!r}": without_text, f"rows without {label!r}": without_label}
    return _with_whole_numbers(items), counts


def _with_whole_numbers(items: list[Item]) -> list[Item]:
    """Returns the items with the labels 1.0, 2.0 written as 1, 2, where all labels are whole numbers.

    A column of whole numbers with missing cells is written so by pandas.
    """
    if not all(re.fullmatch(r"[+-]?\d+(\.0*)?", str(item.label)) for item in items):
        return items
    return [replace(item, label=str(item.label).partition(".")[0]) for item in items]


def _labels(items: Sequence[Item], column: str) -> list[str]:
    """Returns the labels in their order: numbers by value, all else by spelling."""
    counts = Counter(str(item.label) for item in items)
    if len(counts) < 2:
        raise UserError(
            f"the column {column!r} has the label {next(iter(counts))!r} alone"
            if counts
            else f"no text has one label in the column {column!r}: each stands there with several",
            "with less than two labels there is nothing to tell apart",
            "name another column with --label, or add rows of another label",
        )
    alike: dict[str, str] = {}
    for label in counts:
        other = alike.setdefault(_bare(label), label)
        if other != label:
            raise UserError(
                f"the labels {other!r} ({counted(counts[other], 'rows')}) and {label!r} ({counts[label]:,}) differ in "
                "case, spaces or hidden signs alone",
                "they would be two classes, and most likely they are meant as one",
                "write them alike",
            )
    single = [label for label, count in counts.items() if count == 1]
    if single:
        more = f" (and of such labels {len(single) - 1:,} more)" if len(single) > 1 else ""
        raise UserError(
            f"the label {single[0]!r} stands in one row only{more}",
            "a label must be trained on and scored, so it takes two rows at least, duplicates not counted",
            "add rows of that label, join it with another, or remove its row",
        )
    return sorted(counts, key=_rank)


def _bare(label: str) -> str:
    """Returns what labels share that a reader cannot tell apart, or only by case and spaces."""
    shown = unicodedata.normalize("NFKC", label).casefold()
    return "".join(sign for sign in shown if not sign.isspace() and unicodedata.category(sign) != "Cf")


def _with_positive_last(labels: list[str], positive: str | None) -> list[str]:
    """Returns two labels with the ``positive`` one last, where a report looks for it; any labels as they are without.

    Raises:
        UserError: there is no such label, or there are more than two.
    """
    if positive is None:
        return labels
    if positive not in labels:
        nearest = nearest_name(positive, labels)
        raise UserError(
            f"no label {positive!r}",
            "--positive says which of two labels is the positive one",
            f"write {nearest!r}" if nearest else f"name one of {', '.join(map(repr, labels[:MOST_NAMED]))}",
        )
    if len(labels) > 2:
        raise UserError(
            f"--positive {positive} with {len(labels)} labels",
            "of more than two labels none is the positive one: each has its own precision and recall",
            "leave --positive out",
        )
    return [*(label for label in labels if label != positive), positive]


def _rank(label: str) -> tuple[bool, float, str]:
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def _row(wanted: making.Wanted, item: Item, labels: Sequence[str]) -> dict[str, Any]:
    """Returns an item as it is written: its text, the number of its label, and its cluster where there is a column."""
    row = {**item.row, "label": labels.index(str(item.label))}
    return row | ({"cluster": item.cluster} if wanted.cluster else {})


def _class_names(labels: Sequence[str]) -> list[str]:
    """Returns what the metrics of each label are called by: its words, or its number where they are not its own.

    >>> _class_names(["very good", "+", "-", "Sci/Tech"])
    ['very_good', 'label_1', 'label_2', 'sci_tech']
    """
    words = [fold(label).replace(" ", "_") for label in labels]
    return [
        word if word and words.count(word) == 1 and not word.startswith("label_") else f"label_{at}"
        for at, word in enumerate(words)
    ]


def _balance(labels: Sequence[str], sides: dict[Side, list[Item]]) -> list[str]:
    """Returns a line for each label: how many rows of it are on each side."""
    counts = {side: Counter(item.label for item in sides[side]) for side in SIDES}
    lines = [
        f"label {label!r}: {counts['train'][label]:,} to train on, {counts['test'][label]:,} to score "
        f"({counts['test'][label] / len(sides['test']):.1%} of the scored rows)"
        for label in labels
    ]
    shown = lines if len(lines) <= MOST_NAMED else [*lines[: MOST_NAMED - 1], f"and {len(lines) - MOST_NAMED + 1} more"]
    return [f"{len(labels)} labels", *shown]


def _tokens(model: str, labels: Sequence[str]) -> list[str]:
    """Returns how many tokens each label has as an answer under a model's tokenizer, and which begin with another."""
    tokenizer = tokenizer_of(model)
    ids = {label: tokenizer.encode(f" {label}", add_special_tokens=False) for label in labels}
    counts = Counter(map(len, ids.values()))
    lines = [f"label {label!r}: {counted(len(found), 'tokens')} under {model}" for label, found in ids.items()]
    if len(labels) > MOST_NAMED:
        lines = [
            f"{counted(count, 'labels')} of {counted(length, 'tokens')} under {model}"
            for length, count in sorted(counts.items())
        ]
    if len(counts) > 1:
        lines.append(
            "labels of more tokens get lower log-likelihoods: zero-shot, expect a label bias for the short ones"
        )
    for label, found in ids.items():
        longer = next((other for other, more in ids.items() if other != label and more[: len(found)] == found), None)
        if longer:
            lines.append(f"the label {longer!r} begins with the tokens of {label!r}, and is never likelier than it")
    return lines


def _prompt(labels: Sequence[str]) -> str:
    if len(labels) > MOST_NAMED:
        return "{{text}}\nQuestion: What is the label?\nAnswer:"
    shown = f"{', '.join(labels[:-1])} or {labels[-1]}"
    return f"{{{{text}}}}\n{making.literal(f'Question: What is the label: {shown}?')}\nAnswer:"


def _yaml(
    wanted: making.Wanted, table: Table, labels: list[str], classes: list[str], files: dict[str, str], scored: int
) -> str:
    measured = {
        "acc": ("mean", True),
        "macro_f1": ("!function utils.macro_f1", True),
        "mcc": ("!function utils.mcc", True),
        "brier": ("mean", False),
        "ece": ("!function utils.expected_calibration_error", False),
    }
    if wanted.positive is not None:
        measured |= {name: (f"!function utils.{name}", True) for name in ("precision", "recall", "f1")}
    of_classes = [f"{kind}_of_{name}" for kind in ("precision", "recall") for name in classes]
    measured |= dict.fromkeys(of_classes, ("!function utils.ratio", True))
    known = metrics.signatures("classification")
    signature = {name: known.get(name, _SIGNATURE.format("zero_division:0|agg:counts")) for name in measured}
    own = {
        "about": f"The label of {scored:,} texts, one of {len(labels)}, made of a user's own rows.",
        "primary": "acc",
        "scale": 1,
        **({"cluster": "cluster"} if wanted.cluster else {}),
        "input": "text",
        "labels": labels,
        **({"positive_label": labels.index(wanted.positive)} if wanted.positive is not None else {}),
    }
    return (
        making.HEAD.format(wanted.name, "multiple_choice")
        + making.yaml_text({"doc_to_text": _prompt(labels), "doc_to_target": "label", "doc_to_choice": labels})
        + f"process_results: !function utils.{'process_two_labels' if wanted.positive else 'process_results'}\n"
        + making.metric_lines(measured)
        + making.yaml_text({"metadata": making.metadata(wanted, table, files, own, signature)})
    )


def _of_positive(wanted: making.Wanted) -> str:
    return (
        "" if wanted.positive is None else f"of the label {making.code(wanted.positive)} `precision`, `recall`, `f1`, "
    )


def _readme(wanted: making.Wanted, labels: Sequence[str], sides: dict[Side, list[Item]], notes: Sequence[str]) -> str:
    counts = {side: Counter(item.label for item in sides[side]) for side in SIDES}
    table = "\n".join(
        f"| {at} | {making.code(label)} | {counts['train'][label]:,} | {counts['test'][label]:,} |"
        for at, label in enumerate(labels)
    )
    asked = _prompt(labels) if "{{ " not in _prompt(labels) else "{{text}}\n(the question names the labels)\nAnswer:"
    prompt = "\n".join(f"    {line}" for line in asked.split("\n"))
    return f"""# {wanted.name}

Made by `aftertune task new`: the label of a text, one of {len(labels)}.

{making.run_lines(wanted)}
## Rows

{making.note_list(notes)}

| number | label | to train on | to score |
|---|---|---|---|
{table}

Rows: `text`, `label`{", `cluster`" if wanted.cluster else ""}. The YAML file holds the SHA-256 of both files of rows;
others are refused.

{making.LICENCE}
## Prompt

{prompt}

answered by the likeliest label, behind a space.

## Metrics

`acc` (primary), `macro_f1`, `mcc`, {_of_positive(wanted)}and of each label, up to {MOST_NAMED}, precision and
recall; from the probabilities of the labels `brier` and `ece`. A zero denominator gives 0.
"""
