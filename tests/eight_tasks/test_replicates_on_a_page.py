"""Metrics with an aggregation of their own have intervals on the page, and `verify` says what it made again."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from typer.testing import CliRunner

from aftertune import app
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.scoring.run import run
from harness_tasks.shards.merging import merge
from report.facts.schema.parts import is_known
from report.page.build import build_report
from report.page.whole import collect
from studies import load_study
from tests.report.synthetic import write_json


def folder_of(study: Path) -> Path:
    return study.parent.parent / "build" / "eight"


def scores_of(study: Path, task: str) -> dict[str, Any]:
    facts = collect(load_study(study), study, folder_of(study))
    (found,) = [one for one in facts.tasks if one.task == task]
    return {score.metric: score for score in found.comparisons[0].scores}


def rows_of(study: Path, checkpoint: str, task: str) -> list[dict[str, Any]]:
    text = (folder_of(study) / "scores" / checkpoint / task / "samples.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def left_out(rows: list[dict[str, Any]], cluster: Callable[[Any], Any], score: Callable[[Any], float]) -> Any:
    names = dict.fromkeys(cluster(row) for row in rows)
    return np.array([score([row for row in rows if cluster(row) != name]) for name in names])


def half(values: Any) -> float:
    """Half the width of the jackknife's interval: Tukey (1958), as Cameron and Miller (2015) write the quantile."""
    count = len(values)
    error = math.sqrt((count - 1) / count * ((values - values.mean()) ** 2).sum())
    return float(stats.t.ppf(0.975, count - 1)) * error


def kappa(rows: Any) -> float:
    gold, said = zip(*(row["qwk"] for row in rows), strict=True)
    found = cohen_kappa_score(gold, said, weights="quadratic", labels=[0, 1, 2, 3])
    return 0.0 if math.isnan(found) else float(found)


def word_perplexity(rows: Any) -> float:
    return math.exp(-sum(row["word_perplexity"][0] for row in rows) / sum(row["word_perplexity"][1] for row in rows))


@pytest.mark.parametrize(
    ("task", "metric", "cluster", "score"),
    [
        ("rating", "qwk", lambda row: row["doc"]["essay"], kappa),
        ("prose", "word_perplexity", lambda row: row["doc_id"], word_perplexity),
    ],
)
def test_its_interval_leaves_out_one_cluster_at_a_time(
    scored: Path, task: str, metric: str, cluster: Any, score: Any
) -> None:
    study = scored / "studies" / "eight.yaml"
    found = scores_of(study, task)[metric]
    sides = [rows_of(study, name, task) for name in ("base", f"{task}-lora-seed1")]
    values = [left_out(rows, cluster, score) for rows in sides]
    assert (found.before.value, found.after.value) == pytest.approx(tuple(map(score, sides)))
    assert found.before.interval.upper - found.before.value == pytest.approx(half(values[0]))
    assert found.difference.value == pytest.approx(score(sides[1]) - score(sides[0]))
    assert found.difference.value - found.difference.interval.lower == pytest.approx(half(values[1] - values[0]))
    assert found.before.clusters == len(values[0])
    assert found.before.also[0].file == f"scores/base/{task}/replicates.json"
    assert found.p_method.value == "t test on the paired jackknife, t(G−1)"


def change(study: Path, edit: Callable[[Any], None]) -> Path:
    path = folder_of(study) / "scores" / "base" / "prose" / "replicates.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    write_json(path, content)
    return path


def verified(study: Path) -> Any:
    return CliRunner().invoke(app, ["verify", str(folder_of(study) / "report.md")])


def test_verify_makes_lm_evals_own_again_and_lists_the_others(study: Path) -> None:
    build_report(study, output=folder_of(study))
    done = verified(study)
    assert done.exit_code == 0, done.output
    listed = done.output.partition("taken as recorded")[2]
    assert [name for name in re.findall(r"- (.*)", listed) if not name.startswith("trivial baselines of")] == [
        f"qwk of scores/{name}/rating/replicates.json" for name in ("base", "rating-lora-seed1")
    ]


def test_verify_finds_an_edited_replicate(study: Path) -> None:
    def edit(content: Any) -> None:
        content["metrics"][0]["left_out"][3] *= 1.0001

    change(study, edit)
    build_report(study, output=folder_of(study))  # of which the page is made
    done = verified(study)
    assert done.exit_code == 1
    assert "scores/base/prose/replicates.json, word_perplexity without" in done.output


def test_of_other_samples_or_another_score_they_are_refused(study: Path) -> None:
    change(study, lambda content: content.update(samples_sha256="ab" * 32))
    with pytest.raises(UserError) as error:
        scores_of(study, "prose")
    home = "scores/base/prose"
    assert error.value.found == (
        f"{home}/replicates.json holds replicates of other samples than those in {home}/samples.jsonl"
    )
    samples = folder_of(study) / "scores" / "base" / "prose" / "samples.jsonl"
    change(study, lambda content: content.update(samples_sha256=sha256_file(samples)))
    change(study, lambda content: content["metrics"][0].update(value=2.0))
    with pytest.raises(UserError) as error:
        scores_of(study, "prose")
    assert error.value.found.endswith("scores/base/prose/replicates.json has replicates of 2.0")


def test_why_there_are_none_is_on_the_page(study: Path) -> None:
    def edit(content: Any) -> None:
        content["metrics"][0] = {"metric": "word_perplexity", "filter": "none", "n": 24, "absent": "it is too slow"}

    change(study, edit)
    found = scores_of(study, "prose")["word_perplexity"]
    assert found.before.no_interval == "no interval: it is too slow"
    assert not is_known(found.difference)
    assert found.difference.missing == "it is too slow"


def test_without_the_file_it_is_as_with_stock_lm_eval(study: Path) -> None:
    for path in folder_of(study).glob("scores/*/rating/replicates.json"):
        path.unlink()
    found = scores_of(study, "rating")["qwk"]
    assert found.before.no_interval == "no interval: not a known function of items"


@pytest.mark.slow
def test_joined_shards_have_those_of_the_whole(scored: Path, tmp_path: Path) -> None:
    folders = []
    for number in (1, 2, 3):
        folders.append(tmp_path / f"shard{number}")
        words = [
            "--model",
            "hf-shared",
            "--model_args",
            f"pretrained={scored / 'base'},dtype=float32",
            "--device",
            "cpu",
        ]
        words += ["--tasks", "rating", "--include_path", str(scored / "tasks"), "--batch_size", "16", "--log_samples"]
        run([*words, "--output_path", str(folders[-1]), "--shard", f"{number}/3"])
        assert not list(folders[-1].rglob("replicates*"))
    merge(folders, output=tmp_path / "whole", include_path=scored / "tasks")
    joined, whole = (
        json.loads((place / "replicates.json").read_text(encoding="utf-8"))
        for place in (tmp_path / "whole", folder_of(scored / "studies" / "eight.yaml") / "scores" / "base" / "rating")
    )
    assert joined["samples_sha256"] == sha256_file(tmp_path / "whole" / "samples.jsonl")
    assert joined["clusters"] == whole["clusters"]
    assert joined["metrics"][0]["left_out"] == pytest.approx(whole["metrics"][0]["left_out"])
