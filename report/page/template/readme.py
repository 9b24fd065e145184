"""templates/README.md and templates/facts.schema.json: `python -m report.page.template.readme` writes both anew."""

import re
from collections.abc import Iterable, Iterator
from types import NoneType
from typing import Any, get_args, get_origin

from harness_tasks.files import json_text, write_text
from report.facts.schema.diagnosis import Classification, Extraction, Side
from report.facts.schema.parts import Known, Missing, OfUnit, Part
from report.facts.schema.scores import Comparison, Example, MetricScores, ScoredTask
from report.facts.schema.training import Ledger, Trained
from report.facts.schema.whole import Facts
from report.page.template.environment import PLAIN_FILTERS
from report.page.template.lookup import OURS, REPLACEABLE

FILTERS = {
    "text": "text, escaped",
    "code": "text as code",
    "code_block": "text as a block of code",
    "digest": "the beginning of a digest",
    "link": "an address as a link",
    "path": "the name of a file of the study's folder",
    "plain_shell": "text as one word of a shell",
    "setting": "a setting, whatever it is",
    "number": "a score, a number, a share: rounded as its unit has it",
    "percent": "a share in per cent",
    "difference": "the same with its sign",
    "interval": "the interval of a score",
    "difference_interval": "the interval of a difference",
    "confidence": "the confidence of an interval",
    "p_value": "a p-value",
    "count": "a whole number",
    "items": "how many items a value was measured on",
    "clusters": "how many clusters those are",
    "duration": "seconds as a time",
    "size": "bytes as a size",
    "reason": "why something is missing",
    "sources": "a line of the files and places that values come from",
    "sources_of_files": "a line of the files that values come from",
}

SHAPES: dict[type[Part], str] = {
    Ledger: "ledger",
    Side: "side",
    Classification: "classification",
    Extraction: "extraction",
    Comparison: "comparison",
    MetricScores: "score of a metric",
    Example: "example",
    Trained: "checkpoint",
    ScoredTask: "task",
}
"""The parts that have a table of their own in templates/README.md."""

_HIDDEN = ("findings", "state")
"""Fields of the facts of which a template is told as a whole alone."""

_INTRODUCTION = """\
# Templates

Where the sentences, tables and figures of a page stand. `python -m report.page.template.readme` writes this file,
and `facts.schema.json`, the JSON schema of `facts.json`.

## Entries

Words that claim something (`report/sentences/lexicon.py`: higher, because, significant, not, …) stand in entries only:
macros of `findings.md.j2` and `compare_findings.md.j2`, each chosen by the rule of its name in `report/sentences/`, and
of `explanations.md.j2`, which hold of every page: how to read it, what stands in the place of a fact that is not known,
and the labels of tables. Numerals come from facts, through filters, everywhere. A template of ours that breaks this is
not loaded: the error names file, line and word. Code in backquotes, addresses and what is not shown are no words.

## Templates of your own

A folder `templates/` beside the study file is looked up first. What it holds takes the place of the template of the
same name here; the rest stays ours, and goes on with the next version.

```sh
aftertune template list studies/demo.yaml
aftertune template copy studies/demo.yaml report.md.j2
```

The second copies a template there, for you to change. A template may include others that you add, such as
`answer_ethics.md.j2`. Templates run in [Jinja's sandbox](https://jinja.palletsprojects.com/en/stable/sandbox/): no
file, no network, no Python, no method of a text, and no more steps, time and text than a page can need. A name that is
not among the facts is an error that says which is meant.

A fact is a value with its unit, its source and, where it was measured on items, its interval. It is shown through a
filter, `{{ study.title | text }}`; without one it is an error. A fact that is not known is shown as missing, with the
reason; `{% if task.about is known %}` asks. What is said in a template of your own is yours: `aftertune verify` checks
its numbers as it does ours, and lists its sentences, since no rule can tell whether they are so. Claim words and
numerals that it holds beside ours are named, by file and line, on the page and by `aftertune template list STUDY`.
"""


