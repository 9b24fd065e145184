"""A claim and a numeral stand in entries and facts: the loader refuses a template of ours that holds one of its own."""

import re
import shutil
from pathlib import Path

import pytest

from harness_tasks.errors import UserError
from report.page.exports.latex import FILTERS, in_latex
from report.page.formats import in_markdown
from report.page.html import in_html
from report.page.template import environment, lookup
from report.page.template.environment import Environment
from report.page.template.lookup import ENTRIES, LAYOUT, OURS
from report.page.template.words import OwnWord, own_words, refuse_own_words, words_of_a_study

NAMES = sorted(path.name for path in OURS.glob("*.j2"))
PLAIN = [name for name in NAMES if name not in (*ENTRIES, LAYOUT)]
IN_TEXT = {".md.j2": "\n{}\n", ".html.j2": "\n<p>{}</p>\n", ".tex.j2": "\n\\emph{{{}}}\n"}


def made(name: str) -> Environment:
    """What fills a template of that name."""
    if name.endswith(".tex.j2"):
        return environment(in_latex, filters=FILTERS)
    return environment(in_html if name.endswith(".html.j2") else in_markdown)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a copy of our templates, which the loader takes for ours."""
    folder = tmp_path / "ours"
    shutil.copytree(OURS, folder)
    monkeypatch.setattr(lookup, "OURS", folder)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_each_of_ours_is_loaded(name: str) -> None:
    made(name).get_template(name)
    if name not in ENTRIES:
        assert not own_words(name, (OURS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("word", ["Significantly", "0.5"])
def test_a_word_that_is_planted_in_a_copy_is_refused(copy: Path, name: str, word: str) -> None:
    path = copy / name
    text = path.read_text(encoding="utf-8")
    suffix = re.search(r"\.\w+\.j2$", name)
    assert suffix
    path.write_text(text + IN_TEXT[suffix[0]].format(word), encoding="utf-8")
    line = text.count("\n") + 2
    with pytest.raises(UserError) as refused:
        made(name).get_template(name)
    assert refused.value.found == f"{path}, line {line}: `{word.lower()}` is of the template itself"
    assert refused.value.mend.startswith("write a claim as an entry of findings.md.j2, ")


@pytest.mark.parametrize("name", [*ENTRIES, LAYOUT])
def test_entries_hold_claims_and_no_numeral(copy: Path, name: str) -> None:
    path = copy / name
    text = path.read_text(encoding="utf-8")
    refuse_own_words(path, text + ("\n% 3mm" if name == LAYOUT else "\nhigher"))
    with pytest.raises(UserError, match="`higher`" if name == LAYOUT else "`3`"):
        refuse_own_words(path, text + ("\nhigher" if name == LAYOUT else "\n3 times"))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.md.j2", "# Title\n\nIt is better.", [(3, "better")]),
        ("a.md.j2", "{# better #}\n{% if x == 'better' %}fine{% endif %}", []),
        ("a.md.j2", "{% if x %}\n\nNo {{ n | count }} is *worse*{% endif %}", [(3, "no"), (3, "worse")]),
        ("a.md.j2", "Run `make best`:\n\n```sh\nmake -j 2 best\n```\nWorst.", [(6, "worst")]),
        ("a.md.j2", "![The best of {{ a | text }}](figures/best-2.svg)", [(1, "best")]),
        ("a.md.j2", "[here](https://example.org/best/2)", []),
        ("a.md.j2", "<details title='the best' class='best'>\n<p>so</p></details>", [(1, "best")]),
        ("a.md.j2", "{{ 'higher' if up else \"lower\" }}", [(1, "higher"), (1, "lower")]),
        ("a.md.j2", "{% set ways = [['up', 'it rises']] %}{{ ways[0][1] }}", [(1, "rises")]),
        ("a.md.j2", "{{ names | join(' beats ') }}{{ names | map(attribute='best') | first }}", [(1, "beats")]),
        ("a.md.j2", "{% for row in rows[:3] %}{{ row['best'] | text }}{% endfor %}{{ 3 }}", [(1, "3")]),
        ("a.md.j2", "{{ f('because') }}{{ a ~ ' never' }}", [(1, "because"), (1, "never")]),
        ("a.md.j2", "{% include 'best.md.j2' %}{% from 'worst.md.j2' import best %}{{ best(both_right) }}", []),
        ("a.md.j2", "{% raw %}{{ best }}{% endraw %}", [(1, "best")]),
        ("a.md.j2", "both_right, nothingness, Nothing, ٣ of 1,000.5", [(1, "nothing"), (1, "٣"), (1, "1,000.5")]),
        ("a.html.j2", '<meta charset="utf-8">\n<h2 id="no-2">No</h2>', [(2, "no")]),
        ("a.html.j2", '<meta name="description"\ncontent="the best">', [(1, "best")]),
        ("a.html.j2", "<style>a { top: 2rem }\nb::after { content: 'not' }</style><p>x", [(1, "not")]),
        ("a.tex.j2", "\\begin{best}\\rises{} none & 5 \\\\", [(1, "best"), (1, "none"), (1, "5")]),
    ],
)
def test_which_words_are_a_templates_own(name: str, text: str, words: list[tuple[int, str]]) -> None:
    assert own_words(name, text) == [OwnWord(*word) for word in words]


def test_of_a_studys_own_only_what_ours_has_not_is_named(tmp_path: Path) -> None:
    own = tmp_path / "templates"
    own.mkdir()
    entries = (OURS / "findings.md.j2").read_text(encoding="utf-8")
    (own / "findings.md.j2").write_text(entries.replace("it rises from", "it soars, always, from"), encoding="utf-8")
    (own / "answer_hub.md.j2").write_text((OURS / "answer_hub.md.j2").read_text(encoding="utf-8"), encoding="utf-8")
    (own / "answer_ethics.md.j2").write_text("Nobody\n\nwas hurt because of 3 words.", encoding="utf-8")
    (own / "answer_broken.md.j2").write_text("{% if %} best", encoding="utf-8")
    (own / "report.css").write_text("a { content: 'best' }", encoding="utf-8")
    found = words_of_a_study(own)
    assert set(found) == {"findings.md.j2", "answer_ethics.md.j2"}
    assert found["answer_ethics.md.j2"] == [OwnWord(3, "because"), OwnWord(3, "3")]
    changed = [number for number, line in enumerate(entries.splitlines(), 1) if "it rises from" in line]
    assert sorted({word.line for word in found["findings.md.j2"]}) == changed
    assert words_of_a_study(None) == {}


def test_what_a_comparison_says_of_its_swap_test_is_what_it_does() -> None:
    """The one number that entries hold in words."""
    from inspect import signature

    from report.statistics.paired_tests import swap_test

    assert signature(swap_test).parameters["draws"].default == 10_000
    entries = "".join((OURS / name).read_text(encoding="utf-8") for name in ENTRIES)
    assert re.findall(r"\b(?:[a-z]+ )?(?:hundred|thousand|million)\b", entries) == ["ten thousand"]
