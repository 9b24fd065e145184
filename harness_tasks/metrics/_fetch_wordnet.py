"""Fetches WordNet for METEOR's synonyms: Debian's package `wordnet-base`, unpacked into this environment, without root.

python -m harness_tasks.metrics._fetch_wordnet
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness_tasks.metrics import _wordnet

PACKAGE = "wordnet-base"
TIMEOUT_S = 120


def fetch_wordnet(into: Path) -> str | None:
    """Returns None after unpacking WordNet's files to ``into``, or why that is not possible here.

    apt-get checks what it downloads against the distribution's signed lists, and needs those lists.
    """
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            return f"there is no {program} here"
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent) as folder:
        for words in (["apt-get", "download", PACKAGE], ["dpkg-deb", "--extract", None, "unpacked"]):
            if None in words and not (packages := sorted(Path(folder).glob("*.deb"))):
                return f"{words[0]} found no package"
            command = [word if word is not None else packages[0].name for word in words]
            try:
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
            except (OSError, subprocess.TimeoutExpired) as error:
                return f"{words[0]}: {error}"
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["it failed without a word"])[-1]
                return f"{' '.join(command[:2])}: {last}"
        found = Path(folder) / "unpacked" / _wordnet.DEBIAN.relative_to("/")
        if lacking := _wordnet.lacking(found):
            return f"the package {PACKAGE} lacks {lacking[0]}"
        shutil.rmtree(into, ignore_errors=True)
        found.rename(into)
    return None


def main() -> None:
    """Fetches WordNet where this machine has none, and says what METEOR is without it where that fails."""
    if _wordnet.find_wordnet() is not None:
        return
    if why := fetch_wordnet(_wordnet.ENVIRONMENT):
        print(
            f"WordNet could not be fetched ({why}): METEOR matches words exactly and by stem, and is called "
            f"meteor_exact_stem. `apt-get install {PACKAGE}`, or {_wordnet.VARIABLE}=FOLDER, changes that.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
