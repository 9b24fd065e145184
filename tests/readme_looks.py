"""What must be seen of each command of the documents that runs in a test, and what stands in for its long parts."""

import json
import re
import runpy
import shutil
import sys
from collections.abc import Callable

import pyarrow
import pytest
import yaml
from pyarrow import parquet
from readme_reader import ROOT, TEXT, Reader

from harness_tasks import TASKS_PATH
from studies import load_study


def every_step_is_planned(printed: str, reader: Reader) -> None:
    study = load_study(reader.study)
    tasks, checkpoints = len(study.tasks), len(study.trained_checkpoints())
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", printed, re.MULTILINE)}
    assert counts.pop("total") == sum(counts.values())
    assert counts == {
        "base_model": 1, "describe": 1, "check": tasks, "sample": tasks, "train": checkpoints,
        "score": tasks + checkpoints, "prior": tasks + checkpoints, "overlap": checkpoints,
        "parameters": 1 + checkpoints, "report": 1, "all": 1,
    }  # fmt: skip


def a_plan_of(*seen: str) -> Callable[[str, Reader], None]:
    def look(printed: str, reader: Reader) -> None:
        assert re.search(
            r"^\d+ steps, \d+ to do: about .+; [\d.]+ GB of disk, [\d.]+ GB of it to download", printed, re.MULTILINE
        ), printed
        assert [text for text in seen if text not in printed] == []

    return look


def scored(task: str, metric: str, upper: float) -> Callable[[str, Reader], None]:
    """Looks for the metric's row in lm_eval's table; the other rows of a task have an empty first cell."""

    def look(printed: str, reader: Reader) -> None:
        table = printed[printed.index(f"|{task}") :]
        value = re.search(rf"\|{metric} *\|[^|]*\|([^|]*)\|", table)
        assert value is not None, printed
        assert 0 <= float(value[1]) <= upper

    return look


def scored_with_files(printed: str, reader: Reader) -> None:
    scored("passages_demo", "f1", 100)(printed, reader)
    (samples,) = (reader.folder / "scores").rglob("samples_passages_demo_*.jsonl")
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 4
    prompt = rows[0]["arguments"]["gen_args_0"]["arg_0"]
    assert prompt.count("Passage:") == 3  # two few-shot examples and the item
    assert "<|assistant|>" in prompt
    (results,) = (reader.folder / "scores").rglob("results_*.json")
    assert json.loads(results.read_text(encoding="utf-8"))["n-shot"] == {"passages_demo": 2}


def the_parts_joined(printed: str, reader: Reader) -> None:
    assert "21 items of passages_demo from 2 shards" in printed
    results = json.loads((reader.folder / "whole" / "results.json").read_text(encoding="utf-8"))
    assert results["config"]["shards"] == 2
    rows = (reader.folder / "whole" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["doc_id"] for row in rows] == list(range(21))


def an_embedded_model(printed: str, reader: Reader) -> None:
    names = {path.name for path in (reader.folder / "base").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "origin.json"} <= names


def the_embedded_models_parameters(printed: str, reader: Reader) -> None:
    assert re.search(r"^total +134,515,008 ", printed, re.MULTILINE), printed


def llama_with_an_adapter(printed: str, reader: Reader) -> None:
    ledger = json.loads(printed[printed.index("{") :])
    assert (ledger["total"], ledger["trainable"]) == (1_235_814_400 + 11_272_192, 11_272_192)


def a_plan_with_guards(printed: str, reader: Reader) -> None:
    assert printed.startswith("lora of ")
    assert "28 guards: 0 failed, 0 warned" in printed
    assert re.search(r"^  label  \| (negative|positive)$", printed, re.MULTILINE), printed


def a_checkpoint(printed: str, reader: Reader) -> None:
    folder = reader.folder / "reviews"
    record = json.loads((folder / "finetune.json").read_text(encoding="utf-8"))
    assert (record["method"], record["task"], record["data"]["rows"]) == ("lora", "reviews_demo", 40)
    assert len((folder / "train_rows.jsonl").read_text(encoding="utf-8").splitlines()) == 40
    assert (folder / "adapter_model.safetensors").is_file()


