"""Whatever a model, an author, a task or a setting is called, its page is made, and every word on it is backed."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from report.facts.values import fact
from report.page import formats
from report.page.build import build_report
from report.page.figures import pictures
from report.page.html import html_of, tokens_of
from report.reading.texts import shell_word
from report.verify.report import verify_report
from tests.oracle import check
from tests.oracle.page import squeezed
from tests.report.payloads import PAYLOADS
from tests.report.rendered import render_html, render_markdown
from tests.report.sentences.test_random_facts import facts
from tests.report.some_facts import known
from tests.report.synthetic import findings_of, folder_of, typed, write_study

BEGINNINGS = [
    "1. item", "1) item", "10. x", "1.", "1)", "- item", "-", "* item", "*", "+ item", "+", "# x", "#", "###### x",
    "##", "> q", ">", "| a |", "| a | b |\n|---|---|", "```", "```sh", "~~~", "===", "=", "---", "--", "- - -",
    "***", "* * *", "___", "    code", "\tcode", "Sources: `a.json`.", "Sources.[^1]", "[^1]: x", "[x]: y",
    "![x](y)", "<!-- x -->", "<b>", "{{x}}", "{%", "{#", "]()", "[a](b)", "&lt;", "\\", "a\\", "a  ", "\n", "a\tb",
    "a\u2028b", "\u2029", "\u0301x", "e\u0301" * 40, "\u202e", "\u202eabc\u2066", "\u200b", "\u00a0", "x" * 5000,
    "Answer 3: x", "## Answer 1", "missing", "None", "nan", "12", "0.5", "\N{MINUS SIGN}3",
    "it rises from 0.1 to 0.9", "significant", ":", "|:-:|", "(empty)",
]  # fmt: skip
TEXTS = [*BEGINNINGS, *PAYLOADS]
SOURCE = {"file": "a.json", "pointer": "", "sha256": "f0"}
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]


def with_texts(choose: Any) -> dict[str, Any]:
    """Returns the facts with a text of ``choose(text)`` in the place of each, as `facts.fact` keeps it."""
    named: dict[str, str] = {}

    def changed(value: Any, key: str = "") -> Any:
        if isinstance(value, list):
            return [changed(part, key) for part in value]
        if not isinstance(value, dict):
            return value
        if value.get("unit") in ("text", "setting") and isinstance(value.get("value"), str):
            if key in ("path", "figure", "confusion", "reliability", "distributions", "moves", "score", "digest"):
                return value  # names and hashes of files that we make
            text = named.setdefault(value["value"], choose(value["value"]))
            return {**value, "value": fact(text, "text", SOURCE).value}
        return {name: changed(part, name) for name, part in value.items() if name != "findings"}

    found: dict[str, Any] = changed(copy.deepcopy(facts()))
    return {**found, "findings": findings_of(found)}


def problems(found: dict[str, Any], *, html: bool) -> list[str]:
    page = render_markdown(typed(found))
    wrong = [str(problem) for problem in check(page, found)]
    if html:
        wrong += [str(problem) for problem in check(render_html(typed(found), pictures(typed(found))), found)]
    return wrong


@pytest.mark.parametrize("text", ["1. item", "- item", "# x", "| a |\n|---|", "a\u2028b", "\u202e", "```\n# x"])
def test_one_text_everywhere(text: str) -> None:
    assert problems(with_texts(lambda old: text if old.isprintable() else old), html=False) == []


def drawn(seed: int) -> dict[str, Any]:
    """Returns facts in which most texts are others, each a payload or signs of any script."""
    choice = random.Random(seed)

    def choose(old: str) -> str:
        kind = choice.random()
        if kind < 0.2:
            return old
        if kind < 0.8:
            return choice.choice(TEXTS)
        signs = [chr(choice.choice([choice.randrange(32, 127), choice.randrange(0xD7FF)])) for _ in range(8)]
        return "".join(signs) + choice.choice(TEXTS)

    return with_texts(choose)


@settings(max_examples=12, deadline=None, phases=PHASES)
@given(seed=st.integers(0, 2**32))
def test_any_texts_make_a_page_that_is_backed(seed: int) -> None:
    assert problems(drawn(seed), html=False) == []


@settings(max_examples=4, deadline=None, phases=PHASES)
@given(seed=st.integers(0, 2**32))
def test_any_texts_make_an_html_page_that_is_backed(seed: int) -> None:
    assert problems(drawn(seed), html=True) == []


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_each_text_everywhere(text: str) -> None:
    assert problems(with_texts(lambda old: text), html=False) == []


@pytest.mark.slow
@settings(max_examples=500, deadline=None, phases=PHASES)
@given(seed=st.integers(0, 2**32))
def test_five_hundred_drawings_of_texts(seed: int) -> None:
    assert problems(drawn(seed), html=True) == []


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_an_escaped_text_is_itself_at_the_beginning_of_a_line_and_within_one(text: str) -> None:
    shown = fact(text, "text", SOURCE).value
    (filtered,) = [str(formats.FILTERS["text"](known(shown)))]
    for page, before in ((filtered, ""), (f"a {filtered} b", "a ")):
        tokens = tokens_of(page)
        assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"], page
        assert all(child.type == "text" for child in tokens[1].children or []), page
        read = "".join(child.content for child in tokens[1].children or [])
        expected = f"{before}{shown}{' b' if before else ''}"
        assert squeezed(read) == squeezed(expected)
        assert "<script" not in html_of(tokens)


def test_a_study_of_such_names_is_built_and_verified(tmp_path: Path) -> None:
    names = ["1. item", "- item", "# x", "> q", "| a |", "```", "{{x}}", "a\u2028b", "\u202e", "]()", "<b>"]
    authors = [{"name": name, "did": name} for name in names]
    model = {"id": "embedded", "name": "- 1. # model", "licence": "1. mine", "source": "```\n# x"}
    study = write_study(tmp_path, title="1. item\n# x", authors=authors, model=model)
    home = folder_of(study)
    card = json.loads((home / "model.json").read_text())
    (home / "model.json").write_text(json.dumps(card | model))
    results = home / "scores/base/reviews/results.json"
    content = json.loads(results.read_text())
    content["configs"]["reviews"]["metadata"]["about"] = "- 1. # | `x`"
    results.write_text(json.dumps(content))
    build_report(study, output=home)
    for page in ("report.md", "report.html"):
        assert verify_report(home / page).problems == []


@pytest.mark.parametrize("text", ["a b", "a\tb", "a\u2028b", "it's", "a\nb", "$HOME", "a  b", "\\", "`x`", "é\u00a0"])
def test_a_word_of_a_shell_is_that_word(text: str) -> None:
    import subprocess

    word = shell_word(text)
    assert word.isprintable()
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, env=environment)
    assert done.stdout.decode() == text
