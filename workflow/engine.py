"""What executes the steps: this machine, or what a Snakemake profile names, such as a SLURM cluster."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_text
from harness_tasks.reading import Kind, read_yaml
from studies import Grid
from workflow.needs import estimate_needs, read_nodes, write_needs

PROFILES = Path(__file__).with_name("profiles")
EXTRAS = {"slurm": "aftertune[cluster]"}
"""The extra that brings an executor's plug-in; others are installed by their own name."""


_PROFILE = Kind(
    "the profile",
    "a profile is a mapping of Snakemake's options",
    f"start from {PROFILES / 'slurm' / 'config.yaml'}",
    limit_mib=1,
    schema=dict[str, Any],
)


@dataclass(frozen=True)
class Profile:
    """A folder with Snakemake's `config.yaml`, and the executor that it names."""

    folder: Path
    executor: str

    @property
    def is_local(self) -> bool:
        """Whether the steps run on this machine."""
        return self.executor == "local"


def find_profile(name: str) -> Profile:
    """Returns the profile of that name that comes along, or that of a folder.

    Raises:
        UserError: there is none, it is no YAML mapping, or the plug-in of its executor is not installed.
    """
    shipped = sorted(folder.name for folder in PROFILES.iterdir() if (folder / "config.yaml").is_file())
    folder = PROFILES / name if name in shipped else Path(name)
    if not (folder / "config.yaml").is_file():
        raise UserError(
            f"there is no profile {name!r}: it is neither {' nor '.join(shipped)}, nor a folder with a config.yaml",
            "a profile says what executes the steps",
            f"name one of these, or copy {PROFILES / 'slurm'} and name the copy's folder",
        )
    values = read_yaml(folder / "config.yaml", _PROFILE)
    profile = Profile(folder, str(values.get("executor", "local")))
    _need_plugin(profile)
    return profile


def _need_plugin(profile: Profile) -> None:
    module = "snakemake_executor_plugin_" + profile.executor.replace("-", "_")
    if profile.executor in ("local", "dryrun", "touch") or importlib.util.find_spec(module) is not None:
        return
    package = EXTRAS.get(profile.executor, module.replace("_", "-"))
    raise UserError(
        f"the profile {profile.folder.name} names the executor {profile.executor!r}, and its plug-in is not installed",
        "Snakemake submits the steps through it; none was started",
        f"pip install '{package}'",
    )


def options(
    profile: Profile, grid: Grid, *, cores: int | None, dry_run: bool, notes: Path | None = None
) -> tuple[list[str], dict[str, str]]:
    """Returns Snakemake's options for where the steps run, and the values to put under its ``--config``.

    On one machine: its cores, and how many steps at a time. Elsewhere each step's needs are estimated and written into
    the folder ``notes`` (unset: the grid's).

    Raises:
        UserError: the project's folder has signs in its name; SLURM's commands are missing; jobs of an earlier run are
            still in its queue.
    """
    words = ["--profile", str(profile.folder)]
    if profile.is_local:
        at_once = 1 if shutil.which("nvidia-smi") else 2
        return [*words, "--cores", str(cores or "all"), "--resources", f"accelerator={at_once}"], {}
    _check_places(profile)
    file = (notes or grid.folder) / "needs.json"
    write_needs(file, estimate_needs(grid.studies.values(), read_nodes(profile.folder)))
    words += ["--cores", str(cores)] if cores else []
    if profile.executor == "slurm":
        prefix = job_prefix(grid)
        if not dry_run:
            _refuse_leftovers(prefix, grid)
        words += ["--slurm-jobname-prefix", prefix, "--slurm-logdir", str(grid.folder / "logs" / "slurm")]
    return words, {"needs": str(file)}


def _check_places(profile: Profile) -> None:
    """Raises a UserError where a job's own Snakemake, whose words are joined without quotes, would not be found."""
    for place in (Path(__file__).resolve().parent, Path.cwd()):
        if not re.fullmatch(r"[\w/.,:@%+=~-]+", str(place)):
            raise UserError(
                f"the folder {place} has characters in its name that a shell interprets",
                f"the jobs of the profile {profile.folder.name} start in it, by commands in which it is not quoted",
                "move the project into a folder of letters, digits, dots and dashes, or take --profile local",
            )


def job_prefix(grid: Grid) -> str:
    """Returns how the names of a grid's jobs begin: its own, and a hash of where it is built."""
    place = sha256_text(str(grid.folder.resolve()))[:8]
    return re.sub(r"[^A-Za-z0-9_-]", "_", grid.name)[:40] + "-" + place


def _refuse_leftovers(prefix: str, grid: Grid) -> None:
    """Raises a UserError where a killed run left jobs behind, which would write what this run writes."""
    words = ["squeue", "--me", "--noheader", "--format", "%i %j"]
    try:
        queue = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        raise UserError(
            "there is no squeue or sbatch on the path",
            "the steps are submitted with SLURM's commands",
            "start on a login node of the cluster, or take another profile",
        ) from None
    except subprocess.CalledProcessError as error:
        raise UserError(
            f"SLURM does not answer: {error.stderr.strip()}",
            "the steps are submitted to it",
            "try `sinfo`; or ask its administrators",
        ) from None
    left = [line.split()[0] for line in queue.splitlines() if line.split()[1].startswith(prefix)]
    if left:
        raise UserError(
            f"{len(left)} jobs of an earlier run of {grid.name} are still in the queue: {', '.join(left[:10])}",
            "they would write the same files as this run's",
            f"wait for them, or: scancel {' '.join(left)}",
        )
