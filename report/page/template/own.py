"""The templates that a study may replace: what each holds, copies of them in its own folder, and the facts of those."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, write_text
from harness_tasks.messages import nearest_name
from report.facts.schema.whole import OwnLine, OwnWords
from report.facts.values import fact
from report.page.template.lookup import OURS, OWN, REPLACEABLE, own_names, own_templates
from report.page.template.words import words_of_a_study

_MOST_LINES = 10
"""Lines with claim words of its own that a page names; of more, the first of them and how many there are."""


def template_facts(study: Path) -> dict[str, Any]:
    """Returns the names of the study's own templates, and where they hold claim words and numerals that ours do not.

    `templates`: a fact each, with its file's hash. `own_words`, where there are any: how many `lines`, and the `first`.
    """
    own = own_templates(study.parent)
    sources = {
        name: {"file": f"{OWN}/{name}", "pointer": "", "sha256": sha256_file(own / name)}
        for name in own_names(own)
        if own
    }
    found: dict[str, Any] = {"templates": [fact(name, "text", source) for name, source in sources.items()]}
    if rows := list(_lines(own)):
        first, *also = (sources[name] for name in dict.fromkeys(name for name, _, _ in rows))
        found["own_words"] = OwnWords(
            lines=fact(len(rows), "count", first, also=also or None),
            first=[
                OwnLine(
                    template=fact(name, "text", sources[name]),
                    line=fact(line, "count", sources[name]),
                    words=fact(words, "text", sources[name]),
                )
                for name, line, words in rows[:_MOST_LINES]
            ],
        )
    return found


def _lines(own: Path | None) -> Iterator[tuple[str, int, str]]:
    """Yields (template, line, words) of each line of the study's own templates with claim words or numerals."""
    for name, words in words_of_a_study(own).items():
        for line, found in groupby(words, key=lambda word: word.line):
            yield name, line, ", ".join(dict.fromkeys(word.word for word in found))


def listed(study: Path | None) -> list[str]:
    """Returns a line for each template: its name, what it holds, and whether the study has one of its own.

    Below one of its own, a line for each line with claim words or numerals that ours has not.
    """
    own = own_templates(_folder(study)) if study else None
    found = {path.name: "a template of the study's own" for path in sorted(own.iterdir())} if own else {}
    said = {**REPLACEABLE, **{name: what for name, what in found.items() if name not in REPLACEABLE}}
    width = max(map(len, said))
    claims: dict[str, list[str]] = {}
    for name, line, words in _lines(own):
        claims.setdefault(name, []).append(f"{'':{width}}  line {line}: {words}")
    return [
        line
        for name, what in said.items()
        for line in (f"{name:{width}}  {what}{'  (yours)' if name in found else ''}", *claims.get(name, []))
    ]


def copied(study: Path, names: list[str]) -> list[Path]:
    """Returns where the templates ``names`` were copied to; none is where anything is wrong with one of them.

    Raises:
        UserError: there is no such template, or the study has one of that name.
    """
    own = _folder(study) / OWN
    for name in names:
        if name not in REPLACEABLE:
            raise UserError(
                f"there is no template {name!r} to copy",
                "nothing would look it up",
                f"copy {nearest_name(name, REPLACEABLE, cutoff=0)}, or see `template list`",
            )
        if (own / name).exists():
            raise UserError(
                f"{own / name} is there already", "what you changed in it would be lost", "move it away, and copy again"
            )
    for name in names:
        write_text(own / name, (OURS / name).read_text(encoding="utf-8"))
    return [own / name for name in names]


def _folder(study: Path) -> Path:
    if not study.is_file():
        raise UserError(
            f"there is no study file {study}", "its own templates lie beside it", "name the study's YAML file"
        )
    return study.parent
