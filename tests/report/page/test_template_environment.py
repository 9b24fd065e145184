"""Templates run in a sandbox, show every text escaped, and know no name that is not a fact."""

from pathlib import Path
from typing import Any

import pytest

from harness_tasks.errors import UserError
from report.facts.schema.parts import Known
from report.page.formats import in_markdown
from report.page.template import environment, filled, own_templates, source
from report.page.template.lookup import OURS, REPLACEABLE, own_names
from tests.report.payloads import PAYLOADS
from tests.report.some_facts import known


def score(value: float) -> Known:
    return known(value, "proportion", n=10)


VALUES: dict[str, Any] = {
    "study": {"title": known("A | title"), "name": known("trial")},
    "tasks": [{"name": known("reviews"), "comparisons": [{"scores": [{"before": score(0.5), "after": score(0.75)}]}]}],
    "model": {"name": known("small"), "items": known("a key that mappings have as a method")},
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The folder of a study's own templates."""
    folder = tmp_path / "templates"
    folder.mkdir()
    return folder


def fill(own: Path, template: str) -> str:
    (own / "report.md.j2").write_text(template, encoding="utf-8")
    return filled(environment(in_markdown, own=own), "report.md.j2", VALUES)


def complaint(own: Path, template: str) -> str:
    with pytest.raises(UserError) as found:
        fill(own, template)
    return str(found.value)


def test_facts_are_shown_through_filters(own: Path) -> None:
    shown = fill(own, "{% for task in tasks %}{{ task.name | text }}: {{ study.title | text }}{% endfor %}")
    assert shown == "reviews: A \\| title"
    assert fill(own, "{{ tasks[0].comparisons[0].scores[0].after | number }}") == "0.750"


def test_the_studys_own_template_comes_first_and_ours_after_it(own: Path) -> None:
    shown = fill(
        own, '{% from "macros.md.j2" import score %}{{ score(tasks[0].comparisons[0].scores[0].before) | trim }}'
    )
    assert shown == "0.500 (no interval)"
    (own / "macros.md.j2").write_text("{% macro score(known) %}mine{% endmacro %}", encoding="utf-8")
    assert fill(own, '{% from "macros.md.j2" import score %}{{ score(study) }}') == "mine"
    (own / "answer_ethics.md.j2").write_text("Ethics.", encoding="utf-8")
    assert fill(own, '{% include "answer_ethics.md.j2" %}') == "Ethics."


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ stduy.title | text }}", "there is no fact `stduy`; the nearest one is `study`"),
        ("{{ study.titel | text }}", "there is no fact `study.titel`; the nearest one is `study.title`"),
        (
            "{{ tasks[0].comparisons[0].scores[0].befor | number }}",
            "there is no fact `tasks[0].comparisons[0].scores[0].befor`; "
            "the nearest one is `tasks[0].comparisons[0].scores[0].before`",
        ),
        (
            "{% for task in tasks %}{{ task.nam | text }}{% endfor %}",
            "`tasks[0].nam`; the nearest one is `tasks[0].name`",
        ),
        ("{% if study.titel is known %}x{% endif %}", "`study.titel`; the nearest one is `study.title`"),
        ("{% if study.titel %}x{% endif %}", "`study.titel`; the nearest one is `study.title`"),
        ("{% for x in study.titel %}x{% endfor %}", "`study.titel`; the nearest one is `study.title`"),
        ("{{ study.titel }}", "`study.titel`; the nearest one is `study.title`"),
        ("{{ study['titel'] | text }}", "`study.titel`; the nearest one is `study.title`"),
        ("{{ study.titel.value }}", "`study.titel`; the nearest one is `study.title`"),
        ("{{ [study.titel] | sources }}", "`study.titel`"),
        ("{{ model.keys | text }}", "there is no fact `model.keys`"),
        ("{{ range(3) | list | length }}", "there is no fact `range`"),
        ("{{ lipsum() }}", "there is no fact `lipsum`"),
    ],
)
def test_an_unknown_name_is_an_error_that_names_the_nearest(own: Path, template: str, said: str) -> None:
    message = complaint(own, f"first line\n{template}\n")
    assert f"Found: {own / 'report.md.j2'}, line 2: " in message
    assert said in message
    assert "To mend it: correct it there; templates/README.md lists every fact and every filter" in message


