"""The two books agree: what rules and templates say of random facts the oracle licenses, and nothing is missing."""

import pytest

from tests.oracle import check
from tests.oracle.random_facts import random_facts
from tests.report.rendered import render_markdown
from tests.report.synthetic import typed


def disagreements(seed: int) -> list[str]:
    facts = random_facts(seed)
    return [f"seed {seed}: {problem}" for problem in check(render_markdown(typed(facts)), facts)]


@pytest.mark.parametrize("seed", range(20))
def test_the_two_books_agree_on_facts_of_any_kind(seed: int) -> None:
    """Ties, reversed signs, holes, several seeds, an audit, what was not scored."""
    assert not disagreements(seed)


@pytest.mark.slow
def test_the_two_books_agree_on_five_thousand_random_facts() -> None:
    assert not [problem for seed in range(5000) for problem in disagreements(seed)]