def a_copy_of_the_tiny_model(reader: Reader) -> dict[str, str]:
    """Writes what stands for a checkpoint that was trained elsewhere."""
    copy = reader.folder / "my-adapter"
    shutil.copytree(reader.model, copy, dirs_exist_ok=True)
    return {"models/base": str(reader.model), "runs/my-adapter": str(copy)}


def a_comparison(printed: str, reader: Reader) -> None:
    for step in ("read_checkpoint", "sample", "score", "report"):
        assert step in printed
    assert list(reader.elsewhere.glob("build/*-and-my-adapter/*-and-my-adapter.yaml"))


def merged_weights(printed: str, reader: Reader) -> None:
    folder = reader.folder / "merged"
    assert (folder / "model.safetensors").is_file()
    assert not (folder / "adapter_config.json").exists()


def exported_weights(printed: str, reader: Reader) -> None:
    assert (reader.folder / "reviews-Q8_0.gguf").read_bytes()[:4] == b"GGUF"
    assert "logits differ by" in printed


def whole_passages(printed: str, reader: Reader) -> None:
    indices = json.loads((reader.folder / "samples.json").read_text(encoding="utf-8"))["passages_demo"]
    assert len(set(indices)) == len(indices) == 70  # ten passages of seven questions
    assert f"{len(indices)} of 168 rows of passages_demo" in printed


def the_folders_rows(printed: str, reader: Reader) -> None:
    assert "scored rows 6, training rows 8" in printed


def a_page(printed: str, reader: Reader) -> None:
    folder = reader.folder / "written" / "build" / "trial"
    assert {"facts.json", "report.md", "report.html"} <= {path.name for path in folder.iterdir()}
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert re.findall(r"^## Answer (\d)", page, re.MULTILINE) == list("1234567")


def a_page_that_is_backed(printed: str, reader: Reader) -> None:
    assert "everything on the page is what its facts give" in printed


def the_overlap(printed: str, reader: Reader) -> None:
    assert [grade for grade in ("identical", "same source", "containment") if grade not in printed] == []


def a_label_prior(printed: str, reader: Reader) -> None:
    prior = json.loads((reader.folder / "prior.json").read_text(encoding="utf-8"))
    assert [row["input"] for row in prior["inputs"]] == ["", "N/A", "[MASK]"]
    assert sum(prior["probabilities"]) == pytest.approx(1)


def own_rows(reader: Reader) -> dict[str, str]:
    lines = ["text,stars,product", *(f"review {at},{at % 5 + 1},{at // 5}" for at in range(60))]
    (reader.folder / "reviews.csv").write_text("\n".join(lines), encoding="utf-8")
    return {"reviews.csv": str(reader.folder / "reviews.csv")}


def an_own_task(printed: str, reader: Reader) -> None:
    assert "5 labels" in printed
    assert "--include_path stars --tasks stars" in printed
    assert (reader.elsewhere / "stars" / "stars.yaml").is_file()


def own_lives(reader: Reader) -> dict[str, str]:
    rows = [
        {
            "question": f"Where was Ada {at} born?",
            "passage": f"Ada {at} was born in Town {at}.",
            "answers": f"Town {at}",
        }
        for at in range(10)
    ]
    (reader.folder / "lives.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return {"lives.jsonl": str(reader.folder / "lives.jsonl")}


def own_questions(printed: str, reader: Reader) -> None:
    assert "10 questions on 10 texts" in printed
    assert (reader.elsewhere / "lives" / "lives.yaml").is_file()


def own_sums(reader: Reader) -> dict[str, str]:
    rows = [{"prompt": f"Add {at} and {at}.", "completion": f"{2 * at}"} for at in range(10)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), reader.folder / "sums.parquet")
    return {"sums.parquet": str(reader.folder / "sums.parquet")}


def own_completions(printed: str, reader: Reader) -> None:
    assert "outputs end at the first line break" in printed
    assert (reader.elsewhere / "sums" / "sums.yaml").is_file()


def the_verdicts(printed: str, reader: Reader) -> None:
    assert "TP 7,089 FP 5,674 FN 444 TN 263" in printed
    assert "1,235,818,496" in printed
    assert "missing: 5" in printed


