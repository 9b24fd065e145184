"""The scores in other people's formats: LaTeX tables, CSV, and Every Eval Ever's JSON, all from the page's facts."""

from pathlib import Path

from report.facts.schema.whole import Facts
from report.page.exports.every_eval_ever import records
from report.page.exports.latex import latex
from report.page.exports.scores_csv import scores_csv


def exports(facts: Facts, own: Path | None = None) -> dict[str, str]:
    """Returns the text of every export by its name within the study's folder; the same facts give the same bytes.

    ``own`` is the folder of the study's own templates, where it has one.
    """
    return {"report.tex": latex(facts, own), "scores.csv": scores_csv(facts), **records(facts)}
