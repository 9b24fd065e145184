"""A signal to the command alone ends Snakemake and its steps as well, and none starts after it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SNAKEFILE = """
rule all:
    input: "second"
rule first:
    output: "first"
    shell: "python step.py 2>&1 | tee -a log; touch {output}"
rule second:
    input: "first"
    output: "second"
    shell: "touch started_after; touch {output}"
"""
STEP = """
import os, signal, sys, time
def saved(number, frame):
    time.sleep(0.3)
    print("saved", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, saved)
open("pid.part", "w").write(str(os.getpid()))
os.rename("pid.part", "pid")
time.sleep(300)
"""
COMMAND = """
import os, sys
from workflow.process import run_until_told
words = [sys.executable, "-m", "snakemake", "--cores", "1", "--nolock", "--quiet", "all"]
sys.exit(run_until_told(words, dict(os.environ)))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_command_alone_ends_the_steps(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "step.py").write_text(STEP)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, start_new_session=True
    )
    while not (tmp_path / "pid").exists():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.05)
    step = int((tmp_path / "pid").read_text())
    os.kill(process.pid, number)
    process.communicate()
    assert process.returncode == 128 + number
    assert not psutil.pid_exists(step)
    assert (tmp_path / "log").read_text() == "saved\n"  # its last words were kept
    assert not (tmp_path / "started_after").exists()


def test_without_a_signal_the_exit_code_is_the_commands() -> None:
    from workflow.process import run_until_told

    before = signal.getsignal(signal.SIGTERM)
    assert run_until_told([sys.executable, "-c", "import sys; sys.exit(3)"], dict(os.environ)) == 3
    assert signal.getsignal(signal.SIGTERM) is before