def the_tasks_folder(printed: str, reader: Reader) -> None:
    assert printed.strip() == str(TASKS_PATH)


def a_copied_study(printed: str, reader: Reader) -> None:
    assert load_study(reader.folder / "mine.yaml").tasks == load_study(ROOT / "studies" / "demo.yaml").tasks


def the_targets(printed: str, reader: Reader) -> None:
    assert {"report", "plan", "test", "lint", "clean"} <= {line.split(" ")[0] for line in printed.splitlines()}


# What runs


def tiny(name: str) -> Callable[[Reader], dict[str, str]]:
    """Puts the study of the tests in place of ``name``."""
    return lambda reader: {f"studies/{name}.yaml": str(reader.study)}


def a_finished_study(reader: Reader) -> dict[str, str]:
    """Has the helper of the report's tests write a study's results, since real ones take minutes."""
    root = reader.folder / "written"
    study = root / "studies" / "trial.yaml"
    if not study.exists():
        runpy.run_path(str(ROOT / "tests" / "report" / "synthetic.py"))["write_study"](root)
    return {"studies/demo.yaml": f"{study} --output {root / 'build' / 'trial'}"}


def a_written_page(reader: Reader) -> dict[str, str]:
    a_finished_study(reader)
    return {"build/demo/report.md": str(reader.folder / "written" / "build" / "trial" / "report.md")}


def a_written_study(reader: Reader) -> dict[str, str]:
    a_finished_study(reader)
    return {"build/demo": str(reader.folder / "written" / "build" / "trial")}


def a_leaderboard(printed: str, reader: Reader) -> None:
    page = (reader.folder / "compared" / "compare.md").read_text(encoding="utf-8")
    assert "reviews-lora-seed1" in page
    assert "passages_demo" in page
    assert "compare.html" in printed


def every_file_is_what_its_facts_give(printed: str) -> None:
    assert "every file is what its facts give" in printed


def a_copied_page(printed: str, reader: Reader) -> None:
    copy = reader.folder / "copied"
    assert str(copy / "report.html") in printed.split()
    assert json.loads((copy / "facts.json").read_text(encoding="utf-8"))["state"]["redacted"] is True


def the_templates(printed: str, reader: Reader) -> None:
    assert {"report.md.j2", "report.css"} <= {line.split(" ")[0] for line in printed.splitlines()}


def a_copied_template(printed: str, reader: Reader) -> None:
    own = reader.folder / "templates" / "answer_analysis.md.j2"
    assert printed.strip() == str(own)
    assert own.read_text(encoding="utf-8") == (ROOT / "templates" / own.name).read_text(encoding="utf-8")


def tiny_and_own_folder(reader: Reader) -> dict[str, str]:
    return {"build/base": str(reader.model), "build/mine": str(reader.folder)}


def a_card(printed: str, reader: Reader) -> None:
    assert "license: apache-2.0" in printed
    assert "files of " in printed


def a_pushable_study(reader: Reader) -> dict[str, str]:
    """Puts weights beside the records of the finished study, as training would have."""
    sys.path.insert(0, str(ROOT / "tests" / "report"))
    import pushable_study

    swaps = a_finished_study(reader)
    for checkpoint in (reader.folder / "written" / "build" / "trial" / "checkpoints").iterdir():
        pushable_study.write_weights(checkpoint / "adapter_model.safetensors", b"weights")
        pushable_study.write_hashes(checkpoint)
        (checkpoint / "adapter_config.json").write_text(
            '{"peft_type": "LORA", "base_model_name_or_path": "build/base"}'
        )
    return swaps


def the_regression_gate(printed: str, reader: Reader) -> None:
    assert "reviews" in printed


def an_own_study(reader: Reader) -> dict[str, str]:
    """Writes the study that the README shows, on the tiny model."""
    shown = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[0])
    shown["model"]["id"] = str(reader.model)
    own = reader.folder / "shown.yaml"
    own.write_text(yaml.safe_dump(shown), encoding="utf-8")
    return {"studies/mine.yaml": str(own)}
