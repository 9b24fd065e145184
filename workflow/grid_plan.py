"""What a grid would do: its models' plans added up, its critical path, and the time with so many steps at a time.

Steps that need no accelerator are counted with the others: they are short.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finetune.assumed import BANDWIDTH, UTILISATION
from finetune.estimate import gigabytes, shown_time
from finetune.machine import resolve_device
from studies import Grid, Study
from workflow.plan import Planned, PlannedStep, planned

AT_A_TIME = (1, 8, 64)
"""Accelerators for which the time is told where none are asked for."""


@dataclass(frozen=True)
class Line:
    """One study of the grid: its model's parameters, and what its steps that are still to do take."""

    study: str
    parameters: int
    steps: int
    to_do: int
    seconds: float
    longest_seconds: float
    disk_bytes: int


def plan_grid(
    grid: Grid,
    *,
    teraflops: float | None = None,
    efficiency: float | None = None,
    bandwidth: float = BANDWIDTH,
    at_a_time: int | None = None,
    as_json: bool = False,
) -> str:
    """Returns the plan of a grid as text, or as JSON with the same values.

    ``teraflops``: a device's stated peak, 10^12 operations a second; ``efficiency``: the share of it that steps reach;
    ``bandwidth``: megabytes a second of downloads. ``at_a_time``: the number of steps that run at once.
    """
    device, lines = "cpu", list[Line]()
    speed = teraflops and teraflops * 1e12 * (efficiency or UTILISATION)
    for study in grid.studies.values():
        found = planned(study, speed=speed, bandwidth=bandwidth)
        speed = found.speed  # probed once
        device = resolve_device(study.device)
        lines.append(_line(study, found))
    seconds = sum(line.seconds for line in lines)
    longest = max(line.longest_seconds for line in lines)
    summary: dict[str, Any] = {
        "grid": grid.name,
        "title": grid.title,
        "device": device,
        "teraflops": round((speed or 0) / 1e12, 4),
        "studies": [line.__dict__ for line in lines],
        "steps": sum(line.steps for line in lines),
        "to_do": sum(line.to_do for line in lines),
        "accelerator_hours": seconds / 3600,
        "critical_path_seconds": longest,
        "disk_bytes": sum(line.disk_bytes for line in lines),
        "seconds_at_a_time": {
            number: max(longest, seconds / number) for number in ([at_a_time] if at_a_time else AT_A_TIME)
        },
    }
    return json.dumps(summary, indent=2) if as_json else _text(summary)


def _line(study: Study, found: Planned) -> Line:
    waiting = [step for step in found.steps if not step.done]
    return Line(
        study=study.name,
        parameters=found.parameters,
        steps=len(found.steps),
        to_do=len(waiting),
        seconds=sum(step.seconds or 0 for step in waiting),
        longest_seconds=longest_path(found.steps),
        disk_bytes=found.disk_bytes,
    )


def longest_path(steps: Sequence[PlannedStep]) -> float:
    """Returns the seconds of the longest chain of a study's steps that are still to do.

    The base model comes first, then either its slowest scoring or the slowest checkpoint: its training, what it is
    merged into, and its scoring; the page comes last.
    """
    base = page = 0.0
    chains: dict[str, float] = {}
    for step in steps:
        seconds = 0.0 if step.done else step.seconds or 0.0
        kind, _, rest = step.step.partition(" ")
        if kind in ("base", "download"):
            base += seconds
        elif kind == "parameter":
            page = seconds
        elif kind in ("fine-tune", "merge"):
            chains[rest] = chains.get(rest, 0.0) + seconds
        elif kind == "score":
            name, _, task = rest.partition(" on ")
            of = name if name in chains else f"{name} {task}"
            chains[of] = chains.get(of, 0.0) + seconds
    return base + max(chains.values(), default=0.0) + page


def _text(summary: dict[str, Any]) -> str:
    unit = "processor" if summary["device"] == "cpu" else "GPU"
    lines = [
        summary["title"],
        f"{len(summary['studies'])} studies; {summary['teraflops']} TFLOP/s that steps reach",
        "",
        f"{'study':<44} {'parameters':>15} {'steps':>6} {'to do':>6} {'time':>9} {'longest':>9} {'disk':>10}",
    ]
    for line in summary["studies"]:
        times = f"{shown_time(line['seconds']):>9} {shown_time(line['longest_seconds']):>9}"
        counts = f"{line['parameters']:>15,} {line['steps']:>6,} {line['to_do']:>6,}"
        lines.append(f"{line['study']:<44} {counts} {times} {gigabytes(line['disk_bytes'], 1):>10}")
    hours = f"about {summary['accelerator_hours']:,.1f} {unit}-hours"
    longest, disk = shown_time(summary["critical_path_seconds"]), gigabytes(summary["disk_bytes"], 1)
    lines.append("")
    lines.append(
        f"{summary['steps']:,} steps, {summary['to_do']:,} to do: {hours}; critical path {longest}; {disk} of disk"
    )
    for number, seconds in summary["seconds_at_a_time"].items():
        lines.append(f"{number:>6,} step{'' if number == 1 else 's'} at a time: about {shown_time(seconds)}")
    return "\n".join(lines)
