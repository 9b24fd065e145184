"""What a step depends on, as digests: when one changes, Snakemake does the step again, and no other.

Nothing here imports torch, transformers or lm_eval: a run with nothing to do must end in seconds.
"""

import ast
import hashlib
import importlib.metadata
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from harness_tasks import TASKS_PATH
from studies import Study

PACKAGE_ROOT = TASKS_PATH.parent
DATA_ENDINGS = (".json", ".jsonl", ".tsv", ".csv")


@cache
def task_digest(task: str) -> str:
    """Returns a digest of all that defines ``task``: its YAML with what it includes, its hooks, its shipped data.

    A task that is not ours comes with lm_eval, and is told by that package's version.
    """
    yaml_file = next((path for path in TASKS_PATH.glob("*/*.yaml") if _names_task(path, task)), None)
    if yaml_file is None:
        return f"lm_eval {importlib.metadata.version('lm_eval')}"
    parts = _with_includes(yaml_file)
    modules = {name for part in parts for name in re.findall(r"!function\s+([\w.]+)\.\w+", part.read_text())}
    sources = _with_imports(path for name in modules if (path := _module_path(name)))
    data = [path for path in yaml_file.parent.iterdir() if path.suffix in DATA_ENDINGS]
    return _digest([*parts, *sources, *data])


@cache
def page_digest() -> str:
    """Returns a digest of what turns results into a page: the report's code and the templates."""
    files = [*(PACKAGE_ROOT / "report").rglob("*.py"), *(PACKAGE_ROOT / "templates").iterdir()]
    return _digest(path for path in files if path.is_file() and path.suffix in (".py", ".j2", ".css"))


def data_digest(study: Study) -> str:
    """Returns what is known, without reading the data, of the files in the study's data folder: names and sizes."""
    folder = os.path.expandvars(study.metadata.get("data_dir", ""))
    if not folder or not Path(folder).is_dir():
        return folder
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return _text_digest(f"{path.relative_to(folder)} {path.stat().st_size}" for path in files)


def _names_task(path: Path, task: str) -> bool:
    return re.search(rf"^task:\s*{re.escape(task)}\s*$", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


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


def _module_path(name: str) -> Path | None:
    if not name.startswith("harness_tasks."):
        return None
    path = PACKAGE_ROOT / (name.replace(".", "/") + ".py")
    return path if path.is_file() else None


def _digest(paths: Iterable[Path]) -> str:
    return _text_digest(
        f"{path.relative_to(PACKAGE_ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(paths)
    )


def _text_digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
