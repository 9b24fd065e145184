"""A group of tasks: one row for all of them, by items or by tasks, with their rows folded."""

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_text
from report.page.build import build_report
from report.verify.report import verify_report
from studies import load_study
from tests.oracle import check
from tests.report.other_kinds import quiz, sums
from tests.report.synthetic import folder_of, write_elsewhere, write_scored, write_study


def grouped(root: Path, groups: dict[str, Any]) -> Path:
    """Returns a study of two tasks of choices and one of generated answers, and a checkpoint from elsewhere."""
    tasks: dict[str, Any] = {"one": {}, "two": {}, "written": {}}
    study = write_study(
        root,
        tasks=tasks,
        groups=groups,
        checkpoints=[{"path": "runs/mine"}],
        reviews=(None, None),
        passages=(None, None),
    )
    for number, task in enumerate(tasks):
        for side, checkpoint in enumerate(("base", "mine")):
            rows, scores, configuration = (sums if task == "written" else quiz)(random.Random(f"{number} {side}"))
            kept = rows[: 12 if task == "two" else len(rows)]
            primary = next(iter(scores))
            mean = sum(row[primary] for row in kept) / len(kept)
            metadata = {"primary": primary, "cluster": "cluster"} if task == "one" else {"primary": primary}
            for row in kept:
                row["doc"]["cluster"] = f"cluster {row['doc_id'] // 2}"
                row |= hashes(row)
            write_scored(folder_of(study), checkpoint, task, kept, {primary: mean}, metadata, **configuration)
    write_elsewhere(folder_of(study), "mine")
    return study


def hashes(row: dict[str, Any]) -> dict[str, str]:
    """Returns lm_eval's own hashes of a row."""
    prompt = row["arguments"]["gen_args_0"]["arg_0"]
    texts = {"doc": json.dumps(row["doc"], indent=2, ensure_ascii=False), "prompt": prompt, "target": row["target"]}
    return {f"{name}_hash": sha256_text(text) for name, text in texts.items()}


def facts_of(study: Path) -> dict[str, Any]:
    build_report(study, output=folder_of(study))
    found: dict[str, Any] = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    return found


