"""What each step needs of a cluster's node: memory, minutes, cores and GPUs, from the plan's estimate.

They are estimated once, before Snakemake starts, and written into a file: a step's own Snakemake, on its node, reads
them there in a moment, without the model's configuration.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from harness_tasks.files import write_json
from harness_tasks.reading import Kind, read_yaml
from studies import Study

MEMORY_MARGIN, MEMORY_MORE_MB, GPU_MORE_MB = 1.5, 1000, 4000
"""The estimate leaves out what libraries and rows take: half as much again, and a gigabyte, or four with CUDA."""
MINUTES_MARGIN, MINUTES_MORE = 3, 10
"""A job that runs out of time is lost time, one that ends early costs nothing: thrice the estimate, and ten minutes."""
UNKNOWN_MINUTES, UNKNOWN_MB = 720, 4000
"""For a task whose YAML does not say how large it is; for steps that load no model, such as the page."""
SUBMITTED = {
    "train": "{study}: fine-tune {checkpoint}",
    "merge": "{study}: merge {checkpoint}",
    "merges": "{study}: compare merges with their adapters",
    "score": "{study}: score {name} on {task}",
    "score_shard": "{study}: score {name} on {task}",
    "join": "{study}: parameter counts, facts and report",
    "prior": "{study}: prior of {name} on {task}",
    "overlap": "{study}: overlap of {task} with the rows of {checkpoint}",
    "baseline": "{study}: {means} on {task} beside {checkpoint}",
    "report": "{study}: parameter counts, facts and report",
}
"""The rules that run on nodes, and what the plan calls their steps, behind the study's name."""
ON_GPU = ("train", "merges", "score", "prior")


class Nodes(BaseModel):
    """A profile's `nodes.yaml`: what the nodes have, which the machine that submits cannot know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: Literal["cuda", "cpu"] = "cuda"
    """What a step finds there, where the study names no device."""
    cores: Annotated[int, Field(ge=1)] = 4
    """Processor cores of a step."""
    teraflops: dict[Literal["cuda", "cpu"], Annotated[float, Field(gt=0)]] = {"cuda": 30.0, "cpu": 0.05}
    """Floating-point operations a second that a step reaches there, in 10^12."""


@dataclass(frozen=True)
class Need:
    """What one step needs, as Snakemake calls it: megabytes, minutes, GPUs."""

    mem_mb: int
    runtime: int | None
    gpu: int


@dataclass(frozen=True)
class Needs:
    """The cores of a step, and each step's need by the plan's name of it."""

    cores: int
    steps: dict[str, Need]

    def resources(self, rule: str) -> dict[str, Callable[..., int]]:
        """Returns a rule's resources for Snakemake; a second try gets half as much more memory and time, and so on."""
        kinds = {"mem_mb": True, "runtime": True, "gpu": False}
        return {kind: self._function(rule, kind, grows) for kind, grows in kinds.items()}

    def _function(self, rule: str, kind: str, grows: bool) -> Callable[..., int]:
        def needed(wildcards: Any, attempt: int) -> int:
            value: int = getattr(self.steps[SUBMITTED[rule].format(**dict(wildcards.items()))], kind)
            return math.ceil(value * (attempt + 1) / 2) if grows else value

        return needed


_NODES = Kind(
    "the profile's nodes",
    "each step's memory and minutes are estimated from it",
    "it takes `device: cuda` or `cpu`, `cores:`, `teraflops: {cuda: 30, cpu: 0.05}`; see the shipped one",
    limit_mib=1,
    schema=Nodes | None,
)


def read_nodes(folder: Path) -> Nodes:
    """Returns a profile's `nodes.yaml`, or the defaults where it has none; raises UserError for a wrong value."""
    file = folder / "nodes.yaml"
    if not file.is_file():
        return Nodes()
    return Nodes(**read_yaml(file, _NODES) or {})


def estimate_needs(studies: Iterable[Study], nodes: Nodes) -> Needs:
    """Returns what the steps need on such nodes; raises UserError where a model's configuration cannot be had."""
    needs: dict[str, Need] = {}
    for study in studies:
        needs |= {f"{study.name}: {step}": need for step, need in _of_study(study, nodes).items()}
    return Needs(nodes.cores, needs)


def _of_study(study: Study, nodes: Nodes) -> dict[str, Need]:
    """Returns what a study's steps need, by the plan's names of them."""
    from workflow.plan import planned

    device = study.device or nodes.device
    kind: Literal["cuda", "cpu"] = "cuda" if device.startswith("cuda") else "cpu"
    # `auto` probes the node; a GPU of today takes bfloat16, and float32 is what takes more memory on a processor.
    dtype = ("bfloat16" if kind == "cuda" else "float32") if study.dtype == "auto" else study.dtype
    there = study.model_copy(update={"device": device})
    steps = planned(there, dtype=dtype, speed=nodes.teraflops.get(kind, 0.05) * 1e12).steps
    beginnings = [SUBMITTED[rule].removeprefix("{study}: ").split("{")[0] for rule in ON_GPU]
    gpu_steps = tuple(beginnings) if kind == "cuda" else ()
    needs = {}
    for step in steps:
        on_gpu = bool(gpu_steps) and step.step.startswith(gpu_steps)
        more = GPU_MORE_MB if on_gpu else MEMORY_MORE_MB
        memory, minutes = UNKNOWN_MB, UNKNOWN_MINUTES
        if step.memory_bytes is not None:
            memory = math.ceil(step.memory_bytes * MEMORY_MARGIN / 1e6) + more
        if step.seconds is not None:
            minutes = math.ceil(step.seconds * MINUTES_MARGIN / 60) + MINUTES_MORE
        needs[step.step] = Need(mem_mb=memory, runtime=minutes, gpu=int(on_gpu))
    return needs


def write_needs(path: Path, needs: Needs) -> None:
    """Writes what the steps need as JSON."""
    write_json(path, asdict(needs))


def read_needs(path: str | Path) -> Needs:
    """Returns what `write_needs` wrote."""
    return TypeAdapter(Needs).validate_json(Path(path).read_bytes())
