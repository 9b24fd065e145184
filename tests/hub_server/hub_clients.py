"""Running programs against the tests' Hub: huggingface_hub reads its settings when it is imported, so each is new."""

import os
import subprocess
import sys
from pathlib import Path

from fake_hub import FakeHub

ROOT = Path(__file__).resolve().parent.parent.parent
_SETTINGS = ("HF_", "HUGGING", "TRANSFORMERS_", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def environment(home: Path, hub: FakeHub | None, token: str | None = None, **settings: str) -> dict[str, str]:
    """Returns the variables of a program whose Hub is ``hub`` (None: offline), with a cache and token of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    told = {"HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(ROOT), "NO_PROXY": "*"}
    told |= {"HF_ENDPOINT": hub.address} if hub else {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    return kept | told | ({"HF_TOKEN": token} if token else {}) | settings


def python(code: str, *, env: dict[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Returns what a piece of Python said and its exit code."""
    return run([sys.executable, "-c", code], env=env, cwd=cwd)


def run(command: list[str], *, env: dict[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Returns what a command said and its exit code."""
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=3600)
