"""The documentation site: `python docs/build_site.py` writes it to build/site; a broken link ends it with exit code 1.

Zensical builds from one folder, and our documents stand beside the code that they describe. So the pages that
zensical.toml lists are copied to build/docs in the layout of the clone, with every file that they link to: a link is
the same on the site, on GitHub and in an editor.

Why Zensical: MkDocs has had no release since August 2024, and Material for MkDocs reached its end of life in November
2026. Zensical is made by Material's authors in its place; its strict mode ends the build at a broken link or anchor.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGED = ROOT / "build" / "docs"
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def listed(navigation: list[dict[str, object]]) -> Iterator[str]:
    """Yields the pages of a navigation, in its order."""
    for entry in navigation:
        for held in entry.values():
            if isinstance(held, list):
                yield from listed(held)
            else:
                yield str(held)


def pages() -> list[str]:
    """Returns the pages that zensical.toml lists, as paths from the root of the clone."""
    return list(listed(tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]))


def documents() -> list[Path]:
    """Returns the files of the site: the listed pages and what they link to, directly or through another page.

    Raises:
        FileNotFoundError: a page links to a file that is not there.
    """
    found, waiting = dict[Path, None](), [ROOT / page for page in pages()]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found[file] = None
        if file.suffix == ".md":
            for link in LINK.findall(file.read_text(encoding="utf-8")):
                to = (file.parent / link).resolve()
                if not to.is_file():
                    raise FileNotFoundError(f"{file.relative_to(ROOT)} links to {link}, which is no file")
                waiting.append(to)
    return list(found)


def stage() -> None:
    """Copies the files of the site to build/docs."""
    shutil.rmtree(STAGED, ignore_errors=True)
    for file in documents():
        target = STAGED / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)


def main() -> int:
    """Builds the site and returns Zensical's exit code."""
    try:
        stage()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    done = subprocess.run([sys.executable, "-m", "zensical", "build", "--strict", "--clean"], cwd=ROOT)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
