"""What is checked of the documents' commands that cannot run in a test: they need the Hub, an index or a GPU."""

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

from readme_reader import ROOT, TEXT, commands, environment, planned_by_make

from studies import load_study

CLUSTER = "aftertune run studies/demo.yaml --profile slurm"


def another_python_makes_the_environment() -> None:
    lines = planned_by_make("PYTHON=python3.12 make report", "-W", "requirements.txt")
    assert any(line.endswith("python3.12 -m venv .venv") for line in lines)
    assert lines[-1] == "python -m aftertune run studies/demo.yaml"


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
    assert lines[-1] == "python -m aftertune run studies/llama-3.2-1b.yaml"
    study = load_study(ROOT / "studies" / "llama-3.2-1b.yaml")
    assert [checkpoint.name for checkpoint in study.trained_checkpoints()] == [
        "sst2_llama-lora-seed1",
        "squad_llama-lora-seed1",
    ]
    words = ["aftertune", "run", str(ROOT / "studies" / "llama-3.2-1b.yaml"), "--dry-run"]
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^score +4$", done.stdout + done.stderr, re.MULTILINE)


def the_extra_names_the_plug_in() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert [line.split(">")[0] for line in extras["cluster"]] == ["snakemake-executor-plugin-slurm"]


def make_passes_the_profile_on() -> None:
    assert planned_by_make("PROFILE=slurm make report")[-1] == f"python -m {CLUSTER}"


def a_cluster_is_found_or_told(folder: Path) -> None:
    """The steps are planned for SLURM, or the plug-in is asked for: here is no cluster to submit to."""
    words = [*CLUSTER.split(), "--dry-run"]
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
