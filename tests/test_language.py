"""The field's words wherever a user looks: terms that only this project used are not there, and no longer come in."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from aftertune import app
from report.page.build import build_report
from tests.report.synthetic import folder_of, write_study

ROOT = Path(__file__).resolve().parent.parent
OLD = {
    "true positives": r"said positive, rightly|said it wrongly|rightly did not say",
    "predicted positive rate": r"share of positive answers",
    "confidence": r"how sure it is",
    "overconfident, underconfident": r"(?:surer|less sure) than it is right",
    "label bias": r"\bleans? (?:to|away|towards)\b|before it has read",
    "abstains": r"left unanswered|leaves? \S+ unanswered",
    "over-long answer": r"more words beside it",
    "truncated at max_gen_toks": r"never stopped? by (?:itself|themselves)",
    "minimum detectable effect": r"smallest difference that would",
    "trivial baseline": r"score without a model|\bfloors?\b",
    "score of the gold answers": r"\bceilings?\b",
    "Holm-adjusted p": r"after Holm's correction|none, it is not primary",
    "method": r"how the intervals were made",
    "both correct, both wrong": r"(?:right|wrong) both times",
    "few-shot examples": r"worked examples?",
    "target tokens": r"tokens with a loss",
    "epochs": r"passes over the (?:training )?rows",
    "dtype": r"number format",
    "batch size": r"rows a batch",
    "prompt template hash": r"how prompts were rendered",
    "hash": r"\bfingerprints?\b|\bdigests?\b",
    "frozen": r"kept their values",
    "parameter counts": r"\bledgers?\b",
    "pairwise comparisons": r"who beats whom",
    "rank confidence set": r"honest ranks?|ranks (?:stay )?honest",
    "statistically tied for first": r"not beaten by any",
    "higher is better": r"more is better",
    "models": r"who takes part",
    "different prompt templates": r"asked with other prompts",
    "computed, started, with retries, resumes": r"\breckon\w*|\bbegun\b|\bpatiently\b|\b(?:goes|go|going) on\b",
    "exit with code": r"\bleaves? with (?:exit code )?\d",
}
"""A term of the field, and how it was said before."""
FOLDERS = ("benchmarks", "finetune", "harness_tasks", "report", "studies", "templates", "workflow")
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "demo" not in page.parts),
    *(page for folder in FOLDERS for page in sorted((ROOT / folder).rglob("*.md"))),
]
"""All documents but the demo's page, which is made of an earlier run."""
OWN_TEMPLATES = ("report.tex.j2", "preamble.tex.j2", "model_card.md.j2", "checkpoint_card.md.j2")
CODE = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def old_terms(text: str) -> list[str]:
    """Returns the old forms in a text, each with the term of the field; code is left out."""
    said = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    said = " ".join(said.split())
    return [
        f"{found.group()!r}: say {term!r}"
        for term, old in OLD.items()
        for found in re.finditer(old, said, re.IGNORECASE)
    ]


def texts_of(source: str) -> Iterator[tuple[int, str]]:
    """Yields the line and the text of each string of several words that is no docstring; slots of f-strings are empty.

    These are messages, reasons of missing facts, help texts, descriptions, and what `plan` and `audit` print.
    """
    tree = ast.parse(source)
    left_out: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            left_out.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            left_out |= {id(part) for part in node.values}
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            text = node.value
        else:
            continue
        if " " in text.strip():
            yield node.lineno, text


def told(command: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yields what `--help` says of a command, its arguments and options, and of those below it."""
    yield name, command.help or ""
    for parameter in command.params:
        yield f"{name} {parameter.name}", getattr(parameter, "help", None) or ""
    for below, one in getattr(command, "commands", {}).items():
        yield from told(one, f"{name} {below}")


def described(schema: Any) -> Iterator[str]:
    """Yields each description of a JSON schema; its titles are its keys, which machines read."""
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str):
            yield schema["description"]
        for value in schema.values():
            yield from described(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from described(value)


def shown(template: str) -> str:
    """Returns what a template prints by itself: no tag, no slot, no comment."""
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", " ", template, flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_has_a_term_that_only_this_project_uses(page: Path) -> None:
    assert old_terms(page.read_text(encoding="utf-8")) == []


def test_no_help_text_has_one() -> None:
    texts = dict(told(typer.main.get_command(app), "aftertune"))
    assert len(texts) > 150
    assert {name: found for name, text in texts.items() if (found := old_terms(text))} == {}


def test_no_message_has_one() -> None:
    texts = {f"{path.relative_to(ROOT)}:{line}": text for path in CODE for line, text in texts_of(path.read_text())}
    assert len(texts) > 2000
    assert {place: found for place, text in texts.items() if (found := old_terms(text))} == {}


def test_no_description_of_the_schema_has_one() -> None:
    schema = json.loads((ROOT / "templates" / "facts.schema.json").read_text(encoding="utf-8"))
    texts = list(described(schema))
    assert len(texts) > 200
    assert [found for text in texts for found in old_terms(text)] == []
    assert {"Ledger", "Floor"} & set(schema["$defs"]) == set()


@pytest.mark.parametrize("name", OWN_TEMPLATES)
def test_no_template_of_a_card_or_of_latex_has_one(name: str) -> None:
    assert old_terms(shown((ROOT / "templates" / name).read_text(encoding="utf-8"))) == []


def test_the_page_of_a_study_has_none(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    build_report(study, output=folder_of(study))
    assert old_terms((folder_of(study) / "report.md").read_text(encoding="utf-8")) == []


def test_old_forms_are_found_across_lines_and_not_in_code() -> None:
    assert old_terms("The score\nwithout a model, `floor`, and its ledger.") == [
        "'score without a model': say 'trivial baseline'",
        "'ledger': say 'parameter counts'",
    ]
    assert list(texts_of('"""The floor."""\nraise UserError(f"the floor of {task}", why="a", mend="one floor")')) == [
        (2, "the floor of "),
        (2, "one floor"),
    ]
    assert shown("metric & {{ row.floor }} & floor {# a ceiling #}{% if floor %}") == "metric &   & floor   "
    assert len(PAGES) == 38
