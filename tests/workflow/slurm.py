"""A SLURM of one node, thrown away afterwards: munged, slurmctld and slurmd as children of this process.

Its configuration has to stand at SLURM's default place, since Snakemake's plug-in hides `SLURM_CONF` from the jobs: one
that is there already is put aside and comes back.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

CONFIGURATION = Path("/etc/slurm/slurm.conf")
ASIDE = CONFIGURATION.with_name("slurm.conf.before-aftertune")
PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
TEXT = """
ClusterName=throwaway
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=15
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MpiDefault=none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory_mb} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Returns why no SLURM can be started here, or None."""
    absent = [program for program in PROGRAMS if not Path(_program(program)).is_file()]
    if absent:
        return f"{', '.join(absent)} not installed: `make cluster-test` installs Debian's slurm-wlm and munge"
    if os.geteuid() != 0:
        return "root is needed, to start SLURM's daemons and to write /etc/slurm/slurm.conf"
    running = {process.info["name"] for process in psutil.process_iter(["name"])}
    found = sorted(name for name in ("slurmctld", "slurmd") if any(str(one).startswith(name) for one in running))
    return f"{' and '.join(found)} running here already" if found else None


def until(holds: Callable[[], bool], what: str, *, seconds: float = 120) -> None:
    """Waits until ``holds``; raises TimeoutError, saying what was waited for."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.2)


class Slurm:
    """The running cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.host = folder, socket.gethostname().split(".")[0]
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start_daemon(self, *words: str) -> None:
        """Starts a daemon in the foreground, as a child that is known by its id."""
        with (self.folder / f"{words[0]}.out").open("ab") as out:
            self._daemons[words[0]] = subprocess.Popen(
                [_program(words[0]), *words[1:]],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def node_state(self) -> str:
        """Returns the node's state as sinfo has it: `idle`, `alloc`, `down*`; "" where no answer comes."""
        return _said("sinfo", "--noheader", "--format", "%t")

    def jobs(self) -> dict[str, tuple[str, str]]:
        """Returns each job's state and comment (`rule_…_wildcards_…`) by its id, finished ones of late among them."""
        lines = _said("squeue", "--states=all", "--noheader", "--format", "%i|%T|%k").splitlines()
        return {number: (state, comment) for number, state, comment in (line.split("|", 2) for line in lines)}

    def lose_node(self) -> None:
        """Kills slurmd and every job's processes at once, as a power cut of the node would."""
        slurmd = self._daemons.pop("slurmd")
        slurmd.kill()
        slurmd.wait()
        _kill(_step_daemons())

    def stop(self) -> None:
        """Ends all that was started, the jobs first."""
        for name in ("slurmctld", "slurmd", "munged"):
            daemon = self._daemons.pop(name, None)
            if daemon is not None:
                daemon.kill()
                daemon.wait()
        _kill(_step_daemons())


@contextmanager
def slurm(*, cores: int = 2) -> Iterator[Slurm]:
    """Runs a SLURM of one node while it is needed; its daemons and its configuration are gone afterwards."""
    # Not under pytest's folder, which is for one user only: munge wants its socket where everyone can reach it.
    folder = Path(tempfile.mkdtemp(prefix="aftertune-slurm-", dir="/run"))
    cluster = Slurm(folder)
    if ASIDE.exists():  # left by a test that was killed
        ASIDE.replace(CONFIGURATION)
    had = CONFIGURATION.exists()
    try:
        folder.chmod(0o755)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        if had:
            CONFIGURATION.replace(ASIDE)
        CONFIGURATION.parent.mkdir(exist_ok=True)
        memory_mb = psutil.virtual_memory().total // 2**20
        CONFIGURATION.write_text(TEXT.format(host=cluster.host, folder=folder, cores=cores, memory_mb=memory_mb))
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
        subprocess.run(
            [str(shutil.which("mungekey", path=path)), "--create", f"--keyfile={folder}/munge.key"], check=True
        )
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "seed-file": "seed", "log-file": "log"}
        words = [f"--{option}={folder}/munge.{ending}" for option, ending in files.items()]
        cluster.start_daemon("munged", "--foreground", *words)
        until((folder / "munge.socket").exists, "munged")
        cluster.start_daemon("slurmctld", "-D", "-i")
        cluster.start_daemon("slurmd", "-D")
        until(lambda: cluster.node_state() == "idle", "an idle node")
        yield cluster
    finally:
        cluster.stop()
        CONFIGURATION.unlink(missing_ok=True)
        if had:
            ASIDE.replace(CONFIGURATION)
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    """Returns where a program lies, daemons' folders included; the bare name where it is nowhere."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])) or name


def _said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()


def _step_daemons() -> list[psutil.Process]:
    """Returns the slurmstepd of every job. They are all ours: no SLURM ran here before (`missing`)."""
    return [one for one in psutil.process_iter(["name"]) if str(one.info["name"]).startswith("slurmstepd")]


def _kill(parents: list[psutil.Process]) -> None:
    """Kills processes with all that they started."""
    family = [*parents]
    for parent in parents:
        try:
            family += parent.children(recursive=True)
        except psutil.NoSuchProcess:
            continue
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=10)
