"""templates/README.md: `python -m report.page.template.readme > templates/README.md` writes it anew."""

import re
from collections.abc import Iterable, Iterator, Mapping

from report.page.template.environment import PLAIN_FILTERS
from report.page.template.lookup import REPLACEABLE
from report.page.template.names import (
    CHECKPOINT,
    CLASSIFICATION,
    COMPARISON,
    EXAMPLE,
    EXTRACTION,
    FACTS,
    LEDGER,
    SCORE,
    SIDE,
    TASK,
    Names,
)

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

SHAPES: Mapping[str, Names] = {
    "ledger": LEDGER,
    "side": SIDE,
    "classification": CLASSIFICATION,
    "extraction": EXTRACTION,
    "comparison": COMPARISON,
    "score of a metric": SCORE,
    "example": EXAMPLE,
    "checkpoint": CHECKPOINT,
    "task": TASK,
}
"""The shapes that have a table of their own in templates/README.md."""

_INTRODUCTION = """\
# Templates

Where the sentences, tables and figures of a page stand. `python -m report.page.template.readme` writes this file.

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
        "\n## Facts\n\nA name that ends in `[]` holds a list. The unit of a score is `proportion` (to 1), `points` (to",
        "100) or `coefficient` (from -1). `facts.json` beside a page has every fact, its source with it.\n",
        *_names(FACTS),
    ]
    for name, shape in SHAPES.items():
        parts += [f"\n### A {name}\n", *_names(shape)]
    return "\n".join(parts) + "\n"


def paths(names: Names = FACTS, place: str = "", *, whole: bool = True) -> Iterator[tuple[str, str]]:
    """Yields each name as a template's path with what it is; a shape of its own by its name unless ``whole``.

    >>> dict(paths())["tasks[].comparisons[].scores[].p_value"]
    'p: of that difference'
    """
    for key, part in names.items():
        path = f"{place}.{key}" if place else key
        shape = next((name for name, known in SHAPES.items() if known is part), None)
        if isinstance(part, str):
            yield path, part
        elif shape and not whole:
            yield path, f"a {shape}, see below"
        else:
            yield from paths(part, path, whole=whole)


def _names(names: Names) -> list[str]:
    rows = []
    for path, said in paths(names, whole=False):
        unit, colon, what = said.partition(": ")
        is_unit = colon and not unit.startswith("only")
        rows.append((f"`{path}`", unit if is_unit else "", what if is_unit else said))
    return _table(("name", "unit", "what it is"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple(":---" for _ in head), *rows]
    return ["| " + " | ".join(re.sub(r"\|", r"\\|", cell) for cell in line) + " |" for line in lines]


if __name__ == "__main__":
    print(document(), end="")
