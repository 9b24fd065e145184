"""Snakemake as a process of ours: what ends this one ends the steps too."""

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import psutil

SHELLS = ("bash", "sh", "tee")
"""What stands around a step: it ends with the step, and has its last words until then."""


LOOK_S = 0.25
"""Seconds between two looks at whether the process has ended."""


def run_until_told(
    words: Sequence[str],
    environment: Mapping[str, str],
    lock: int | None = None,
    *,
    output: BinaryIO | None = None,
    watch: Callable[[bool], None] | None = None,
) -> int:
    """Returns the exit code of Snakemake, or 128 and the signal's number where SIGTERM or SIGINT came meanwhile.

    Then no further step starts, each that runs gets a SIGTERM (training saves where it is), and all are waited for: by
    itself Snakemake would let them run. ``lock``: a file descriptor that it inherits, so that a lock outlives us.
    ``output``: the file for what is printed; unset: our own streams. ``watch`` is called again and again meanwhile,
    with whether a signal came.
    """
    process = subprocess.Popen(
        words, env=environment, pass_fds=[] if lock is None else [lock], stdout=output, stderr=output
    )
    told: list[int] = []

    def tell(number: int, frame: Any) -> None:
        told.append(number)

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    ended = set[int]()
    try:
        while process.poll() is None:
            if told:
                _end(process, ended)
            if watch:
                watch(bool(told))
            try:
                process.wait(timeout=LOOK_S)
            except subprocess.TimeoutExpired:
                continue
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 + told[0] if told else process.returncode


def _end(process: subprocess.Popen[Any], ended: set[int]) -> None:
    """Tells Snakemake to start nothing more, and its steps to end; each process once, by its number."""
    try:
        engine = psutil.Process(process.pid)
        below = engine.children(recursive=True)
        for one in (engine, *below):
            if one.pid in ended or one.name() in SHELLS:
                continue
            ended.add(one.pid)
            one.terminate()
            if one is engine:  # on a cluster it takes its jobs out of the queue
                one.send_signal(signal.SIGINT)
    except psutil.NoSuchProcess:
        return
