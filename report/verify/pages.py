"""The pages of a study, verified as soon as they are made; and which of its files are not what its facts give."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from report.facts.current import read_facts
from report.page.template.lookup import own_templates
from studies import load_study


def pages(facts: dict[str, Any], folder: Path, own: Path | None) -> dict[str, str]:
    """Returns the text of every page and export of ``facts`` by file name, once they were read again beside them.

    ``own`` is the folder of the study's own templates. What those say beside the facts is the study's, and is not
    judged; then the page as our templates make it is.

    Raises:
        RuntimeError: a page says what the facts do not license, which is a mistake of this program.
    """
    from report.page.render import render
    from report.verify import check

    made = render(facts, folder, own)
    judged = render(facts, folder) if own else made
    for name in ("report.md", "report.html"):
        if problems := check(judged[name], facts):
            raise RuntimeError("\n".join([f"{name} says what the facts do not license:", *map(str, problems)]))
    return made


def stale_files(study: Path, *, output: Path | None = None) -> list[Path]:
    """Returns the files in the study's folder that are not what the facts.json there gives, or are missing.

    Raises:
        UserError: there is no facts.json, or it holds no facts.
    """
    folder = output or load_study(study).folder
    made = pages(read_facts(folder / "facts.json"), folder, own_templates(folder))
    # Where the samples are not beside the facts, what the explorer shows of them cannot be told.
    compared = str if (folder / "scores").is_dir() else _without_items
    return [folder / name for name, text in made.items() if not _holds(folder / name, text, compared)]


def _holds(path: Path, text: str, compared: Callable[[str], str]) -> bool:
    # What is no UTF-8 must not be read as if it were what was written.
    return path.is_file() and compared(path.read_bytes().decode("utf-8", "surrogateescape")) == compared(text)


def _without_items(page: str) -> str:
    return re.sub(r'<section id="explorer".*?</section>', "", page, flags=re.DOTALL)
