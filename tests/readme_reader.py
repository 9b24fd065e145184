"""Someone who types the commands that README.md and docs/ show, and how each is shortened for a test."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.in_this_process import aftertune

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "demo")]
"""What is read for commands: README.md, then each page of docs/ but the demo's own, whose commands are recorded."""
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
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
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}


def commands(text: str = TEXT) -> list[str]:
    """Returns each line of each sh block, in the text's order, once."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return list(dict.fromkeys(line for block in blocks for line in block.splitlines() if line.strip()))


class Reader:
    """Someone who types the documents' commands, with a folder of their own for what they make."""

    def __init__(self, folder: Path, tiny_model: Path, cases: "Mapping[str, Case]") -> None:
        self.folder, self.model, self.cases = folder, tiny_model, cases
        self.study = ROOT / "studies" / "tiny.yaml"
        self.data = folder / "data"
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()
        self._printed: dict[tuple[str, Path], str] = {}
        _write_data(self.data)

    def type(self, command: str) -> str:
        """Returns what a command of ``cases`` printed, after those it builds on; it runs only once."""
        case = self.cases[command]
        for before in case.after:
            self.type(before)
        if case.make:
            assert planned_by_make(command)[-1] == case.make
        return self.shell(case.short(self), self.elsewhere if case.elsewhere else ROOT)

    def shell(self, line: str, folder: Path) -> str:
        """Returns stdout and stderr of a line that must succeed."""
        if (line, folder) not in self._printed:
            words = words_of_ours(line)
            code, printed = _in_bash(line, folder) if words is None else _in_this_process(words, folder)
            assert code == 0, f"{line}\n{printed}"
            self._printed[line, folder] = printed
        return self._printed[line, folder]


def words_of_ours(line: str) -> list[str] | None:
    """Returns what follows `aftertune` in a line that is nothing but plain words of ours; None where it needs bash.

    `run` and `diff` start processes, which print past this one.
    """
    ours = re.match(r"(?:python -m )?aftertune (?!run |diff )", line)
    if ours is None or set("$`~*?#!\\") & set(line):
        return None
    words = list(shlex.shlex(line[ours.end() :], posix=True, punctuation_chars=True))
    return None if any(set(word) <= set("();<>|&") for word in words) else shlex.split(line[ours.end() :])


def _in_bash(line: str, folder: Path) -> tuple[int, str]:
    words = ["bash", "-c", line]
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def _in_this_process(words: list[str], folder: Path) -> tuple[int, str]:
    done = aftertune(*words, folder=folder, AFTERTUNE_DATA=str(ROOT), **OFFLINE)
    return done.exit_code, done.stdout + done.stderr


@dataclass(frozen=True)
class Case:
    """How a command runs here, and what must be seen.

    ``swap``: what is put in place of parts of the text; each must occur. ``add``: what shortens it. ``make``: for a
    make command, what its recipe comes to; that runs in its place. ``elsewhere``: not in the clone. ``after``:
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
    return {**kept, **OFFLINE, "PATH": binaries, "PYTHONPATH": str(ROOT), "AFTERTUNE_DATA": str(ROOT)}


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
