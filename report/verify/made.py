"""The pages, exports and cards that a file of facts gives, by name; and which files on disk differ from them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError

from harness_tasks.errors import UserError
from report.facts.current import read_facts
from report.facts.schema.whole import Facts
from report.hub.targets import card_texts
from report.page.render import noted_lines, render
from report.page.template.lookup import own_templates
from report.verify.pieces import Piece, is_html
from studies import load_study


def made_of(facts: Mapping[str, Any], folder: Path, own: Path | None) -> dict[str, str]:
    """Returns the text of every page and export of ``facts`` by its name in ``folder``; see `render` and `makeable`."""
    with makeable(folder / "facts.json"):
        return render(Facts.model_validate(facts), folder, own)


def cards_of(facts: Mapping[str, Any], study: Path, folder: Path) -> dict[str, str]:
    """Returns the model card of every checkpoint by its repository; see `card_texts` and `makeable`."""
    with makeable(folder / "facts.json"):
        return card_texts(load_study(study), study, folder, Facts.model_validate(facts))


@contextmanager
def makeable(source: Path) -> Iterator[None]:
    """Raises UserError where no page can be made of the facts in the file ``source``: another version wrote them.

    A template that was refused, or is none by its syntax, is no matter of the facts: its own error is passed on.
    """
    try:
        yield
    except (UserError, TemplateSyntaxError):
        raise
    except (TemplateError, LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise UserError(
            f"no page can be made of the facts in {source} ({type(error).__name__}: {error})",
            "another version of Aftertune wrote them, with other parts or sentences",
            "verify the page with the version that made it, or write page and facts again",
        ) from error


def stale_files(study: Path, *, output: Path | None = None) -> list[Path]:
    """Returns the files in the study's folder that are not what the facts.json there gives, or are missing.

    Raises:
        UserError: there is no facts.json, or it holds no facts.
    """
    folder = output or load_study(study).folder
    facts = read_facts(folder / "facts.json")
    with makeable(folder / "facts.json"):
        made = render(facts, folder, own_templates(folder))
    return [folder / name for name, text in made.items() if not _holds(folder / name, text, folder)]


def _holds(path: Path, text: str, folder: Path) -> bool:
    # What is no UTF-8 must not be read as if it were what was written.
    shown = path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else None
    return shown is not None and comparable(shown, folder) == comparable(text, folder)


def comparable(page: str, folder: Path) -> str:
    """Returns what of ``page`` can be compared with what the facts and the samples in ``folder`` give.

    Where the samples are not there, what the explorer shows of them cannot be told.
    """
    if (folder / "scores").is_dir():
        return page
    return re.sub(r'<section id="explorer".*?</section>', "", page, flags=re.DOTALL)


_LEAST_SHARED = 0.5
"""Of the lines of a copy under another name: with fewer it is another page."""


def file_shown_by(made: Mapping[str, str], page: Path, text: str) -> str:
    """Returns the name of that file of ``made`` which the file ``page`` with the content ``text`` is, or is a copy of.

    A copy may have any name: then it is the file with which it shares most lines.

    Raises:
        UserError: it shares fewer than half of its lines with any.
    """
    if page.name in made:
        return page.name
    alike = [name for name, other in made.items() if is_html(other) == is_html(text)]
    lines = set(text.splitlines())
    shared = {name: len(lines & set(made[name].splitlines())) / max(len(lines), 1) for name in alike or made}
    nearest = max(shared, key=lambda name: shared[name])
    if shared[nearest] < _LEAST_SHARED:
        raise UserError(
            f"{page} shares {shared[nearest]:.0%} of its lines with {nearest}, the nearest file that the facts give",
            "it is not a copy of one of their pages, so there is nothing to set it beside",
            "name the page and the facts that belong together: aftertune verify PAGE --facts FILE",
        )
    return nearest


def sources_of(facts: Mapping[str, Any]) -> Callable[[Piece], Sequence[str]]:
    """Returns what names the facts that a piece of a study's page shows: their places, and the files they come from."""

    @cache
    def noted() -> tuple[dict[str, list[int]], list[dict[str, str]]]:
        return noted_lines(
            Facts.model_validate(facts)
        )  # the page is made once more for it: only where something differs

    def sources(piece: Piece) -> list[str]:
        lines, notes = noted()
        in_html = [int(number) for number in re.findall(r'data-n="(\d+)"', piece.source)]
        found = [notes[number] for number in in_html or lines.get(piece.line, []) if number < len(notes)]
        return list(dict.fromkeys(f"{note['fact']} of {note['file']}" for note in found))

    return sources
