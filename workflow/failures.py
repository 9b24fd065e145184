"""Which steps of a run failed and why: from Snakemake's jobs and the steps' logs into `logs/failed.json`."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness_tasks.files import write_json
from harness_tasks.messages import counted
from harness_tasks.reading import open_regular, read_json
from report.facts.unfinished import FILE
from report.reading.kinds import FAILED
from report.reading.texts import one_line
from studies import Grid, Study

HEADING = "== "
"""How the line begins in a log that a try starts with."""
MEND = "Correct what the log names and run the same command: it resumes from here."
LINES_SHOWN = 12
"""So many of a log's last lines are shown."""
TAIL_BYTES = 20_000
"""What is read of a log's end to find the reason."""


def place(of: Grid | Study) -> Path:
    """Returns where the failed steps of a grid, or of a study of it, are written down."""
    return of.folder / FILE


def write(workflow: Any, engine_logs: list[str], grid: Grid) -> None:
    """Writes the failed steps, and those that were not started for want of them; Snakemake calls it (`onerror`).

    Each failed step has its rule, its wildcards, how often it was tried, the reason, and its log file. All of them go
    to the grid's file, and those that a study lacks to the study's.
    """
    said = "".join(Path(log).read_text(encoding="utf-8", errors="replace") for log in engine_logs)
    jobs = sorted(workflow.scheduler.failed, key=lambda job: int(workflow.dag.jobid(job)))
    failed = [_step(job) | _outcome(job, said, workflow.dag.jobid(job)) for job in jobs]
    waiting = [_step(job) for job in workflow.dag.needrun_jobs() if job not in workflow.scheduler.failed]
    _write(place(grid), failed, waiting, lambda step: step["rule"] != "all")
    for study in grid.studies.values() if not grid.is_one_study else ():
        _write(place(study), failed, waiting, lambda step, study=study: _concerns(study, step))  # type: ignore[misc]


def _write(path: Path, failed: list[Any], waiting: list[Any], concerns: Callable[[dict[str, Any]], bool]) -> None:
    record = {"failed": list(filter(concerns, failed)), "not_started": list(filter(concerns, waiting))}
    if any(record.values()):
        write_json(path, record)


def _concerns(study: Study, step: dict[str, Any]) -> bool:
    """Returns whether a step is one of ``study``, or makes the base model that it starts from."""
    return step.get("study") == study.name or ("base" in step and study.model.path == f"build/{step['base']}")


def _step(job: Any) -> dict[str, Any]:
    return {"rule": job.rule.name, **{name: str(value) for name, value in job.wildcards_dict.items()}}


def _outcome(job: Any, said: str, jobid: int) -> dict[str, Any]:
    log = str(job.log[0]) if job.log else None
    text = _tail(Path(log)) if log else ""
    return {"tries": job.attempt, "reason": reason(text, engine_message(said, jobid)), "log": log}


def last_lines(path: Path, most: int = LINES_SHOWN) -> list[str]:
    """Returns the last lines of a log, those of the last try, without control characters; [] where there is none."""
    # A bar's states stand in one line, each after a carriage return: the last one is what a terminal would show.
    lines = [_printable(line.rstrip("\r").rpartition("\r")[2]) for line in _tail(path).split("\n")]
    tries = [number for number, line in enumerate(lines) if line.startswith(HEADING)]
    lines = lines[tries[-1] + 1 :] if tries else lines
    return [line for line in lines if line.strip()][-most:]


def _printable(line: str) -> str:
    """Returns a line without control characters, as far from the margin as it was.

    >>> _printable("    a\\x1b[2J")
    '    a [2J'
    """
    text = line.lstrip(" ")
    return line[: len(line) - len(text)] + one_line(text)


def _tail(path: Path) -> str:
    """Returns the end of a log; "" where a step died before it had one."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def engine_message(said: str, jobid: int) -> str | None:
    """Returns what Snakemake's own log says last of a failed job, such as the cluster's word for how it ended.

    >>> engine_message("Error in rule a:\\n    message: SLURM-job '7' failed\\n    jobid: 3\\n", 3)
    "SLURM-job '7' failed"
    """
    found = re.findall(rf"^Error in rule \w+:\n    message: (.*)\n    jobid: {jobid}$", said, re.MULTILINE)
    return found[-1] if found and found[-1] != "None" else None


def reason(text: str, message: str | None) -> str:
    """Returns why a step's last try failed, in a line: a `UserError`'s finding, or the engine's word and the last line.

    Of an exception that nobody caught it is the first line of its message: a later one may only say what mends it.

    >>> reason("reading\\nFound: no task 'a'\\nWhy it matters: nothing to score\\nTo mend it: name one\\n", None)
    "no task 'a'"
    >>> reason("Traceback (most recent call last):\\n  File ...\\nValueError: no row 7\\nAdd it.\\n", None)
    'ValueError: no row 7'
    """
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    tries = [number for number, line in enumerate(lines) if line.strip().startswith(HEADING)]
    lines = lines[tries[-1] + 1 :] if tries else lines
    found = [match[1] for line in lines if (match := _FOUND.match(line))]
    if found:
        return found[-1]
    last = _raised(lines) or (lines[-1].strip() if lines else None)
    if message and last:
        return f"{message} (last line of its log: {last})"
    return message or last or "no word of it: the step died before it wrote anything"


_FOUND = re.compile(r"\s*(?:[\w.]+: )?Found: (.*)")
"""What a `UserError` found, printed by a command of ours, or in a traceback behind the error's name."""


def _raised(lines: list[str]) -> str | None:
    """Returns the first line of the exception whose traceback ends ``lines``; None where none does."""
    begun = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    after = lines[begun[-1] + 1 :] if begun else []
    at = next((number for number, line in enumerate(after) if not line.startswith(" ")), None)
    # With more behind it the step went on, and ended for another reason.
    return None if at is None or len(after) - at > LINES_SHOWN else after[at]


def rules_failed(path: Path) -> set[str]:
    """Returns the rules of the failed steps in a file that `write` wrote."""
    return {step["rule"] for step in read_json(path, FAILED)["failed"]}


def told(path: Path) -> str | None:
    """Returns what to tell a user of the failed steps that `write` wrote down; None where it wrote nothing."""
    if not path.is_file():
        return None
    record = read_json(path, FAILED)
    count = len(record["failed"])
    lines = [f"{counted(count, 'steps')} failed:"]
    for step in record["failed"]:
        log = step.get("log")
        lines += ["  " + one_line(f"{_name(step)}: {step['reason']}"), "    " + one_line(log or "no log")]
        lines += [f"    | {line}" for line in last_lines(Path(log))] if log else []
    waiting = len(record["not_started"])
    lines.append(f"{waiting} more waited for them. The same command resumes from here." if waiting else MEND)
    return "\n".join(lines)


def told_of_engine(log: Path) -> str:
    """Returns what to tell a user of a run that ended without a failed step: the end of what was printed."""
    lines = ["The run ended without a failed step; the last lines of its output:"]
    lines += [f"    | {line}" for line in last_lines(log)]
    return "\n".join([*lines, f"All of it is in {log}; `aftertune run -v` shows it as it comes."])


def _name(step: dict[str, Any]) -> str:
    known = ("rule", "tries", "reason", "log", "base")
    named = {key: value for key, value in step.items() if key not in known}
    if "/" not in named.get("study", ""):  # a study by itself needs no name
        named.pop("study", None)
    return " ".join([step["rule"], *map(str, named.values())])