def test_a_key_is_a_fact_though_mappings_have_a_method_of_that_name(own: Path) -> None:
    assert fill(own, "{{ model.items | text }}") == "a key that mappings have as a method"


def test_an_unknown_name_in_a_macro_of_ours_is_told_at_the_line_that_gave_it(own: Path) -> None:
    message = complaint(own, '{% from "macros.md.j2" import score %}\n\n{{ score(study.titel) }}')
    assert f"{own / 'report.md.j2'}, line 3: there is no fact `study.titel`" in message


@pytest.mark.parametrize(
    ("template", "said", "remedy"),
    [
        ("{{ study.title | txt }}", "No filter named 'txt'", "write `text`, the nearest filter"),
        ("{{ study.title | safe }}", "No filter named 'safe'", "the nearest filter"),
        ("{{ study.title }}", "a template may not show", "show it through one of the filters"),
        ("{{ tasks }}", "a template may not show", "show it through one of the filters"),
        ("{{ study.title | number }}", "line 1", "correct it there"),
        ("{% if %}", "line 1", "correct it there"),
        ("{{ study.title | text ", "line 1", "correct it there"),
        ("{% include 'report.md.j2' %}", "line 1", "correct it there"),
        ("{{ ''.__class__.__mro__ }}", "line 1", "correct it there"),
        ("{{ study.__class__ }}", "line 1", "correct it there"),
        ("{{ (''|trim).__init__.__globals__ }}", "line 1", "correct it there"),
        ("{{ study.update({}) }}", "line 1", "correct it there"),
        ("{{ tasks.append(study) }}", "line 1", "correct it there"),
        ("{{ '%s' % (tasks.__len__,) }}", "line 1", "correct it there"),
    ],
)
def test_what_a_template_may_not_do(own: Path, template: str, said: str, remedy: str) -> None:
    message = complaint(own, template)
    assert said in message
    assert remedy in message
    assert len(VALUES["tasks"]) == 1


@pytest.mark.parametrize("name", ["../secret.j2", "/etc/passwd", "..", "secret", "a/b.j2", ".hidden.j2", "x.py", ""])
def test_nothing_but_templates_is_included(own: Path, name: str) -> None:
    (own.parent / "secret.j2").write_text("secret", encoding="utf-8")
    assert f"there is no template '{name}'" in complaint(own, f"{{% include '{name}' %}}")


def test_a_template_that_is_not_there_is_told_with_the_nearest(own: Path) -> None:
    message = complaint(own, '{% include "answer_score.md.j2" %}')
    assert "Found: there is no template 'answer_score.md.j2'" in message
    assert "To mend it: write 'answer_scores.md.j2', the nearest one" in message


def test_a_link_out_of_the_folder_is_refused(own: Path) -> None:
    (own.parent / "secret.txt").write_text("secret", encoding="utf-8")
    (own / "answer_hub.md.j2").symlink_to(own.parent / "secret.txt")
    message = complaint(own, '{% include "answer_hub.md.j2" %}')
    assert "is a link to" in message
    assert "To mend it: put the template itself there" in message


def test_a_template_that_is_no_text(own: Path) -> None:
    (own / "answer_hub.md.j2").write_bytes(b"\xff\xfe")
    assert "To mend it: save it as UTF-8" in complaint(own, '{% include "answer_hub.md.j2" %}')


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_fact_is_evaluated(own: Path, payload: str) -> None:
    (own / "report.md.j2").write_text("{{ study.title | text }}|{{ study.title.value }}", encoding="utf-8")
    values = {**VALUES, "study": {"title": known(payload)}}
    assert "51317" not in filled(environment(in_markdown, own=own), "report.md.j2", values)


def test_a_mistake_in_our_own_templates_stays_ours() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError, match="there is no fact `findings`"):
        filled(environment(in_markdown), "report.md.j2", VALUES)


def test_a_changed_template_is_read_again(own: Path) -> None:
    made = environment(in_markdown, own=own)
    for word in ("one", "two"):
        (own / "report.md.j2").write_text(word, encoding="utf-8")
        assert filled(made, "report.md.j2", VALUES) == word


def test_filters_of_ones_own_take_the_place_of_the_pages(own: Path) -> None:
    (own / "report.md.j2").write_text("{{ study.title | text }}", encoding="utf-8")
    made = environment(in_markdown, own=own, filters={"text": lambda fact: in_markdown("shown")})
    assert filled(made, "report.md.j2", VALUES) == "shown"


