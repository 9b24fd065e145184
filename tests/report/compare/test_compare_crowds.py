"""Boards of very many models: all pairs at once give what one by one they give, and the page stays bounded."""

import random
import re
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t, ttest_rel

from report.compare import crowds
from report.compare.comparison_page import comparison_files
from report.compare.crowds import JACKKNIFE, MCNEMAR, MOST_PAIRS, SHOWN, all_p_values
from report.compare.files import read_all
from report.compare.measures import Measure, measure
from report.compare.pairs import WELCH, score_difference
from report.facts.schema.compared import ComparedModels
from report.statistics.paired_tests import holm_of
from tests.report.compare.lm_eval_folders import compared, write_folder


def measures(root: Path, models: list[list[Any]], **options: Any) -> list[Measure]:
    for number, items in enumerate(models):
        write_folder(root, f"m{number:02d}", {"even": items}, **options)
    key = f"{options.get('metric', 'acc')},none"
    return [measure(entry.runs["even"], key) for entry in read_all([root]).entries]


def chances(models: int, items: int) -> list[list[float]]:
    chance = random.Random(7)
    return [[float(chance.random() < 0.3 + n / models / 2) for _ in range(items)] for n in range(models)]


def test_right_or_wrong_has_mcnemars_p_values_to_the_last_digit(tmp_path: Path) -> None:
    found = measures(tmp_path, [*chances(5, 60), chances(1, 60)[0]])  # the first one twice: nothing changed
    tested = all_p_values(found)
    for i, one in enumerate(found):
        for j, other in enumerate(found):
            if i != j:
                assert tested.p[i, j] == score_difference(one, other).p
                assert tested.method(i, j) == MCNEMAR


def test_scores_of_independent_items_have_the_paired_t_test(tmp_path: Path) -> None:
    chance = random.Random(5)
    items = [[round(chance.random(), 3) for _ in range(40)] for _ in range(3)]
    tested = all_p_values(measures(tmp_path, items, metric="f1_of_words"))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert tested.p[i, j] == pytest.approx(ttest_rel(items[i], items[j]).pvalue, rel=1e-9)
        assert tested.p[j, i] == tested.p[i, j]
        assert tested.method(i, j) == JACKKNIFE


@pytest.mark.parametrize("order", [None, range(39, -1, -1)])
def test_clusters_and_metrics_of_pairs_have_the_paired_jackknife(tmp_path: Path, order: Any) -> None:
    chance = random.Random(6)
    docs = [{"q": str(n), "film": f"film {n // 2}"} for n in range(40)]
    models = [[[n % 2, int(chance.random() < 0.3 + 0.4 * (n % 2))] for n in range(40)] for _ in range(3)]
    for number, items in enumerate(models):
        scores = [float(gold == said) for gold, said in items]
        file = write_folder(tmp_path, f"m{number}", {"even": scores}, docs=docs, metadata={"cluster": "film"})
        samples = next(file.parent.glob("samples_*"))
        # The rows as a task with f1 has them, those of the second model in another order.
        lines = samples.read_text().splitlines()
        lines = [line.replace('"acc": 1.0', f'"acc": {items[n]}') for n, line in enumerate(lines)]
        lines = [
            line.replace('"acc": 0.0', f'"acc": {items[n]}').replace('"acc"', '"f1"') for n, line in enumerate(lines)
        ]
        samples.write_text("".join(lines[n] + "\n" for n in (order if order and number == 1 else range(40))))
        hits = sum(gold * said for gold, said in items)
        f1 = 2 * hits / sum(gold + said for gold, said in items)
        recorded = file.read_text().replace('"acc,none": ', '"f1,none": ').replace('"metric": "acc"', '"metric": "f1"')
        before = f'"f1,none": {sum(scores) / 40}'
        assert before in recorded
        file.write_text(recorded.replace(before, f'"f1,none": {f1}'))
    found = [measure(entry.runs["even"], "f1,none") for entry in read_all([tmp_path]).entries]
    assert all(one.items for one in found)
    tested = all_p_values(found)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        apart = score_difference(found[i], found[j]).interval
        assert apart is not None
        assert apart.standard_error
        expected = 2 * t.sf(abs(apart.value) / apart.standard_error, 19)
        assert tested.p[i, j] == pytest.approx(expected, rel=1e-9)


def test_pairs_that_are_refused_or_unpaired_are_as_one_by_one(tmp_path: Path) -> None:
    first, second, third, fourth = chances(4, 50)
    found = [
        *measures(tmp_path / "a", [first, second]),
        *measures(tmp_path / "b", [third], version=2.0),
        *measures(tmp_path / "c", [fourth], samples=False),
        *measures(tmp_path / "d", [first], shots=3),  # other prompts for the same items: paired, and flagged
    ]
    tested = all_p_values(found)
    assert np.isnan(tested.p[2, [0, 1, 3, 4]]).all()
    for i, j in ((0, 1), (0, 4), (1, 4)):
        assert (tested.p[i, j], tested.method(i, j)) == (score_difference(found[i], found[j]).p, MCNEMAR)
    for i in (0, 1, 4):
        assert tested.p[i, 3] == pytest.approx(score_difference(found[i], found[3]).p, rel=1e-12)
        assert tested.method(3, i) == WELCH


def test_no_swap_test_of_a_crowd_could_be_significant() -> None:
    smallest = 1 / 10_001
    assert holm_of(np.array([smallest] + [1.0] * (MOST_PAIRS - 1)))[0] < 0.05
    assert holm_of(np.array([smallest] + [1.0] * MOST_PAIRS))[0] > 0.05
    assert SHOWN * (SHOWN - 1) // 2 <= MOST_PAIRS < (SHOWN + 1) * SHOWN // 2


def test_holms_correction_of_an_array_passes_over_what_is_no_number() -> None:
    found = holm_of(np.array([0.01, float("nan"), 0.04, 0.03]))
    assert [None if isnan(p) else p for p in found.tolist()] == [0.03, None, 0.06, 0.06]


def test_a_crowd_has_whole_ranks_and_a_bounded_page(tmp_path: Path) -> None:
    size = SHOWN + 1
    for number, items in enumerate(chances(size, 120)):
        write_folder(tmp_path, f"m{number:02d}", {"even": items})
    facts = compared([tmp_path])
    board = facts["tasks"][0]["boards"][0]
    assert len(board["rows"]) == size
    assert board["tests"]["value"] == size * (size - 1) // 2
    assert (board["matrix"], len(board["pairs"])) == ([], 2 * (SHOWN - 1) - 1)
    for place, row in enumerate(board["rows"], 1):
        assert row["best"]["value"] <= place <= row["worst"]["value"]
        assert row["worst"]["value"] == size - row["beaten"]["value"]
        assert row["beats"] == []
    assert board["rows"][0]["beaten"]["value"] > 0
    made = comparison_files(ComparedModels.model_validate(facts))
    assert "Of a table with more than 500 pairs of models, all pairs are tested" in made["compare.md"]
    assert "Tests that Holm's correction is over: 528." in made["compare.md"]
    assert len(re.findall(r'<path d="[^"]* C ', made["figures/compare-1.svg"])) == SHOWN  # dots, which alone are round


def test_the_time_of_a_crowd_does_not_go_into_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model is encoded once, however many it stands beside."""
    calls: list[str] = []
    encoded = crowds.sample_of
    monkeypatch.setattr(crowds, "sample_of", lambda *given, **o: calls.append(given[0]) or encoded(*given, **o))
    all_p_values(measures(tmp_path, chances(12, 20)))
    assert len(calls) == 12
