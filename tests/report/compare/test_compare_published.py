"""Result files as other people publish them: leaderboards, wrappers, runs without a score, rows that stand twice."""

import json
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from report.__main__ import app
from report.reading.model_identity import differing, identity_of
from tests.report.compare.lm_eval_folders import TIME, compared, right, write_folder


def put(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def edited(file: Path, **changes: Any) -> None:
    """Replaces the scores of the one task of a result file."""
    content = json.loads(file.read_text())
    content["results"] = {task: {"alias": task, **changes["scores"]} for task in content["results"]}
    file.write_text(json.dumps(content))


def leaderboard(**results: Any) -> dict[str, Any]:
    general = {"lighteval_sha": "5a1d", "model_name": "org/model", "model_sha": "0f3c", "model_dtype": "torch.float16"}
    return {"config_general": general, "results": results, "versions": dict.fromkeys(results, 0)}


def test_the_first_open_leaderboard_says_shots_in_its_names_and_its_all_is_a_mean(tmp_path: Path) -> None:
    arc, swag = {"acc": 0.52, "acc_stderr": 0.0146}, {"acc": 0.6, "acc_stderr": 0.0049}
    names = "harness|arc:challenge|25", "harness|hellaswag|10"
    both = {"acc": 0.56, "acc_stderr": (0.0146 + 0.0049) / 2}  # the mean of the errors, which is none of the mean
    put(tmp_path / "results_2023-09-01T00-00-00.json", leaderboard(**{names[0]: arc, names[1]: swag, "all": both}))
    facts = compared([tmp_path])
    assert [(task["key"], task["group"]) for task in facts["tasks"]] == [("all", None), *((n, "all") for n in names)]
    shots = [task["settings"][0]["shots"]["value"] for task in facts["tasks"]]
    assert shots == ["10 to 25", 25, 10]
    score = facts["tasks"][0]["boards"][0]["rows"][0]["score"]["interval"]
    assert (score["upper"] - score["lower"]) / 2 / 1.959964 == pytest.approx(sqrt(0.0146**2 + 0.0049**2) / 2, rel=1e-6)
    assert facts["entries"][0]["name"]["value"] == "org/model"


def test_results_of_lighteval_are_read_and_named(tmp_path: Path) -> None:
    write_folder(tmp_path, "org/ours", {"even": right(3, 4)})
    scores = {"acc": 0.5, "acc_stderr": 0.014}
    put(tmp_path / "other" / "results_2024.json", leaderboard(**{"leaderboard|arc:challenge|0": scores, "all": scores}))
    done = CliRunner().invoke(app, ["compare", str(tmp_path), "--json"])
    tasks = json.loads(done.stdout)["tasks"]
    assert (done.exit_code, [task["key"] for task in tasks]) == (0, ["even", "arc_challenge"])
    (row,) = tasks[1]["boards"][0]["rows"]
    assert row["harness"]["value"] == "lighteval, version not recorded"  # `5a1d` is too short for a commit


def test_a_groups_score_is_over_the_items_of_the_tasks_that_have_it(tmp_path: Path) -> None:
    # As in the second Open LLM Leaderboard: acc_norm of 250 + 250 items, exact_match of 1,324.
    error = {n: sqrt(0.25 / (n - 1)) for n in (250, 1324)}
    by_choice = {"acc_norm,none": 0.5, "acc_norm_stderr,none": error[250]}
    by_text = {"exact_match,none": 0.5, "exact_match_stderr,none": error[1324]}
    tasks = {"bbh_a": by_choice, "bbh_b": by_choice, "math": by_text}
    group = {"acc_norm,none": 0.5, "acc_norm_stderr,none": error[250] / sqrt(2), **by_text}
    sizes = {"bbh_a": 250, "bbh_b": 250, "math": 1324}
    content = {
        "results": {"board": group, **tasks},
        "group_subtasks": {"bbh": ["bbh_a", "bbh_b"], "board": ["bbh", "math"]},
        "configs": {task: {"task": task} for task in tasks},
        "n-samples": {task: {"original": n, "effective": n} for task, n in sizes.items()},
        "higher_is_better": {task: {"acc_norm": True, "exact_match": True} for task in ("board", *tasks)},
        "config": {"model": "hf", "model_args": "pretrained=org/m"},
    }
    put(tmp_path / "results_2025-01-01T00-00-00.json", content)
    boards = compared([tmp_path])["tasks"][0]["boards"]
    assert {board["key"]: board["rows"][0]["score"]["n"] for board in boards} == {
        "acc_norm,none": 500,
        "exact_match,none": 1324,
    }


def test_rows_that_stand_twice_are_not_twice_the_evidence(tmp_path: Path) -> None:
    items = {"one": right(20, 40), "two": right(28, 40)}
    for model, part in items.items():
        write_folder(tmp_path, model, {"even": part})
    rows = tmp_path / "two" / f"samples_even_{TIME}.jsonl"
    rows.write_text(rows.read_text() * 2)
    board = compared([tmp_path])["tasks"][0]["boards"][0]
    score = {row["entry"]["value"]: row["score"] for row in board["rows"]}["two"]
    # Wilson's interval of 28 of 40: (28 + 1.9207 ± 1.96 × √(28 × 12 / 40 + 0.9604)) / (40 + 3.8415).
    assert [score["interval"][end] for end in ("lower", "upper")] == pytest.approx([0.54570, 0.81925], abs=1e-4)
    assert "the samples hold some items more than once" in board["pairs"][0]["unpaired"]["value"]
    assert board["pairs"][0]["verdict"] == "open"


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"acc,none": float("nan"), "acc_stderr,none": float("nan")}, "no number for a score of even (acc is nan)"),
        ({"acc,none": "0.5"}, "no number for a score of even (acc is '0.5')"),
        ({"bypass,none": 999, "bypass_stderr,none": "N/A"}, "only answers to even, no score (--predict_only)"),
    ],
)
def test_a_task_without_a_score_is_named(tmp_path: Path, scores: dict[str, Any], said: str) -> None:
    write_folder(tmp_path, "one", {"even": right(3, 4)})
    edited(write_folder(tmp_path, "two", {"even": right(3, 4)}), scores=scores)
    done = CliRunner().invoke(app, ["compare", str(tmp_path)])
    assert done.exit_code == 0
    assert said in done.stderr
    assert CliRunner().invoke(app, ["compare", str(tmp_path), "--strict"]).exit_code == 2
    alone = CliRunner().invoke(app, ["compare", str(tmp_path / "two")])
    assert (alone.exit_code, said in alone.stderr) == (2, True)
    gate = ["compare", str(tmp_path / "one"), str(tmp_path / "two"), "--fail-on-regression", "even:acc"]
    guarded = CliRunner().invoke(app, gate)
    assert (guarded.exit_code, said in guarded.stderr) == (2, True)


