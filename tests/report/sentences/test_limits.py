"""What the numbers do not cover is said where it applies, and nowhere else."""

import copy

import pytest

from tests.report.rendered import render_markdown
from tests.report.sentences.test_random_facts import facts
from tests.report.synthetic import findings_of, typed


@pytest.mark.parametrize(("clusters", "is_said"), [(2, True), (23, True), (24, False), (200, False)])
def test_few_clusters_are_said_below_the_fewest_of_the_simulation(clusters: int, is_said: bool) -> None:
    few = copy.deepcopy(facts())
    for task in few["tasks"]:
        for comparison in task["comparisons"]:
            for score in comparison["scores"]:
                score["difference"]["clusters"] = clusters
    few["findings"] = findings_of(few)
    said = (
        f"On `reviews`, the 40 items lie in {clusters} clusters: the coverage of the intervals was simulated for more"
    )
    assert (said in render_markdown(typed(few))) == is_said
