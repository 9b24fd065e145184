"""The exports carry the values that the page's tables show: each is read again by code that knows no filter of ours."""

import csv
import io
import json
import re
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest

from report.page.exports import exports
from report.page.exports.scores_csv import OLD_NAMES
from report.page.whole import collect
from studies import load_study
from tests.report.page.exports.exported import as_records
from tests.report.rendered import render_markdown
from tests.report.synthetic import ALWAYS_POSITIVE, LEARNED, folder_of, typed, write_study

MINUS = "\N{MINUS SIGN}"
DIGITS = {"proportion": 3, "coefficient": 3, "points": 2}
Tables = dict[str, list[list[str]]]


def page_tables(facts: dict[str, Any]) -> Tables:
    """Returns the rows of the page's tables of scores by what the exports call them."""
    found: Tables = {}
    titles = {
        f"{one['display_name']['value']} on {task['name']['value']}": (
            one["checkpoint"]["value"],
            task["name"]["value"],
        )
        for task in facts["tasks"]
        for one in task.get("comparisons", [])
    }
    title, inside = "", False
    for line in render_markdown(typed(facts)).splitlines():
        if line.startswith("<summary>Every metric: "):
            checkpoint, task = titles[line.removeprefix("<summary>Every metric: ").removesuffix("</summary>")]
            title = f"Base model and {checkpoint} on {task}"
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[:1] == ["metric"] and cells[3:4] == ["difference"]:
            inside = True
        elif not cells:
            inside = False
        elif inside and not cells[0].startswith(":"):
            found.setdefault(title, []).append([cell.replace("\\", "") for cell in cells])
    return found


def tex_tables(text: str) -> Tables:
    """Returns the same rows from the LaTeX document, as they are printed."""
    found: Tables = {}
    title, inside = "", False
    for line in text.splitlines():
        if line.startswith("\\subsection{"):
            title = printed(line.removeprefix("\\subsection{").removesuffix("}"))
        if line.startswith("metric &"):
            inside = "& difference &" in line
        elif line == "\\bottomrule":
            inside = False
        elif inside and " & " in line:
            cells = [printed(cell) for cell in line.removesuffix(" \\\\").split(" & ")]
            found.setdefault(title, []).append(cells)
    return found


def printed(tex: str) -> str:
    """Returns what a piece of LaTeX prints."""
    tex = re.sub(r"\\missing\{ ?(.*)\}$", r"\1", tex)
    for command, sign in (
        ("\\allowbreak{}", ""),
        ("\\ensuremath{-}", MINUS),
        ("\\textless{}", "<"),
        ("\\textquotesingle{}", "'"),
        ("\\%", "%"),
        ("\\_", "_"),
    ):
        tex = tex.replace(command, sign)
    return re.sub(r"\{([^{}])\}", r"\1", tex).strip()


def shown(value: float, unit: str, sign: bool = False) -> str:
    """Returns a value rounded as the page rounds its unit, by decimal arithmetic."""
    text = str(Decimal(value).quantize(Decimal(1).scaleb(-DIGITS[unit]), ROUND_HALF_EVEN))
    negative = text.startswith("-") and float(text) != 0
    return (MINUS if negative else "+" if sign and value else "") + text.lstrip("-")


def with_interval(value: float, lower: float | None, upper: float | None, unit: str, sign: bool = False) -> str:
    if lower is None or upper is None:
        return f"{shown(value, unit, sign)} (no interval)"
    return f"{shown(value, unit, sign)} [{shown(lower, unit, sign)}, {shown(upper, unit, sign)}]"


def csv_rows(facts: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exports(typed(facts))["scores.csv"])))


def number(cell: str) -> float | None:
    return float(cell) if cell else None


def test_latex_carries_the_rows_of_the_page(facts: dict[str, Any]) -> None:
    expected = page_tables(facts)
    assert sum(map(len, expected.values())) == 7 + 11
    assert tex_tables(exports(typed(facts))["report.tex"]) == {
        title.replace("`", ""): rows for title, rows in expected.items()
    }


def test_csv_carries_the_rows_of_the_page(facts: dict[str, Any]) -> None:
    rows = [row for row in csv_rows(facts) if row["part"] == "all"]
    checked = 0
    for title, cells in page_tables(facts).items():
        checkpoint, task = title.removeprefix("Base model and ").split(" on ")
        for label, before, after, difference, items, clusters in cells:
            name = label.removesuffix(" (primary)")
            base, tuned = (
                next(row for row in rows if (row["task"], row["checkpoint"], row["label"]) == (task, who, name))
                for who in ("base", checkpoint)
            )
            for row, cell in ((base, before), (tuned, after)):
                ends = (number(row["lower"]), number(row["upper"]))
                assert with_interval(float(row["value"]), *ends, row["unit"]) == cell
                assert (row["items"], row["clusters"]) == (items, clusters)
                assert (row["primary"] == "yes") == label.endswith("(primary)")
            ends = (number(tuned["difference_lower"]), number(tuned["difference_upper"]))
            assert with_interval(float(tuned["difference"]), *ends, tuned["unit"], sign=True) == difference
            assert base["difference"] == ""
            checked += 1
    assert checked == 7 + 11


