"""Every command that README.md shows, taken from its text.

Those that can run offline run, and their output is looked at (`RUN`). Where the text names a long job, a short one is
put in its place: the tiny model, `--limit`, a few training rows, or `studies/tiny.yaml`. Those that need the Hub, a
package index or a GPU (`CHECKED_ONLY`) go through our argument and study checks. `make test` is this very run, and so
exempt. A command that is in none of the three fails the test.
"""

import importlib.util
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from harness_tasks import TASKS_PATH
from studies import load_study

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
EXEMPT = {"make test", "make test-slow"}
NO_SURROUNDINGS = (
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "STUDY",
    "PROFILE",
    "PYTHON",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
)
"""Variables that a `make test` around this run may have set."""


def commands(text: str = TEXT) -> list[str]:
    """Returns each line of each sh block, in the text's order, once."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return list(dict.fromkeys(line for block in blocks for line in block.splitlines() if line.strip()))


class Reader:
    """Someone who types the README's commands, with a folder of their own for what they make."""

    def __init__(self, folder: Path, tiny_model: Path) -> None:
        self.folder, self.model = folder, tiny_model
        self.study = ROOT / "studies" / "tiny.yaml"
        self.data = folder / "data"
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()
        self._printed: dict[tuple[str, Path], str] = {}
        _write_data(self.data)

    def type(self, command: str) -> str:
        """Returns what a command of the `RUN` table printed, after those it builds on; it runs only once."""
        case = RUN[command]
        for before in case.after:
            self.type(before)
        if case.make:
            assert planned_by_make(command)[-1] == case.make
        return self.shell(case.short(self), self.elsewhere if case.elsewhere else ROOT)

    def shell(self, line: str, folder: Path) -> str:
        """Returns stdout and stderr of a line that must succeed."""
        if (line, folder) not in self._printed:
            done = subprocess.run(
                ["bash", "-c", line], cwd=folder, env=environment(), capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            self._printed[line, folder] = done.stdout + done.stderr
        return self._printed[line, folder]


@dataclass(frozen=True)
class Case:
    """How a command runs here, and what must be seen.

    ``swap``: what is put in place of parts of the text; each must occur. ``add``: what shortens it. ``make``: for a
    make command, what its recipe comes to; that runs in its place. ``elsewhere``: not in the clone. ``after``: README
    commands whose output it needs.
    """

    look: Callable[[str, Reader], None]
    swap: Callable[[Reader], dict[str, str]] = lambda reader: {}
    add: str = ""
    make: str = ""
    elsewhere: bool = False
    after: list[str] = field(default_factory=list)
    text: str = ""

    def short(self, reader: Reader) -> str:
        line = self.make or self.text
        for old, new in self.swap(reader).items():
            assert old in line, f"{old!r} is not in {line!r}"
            line = line.replace(old, new)
        return f"{line} {self.add}".strip()


def environment() -> dict[str, str]:
    """Returns this process's environment without make's variables, offline, with this Python and checkout first."""
    kept = {key: value for key, value in os.environ.items() if key not in NO_SURROUNDINGS}
    binaries = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    return {**kept, **offline, "PATH": binaries, "PYTHONPATH": str(ROOT), "AFTERTUNE_DATA": str(ROOT)}


def planned_by_make(command: str, *options: str) -> list[str]:
    """Returns the lines that a make command would run, none of which runs; the study's name as the shell puts it in."""
    line = re.sub(r"\bmake\b", " ".join(["make", "--dry-run", "--no-print-directory", *options]), command, count=1)
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    given = {**environment(), "STUDY": "studies/demo.yaml", **dict(re.findall(r"(\w+)=(\S+)", command))}
    return [_put_in(line, given) if "STUDY" in line else line for line in done.stdout.splitlines()]


def _put_in(line: str, variables: dict[str, str]) -> str:
    return subprocess.run(["bash", "-c", f"echo {line}"], env=variables, capture_output=True, text=True).stdout.strip()


def _write_data(folder: Path) -> None:
    """Writes a data folder in the official files' form: eight labelled sentences to train on, six to score."""
    (folder / "sst2").mkdir(parents=True)
    for name, count in (("train", 8), ("dev", 6)):
        rows = [f"sentence number {i} of the {name} file is here \t{i % 2}" for i in range(count)]
        (folder / "sst2" / f"{name}.tsv").write_text("\n".join(["sentence\tlabel", *rows, ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Reader:
    return Reader(tmp_path_factory.mktemp("reader"), tiny_model)


# What is looked at


def every_step_is_planned(printed: str, reader: Reader) -> None:
    study = load_study(reader.study)
    tasks, checkpoints = len(study.tasks), len(study.checkpoints())
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
    assert prompt.count("Passage:") == 3  # two worked examples and the item
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


def merged_weights(printed: str, reader: Reader) -> None:
    folder = reader.folder / "merged"
    assert (folder / "model.safetensors").is_file()
    assert not (folder / "adapter_config.json").exists()


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
    assert "backed" in printed


def the_overlap(printed: str, reader: Reader) -> None:
    assert [grade for grade in ("identical", "same source", "containment") if grade not in printed] == []


def a_label_prior(printed: str, reader: Reader) -> None:
    prior = json.loads((reader.folder / "prior.json").read_text(encoding="utf-8"))
    assert [row["input"] for row in prior["inputs"]] == ["", "N/A", "[MASK]"]
    assert sum(prior["probabilities"]) == pytest.approx(1)


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


def _finished_study(reader: Reader) -> dict[str, str]:
    """Has the helper of the report's tests write a study's results, since real ones take minutes."""
    root = reader.folder / "written"
    study = root / "studies" / "trial.yaml"
    if not study.exists():
        runpy.run_path(str(ROOT / "tests" / "report" / "synthetic.py"))["write_study"](root)
    return {"studies/demo.yaml": f"{study} --output {root / 'build' / 'trial'}"}


def _written_page(reader: Reader) -> dict[str, str]:
    _finished_study(reader)
    return {"build/demo/report.md": str(reader.folder / "written" / "build" / "trial" / "report.md")}


def _written_study(reader: Reader) -> dict[str, str]:
    _finished_study(reader)
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


def _tiny_and_own_folder(reader: Reader) -> dict[str, str]:
    return {"build/base": str(reader.model), "build/mine": str(reader.folder)}


def a_card(printed: str, reader: Reader) -> None:
    assert "license: apache-2.0" in printed
    assert "files of " in printed


def _pushable_study(reader: Reader) -> dict[str, str]:
    """Puts weights beside the records of the finished study, as training would have."""
    sys.path.insert(0, str(ROOT / "tests" / "report"))
    import pushable_study

    swaps = _finished_study(reader)
    for checkpoint in (reader.folder / "written" / "build" / "trial" / "checkpoints").iterdir():
        pushable_study.write_weights(checkpoint / "adapter_model.safetensors", b"weights")
        pushable_study.write_hashes(checkpoint)
        (checkpoint / "adapter_config.json").write_text(
            '{"peft_type": "LORA", "base_model_name_or_path": "build/base"}'
        )
    return swaps


def the_regression_gate(printed: str, reader: Reader) -> None:
    assert "reviews" in printed


def _own_study(reader: Reader) -> dict[str, str]:
    """Writes the study that the README shows, on the tiny model."""
    shown = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[0])
    shown["model"]["id"] = str(reader.model)
    own = reader.folder / "shown.yaml"
    own.write_text(yaml.safe_dump(shown), encoding="utf-8")
    return {"studies/mine.yaml": str(own)}


EMBEDDED = "python -m finetune embedded --output build/base"
PLAN = "python -m finetune plan --model build/base --task reviews_demo --head sequence-classification"
TRAIN = "python -m finetune train --model build/base --task reviews_demo --train-rows 500 --output build/mine/reviews"
MERGE = "python -m finetune merge build/mine/reviews --output build/mine/merged"
DRY_RUN = "python -m workflow run studies/demo.yaml --dry-run"
BUILD = "python -m report build studies/demo.yaml"
VERIFY = "python -m report verify build/demo/report.md"
SCORE = (
    "python -m harness_tasks run --model hf --model_args pretrained=build/base --tasks passages_demo --num_fewshot 2 "
    "--apply_chat_template --log_samples --output_path build/mine/scores"
)
CLUSTER = "python -m workflow run studies/demo.yaml --profile slurm"
SHORT = "--limit 4 --device cpu"
PARTS = [
    "python -m harness_tasks run --model hf-shared --model_args pretrained=build/base --tasks passages_demo "
    f"--shard {part}/2 --log_samples --output_path build/mine/part{part}"
    for part in (1, 2)
]
FIRST_ROWS = f"--device cpu --samples '{json.dumps({'passages_demo': list(range(21))})}'"

RUN = {
    "make report": Case(
        every_step_is_planned,
        make="python -m workflow run studies/demo.yaml",
        swap=tiny("demo"),
        add="--dry-run",
        elsewhere=True,
    ),
    "AFTERTUNE_DATA=DIR STUDY=studies/seed-small.yaml make report": Case(
        every_step_is_planned,
        make="python -m workflow run studies/seed-small.yaml",
        swap=tiny("seed-small"),
        add="--dry-run",
        elsewhere=True,
    ),
    "make plan": Case(
        a_plan_of("134,515,008 parameters", "fine-tune reviews_demo-lora-seed1", "score base on passages_demo"),
        make="python -m workflow plan studies/demo.yaml",
        add="--declared",
    ),
    "STUDY=studies/llama-3.2-1b.yaml make plan": Case(
        a_plan_of("1,235,814,400 parameters", "11,272,192", "13,470", "26,064", "16 steps"),
        make="python -m workflow plan studies/llama-3.2-1b.yaml",
    ),
    "make help": Case(the_targets),
    "cp studies/demo.yaml studies/mine.yaml": Case(
        a_copied_study, swap=lambda reader: {"studies/mine.yaml": str(reader.folder / "mine.yaml")}
    ),
    "STUDY=studies/mine.yaml make plan": Case(
        a_plan_of("26,880 parameters", "fine-tune passages_demo-lora-seed2", "score base on reviews_demo"),
        make="python -m workflow plan studies/mine.yaml",
        swap=_own_study,
        add="--teraflops 0.1",
    ),
    "STUDY=studies/mine.yaml make report": Case(
        every_step_is_planned,
        make="python -m workflow run studies/mine.yaml",
        swap=tiny("mine"),
        add="--dry-run",
        elsewhere=True,
    ),
    "lm_eval --model hf --model_args pretrained=build/base,dtype=float32 --include_path harness_tasks "
    "--tasks reviews_demo --batch_size 16": Case(
        scored("reviews_demo", "acc", 1), swap=lambda reader: {"build/base": str(reader.model)}, add=SHORT
    ),
    'lm_eval --model hf --model_args pretrained=MODEL,peft=ADAPTER --include_path "$(aftertune tasks-path)" '
    """--tasks sst2_llama_glue --metadata '{"data_dir": "DIR"}'""": Case(
        scored("sst2_llama_glue", "mcc", 1),
        swap=lambda reader: {
            "MODEL": str(reader.model),
            "ADAPTER": str(reader.folder / "reviews"),
            'DIR"': f'{reader.data}", "other_rows": true',
        },
        add=SHORT,
        elsewhere=True,
        after=[TRAIN],
    ),
    EMBEDDED: Case(an_embedded_model, swap=lambda reader: {"build/base": str(reader.folder / "base")}),
    PLAN: Case(a_plan_with_guards, swap=lambda reader: {"build/base": str(reader.model)}, add="--device cpu"),
    TRAIN: Case(
        a_checkpoint,
        swap=lambda reader: {"build/base": str(reader.model), "500": "40", "build/mine": str(reader.folder)},
        add="--device cpu --dtype float32",
    ),
    MERGE: Case(merged_weights, swap=lambda reader: {"build/mine": str(reader.folder)}, after=[TRAIN]),
    SCORE: Case(
        scored_with_files,
        swap=lambda reader: {"build/base": str(reader.folder / "merged"), "build/mine": str(reader.folder)},
        add=SHORT,
        after=[MERGE],
    ),
    "python -m harness_tasks sample passages_demo --limit 70 --seed 1 --output build/mine/samples.json": Case(
        whole_passages, swap=lambda reader: {"build/mine": str(reader.folder)}
    ),
    """python -m harness_tasks check sst2_llama_glue --training --metadata '{"data_dir": "DIR"}'""": Case(
        the_folders_rows, swap=lambda reader: {'DIR"': f'{reader.data}", "other_rows": true'}
    ),
    PARTS[0]: Case(scored("passages_demo", "f1", 100), swap=_tiny_and_own_folder, add=FIRST_ROWS),
    PARTS[1]: Case(scored("passages_demo", "f1", 100), swap=_tiny_and_own_folder, add=FIRST_ROWS),
    "python -m harness_tasks merge-shards build/mine/part1 build/mine/part2 --output build/mine/whole": Case(
        the_parts_joined, swap=lambda reader: {"build/mine": str(reader.folder)}, after=PARTS
    ),
    "python -m report params build/base": Case(
        the_embedded_models_parameters,
        swap=lambda reader: {"build/base": str(reader.folder / "base")},
        after=[EMBEDDED],
    ),
    "python -m report params tests/data/llama-3.2-1b/config.json --lora-r 16 --json": Case(llama_with_an_adapter),
    BUILD: Case(a_page, swap=_finished_study),
    VERIFY: Case(a_page_that_is_backed, swap=_written_page, after=[BUILD]),
    f"{BUILD} --check": Case(
        lambda printed, reader: every_file_is_what_its_facts_give(printed),
        swap=_finished_study,
        after=[BUILD],
    ),
    f"{BUILD} --copy-to docs/demo": Case(
        a_copied_page,
        swap=lambda reader: {"docs/demo": str(reader.folder / "copied"), **_finished_study(reader)},
        after=[BUILD],
    ),
    # As it stands: the page that is committed is what the facts beside it give, without a model or a result.
    f"{BUILD} --output docs/demo --check": Case(lambda printed, reader: every_file_is_what_its_facts_give(printed)),
    "python -m report template list": Case(the_templates),
    "python -m report template copy studies/mine.yaml answer_analysis.md.j2": Case(a_copied_template, swap=_own_study),
    "python -m report push studies/demo.yaml --dry-run": Case(a_card, swap=_pushable_study, after=[BUILD]),
    "make verify": Case(
        a_page_that_is_backed,
        make="python -m report verify build/demo/report.md",
        swap=_written_page,
        after=[BUILD],
    ),
    "python -m report compare build/demo build/mine/scores --output build/mine/compared": Case(
        a_leaderboard,
        swap=lambda reader: {**_written_study(reader), "build/mine": str(reader.folder)},
        after=[SCORE],
    ),
    "python -m report compare build/demo --fail-on-regression reviews_demo:acc": Case(
        the_regression_gate,
        swap=lambda reader: {**_written_study(reader), "reviews_demo:acc": "reviews:acc"},
    ),
    "python -m report audit studies/seed-claims.yaml": Case(the_verdicts, add="; test $? -eq 1"),
    """python -m harness_tasks overlap sst2_llama --metadata '{"data_dir": "DIR"}'""": Case(
        the_overlap, swap=lambda reader: {'DIR"': f'{reader.data}", "other_rows": true'}
    ),
    "python -m harness_tasks prior reviews_demo --model hf --model_args pretrained=build/base "
    "--output build/mine/prior.json": Case(
        a_label_prior,
        swap=lambda reader: {"build/base": str(reader.model), "build/mine": str(reader.folder)},
        add="--device cpu",
    ),
    DRY_RUN: Case(every_step_is_planned, swap=tiny("demo"), elsewhere=True),
    "python -m workflow plan studies/demo.yaml": Case(a_plan_of("134,515,008 parameters"), add="--declared"),
    "aftertune tasks-path": Case(the_tasks_folder, elsewhere=True),
}
RUN = {command: Case(**{**case.__dict__, "text": command}) for command, case in RUN.items()}


# What is checked only


def another_python_makes_the_environment() -> None:
    lines = planned_by_make("PYTHON=python3.12 make report", "-W", "requirements.txt")
    assert any(line.endswith("python3.12 -m venv .venv") for line in lines)
    assert lines[-1] == "python -m workflow run studies/demo.yaml"


def pip_reads_the_pinned_torch() -> None:
    lines = planned_by_make("PIP_EXTRA_INDEX_URL=CPU_INDEX make report", "-W", "requirements.txt")
    assert any(re.search(r"-m pip install .*-r requirements\.txt$", line) for line in lines)
    (pin,) = re.findall(r"^torch==.*$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert f"pins `{pin}`" in TEXT


def hf_has_that_verb() -> None:
    done = subprocess.run(["bash", "-c", "hf auth login --help"], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def the_llama_study_passes_its_checks(folder: Path) -> None:
    lines = planned_by_make("STUDY=studies/llama-3.2-1b.yaml make report")
    assert lines[-1] == "python -m workflow run studies/llama-3.2-1b.yaml"
    study = load_study(ROOT / "studies" / "llama-3.2-1b.yaml")
    assert [checkpoint.name for checkpoint in study.checkpoints()] == [
        "sst2_llama-lora-seed1",
        "squad_llama-lora-seed1",
    ]
    words = [sys.executable, "-m", "workflow", "run", str(ROOT / "studies" / "llama-3.2-1b.yaml"), "--dry-run"]
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^score +4$", done.stdout + done.stderr, re.MULTILINE)


def the_extra_names_the_plug_in() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert [line.split(">")[0] for line in extras["cluster"]] == ["snakemake-executor-plugin-slurm"]


def make_passes_the_profile_on() -> None:
    assert planned_by_make("PROFILE=slurm make report")[-1] == CLUSTER


def a_cluster_is_found_or_told(folder: Path) -> None:
    """The steps are planned for SLURM, or the plug-in is asked for: here is no cluster to submit to."""
    words = [sys.executable, *CLUSTER.split()[1:], "--dry-run"]
    words[words.index("studies/demo.yaml")] = str(ROOT / "studies" / "demo.yaml")
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        assert done.returncode == 2
        assert "pip install 'aftertune[cluster]'" in done.stderr
    else:
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"resources: .*mem_mb=\d+.*runtime=\d+.*gpu=1$", done.stdout + done.stderr, re.MULTILINE)


def lm_eval_accepts_the_arguments() -> None:
    from lm_eval._cli import HarnessCLI

    from harness_tasks.loading import task_manager

    (command,) = (command for command in commands() if "--device cuda" in command)
    arguments = HarnessCLI()._parser.parse_args(["run", *command.split()[1:]])
    assert arguments.model_args == {
        "pretrained": "meta-llama/Llama-3.2-1B",
        "dtype": "bfloat16",
        "softmax_dtype": "float32",
    }
    assert arguments.tasks in (["squad_llama"], "squad_llama")
    assert "squad_llama" in task_manager(ROOT / arguments.include_path).all_subtasks


CHECKED_ONLY: dict[str, Callable[..., None]] = {
    "PYTHON=python3.12 make report": another_python_makes_the_environment,  # needs a package index
    "PIP_EXTRA_INDEX_URL=CPU_INDEX make report": pip_reads_the_pinned_torch,  # needs a package index
    "hf auth login": hf_has_that_verb,  # needs the Hub
    "pip install -e '.[cluster]'": the_extra_names_the_plug_in,  # needs a package index
    "PROFILE=slurm make report": make_passes_the_profile_on,  # needs a cluster
    CLUSTER: a_cluster_is_found_or_told,  # needs a cluster
    "STUDY=studies/llama-3.2-1b.yaml make report": the_llama_study_passes_its_checks,  # needs the Hub and a GPU
    "lm_eval --model hf --model_args pretrained=meta-llama/Llama-3.2-1B,dtype=bfloat16,softmax_dtype=float32 "
    "--include_path harness_tasks --tasks squad_llama --batch_size 64 --device cuda": (
        lm_eval_accepts_the_arguments  # needs the Hub and a GPU
    ),
}


@pytest.mark.parametrize("command", commands())
def test_command(command: str, reader: Reader, tmp_path: Path) -> None:
    if command in RUN:
        RUN[command].look(reader.type(command), reader)
    elif command in CHECKED_ONLY:
        check = CHECKED_ONLY[command]
        check(tmp_path) if check in (the_llama_study_passes_its_checks, a_cluster_is_found_or_told) else check()
    else:
        assert command in EXEMPT, (
            f"README.md shows {command!r}: add it to RUN, or to CHECKED_ONLY if it cannot run here"
        )


def test_no_table_names_a_command_that_the_readme_does_not_show() -> None:
    shown = set(commands())
    assert {*RUN, *CHECKED_ONLY} - shown == set()
    assert set(RUN) & set(CHECKED_ONLY) == set()


def test_a_line_is_a_command() -> None:
    text = "a\n```sh\nmake report\n\nmake plan\n```\n```yaml\nkey: value\n```\n```sh\nmake plan\n```\n"
    assert commands(text) == ["make report", "make plan"]
