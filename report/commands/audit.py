"""`aftertune audit CLAIMS`: whether numbers that somebody else wrote can be true, and agree with each other."""

import json
import textwrap
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from harness_tasks.errors import exit_on_user_error

if TYPE_CHECKING:
    from report.audit.outcome import ClaimVerdict

WIDTH = 110
"""Characters a line of the list, so that it reads in a terminal."""


def audit(
    claims: Annotated[Path, typer.Argument(help="YAML file of claims; studies/CLAIMS.md describes its keys")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check the numbers of somebody else's write-up: whether they are possible, and consistent with each other.

    Exit codes: 0; 1 if a claim is impossible or missing; 2 for wrong input.
    """
    # Here, because what decides takes longer to load than `--help` may.
    from report.audit import audit_claims
    from report.audit.claims_file import read_claims

    with exit_on_user_error():
        verdicts = audit_claims(claims)
        if as_json:
            print(json.dumps([verdict.as_json() for verdict in verdicts], indent=2, ensure_ascii=False))
        else:
            print(listed(read_claims(claims).title, verdicts))
        if any(verdict.fails for verdict in verdicts):
            raise typer.Exit(1)


def listed(title: str, verdicts: "list[ClaimVerdict]") -> str:
    """Returns the verdicts as text: one a paragraph, its words indented, and a line with how many there are of each."""
    from report.audit.outcome import Word

    counts = Counter(verdict.verdict for verdict in verdicts)
    paragraphs = [f"{title}: {len(verdicts)} claims"]
    for verdict in verdicts:
        quote = " / ".join(line.strip() for line in verdict.quote.splitlines() if line.strip())
        body = [f"“{quote}”", verdict.arithmetic]
        lines = [textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ") for text in body]
        paragraphs.append("\n".join([f"{verdict.verdict.upper()}: {verdict.id} ({verdict.where})", *lines]))
    paragraphs.append(", ".join(f"{word}: {counts[word]}" for word in get_args(Word)))
    return "\n\n".join(paragraphs)
