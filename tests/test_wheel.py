"""The wheel: all that it must carry, and that its commands work from another folder without the checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ["finetune", "harness_tasks", "report", "studies", "templates", "workflow"]
CARRIED = (".yaml", ".json", ".j2", ".css", ".md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the source: building in place would leave files, and pick up what lies in `build/`."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for room in [*ROOMS, "tests"]:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "aftertune.py"):
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(source)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed in it, its script under `bin/`."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    done = subprocess.run([*pip, "--target", str(folder), str(wheel)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def elsewhere(installed: Path, tmp_path: Path) -> "Elsewhere":
    return Elsewhere(installed, tmp_path)


class Elsewhere:
    """A working directory that is not the checkout; the installed copy comes first on the path of imports."""

    def __init__(self, installed: Path, folder: Path) -> None:
        self.installed, self.folder = installed, folder

    def run(self, *words: str) -> str:
        """Returns what the command printed."""
        environment = {**os.environ, "PYTHONPATH": str(self.installed), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def script(self, *words: str) -> str:
        """Returns what `aftertune` printed."""
        return self.run(str(self.installed / "bin" / "aftertune"), *words)

    def python(self, text: str) -> str:
        """Returns what a line of Python printed."""
        return self.run(sys.executable, "-c", text)


def test_it_carries_all_that_the_rooms_hold(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.suffix in (*CARRIED, ".py")
        or path.name in ("Snakefile", "py.typed")
        or re.fullmatch(r"_\w+_yaml", path.name)
    }
    assert expected - names == set()
    # A few by name, so that an empty expectation cannot pass.
    assert {
        "aftertune.py",
        "harness_tasks/sst2/_sst2_yaml",
        "harness_tasks/squad/squad_llama.yaml",
        "harness_tasks/passages_demo/test.json",
        "harness_tasks/reviews_demo/README.md",
        "harness_tasks/py.typed",
        "finetune/py.typed",
        "report/py.typed",
        "templates/report.html.j2",
        "templates/report.css",
        "workflow/Snakefile",
        "workflow/embedded_config.json",
        "studies/demo.yaml",
    } <= names


def test_it_carries_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {*ROOMS, "aftertune.py"}


def test_its_metadata_name_licence_python_and_readme(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = archive.read(name).decode()
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert "**Aftertune measures what fine-tuning changed" in metadata


def test_the_script_prints_the_installed_tasks_path(elsewhere: Elsewhere) -> None:
    assert elsewhere.script("tasks-path").strip() == str(elsewhere.installed / "harness_tasks")


def test_every_room_is_imported_from_the_installed_copy(elsewhere: Elsewhere) -> None:
    modules = ["aftertune", *ROOMS]
    printed = elsewhere.python(f"import {', '.join(modules)}\nfor m in ({', '.join(modules)},): print(m.__file__)")
    assert len(printed.splitlines()) == len(modules)
    assert all(Path(line).is_relative_to(elsewhere.installed) for line in printed.splitlines())


def test_the_script_counts_a_configuration(elsewhere: Elsewhere) -> None:
    shutil.copy(ROOT / "tests" / "data" / "llama-3.2-1b" / "config.json", elsewhere.folder / "config.json")
    ledger = json.loads(elsewhere.script("params", "config.json", "--json"))
    assert ledger["total"] == 1_235_814_400


def test_lm_eval_finds_and_loads_the_installed_tasks(elsewhere: Elsewhere) -> None:
    printed = elsewhere.python(
        "import json\n"
        "from harness_tasks import TASKS_PATH\n"
        "from lm_eval.tasks import TaskManager\n"
        "manager = TaskManager(include_path=str(TASKS_PATH), include_defaults=False)\n"
        "task = manager.load('passages_demo')['tasks']['passages_demo']\n"
        "print(json.dumps([sorted(manager.all_subtasks), len(task.eval_docs), len(task.training_docs())]))"
    )
    names, scored, training = json.loads(printed.splitlines()[-1])
    assert names == sorted(path.stem for path in (ROOT / "harness_tasks").glob("*/*.yaml"))
    assert len(names) == 9
    assert (scored, training) == (168, 336)


def test_the_templates_and_studies_are_found(elsewhere: Elsewhere) -> None:
    printed = elsewhere.python(
        "from pathlib import Path\n"
        "import studies\n"
        "from finetune.record import TEMPLATES_PATH\n"
        "print(studies.load_study(Path(studies.__file__).with_name('demo.yaml')).name)\n"
        "print((TEMPLATES_PATH / 'checkpoint_card.md.j2').is_file())"
    )
    assert printed.split() == ["demo", "True"]