def test_scores_on_two_scales_are_not_subtracted(tmp_path: Path) -> None:
    write_folder(tmp_path, "org/share", {"even": right(23, 40)})
    file = write_folder(tmp_path, "org/per-cent", {"even": right(23, 40)}, samples=False)
    edited(file, scores={"acc,none": 57.5, "acc_stderr,none": 7.9})
    board = compared([tmp_path])["tasks"][0]["boards"][0]
    assert board["pairs"][0]["verdict"] == "refused"
    assert "two scales" in board["pairs"][0]["difference"]["missing"]
    assert [row["best"]["value"] for row in board["rows"]] == [1, 1]
    cautions = {row["entry"]["value"]: row["caution"] for row in board["rows"]}
    assert cautions["org/share"] is None
    assert cautions["org/per-cent"]["value"] == "the score, 57.5, is none from 0 to 1, as lm_eval's acc is"


def test_no_way_of_choosing_examples_differs_from_another_where_there_are_none(tmp_path: Path) -> None:
    for model, shots in (("one", 0), ("two", 5)):
        write_folder(tmp_path, model, {"even": right(23, 40)}, shots=shots)
    flags = [flag["value"] for flag in compared([tmp_path])["tasks"][0]["boards"][0]["pairs"][0]["flags"]]
    assert flags == ["the numbers of few-shot examples in the prompt differ: 0 and 5"]


def test_model_args_may_be_json_in_a_text() -> None:
    found = identity_of({"config": {"model": "hf", "model_args": '{"pretrained": "org/base", "dtype": "bfloat16"}'}})
    same = identity_of({"config": {"model": "hf", "model_args": "pretrained=org/base,dtype=bfloat16"}})
    assert found is not None
    assert same is not None
    assert (found.name, found.key) == ("org/base", same.key)
    broken = identity_of({"config": {"model": "hf", "model_args": '{"pretrained": '}})
    assert broken is None


def test_what_tells_two_models_apart_is_what_they_differ_in() -> None:
    args = ("pretrained=org/base,peft=/w/run1/checkpoint-500", "pretrained=org/base,peft=/w/run2/checkpoint-500")
    found = [identity_of({"config": {"model": "hf", "model_args": text}}) for text in args]
    assert [one.name for one in found if one] == ["org/base + checkpoint-500"] * 2
    shown = differing([one.settings for one in found if one])
    assert shown == ["adapter=run1/checkpoint-500", "adapter=run2/checkpoint-500"]
    # The name of the argument is not what a model differs in, and what all runs that say it have alike is not either.
    classes = [("pretrained=org/base", "hf"), ("model=org/base", "local-completions")]
    found = [identity_of({"config": {"model": kind, "model_args": text}}) for text, kind in classes]
    settings = [dict(one.settings) for one in found if one]
    settings[0] |= {"few-shot": "0", "items": "400"}
    assert differing(settings) == ["hf", "local-completions"]


def test_one_model_in_two_folders_is_told_by_the_folders(tmp_path: Path) -> None:
    for folder, number in (("monday", 23), ("tuesday", 30)):
        write_folder(tmp_path / folder, "org/m", {"even": right(number, 40)})
        (tmp_path / folder / "org__m").rename(tmp_path / f"{folder}-run")
    names = [entry["name"]["value"] for entry in compared([tmp_path])["entries"]]
    assert [name.partition(": ")[2] for name in names] == ["monday-run)", "tuesday-run)"]


def test_samples_of_fewer_items_than_the_results_say(tmp_path: Path) -> None:
    # lm_eval 0.4.9 recorded the whole split where --samples had chosen some of it; half of any 20 is right here.
    file = write_folder(tmp_path, "one", {"even": right(20, 40)})
    rows = file.parent / f"samples_even_{TIME}.jsonl"
    lines = rows.read_text().splitlines(keepends=True)
    rows.write_text("".join(lines[:5] + lines[-5:]))
    setting = compared([tmp_path])["tasks"][0]["settings"][0]
    said = "the files contradict each other: 40 by the results, 10 by the samples"
    assert setting["items"] == {"missing": said}
    assert setting["available"]["value"] == 40


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    file = write_folder(tmp_path, "one", {"even": right(20, 40)})
    for path in (file, file.parent / f"samples_even_{TIME}.jsonl"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    setting = compared([tmp_path])["tasks"][0]["settings"][0]
    assert (setting["items"]["value"], setting["samples"]["value"]) == (40, True)