def rows_of(study: Path, checkpoint: str, task: str) -> list[dict[str, Any]]:
    text = (folder_of(study) / "scores" / checkpoint / task / "samples.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_its_score_is_the_mean_of_all_items_by_the_clusters_of_each_task(tmp_path: Path) -> None:
    study = grouped(tmp_path, {"both": ["one", "two"]})
    facts = facts_of(study)
    (group,) = facts["groups"]
    (row,) = group["rows"]
    sides = {
        name: [(task, found["doc_id"], found["acc"]) for task in ("one", "two") for found in rows_of(study, name, task)]
        for name in ("base", "mine")
    }
    means = {name: np.mean([value for *_, value in items]) for name, items in sides.items()}
    assert (row["before"]["value"], row["after"]["value"]) == pytest.approx((means["base"], means["mine"]))
    assert (row["before"]["n"], row["before"]["clusters"]) == (36, 12 + 12)
    change = np.array([b[2] - a[2] for a, b in zip(sides["base"], sides["mine"], strict=True)])
    names = [(task, number // 2 if task == "one" else number) for task, number, _ in sides["base"]]
    left_out = np.array([np.mean([c for c, n in zip(change, names, strict=True) if n != name]) for name in set(names)])
    error = np.sqrt(23 / 24 * ((left_out - left_out.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, 23) * error
    interval = row["difference"]["interval"]
    assert (interval["lower"], interval["upper"]) == pytest.approx((change.mean() - half, change.mean() + half))
    assert [task["value"] for task in group["tasks"]] == ["one", "two"]


def test_without_weights_it_is_the_mean_of_the_tasks_scores(tmp_path: Path) -> None:
    study = grouped(tmp_path, {"both": {"tasks": ["one", "two"], "weight_by_size": False}})
    facts = facts_of(study)
    (row,) = facts["groups"][0]["rows"]
    scores: dict[str, Any] = {"before": [], "after": [], "difference": []}
    variances, freedoms = [], []
    for task, size in (("one", 2), ("two", 1)):
        before, after = ([one["acc"] for one in rows_of(study, name, task)] for name in ("base", "mine"))
        for name, values in (("before", before), ("after", after), ("difference", np.subtract(after, before))):
            scores[name].append(np.mean(values))
        change, names = np.subtract(after, before), np.arange(len(before)) // size
        left_out = np.array([change[names != name].mean() for name in set(names)])
        variances.append((len(left_out) - 1) / len(left_out) * ((left_out - left_out.mean()) ** 2).sum())
        freedoms.append(len(left_out) - 1)
    for name, parts in scores.items():
        assert row[name]["value"] == pytest.approx(np.mean(parts)), name
    assert row["after"]["value"] != pytest.approx(np.average(scores["after"], weights=[24, 12]))
    freedom = sum(variances) ** 2 / sum(v * v / df for v, df in zip(variances, freedoms, strict=True))
    half = stats.t.ppf(0.975, freedom) * np.sqrt(sum(variances)) / 2
    interval, mean = row["difference"]["interval"], np.mean(scores["difference"])
    assert (interval["lower"], interval["upper"]) == pytest.approx((mean - half, mean + half))
    page = (folder_of(study) / "report.md").read_text(encoding="utf-8")
    assert check(page, facts) == []
    assert "The score of `both` is the mean of its tasks' scores, each of which counts the same" in page


def test_it_stands_on_the_scoreboard_with_its_tasks_folded(tmp_path: Path) -> None:
    study = grouped(tmp_path, {"both": ["one", "two"]})
    facts = facts_of(study)
    page, html = ((folder_of(study) / name).read_text(encoding="utf-8") for name in ("report.md", "report.html"))
    assert check(page, facts) == []
    assert check(html, facts) == []
    assert verify_report(folder_of(study) / "report.md").problems == []
    board, _, folded = page.partition("## Answer 1")[0].partition("<summary>The tasks of both</summary>")
    assert [line.split(" | ")[0] for line in board.splitlines() if line.startswith("| `")] == [
        "| `both`, accuracy",
        "| `written`",
    ]
    assert "The score of `both` is the mean over the items of all its tasks" in board
    rows = [line.split(" | ")[0] for line in folded.splitlines() if line.startswith("| `")]
    assert rows == ["| `one`, accuracy", "| `two`, accuracy"]


def test_tasks_of_different_metrics_are_not_averaged(tmp_path: Path) -> None:
    study = grouped(tmp_path, {"all": ["one", "written"]})
    facts = facts_of(study)
    (group,) = facts["groups"]
    assert group["label"]["missing"] == "its tasks have different primary metrics"
    assert group["rows"] == []
    page = (folder_of(study) / "report.md").read_text(encoding="utf-8")
    assert check(page, facts) == []
    assert "`all` has no score of its own: its tasks have different primary metrics." in page
    assert "| `one`, accuracy |" in page.partition("## Answer 1")[0]


def test_a_task_without_a_score_leaves_the_group_without_one(tmp_path: Path) -> None:
    study = grouped(tmp_path, {"both": ["one", "two"]})
    shutil.rmtree(folder_of(study) / "scores" / "base" / "two")
    shutil.rmtree(folder_of(study) / "scores" / "mine" / "two")
    (group,) = facts_of(study)["groups"]
    assert group["label"]["missing"] == "one of its tasks has no primary score"


def test_a_checkpoint_that_is_not_scored_on_each_task_has_no_row(tmp_path: Path) -> None:
    study = grouped(tmp_path, {"both": ["one", "two"]})
    own = "path: runs/mine\n  tasks: [one, written]\n- path: runs/other\n  tasks: [two]"
    study.write_text(study.read_text().replace("path: runs/mine", own))
    scores = folder_of(study) / "scores"
    (scores / "other").mkdir()
    (scores / "mine" / "two").rename(scores / "other" / "two")
    write_elsewhere(folder_of(study), "other")
    (group,) = facts_of(study)["groups"]
    assert (group["label"]["missing"], group["rows"]) == ("no checkpoint is scored on each of its tasks", [])


def test_a_study_without_groups_says_nothing_of_them(tmp_path: Path) -> None:
    study = grouped(tmp_path, {})
    assert "groups" not in facts_of(study)
    assert "The score of" not in (folder_of(study) / "report.md").read_text()


def test_a_task_that_the_study_does_not_score_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the group both has the task three, which is not under `tasks:`"):
        load_study(grouped(tmp_path, {"both": ["one", "three"]}))


@pytest.mark.parametrize(
    ("group", "found"),
    [
        ({"tasks": ["one"], "weight_by_sise": False}, "has the unknown key `groups.both.weight_by_sise`"),
        ({"weight_by_size": False}, "lacks the key `groups.both.tasks`"),
        (["one", "one"], "one is listed twice: one measurement would count as two"),
    ],
)
def test_a_group_that_is_written_wrongly_is_refused(tmp_path: Path, group: Any, found: str) -> None:
    with pytest.raises(UserError, match=re.escape(found)):
        load_study(grouped(tmp_path, {"both": group}))
