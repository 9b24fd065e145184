"""What a step depends on, as hashes: when one changes, Snakemake does the step again, and no other.

Nothing here imports torch, transformers or lm_eval: a run with nothing to do must end in seconds.
"""

import ast
import importlib.metadata
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from harness_tasks import TASKS_PATH
from harness_tasks.files import sha256_file, sha256_text
from harness_tasks.loading import find_yaml
from studies import Study

PACKAGE_ROOT = TASKS_PATH.parent
METRICS = TASKS_PATH / "metrics"
DATA_ENDINGS = (".json", ".jsonl", ".tsv", ".csv")


@cache
def task_digest(task: str, place: Path = TASKS_PATH) -> str:
    """Returns a hash of what a task's rows and prompts come from: its YAML and what it includes, its hooks, its data.

    The metrics are left out: no prompt, and so no training, depends on them. ``place``: the folder in which the task
    is looked for; one that is not there comes with lm_eval, and is told by that package's version.
    """
    files = _task_files(task, place)
    return _digest(path for path in files if not path.is_relative_to(METRICS)) if files else _lm_eval()


@cache
def scoring_digest(task: str, place: Path = TASKS_PATH) -> str:
    """Returns a hash of all that a task's scores come from: `task_digest`'s files and the metrics."""
    files = _task_files(task, place)
    return _digest(files) if files else _lm_eval()


@cache
def page_digest() -> str:
    """Returns a hash of what turns results into a page: the report's code, what it imports, and the templates."""
    code = _with_imports((PACKAGE_ROOT / "report").rglob("*.py"))
    templates = (path for path in (PACKAGE_ROOT / "templates").rglob("*") if path.suffix in (".j2", ".css", ".js"))
    return _digest([*code, *templates])


@cache
def code_digest(*names: str) -> str:
    """Returns a hash of these modules of `harness_tasks`, and not of what they import."""
    return _digest(path for name in names if (path := _module_path(f"harness_tasks.{name}")))


def data_digest(study: Study) -> str:
    """Returns what is known, without reading the data, of the files in the study's data folder: names and sizes.

    Of a file of held-out text, which is no published data set, its time as well.
    """
    folder, text = (os.path.expandvars(str(study.metadata.get(key, ""))) for key in ("data_dir", "text_file"))
    found = folder
    if folder and Path(folder).is_dir():
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        found = _text_digest(f"{path.relative_to(folder)} {path.stat().st_size}" for path in files)
    if text and Path(text).is_file():
        status = Path(text).stat()
        return _text_digest([found, f"{text} {status.st_size} {status.st_mtime_ns}"])
    return found


def folder_digest(folder: Path) -> str:
    """Returns a hash of the names, sizes and times of the files in a folder, "" where there is none on this machine.

    Weights that are written anew to the same folder are others, and would take long to hash.
    """
    if not folder.is_dir():
        return ""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    stats = [(path.name, path.stat()) for path in files]
    return _text_digest(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)


def _task_files(task: str, place: Path) -> list[Path]:
    """Returns the files that define ``task``; none where ``place`` does not have it."""
    yaml_file = find_yaml(task, place)
    if yaml_file is None:
        return []
    parts = _with_includes(yaml_file)
    named = {
        (part.parent, name)
        for part in parts
        for name in re.findall(r"!function\s+([\w.]+)\.\w+", part.read_text(encoding="utf-8"))
    }
    sources = _with_imports(path for folder, name in named if (path := _beside(folder, name) or _module_path(name)))
    data = [path for path in yaml_file.parent.iterdir() if path.suffix in DATA_ENDINGS]
    return [*parts, *sources, *data]


def _lm_eval() -> str:
    return f"lm_eval {importlib.metadata.version('lm_eval')}"


def _with_includes(path: Path) -> list[Path]:
    found = [path]
    for name in re.findall(r"^include:\s*(\S+)\s*$", path.read_text(encoding="utf-8"), re.MULTILINE):
        found += _with_includes(path.parent / name)
    return found


def _with_imports(paths: Iterable[Path]) -> list[Path]:
    """Returns the modules and every module of `harness_tasks` that they import, directly or not."""
    todo, found = list(paths), set[Path]()
    while todo:
        path = todo.pop()
        if path in found:
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            todo += [module for name in names if (module := _module_path(name))]
    return sorted(found)


def _beside(folder: Path, name: str) -> Path | None:
    """Returns the module beside a YAML file, which lm_eval looks for before any other."""
    file = (folder / name.replace(".", "/")).with_suffix(".py")
    return file if file.is_file() else None


def _module_path(name: str) -> Path | None:
    if not name.startswith("harness_tasks."):
        return None
    path = PACKAGE_ROOT / name.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _digest(paths: Iterable[Path]) -> str:
    return _text_digest(f"{_shown(path)} {sha256_file(path)}" for path in sorted(paths))


def _shown(path: Path) -> Path | str:
    """Returns a file's path within the package; of a task elsewhere its name, wherever its folder lies."""
    return path.relative_to(PACKAGE_ROOT) if path.is_relative_to(PACKAGE_ROOT) else path.name


def _text_digest(lines: Iterable[str]) -> str:
    return sha256_text("\n".join(lines))[:16]
