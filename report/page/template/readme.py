"""templates/README.md and templates/facts.schema.json: `python -m report.page.template.readme` writes both anew."""

import re
from collections.abc import Iterable, Iterator
from types import NoneType
from typing import Any, get_args, get_origin

from harness_tasks.files import json_text, write_text
from report.facts.schema.diagnosis import Classification, Extraction, Side
from report.facts.schema.parts import Known, Missing, OfUnit, Part
from report.facts.schema.scores import Comparison, Example, MetricScores, ScoredTask
from report.facts.schema.training import ParameterCounts, Trained
from report.facts.schema.whole import Facts
from report.page.template.environment import PLAIN_FILTERS
from report.page.template.lookup import OURS, REPLACEABLE

FILTERS = {
    "text": "text, escaped",
    "name": "what a checkpoint is called, escaped",
    "html": "text as HTML, for a summary of what is folded",
    "code": "text as code",
    "code_block": "text as a block of code",
    "digest": "the first digits of a hash",
    "link": "an address as a link",
    "path": "the name of a file of the study's folder",
    "plain_shell": "text as one word of a shell",
    "setting": "a setting of any type",
    "number": "a score, a number or a share, rounded by its unit",
    "percent": "a share in per cent",
    "difference": "a difference with its sign",
    "interval": "the interval of a score",
    "difference_interval": "the interval of a difference",
    "confidence": "the confidence level of an interval",
    "p_value": "a p-value",
    "count": "a whole number",
    "items": "the number of items that a value was measured on",
    "clusters": "the number of clusters of those items",
    "duration": "seconds as a time",
    "size": "bytes as a size",
    "reason": "the reason why a fact is missing",
    "sources": "a line with the files and JSON pointers that values come from",
    "sources_of_files": "a line with the files that values come from",
    "together": "findings, those made one that say the same of several checkpoints",
    "many": "whether a list is too long for a picture of each of its parts to be in sight",
    "recipes": "the settings that all checkpoints share, and tables of those that differ",
}

SHAPES: dict[type[Part], str] = {
    ParameterCounts: "parameter count",
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

The Jinja templates of a study's page. `python -m report.page.template.readme` writes this file, and
`facts.schema.json`, the JSON schema of `facts.json`.

## Entries

Words that claim something (`report/sentences/lexicon.py`: higher, because, significant, not, …) stand in entries only.
An entry is a macro of one of these files:

- `findings.md.j2` and `compare_findings.md.j2`: the rule of its name in `report/sentences/` chooses it;
- `explanations.md.j2`: it holds for every page, such as how to read it, a label, or the text for an unknown fact.

Every numeral comes from a fact, through a filter. A template of ours that breaks this is not loaded; the error names
file, line and word. Code in backquotes, addresses and comments are exempt.

## Templates of your own

A folder `templates/` beside the study file is looked up first. A template there replaces the one of the same name here;
all others stay ours, also after an upgrade.

```sh
aftertune template list studies/demo.yaml
aftertune template copy studies/demo.yaml report.md.j2
```

The second command copies a template there, for you to change. A template may include others that you add, such as
`answer_ethics.md.j2`. Templates run in [Jinja's sandbox](https://jinja.palletsprojects.com/en/stable/sandbox/): no
file, no network, no Python, no string methods, and limits on steps, time and text. An unknown name is an error that
names the nearest fact.

A fact is a value with its unit, its source and, if it was measured on items, its confidence interval. A template shows
it through a filter, `{{ study.title | text }}`; without a filter it is an error. An unknown fact is shown as missing,
with the reason; `{% if task.about is known %}` asks whether it is known. What your own template says is yours:
`aftertune verify` checks its numbers and lists its sentences, because no rule can check them. The page and
`aftertune template list STUDY` name, by file and line, each claim word and numeral that your templates add.
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
        parts += [f"\n### {_article(name).capitalize()} {name}\n", *_names(shape)]
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
                    yield path, "", f"{_article(SHAPES[part])} {SHAPES[part]}, see below"
                else:
                    yield from paths(part, path, whole=whole)
        else:
            yield path, "" if kinds == [Missing] else "yes or no" if kinds == [bool] else "word", said


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


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
