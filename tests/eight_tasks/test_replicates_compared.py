"""`compare` reads the replicates beside samples: intervals and paired differences as a study's page has them."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness_tasks.files import sha256_file
from report.compare.comparison_facts import comparison_facts
from report.compare.crowds import all_p_values
from report.compare.files import read_all
from report.compare.measures import Measure, measure
from report.compare.pairs import score_difference
from tests.eight_tasks.test_replicates_on_a_page import half, kappa, left_out, rows_of, scores_of
from tests.report.synthetic import change_json, write_json

TIME = "2026-11-25T10-04-49.869036"


def folders(root: Path, task: str) -> list[Path]:
    return [root / "build" / "eight" / "scores" / name / task for name in ("base", f"{task}-lora-seed1")]


def measures(paths: list[Path], task: str, metric: str, clusters: dict[str, str] | None = None) -> list[Measure]:
    given = read_all(paths, clusters)
    assert given.passed_over == []
    return [measure(entry.runs[task], f"{metric},none") for entry in given.entries]


@pytest.fixture
def timed(scored: Path, tmp_path: Path) -> list[Path]:
    """The two folders of `rating` as `aftertune score --output_path` leaves them: a time in each file's name."""
    made = []
    for number, folder in enumerate(folders(scored, "rating")):
        made.append(tmp_path / str(number))
        made[-1].mkdir()
        shutil.copy(folder / "results.json", made[-1] / f"results_{TIME}.json")
        for name, ending in (("samples", "jsonl"), ("replicates", "json")):
            shutil.copy(folder / f"{name}.{ending}", made[-1] / f"{name}_rating_{TIME}.{ending}")
    return made


def test_a_kappa_has_the_interval_and_the_paired_difference_of_left_out_clusters(
    scored: Path, timed: list[Path]
) -> None:
    """Beside scikit-learn's kappa without one essay at a time, and Tukey's jackknife by hand."""
    study = scored / "studies" / "eight.yaml"
    sides = [rows_of(study, name, "rating") for name in ("base", "rating-lora-seed1")]
    values = [left_out(rows, lambda row: row["doc"]["essay"], kappa) for rows in sides]
    for paths in (folders(scored, "rating"), timed):
        one, other = measures(paths, "rating", "qwk")
        assert one.level.upper is not None
        assert one.level.upper - one.value == pytest.approx(half(values[0]))
        assert one.level.clusters == len(values[0])
        found = score_difference(other, one)
        assert (found.refused, found.unpaired) == ("", "")
        assert found.interval is not None
        assert found.interval.value == pytest.approx(kappa(sides[1]) - kappa(sides[0]))
        assert found.interval.upper is not None
        assert found.interval.upper - found.interval.value == pytest.approx(half(values[1] - values[0]))


@pytest.mark.parametrize(("task", "metric"), [("rating", "qwk"), ("prose", "word_perplexity")])
def test_it_is_what_the_studys_page_says(scored: Path, task: str, metric: str) -> None:
    study = scores_of(scored / "studies" / "eight.yaml", task)[metric]
    facts = comparison_facts(folders(scored, task))
    (board,) = [one for one in facts.tasks[0].boards if one.metric.value == metric]
    rows = sorted(board.rows, key=lambda row: row.score.value != study.before.value)
    for row, known in zip(rows, (study.before, study.after), strict=True):
        assert row.score.interval == known.interval
        assert [source.file.rpartition("/")[2] for source in row.score.also or []] == ["replicates.json"]
    (pair,) = board.pairs
    sign = 1 if pair.one.value == rows[1].entry.value else -1
    assert sign * pair.difference.value == pytest.approx(study.difference.value)
    lower, upper = sorted(sign * end for end in pair.difference.interval.ends)
    assert (lower, upper) == pytest.approx(study.difference.interval.ends)
    assert pair.p_value.value == pytest.approx(study.p_value.value)


def test_in_a_crowd_each_pair_has_the_same_p_value(scored: Path) -> None:
    paths = folders(scored, "prose")
    one, other = measures(paths, "prose", "word_perplexity")
    p = all_p_values([one, other, one]).p
    expected = score_difference(one, other).p
    assert p == pytest.approx(np.array([[1, expected, 1], [expected, 1, expected], [1, expected, 1]]))


def test_of_other_samples_they_are_passed_over_and_named(timed: list[Path]) -> None:
    change_json(timed[0] / f"replicates_rating_{TIME}.json", samples_sha256="ab" * 32)
    given = read_all(timed)
    (passed,) = given.passed_over
    assert passed.error.found == (
        f"replicates_rating_{TIME}.json holds replicates of other samples than those in samples_rating_{TIME}.jsonl"
    )
    one, other = (measure(entry.runs["rating"], "qwk,none") for entry in given.entries)
    assert one.level.lower is None
    assert score_difference(other, one).unpaired == "no samples of both"


def test_of_another_score_they_contradict_the_results(timed: list[Path]) -> None:
    file = timed[0] / f"replicates_rating_{TIME}.json"
    content: Any = json.loads(file.read_text(encoding="utf-8"))
    content["metrics"][0]["value"] = 2.0
    write_json(file, content)
    one, _ = measures(timed, "rating", "qwk")
    assert one.contradiction.endswith("has replicates of 2.0")
    assert one.void == one.contradiction


def test_of_other_clusters_than_the_command_names_they_are_not_used(timed: list[Path]) -> None:
    one, _ = measures(timed, "rating", "qwk", {"rating": "text"})
    assert one.replicated is None
    assert one.why == "its replicates leave out other clusters than those that are asked for"


def test_why_there_are_none_is_said(timed: list[Path]) -> None:
    file = timed[0] / f"replicates_rating_{TIME}.json"
    samples = timed[0] / f"samples_rating_{TIME}.jsonl"
    absent = {"metric": "qwk", "filter": "none", "n": 48, "absent": "it is too slow"}
    write_json(file, {"samples_sha256": sha256_file(samples), "clusters": [], "metrics": [absent], "baselines": []})
    one, other = measures(timed, "rating", "qwk")
    assert score_difference(one, other).unpaired == "it is too slow"
