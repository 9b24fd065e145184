"""WordNet where this machine has it, for METEOR's synonyms; nothing is downloaded here.

Looked for, in this order: the folder that the environment variable ``AFTERTUNE_WORDNET`` names (set but empty: none, so
that scores compare with those of a machine without it), NLTK's own corpus, what `make setup` has put into this
environment (`_fetch_wordnet.py`), and Debian's package ``wordnet-base``.
"""

import io
import os
import re
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from harness_tasks.errors import UserError
from harness_tasks.messages import first_line

VARIABLE = "AFTERTUNE_WORDNET"
DEBIAN = Path("/usr/share/wordnet")
ENVIRONMENT = Path(sys.prefix) / "share" / "wordnet"
"""Where `make setup` unpacks Debian's package, for which nobody has to be root."""

_NEEDED = [name for pos in ("noun", "verb", "adj", "adv") for name in (f"index.{pos}", f"data.{pos}", f"{pos}.exc")]
_NLTK = ("corpora/wordnet", "corpora/wordnet.zip/wordnet/")
_VERSION = re.compile(r"Word[nN]et (\d+(?:\.\d+)?) Copyright")

# The lexicographer files of WordNet 3 (man 5 lexnames). NLTK's reader wants the list and Debian does not ship it.
_LEXNAMES = (
    ("adj", 3, "all pert"),
    ("adv", 4, "all"),
    (
        "noun",
        1,
        "Tops act animal artifact attribute body cognition communication event feeling food group location motive "
        "object person phenomenon plant possession process quantity relation shape state substance time",
    ),
    (
        "verb",
        2,
        "body change cognition communication competition consumption contact creation emotion motion perception "
        "possession social stative weather",
    ),
    ("adj", 3, "ppl"),
)


class WordNet(NamedTuple):
    """A WordNet that METEOR can ask: ``root`` is a folder, or NLTK's pointer to one; ``version`` is such as "3.0"."""

    root: Any
    version: str


class NoWordNet:
    """Stands in for a reader where there is no WordNet: no word has a synonym."""

    def synsets(self, word: str) -> list[Any]:
        return []


def find_wordnet() -> WordNet | None:
    """Returns the WordNet of this machine, or None; UserError where `VARIABLE` names a folder that holds none."""
    return _find(os.environ.get(VARIABLE))


def reader() -> Any:
    """Returns an object whose ``synsets(word)`` gives the synonym sets of a word, kept in memory once read."""
    found = find_wordnet()
    return NoWordNet() if found is None else _reader(found.root)


@lru_cache(maxsize=8)
def _find(named: str | None) -> WordNet | None:
    if named is not None:
        if not named:
            return None
        folder = Path(os.path.expandvars(named)).expanduser()
        if missing := lacking(folder):
            raise UserError(
                f"{VARIABLE} names {named!r}, which is not a folder with WordNet's files (it lacks {missing[0]})",
                "METEOR takes its synonyms from there",
                f"name the folder that holds index.noun and data.noun, or unset {VARIABLE}",
            )
        return WordNet(folder, _version(folder / "data.adj"))
    if (pointer := _nltk_corpus()) is not None:
        return WordNet(pointer, _version(pointer.join("data.adj")))
    for folder in (ENVIRONMENT, DEBIAN):
        if not lacking(folder):
            return WordNet(folder, _version(folder / "data.adj"))
    return None


def lacking(folder: Path) -> list[str]:
    """Returns the names of WordNet's files that a folder has not."""
    return [name for name in _NEEDED if not (folder / name).is_file()]


def _nltk_corpus() -> Any:
    """Returns NLTK's pointer to its WordNet, unpacked or not; None where it has not been downloaded."""
    # To import NLTK takes a second; a task asks for its signature long before METEOR needs NLTK, if it ever does.
    if "nltk" not in sys.modules and not any(
        (folder / "corpora").is_dir() or folder.suffix == ".zip" for folder in _search_path()
    ):
        return None
    import nltk.data

    for name in _NLTK:
        try:
            pointer = nltk.data.find(name)
            pointer.join("index.noun")  # raises where the folder is there and empty
        except (LookupError, OSError):
            continue
        return pointer
    return None


def _search_path() -> list[Path]:
    """Returns what `nltk.data.path` holds once NLTK is imported: folders, or archives of one."""
    named = [folder for folder in os.environ.get("NLTK_DATA", "").split(os.pathsep) if folder]
    own = [os.path.join(sys.prefix, *under, "nltk_data") for under in ((), ("share",), ("lib",))]
    if os.name == "nt":
        shared = [f"{drive}:\\nltk_data" for drive in "CDE"]
        own += [os.path.join(os.environ.get("APPDATA", "C:\\"), "nltk_data")]
    else:
        shared = [f"{root}/{under}/nltk_data" for under in ("share", "lib") for root in ("/usr", "/usr/local")]
    return [Path(folder).expanduser() for folder in (*named, "~/nltk_data", *own, *shared)]


def _version(file: Any) -> str:
    with file.open("rb") if isinstance(file, Path) else file.open() as stream:  # NLTK's pointer opens as bytes
        for _ in range(40):
            if match := _VERSION.search(stream.readline().decode("ascii", errors="replace")):
                return match.group(1)
    return "unknown"


@lru_cache(maxsize=2)
def _reader(root: Any) -> Any:
    import nltk.data
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    class Reader(WordNetCorpusReader):
        """NLTK's reader without what it needs for other languages, and with the list of files that Debian lacks."""

        def map_wn(self, version: str = "wordnet") -> None:
            return None

        def open(self, file: str) -> Any:
            return io.StringIO(_lexnames()) if file == "lexnames" else super().open(file)

    if isinstance(root, Path):
        # NLTK (since 3.10) reads no file outside the folders of its search path.
        nltk.data.path.append(str(root))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns that other languages will not be there
            found = Reader(root if not isinstance(root, Path) else str(root), None)
    except Exception as error:  # NLTK has errors of its own for files that are no WordNet
        raise UserError(
            f"WordNet in {str(root)!r} cannot be read: {first_line(error)}",
            "METEOR takes its synonyms from there",
            f"install it again, or set {VARIABLE} to nothing and score METEOR by exact and stem matches alone",
        ) from error
    found.synsets = lru_cache(maxsize=None)(found.synsets)
    return found


def _lexnames() -> str:
    names = [(f"{pos}.{name}", number) for pos, number, listed in _LEXNAMES for name in listed.split()]
    return "".join(f"{index:02d}\t{name}\t{number}\n" for index, (name, number) in enumerate(names))
