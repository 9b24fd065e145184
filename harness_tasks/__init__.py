"""The benchmarks: lm-evaluation-harness tasks as YAML files with hooks, and the pure functions that score them."""

from pathlib import Path

from harness_tasks.errors import UserError

__all__ = ["TASKS_PATH", "UserError"]

TASKS_PATH = Path(__file__).resolve().parent
"""The folder to give to ``lm_eval --include_path``."""
