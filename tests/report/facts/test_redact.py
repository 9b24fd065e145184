"""What is shown of other people's text."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from report.facts.redact import LICENCES, WORDS, allows_text, redacted, redacted_facts, text_notice
from report.facts.schema.scores import Comparison, Example, Examples, ScoredTask, Unscored
from report.facts.schema.whole import Facts
from report.facts.values import missing
from tests.report.payloads import PAYLOADS
from tests.report.some_facts import known

LONG = "an engaging film that knows where it is going from the start"


def test_half_of_the_words_eight_at_most_and_a_hash() -> None:
    digest = hashlib.sha256(LONG.encode()).hexdigest()
    assert redacted(LONG) == f"an engaging film that knows … [sha256 {digest[:12]}]"
    assert redacted(LONG) != redacted(LONG + ".")
    longer = f"{LONG} and never once forgets what it was that it had set out to tell"
    assert redacted(longer).startswith("an engaging film that knows where it is … [sha256 ")


@pytest.mark.parametrize("text", ["good", "a b", "hide new secretions", "unflinchingly bleak", "so bad . so bad ."])
def test_a_short_text_is_not_shown_whole(text: str) -> None:
    shown = redacted(text).partition("…")[0].strip()
    assert len(shown.split()) <= len(text.split()) / 2
    assert len(shown) <= len(text) / 2


def test_no_row_of_real_data_is_shown_whole(data_dir: Path) -> None:
    """Eight words alone were all of 39,336 of SST-2's 67,349 phrases, and of most questions of SQuAD."""
    lines = (data_dir / "sst2" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    texts = [line.rpartition("\t")[0] for line in lines]
    assert len(texts) == 67_349
    assert sum(len(text.split()) <= WORDS for text in texts) == 39_336
    squad = json.loads((data_dir / "squad1" / "dev-v1.1.json").read_text(encoding="utf-8"))
    texts += [
        text
        for article in squad["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
        for text in (question["question"], *(answer["text"] for answer in question["answers"]))
    ]
    assert len(texts) > 100_000
    for text in texts:
        shown = redacted(text).partition("…")[0].strip()
        assert len(shown.replace(" ", "")) <= len(text.replace(" ", "")) / 2, text


@pytest.mark.parametrize("text", [LONG, "two words", "", *PAYLOADS], ids=range(len(PAYLOADS) + 3))
def test_what_is_redacted_stays_as_it_is(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once
    assert len(once) <= 80 + len(" … [sha256 0123456789ab]")
    assert "\n" not in once


def test_text_that_only_looks_redacted_is_redacted() -> None:
    forged = f"{LONG} and on to its end … [sha256 0123456789ab]"
    assert "start" not in redacted(forged)
    assert redacted(forged) != forged


def test_text_without_spaces_is_cut() -> None:
    assert redacted("\u4e2d" * 500).startswith("\u4e2d" * 80 + " … ")


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        *((name, True) for name in LICENCES),
        ("cc-by-sa-4.0", True),
        ("none", False),
        ("unknown", False),
        ("CC-BY-NC-4.0", False),
        ("CC-BY-ND-4.0", False),
        ("GPL-3.0-only", False),
        ("", False),
        (None, False),
        (True, False),
        (["CC-BY-4.0"], False),
        ({"name": "CC-BY-4.0"}, False),
    ],
)
def test_which_licences_allow_the_text(licence: Any, allowed: bool) -> None:
    assert allows_text({"text_licence": licence}) is allowed
    assert (text_notice({"text_licence": licence}) is not None) is allowed


def test_a_task_that_says_nothing_allows_nothing() -> None:
    assert allows_text({}) is False
    assert text_notice({}) is None


def test_the_notice_names_licence_and_credit() -> None:
    notice = text_notice({"text_licence": "CC-BY-SA-4.0", "text_credit": "Ada"})
    assert notice == "CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0/; credit: Ada"


def _facts(kind: Any, licence: str | None) -> Facts:
    example = Example(**{key: known(f"{key} {LONG}") for key in ("input", "gold", "before", "after")})
    shown = Examples(fixed=[example], broken=[], both_right=[], both_wrong=[])
    task = ScoredTask.model_construct(
        kind=kind,
        text_licence=known(licence) if licence else missing("the task states no licence"),
        comparisons=[Comparison.model_construct(examples=shown), Comparison.model_construct(examples=None)],
    )
    unscored = Unscored(task="unscored", name=known("unscored"), absent=missing("not scored"))
    return Facts.model_construct(tasks=[task, unscored])


def _first(facts: Facts) -> Example:
    """Returns the first example of the first task."""
    task = facts.tasks[0]
    assert isinstance(task, ScoredTask)
    assert task.comparisons[0].examples
    return task.comparisons[0].examples.fixed[0]


@pytest.mark.parametrize("licence", [None, "none", "CC-BY-NC-4.0"])
def test_examples_are_redacted_unless_their_licence_allows_them(licence: str | None) -> None:
    facts = _facts("extraction", licence)
    before = copy.deepcopy(facts)
    assert all("going" not in text.value for _, text in _first(redacted_facts(facts)))
    assert facts == before
    assert redacted_facts(redacted_facts(facts)) == redacted_facts(facts)


def test_allowed_text_and_labels_stay() -> None:
    facts = _facts("extraction", "CC-BY-SA-4.0")
    assert redacted_facts(facts) == facts
    shown = _first(redacted_facts(_facts("classification", "none")))
    assert "going" not in shown.input.value
    assert all("going" in text.value for text in (shown.gold, shown.before, shown.after))
