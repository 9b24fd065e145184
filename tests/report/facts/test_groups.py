"""A group of tasks: one row for all items, beside the rows of its tasks."""

import json
import random
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


def grouped(root: Path, groups: dict[str, list[str]]) -> Path:
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
    assert [part["task"]["value"] for part in group["parts"]] == ["one", "two"]


def test_it_stands_on_the_page_with_its_tasks_folded(tmp_path: Path) -> None:
    study = grouped(tmp_path, {"both": ["one", "two"]})
    facts = facts_of(study)
    page = (folder_of(study) / "report.md").read_text(encoding="utf-8")
    assert check(page, facts) == []
    assert verify_report(folder_of(study) / "report.md").problems == []
    assert "| both, accuracy | mine |" in page
    assert "<summary>The tasks of both</summary>" in page


def test_tasks_of_different_metrics_are_not_averaged(tmp_path: Path) -> None:
    study = grouped(tmp_path, {"all": ["one", "written"]})
    (group,) = facts_of(study)["groups"]
    assert group["label"]["missing"] == "its tasks have different primary metrics"
    assert group["rows"][0]["before"]["missing"] == "its tasks have different primary metrics"
    assert check((folder_of(study) / "report.md").read_text(), facts_of(study)) == []


def test_a_study_without_groups_says_nothing_of_them(tmp_path: Path) -> None:
    study = grouped(tmp_path, {})
    assert "groups" not in facts_of(study)
    assert "Groups of tasks" not in (folder_of(study) / "report.md").read_text()


def test_a_task_that_the_study_does_not_score_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the group both has the task three, which is not under `tasks:`"):
        load_study(grouped(tmp_path, {"both": ["one", "three"]}))
