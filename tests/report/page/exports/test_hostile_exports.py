"""Text that is not ours stays text in every export, whatever it is."""

import csv
import io
import json
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hostile import poisoned

from report.page.exports import exports
from report.page.exports.latex import escape
from report.page.exports.scores_csv import COLUMNS, OLD_NAMES, inert
from report.reading.texts import one_line
from tests.report.page.exports.exported import as_records
from tests.report.payloads import PAYLOADS
from tests.report.synthetic import typed

OURS = (
    "allowbreak", "ensuremath", "ldots", "missing", "sign", "textasciicircum", "textasciigrave", "textasciitilde",
    "textbackslash", "textbar", "texttt", "textemdash", "textendash", "textgreater", "textless", "textquotedbl",
    "textquotedblleft", "textquotedblright", "textquoteleft", "textquoteright", "textquotesingle", "times", "div",
)  # fmt: skip
"""Commands that print a sign, or say how text is set."""
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20\u2212")


TURNS = (0, 90, 180)
"""By how many payloads the first one is moved on: over all of them every payload has its turn."""


def turned(facts: dict[str, Any], turn: int) -> dict[str, Any]:
    return poisoned(facts, [*PAYLOADS[turn:], *PAYLOADS[:turn]])


@pytest.fixture(params=TURNS)
def hostile(facts: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    """Facts whose texts are payloads."""
    return turned(facts, request.param)


def test_there_are_enough_payloads_and_each_has_its_turn(facts: dict[str, Any]) -> None:
    assert len(set(PAYLOADS)) >= 250
    texts = [json.dumps(turned(facts, turn)) for turn in TURNS]
    assert [payload for payload in PAYLOADS if not any(json.dumps(payload)[1:-1] in text for text in texts)] == []


def skeleton(tex: str) -> list[str]:
    """Returns what LaTeX would act on in a document: commands that are no signs, cells, rows, and the braces' depth."""
    assert "\x00" not in tex
    found, depth = [], 0
    for token in re.findall(r"\\[A-Za-z]+|\\.|[{}&%$#^~_]|\n\n", tex, flags=re.DOTALL):
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            assert depth >= 0
        elif token == "\n\n" or (token.startswith("\\") and (token[1:] in OURS or token[1:] in tuple("{}$&#%_"))):
            continue
        else:
            found.append(f"{depth} {token}" if token == "&" else token)
    assert depth == 0
    return found


def test_latex_has_the_same_commands_and_cells_with_hostile_text(
    facts: dict[str, Any], hostile: dict[str, Any]
) -> None:
    assert skeleton(exports(typed(hostile))["report.tex"]) == skeleton(exports(typed(facts))["report.tex"])


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_payload_is_a_command_of_latex(payload: str) -> None:
    shown = escape(payload)
    assert skeleton(shown) == []
    assert "\n" not in shown
    assert not re.match(r"\s*[\[*]", shown)  # would be the argument of the line break before it


def test_no_payload_is_lost_in_latex() -> None:
    assert escape("a_b^{c}") == r"a\_\allowbreak{}b\textasciicircum{}\{c\}"
    assert escape("\u4e2d") == r"\sign{4E2D}"
    assert escape("--x, y") == "{-}-x, y"
    assert escape("caf\u00e9") == "caf\u00e9"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles_with_hostile_text(hostile: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "report.tex").write_text(exports(typed(hostile))["report.tex"], encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert {path.suffix for path in tmp_path.iterdir()} == {".tex", ".aux", ".log", ".pdf"}


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def is_number(cell: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", cell) is not None


def test_csv_is_inert(facts: dict[str, Any], hostile: dict[str, Any]) -> None:
    text = exports(typed(hostile))["scores.csv"]
    rows = cells(text)
    assert [len(row) for row in rows] == [len(COLUMNS) + len(OLD_NAMES)] * len(
        cells(exports(typed(facts))["scores.csv"])
    )
    assert text.count("\n") == len(rows)
    for cell in (cell for row in rows for cell in row):
        assert is_number(cell) or not cell.lstrip(' "\u200c\u200d').startswith(FORMULA)
        assert not any(unicodedata.category(sign) == "Cc" for sign in cell)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_payload_is_a_formula_whatever_separates_cells(payload: str, separator: str) -> None:
    for text in (payload, f"before{separator}{payload}", f'before"{separator}"{payload}'):
        line = io.StringIO()
        csv.writer(line, quoting=csv.QUOTE_ALL).writerow([inert(text)])
        for cell in re.split(re.escape(separator), line.getvalue().strip()):
            assert not cell.strip(' "\u200c\u200d').startswith(FORMULA)


def test_records_are_ascii_and_lie_in_their_folder(facts: dict[str, Any], hostile: dict[str, Any]) -> None:
    made = exports(typed(hostile))
    names = [name for name in made if name.startswith("every_eval_ever/")]
    assert len(names) == len(as_records(facts))
    for name in names:
        assert made[name].isascii()
        folders = name.split("/")
        assert len(folders) == 6
        assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", part) and not part.endswith(".") for part in folders)
        assert json.loads(made[name])["evaluation_results"]


def test_nothing_is_evaluated_and_no_sign_is_hidden(hostile: dict[str, Any]) -> None:
    for name, text in exports(typed(hostile)).items():
        assert "51317" not in text, name  # 7331 times 7
        text.encode("utf-8")
        shown = text if not name.startswith("every_eval_ever") else json.dumps(json.loads(text), ensure_ascii=False)
        hidden = {sign for sign in shown if unicodedata.category(sign) in ("Cf", "Cs", "Co")}
        assert hidden <= {"\u200c", "\u200d"}


def test_one_line() -> None:
    assert one_line(" a\r\n\u2028b\u202e\ud800\ue000c\x00 ") == " a bc "
    assert one_line("\U0001f468\u200d\U0001f469") == "\U0001f468\u200d\U0001f469"
