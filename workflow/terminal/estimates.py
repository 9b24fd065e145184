"""How long each step will take, by the plan: it is estimated once, before the first step, and kept in a file."""

from dataclasses import dataclass, field

from harness_tasks.errors import UserError
from harness_tasks.files import write_json
from harness_tasks.reading import Kind, read_json
from studies import Grid
from workflow.needs import SUBMITTED

OTHER_S = 6.0
"""Seconds of a step that the plan has no estimate of: until Python has loaded what it needs."""
_FILE = Kind(
    name="the estimated seconds of the steps",
    why="the time that is left is computed from it",
    mend="delete it; the next run writes it again",
    schema=dict[str, float],
)


@dataclass(frozen=True)
class Estimates:
    """Estimated seconds by the plan's names of steps, behind the study's name; ``shards``: parts of a score."""

    seconds: dict[str, float] = field(default_factory=dict)
    shards: dict[str, int] = field(default_factory=dict)

    def of_step(self, rule: str, of: dict[str, str]) -> float:
        """Returns the seconds of one step."""
        name = SUBMITTED[rule].format(**of) if rule in SUBMITTED else ""
        seconds = self.seconds.get(name, OTHER_S)
        return seconds / self.shards.get(of["study"], 1) if rule == "score_shard" else seconds

    def of_rule(self, rule: str) -> float:
        """Returns the mean seconds of a rule's steps."""
        if rule not in SUBMITTED:
            return OTHER_S
        beginning = SUBMITTED[rule].removeprefix("{study}: ").split("{")[0]
        found = [s for name, s in self.seconds.items() if name.partition(": ")[2].startswith(beginning)]
        mean = sum(found) / len(found) if found else OTHER_S
        return mean / max(self.shards.values(), default=1) if rule == "score_shard" else mean


def write_estimates(grid: Grid) -> None:
    """Writes the estimates of a grid's steps; none of a study that cannot be planned, which its steps tell."""
    from workflow.plan import planned

    seconds: dict[str, float] = {}
    for study in grid.studies.values():
        try:
            steps = planned(study).steps
        except UserError:
            continue
        seconds |= {f"{study.name}: {step.step}": step.seconds for step in steps if step.seconds is not None}
    write_json(grid.folder / "plans" / "seconds.json", seconds)


def read_estimates(grid: Grid) -> Estimates:
    """Returns the estimates that `write_estimates` wrote; each step counts alike where there are none."""
    file = grid.folder / "plans" / "seconds.json"
    seconds = read_json(file, _FILE) if file.is_file() else {}
    return Estimates(seconds, {study.name: study.shards for study in grid.studies.values()})