def document() -> str:
    """Returns the text of templates/README.md."""
    parts = [
        _INTRODUCTION,
        "## Templates that may be replaced\n",
        *_table(("template", "what it holds"), ((f"`{name}`", what) for name, what in REPLACEABLE.items())),
        "\n## Filters\n",
        *_table(("filter", "what it shows"), ((f"`{name}`", what) for name, what in FILTERS.items())),
        f"\nOf Jinja's own: {', '.join(f'`{name}`' for name in PLAIN_FILTERS)}.",
        "`report.tex.j2` has the filters of numbers, and `text`, `setting`, `code` and `reason`.",
        "\n## Facts\n",
        *facts_tables(),
    ]
    return "\n".join(parts) + "\n"


def facts_tables() -> list[str]:
    """Returns the lines of the tables of facts: each name with its unit and what it is."""
    parts = [
        "A name that ends in `[]` holds a list. The unit of a score is `proportion` (to 1), `points` (to",
        "100) or `coefficient` (from -1). `facts.json` beside a page has every fact, its source with it.\n",
        *_names(Facts),
    ]
    for shape, name in SHAPES.items():
        parts += [f"\n### A {name}\n", *_names(shape)]
    return parts


def paths(shape: type[Part] = Facts, place: str = "", *, whole: bool = True) -> Iterator[tuple[str, str, str]]:
    """Yields each name as a template's path, its unit and what it is; a part of a table of its own unless ``whole``.

    >>> {path: unit for path, unit, _ in paths()}["tasks[].comparisons[].scores[].p_value"]
    'p'
    """
    for name, field in shape.model_fields.items():
        path, said = f"{place}.{field.alias or name}".lstrip("."), field.description or ""
        many, units, kinds = _taken_apart(field.annotation, tuple(field.metadata))
        path += "[]" * many
        parts = [kind for kind in kinds if issubclass(kind, Part) and not issubclass(kind, Known | Missing)]
        if shape is Facts and name in _HIDDEN:
            yield path, "", said
        elif units:
            yield path, units[0].name, said
        elif parts:
            for part in parts:
                if part in SHAPES and not whole:
                    yield path, "", f"a {SHAPES[part]}, see below"
                else:
                    yield from paths(part, path, whole=whole)
        else:
            yield path, "" if kinds == [Missing] else "yes or no" if kinds == [bool] else "word", said


def _taken_apart(annotation: Any, metadata: tuple[Any, ...] = ()) -> tuple[int, list[OfUnit], list[type]]:
    """Returns how many lists a field is of, the unit of its facts, and what it may hold beside None."""
    if get_origin(annotation) is list:
        many, units, kinds = _taken_apart(*get_args(annotation))
        return many + 1, units, kinds
    units = [told for told in metadata if isinstance(told, OfUnit)]
    if hasattr(annotation, "__metadata__"):
        _, inner, kinds = _taken_apart(annotation.__origin__, annotation.__metadata__)
        return 0, units + inner, kinds
    if isinstance(annotation, type):
        return 0, units, [] if annotation is NoneType else [annotation]
    if all(isinstance(choice, str) for choice in get_args(annotation)):  # one of some words
        return 0, units, [str]
    many, kinds = 0, []
    for choice in get_args(annotation):
        found, inner, held = _taken_apart(choice)
        many, units, kinds = max(many, found), units + inner, kinds + held
    return many, units, kinds


def _names(shape: type[Part]) -> list[str]:
    rows = dict.fromkeys((f"`{path}`", unit, said) for path, unit, said in paths(shape, whole=False))
    return _table(("name", "unit", "what it is"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple(":---" for _ in head), *rows]
    return ["| " + " | ".join(re.sub(r"\|", r"\\|", cell) for cell in line) + " |" for line in lines]


def schema() -> str:
    """Returns the JSON schema of facts.json, as text."""
    return json_text(Facts.model_json_schema(by_alias=True))


if __name__ == "__main__":
    write_text(OURS / "README.md", document())
    write_text(OURS / "facts.schema.json", schema())
