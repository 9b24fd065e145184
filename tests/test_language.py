"""The field's words in the documents: terms that only this project used are not in them, and no longer come in."""

import re
from pathlib import Path

import pytest

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
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "docs/tutorial.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
    *sorted((ROOT / "docs" / "explanation").glob("*.md")),
]


def old_terms(text: str) -> list[str]:
    """Returns the old forms in a text, each with the term of the field; code is left out."""
    said = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    said = " ".join(said.split())
    return [
        f"{found.group()!r}: say {term!r}"
        for term, old in OLD.items()
        for found in re.finditer(old, said, re.IGNORECASE)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_has_a_term_that_only_this_project_uses(page: Path) -> None:
    assert old_terms(page.read_text(encoding="utf-8")) == []


def test_old_forms_are_found_across_lines_and_not_in_code() -> None:
    assert old_terms("The score\nwithout a model, `floor`, and its ledger.") == [
        "'score without a model': say 'trivial baseline'",
        "'ledger': say 'parameter counts'",
    ]
    assert len(PAGES) == 15