def test_every_eval_ever_and_csv_hold_the_same_numbers(facts: dict[str, Any]) -> None:
    by_place = {(row["checkpoint"], row["task"], row["label"]): row for row in csv_rows(facts) if row["part"] == "all"}
    seen = set()
    for record in as_records(facts).values():
        who = record["evaluation_id"].split("/")[2]
        for result in record["evaluation_results"]:
            place = (who, result["evaluation_name"], result["metric_config"]["metric_name"])
            row, details = by_place[place], result["score_details"]["details"]
            uncertainty = result["score_details"]["uncertainty"]
            interval = uncertainty.get("confidence_interval", {})
            assert result["score_details"]["score"] == float(row["value"])
            assert uncertainty["num_samples"] == int(row["items"])
            assert (interval.get("lower"), interval.get("upper")) == (number(row["lower"]), number(row["upper"]))
            assert details["clusters"] == row["clusters"]
            for key, column in (
                ("difference_from_base", "difference"),
                ("difference_lower", "difference_lower"),
                ("difference_upper", "difference_upper"),
                ("p_value", "p_value"),
                ("p_value_holm", "p_value_holm"),
            ):
                assert details.get(key, "") == row[column]
            seen.add(place)
    assert seen == set(by_place)


def test_the_csv_holds_the_numbers_of_the_samples(facts: dict[str, Any]) -> None:
    rows = {(row["task"], row["checkpoint"], row["metric"], row["part"]): row for row in csv_rows(facts)}
    tuned = rows["reviews", "reviews-lora-seed1", "acc", "all"]
    # Counted by hand in tests/report/synthetic.py: all positive is right as often as there are positive items,
    # and the checkpoint has two wrong of as many.
    right = [float(rows["reviews", who, "acc", "all"]["value"]) for who in ("base", "reviews-lora-seed1")]
    assert right[1] == 1 - 2 / float(tuned["items"])
    assert float(tuned["difference"]) == right[1] - right[0]
    base = rows["reviews", "base", "acc", "all"]
    assert (base["baseline"], base["normalised_score"], base["gold_answers_score"]) == (base["value"], "0.0", "1.0")
    # The names of before stand behind them for a version, with the same values.
    assert list(base)[-7:] == list(OLD_NAMES)
    assert all(row[old] == row[new] for row in rows.values() for old, new in OLD_NAMES.items())
    assert rows["passages", "passages-lora-seed1", "exact", "all"]["value"] == "90.0"


def test_what_is_missing_is_an_empty_cell_with_its_reason(facts: dict[str, Any]) -> None:
    score = facts["tasks"][0]["comparisons"][0]["scores"][0]
    score |= {"after": {"missing": "it has not been scored"}, "difference": {"missing": "one of the two is missing"}}
    row = next(row for row in csv_rows(facts) if row["checkpoint"] == "reviews-lora-seed1" and row["metric"] == "acc")
    assert (row["value"], row["lower"], row["difference"]) == ("", "", "")
    assert (row["missing"], row["missing_difference"]) == ("it has not been scored", "one of the two is missing")
    assert not any(
        result["metric_config"]["metric_name"] == "accuracy"
        for record in as_records(facts).values()
        if "reviews-lora" in record["evaluation_id"]
        for result in record["evaluation_results"]
    )
    assert "\\missing{missing (it has not been scored)}" in exports(typed(facts))["report.tex"]


def test_the_same_facts_give_the_same_bytes(facts: dict[str, Any]) -> None:
    assert exports(typed(facts)) == exports(typed(json.loads(json.dumps(facts))))


@pytest.mark.parametrize(
    "holes",
    [
        {"reviews": (None, None)},
        {"reviews": (ALWAYS_POSITIVE, None)},
        {"passages": (None, LEARNED)},
        {"reviews": (None, None), "passages": (None, None), "seeds": [1, 2]},
        {"methods": ["lora", "full"], "equivalence_margin": 0.1},
    ],
)
def test_what_was_not_scored_leaves_no_hole(tmp_path: Path, holes: dict[str, Any]) -> None:
    study = write_study(tmp_path, **holes)
    (folder_of(study) / "scores").mkdir(exist_ok=True)
    facts = collect(load_study(study), study, folder_of(study)).as_json()
    assert tex_tables(exports(typed(facts))["report.tex"]) == {
        title.replace("`", ""): rows for title, rows in page_tables(facts).items()
    }
    for row in csv_rows(facts):
        assert bool(row["value"]) != bool(row["missing"])
