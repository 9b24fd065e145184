"""Scores and their intervals: from the items where they give the recorded number, else from what lm_eval recorded."""

import json
from pathlib import Path

import pytest

from harness_tasks import UserError
from report.compare.files import read_all
from report.compare.measures import Measure, measure
from report.statistics.recorded_errors import Recorded, recorded_interval
from tests.report.compare.lm_eval_folders import TIME, compared, right, write_folder


def measured(file: Path, task: str = "even", key: str = "acc,none") -> Measure:
    return measure(read_all([file]).entries[0].runs[task], key)


def test_right_or_wrong_items_have_wilsons_interval_with_and_without_samples(tmp_path: Path) -> None:
    # Wilson, 802 of 872: [.8998, .9360].
    for samples in (True, False):
        file = write_folder(tmp_path / str(samples), "one", {"even": right(802, 872)}, samples=samples)
        level = measured(file).level
        assert (round(level.lower or 0, 4), round(level.upper or 0, 4)) == (0.8998, 0.936)
        assert level.method.endswith("no samples") is not samples


def test_other_scores_without_samples_have_the_normal_interval_of_the_recorded_error() -> None:
    level = recorded_interval("f1", 0.5, Recorded(0.1), 30, "no samples")
    assert (level.lower, level.upper) == pytest.approx((0.5 - 0.1959964, 0.5 + 0.1959964))
    assert level.method == "normal, from the recorded standard error; no samples"


@pytest.mark.parametrize(
    ("stderr", "said"), [(None, "no standard error is recorded"), (0.0, "the recorded standard error is 0")]
)
def test_without_a_standard_error_there_is_no_interval(stderr: float | None, said: str) -> None:
    level = recorded_interval("f1", 1.0, Recorded(stderr), 30, "no samples")
    assert level.lower is None
    assert level.method == f"no interval: {said}; no samples"


def test_a_score_that_its_samples_contradict_has_no_rank_and_no_gate(tmp_path: Path) -> None:
    file = write_folder(tmp_path, "one", {"even": right(3, 4)})
    samples = file.parent / f"samples_even_{TIME}.jsonl"
    samples.write_text(samples.read_text().replace('"acc": 0.0', '"acc": 1.0'))
    place = f"{tmp_path.name}/one"
    said = f"{place}/results_{TIME}.json says 0.75, the rows of {place}/samples_even_{TIME}.jsonl give 1"
    row = compared([tmp_path])["tasks"][0]["boards"][0]["rows"][0]
    assert row["score"]["value"] == 0.75
    assert said in row["best"]["missing"]
    assert said in row["caution"]["value"]
    with pytest.raises(UserError, match=r"says 0\.75, the rows of"):
        compared([tmp_path], strict=True)
    write_folder(tmp_path / "new", "one", {"even": right(3, 4)})
    with pytest.raises(UserError, match=r"says 0\.75, the rows of"):
        compared([file, tmp_path / "new"], ["even:acc"])


def test_a_score_that_is_no_mean_is_taken_as_recorded(tmp_path: Path) -> None:
    file = write_folder(
        tmp_path, "one", {"even": [-1.0, -2.0, -4.0]}, metric="perplexity", listed={"aggregation": "perplexity"}
    )
    content = json.loads(file.read_text())
    content["results"]["even"]["perplexity,none"] = 10.3
    file.write_text(json.dumps(content))
    found = measured(file, key="perplexity,none")
    assert (found.items, found.why) == (None, "the score is not the mean of its items")
    assert found.level.value == 10.3


def test_a_group_has_the_items_of_its_tasks(tmp_path: Path) -> None:
    tasks = {"even": right(9, 12), "odd": right(1, 8)}
    file = write_folder(tmp_path, "one", tasks, groups={"parity": ["even", "odd"]})
    found = measured(file, "parity")
    assert (found.value, found.n) == (0.5, 20)
    assert found.level.method == "Wilson"
    # Weighed alike, not by size, the recorded mean is another: (0.75 + 0.125) / 2.
    content = json.loads(file.read_text())
    content["results"]["parity"]["acc,none"] = 0.4375
    file.write_text(json.dumps(content))
    assert measured(file, "parity").items is None


def test_items_of_a_cluster_are_not_counted_as_independent(tmp_path: Path) -> None:
    docs = [{"q": str(number), "film": number // 2} for number in range(8)]
    items = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    file = write_folder(tmp_path, "one", {"even": items}, docs=docs, metadata={"cluster": "film"})
    level = measured(file).level
    assert (level.clusters, level.method) == (4, "delete-one-cluster jackknife, t(G−1)")
    file = write_folder(tmp_path / "two", "one", {"even": items}, metadata={"cluster": "film"})
    with pytest.raises(UserError, match="has no field `film`, named as the cluster of even"):
        measured(file)


def test_where_all_items_are_alike_the_error_is_wilsons(tmp_path: Path) -> None:
    found = measured(write_folder(tmp_path, "one", {"even": right(20, 20)}))
    assert found.error is not None
    # Wilson, 20 of 20: the lower end is 20 / (20 + 1.96²) = 0.8389.
    assert found.error[0] == pytest.approx((1 - 20 / (20 + 1.959964**2)) / 1.959964, rel=1e-5)
