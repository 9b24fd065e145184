"""Where a template is found: in the study's own folder, else among ours."""

import os
from importlib.resources import files
from pathlib import Path

from harness_tasks.errors import UserError
from harness_tasks.messages import nearest_name
from harness_tasks.reading import Kind, check_file, read_text

OURS = Path(str(files("templates")))

TEMPLATE = Kind("the template", "the page is made of it", "save it as UTF-8", limit_mib=4)

OWN = "templates"
"""The name of the folder beside a study file that its own templates lie in."""

REPLACEABLE = {
    "report.md.j2": "the whole page: its title, its questions in order, and what is around them",
    "answer_model.md.j2": "the answer on the model selected",
    "answer_parameters.md.j2": "the answer on its parameters",
    "answer_fine_tuning.md.j2": "the answer on fine-tuning",
    "answer_scores.md.j2": "the answer on scores before and after fine-tuning",
    "answer_parameters_after.md.j2": "the answer on parameters after fine-tuning",
    "answer_hub.md.j2": "the answer on where the checkpoints are published",
    "answer_analysis.md.j2": "the analysis",
    "audit.md.j2": "the audit of an earlier write-up",
    "reproduce.md.j2": "how to reproduce",
    "findings.md.j2": "every sentence that a rule may choose, each a macro",
    "explanations.md.j2": "how to read the page, and the labels of its tables, each a macro",
    "macros.md.j2": "what several answers share: a score, a change, parameter counts",
    "report.html.j2": "the HTML page around the answers",
    "report.css": "the style of the page",
    "report.tex.j2": "the tables for LaTeX",
    "preamble.tex.j2": "its LaTeX preamble",
    "model_card.md.j2": "the card of a checkpoint on the Hub",
}
"""Our templates that a study's own folder may replace, and what each holds."""

ENTRIES = ("findings.md.j2", "explanations.md.j2", "compare_findings.md.j2")
"""Our templates whose macros are entries: the only ones that may hold a claim word."""

LAYOUT = "preamble.tex.j2"
"""Our template that holds no text: its numerals are lengths."""


def own_templates(folder: Path) -> Path | None:
    """Returns the folder of a study's own templates, beside the study file in ``folder``; None where there is none."""
    own = folder / OWN
    return own if own.is_dir() and own.resolve() != OURS.resolve() else None


def source(name: str, own: Path | None) -> tuple[str, Path]:
    """Returns the text of the template ``name`` and where it lies; ``own`` is the folder of the study's own ones.

    Raises:
        UserError: there is none of that name, or it is a link out of its folder, or no text.
    """
    path = next(
        (folder / name for folder in (own, OURS) if folder and is_name(name) and (folder / name).is_file()), None
    )
    if path is None:
        known = sorted({*REPLACEABLE, *(found.name for found in own.iterdir())} if own else REPLACEABLE)
        nearest = nearest_name(name, known)
        raise UserError(
            f"there is no template {name!r}",
            "another template asks for it, and the page would have a hole there",
            f"write {nearest!r}, the nearest one"
            if nearest
            else f"put it into the folder {OWN}/ beside the study file",
        )
    if path.parent == own:
        _refuse_link(path, own)
    return read_text(path, TEMPLATE), path


def own_names(own: Path | None) -> list[str]:
    """Returns the names of the study's own templates, in their order; none where it has no folder of them.

    Raises:
        UserError: one is a link out of its folder, also one that no template asks for: all are copied and published.
    """
    found = sorted(path for path in own.iterdir() if is_name(path.name)) if own else []
    for path in found:
        _refuse_link(path, path.parent)
        check_file(path, TEMPLATE)
    return [path.name for path in found]


def _refuse_link(path: Path, own: Path) -> None:
    # Not Path's own, which raises for a link to itself.
    if os.path.dirname(os.path.realpath(path)) != os.path.realpath(own):
        raise UserError(
            f"{path} is a link to {os.path.realpath(path)}",
            "a file from elsewhere would be shown on the page and published with it",
            "put the template itself there",
        )


def is_name(name: str) -> bool:
    """Returns whether ``name`` is one of a template: a file's name, no path.

    >>> is_name("answer_ethics.md.j2"), is_name("../secret.j2"), is_name(".j2")
    (True, False, False)
    """
    plain = name.replace("_", "").replace("-", "").replace(".", "")
    return plain.isascii() and plain.isalnum() and name[0] != "." and name.endswith((".j2", ".css"))