def test_where_a_studys_own_templates_lie(tmp_path: Path, own: Path) -> None:
    assert own_templates(tmp_path) == own
    assert own_templates(own) is None
    assert own_templates(OURS.parent) is None  # ours are nobody's own


@pytest.mark.parametrize("name", REPLACEABLE)
def test_every_replaceable_template_is_there(name: str) -> None:
    assert source(name, None)[0]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ 'a' * 10**9 }}", "it makes a text of more than 67,108,864 characters"),
        ("{{ 10**9 * 'a' }}", "it makes a text of more than"),
        ("{{ 9 ** 99999999 }}", "it computes with numbers of more than 4,096 bits"),
        ("{{ 9 ** (9 ** 9) }}", "it computes with numbers of more than 4,096 bits"),
        ("{{ ([1] * 10**7) | length }}", "it makes a list of more than 1,000,000 parts"),
        ("{{ '%999999999d' % 1 }}", "it sets text into a field wider than 1,000 characters"),
        ("{{ '%*d' % (999999999, 1) }}", "it sets text into a field wider than 1,000 characters"),
        ("{{ '%.999999999f' % 1 }}", "it sets text into a field wider than 1,000 characters"),
        ("{{ 'a'.ljust(10**9) }}", "access to attribute 'ljust' of 'str' object is unsafe"),
        ("{{ '{:>999999999}'.format(1) }}", "access to attribute 'format' of 'str' object is unsafe"),
        ("{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}", "maximum recursion depth exceeded"),
        ("{% include 'report.md.j2' %}", "maximum recursion depth exceeded"),
        ("{% macro m(x, n) %}{% if n %}{{ m(x ~ x, n - 1) }}{% endif %}{% endmacro %}{{ m('a' * 99, 99) }}",
         "it makes a text of more than"),
        ("{% macro m(x, n) %}{% if n %}{{ m(x + x, n - 1) }}{% endif %}{% endmacro %}{{ m('a' * 99, 99) }}",
         "it makes a text of more than"),
        ("{% set a %}{% for x in 'a' * 999 %}{% for y in 'a' * 999 %}0123456789{% endfor %}{% endfor %}{% endset %}"
         "{% set b %}" + "{{ a }}" * 20 + "{% endset %}", "it makes a text of more than"),
        ("{% set a = 'a' * 10**6 %}{{ ([a] * 1000) | join }}", "it makes a text of more than"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "recursion"),
        ("{{ " + "9" * 5000 + " }}", "Exceeds the limit"),
        ("{% for a in 'ab' %}" * 25 + "{% endfor %}" * 25, "too many statically nested blocks"),
    ],
)  # fmt: skip
def test_what_would_take_all_memory_is_refused(own: Path, template: str, said: str) -> None:
    message = complaint(own, template)
    assert said in message
    assert str(own) in message


@pytest.mark.parametrize("body", ["", "x", "{% if a %}{% endif %}"])
def test_loops_without_end_are_stopped(own: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("report.page.template.budget.MOST_STEPS", 20_000)
    loops = [f"{{% for {name} in 'abcdefghij' * 10 %}}" for name in "abcdef"]
    message = complaint(own, "".join(loops) + body + "{% endfor %}" * 6)
    assert "it takes more than 20,000 steps" in message
    assert "To mend it: write less there" in message


def test_time_is_limited_too(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("report.page.template.budget.MOST_SECONDS", -1.0)
    assert "it takes more than" in complaint(own, "{% for a in 'a' * 9999 %}{% endfor %}")


def test_a_link_that_no_template_asks_for_is_refused_too(own: Path) -> None:
    (own.parent / "secret.txt").write_text("a secret", encoding="utf-8")
    (own / "x.md.j2").symlink_to(own.parent / "secret.txt")
    with pytest.raises(UserError, match=r"x\.md\.j2 is a link to .*secret\.txt"):
        own_names(own)
    (own / "x.md.j2").unlink()
    (own / "y.md.j2").symlink_to("z.md.j2")
    (own / "z.md.j2").write_text("beside it", encoding="utf-8")
    assert own_names(own) == ["y.md.j2", "z.md.j2"]
    assert own_names(None) == []
