"""A cache as the Hub's client leaves it, made by hand: snapshots by commit, and what each branch was last seen at."""

from pathlib import Path

FIRST, SECOND = "1" * 40, "2" * 40


def downloaded(cache: Path, repo: str, commit: str, *names: str, branch: str = "main") -> Path:
    """Returns the snapshot's folder after writing it: ``repo`` was downloaded when ``branch`` stood at ``commit``."""
    home = cache / f"models--{repo.replace('/', '--')}"
    snapshot = home / "snapshots" / commit
    snapshot.mkdir(parents=True, exist_ok=True)
    for name in names:
        (snapshot / name).write_text("{}")
    (home / "refs").mkdir(exist_ok=True)
    (home / "refs" / branch).write_text(commit)
    return snapshot
