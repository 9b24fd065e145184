"""Files that are made anew, within a folder: never through a link out of it, and cleared only where we wrote them."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from harness_tasks.errors import UserError
from harness_tasks.files import json_text, sha256_file, sha256_text, write_text
from harness_tasks.reading import Kind, read_json

MANIFEST_KIND = Kind(
    "the list of written files",
    "what an earlier build left would be taken for this one's",
    "delete it: what it names then stays until you delete that too",
    limit_mib=16,
    schema=dict[str, str],
)
"""What a build wrote into a folder: each file's path there, and its SHA-256."""


def write_outputs(
    folder: Path, files: Mapping[str, str], *, manifest: str, only_changed: bool = False, others_stay: bool = False
) -> None:
    """Writes texts into ``folder`` by their path there, each whole, and removes what was written before and is no more.

    What was written before stands in ``folder / manifest``, which then names these files. One that is no more and that
    somebody changed since stays where it is. ``only_changed``: a file with the same text keeps its time.
    ``others_stay``: what is not among ``files`` is kept, and named on.

    Raises:
        UserError: a folder within ``folder`` is a link that leads out of it; nothing is written or removed then.
    """
    before, now = written(folder, manifest), {name: sha256_text(text) for name, text in files.items()}
    for name in before | now:
        for above in PurePosixPath(name).parents:
            _refuse_link_out(folder / above, folder)
    _refuse_blocked(folder, files)
    for name, digest in before.items():
        if not others_stay and name not in now and is_as_written(folder / name, digest):
            (folder / name).unlink()
    _write(folder / manifest, json_text(before | now))  # first with both: whatever a kill leaves is named there
    for name, text in files.items():
        _write(folder / name, text, keep_time=only_changed)
    _write(folder / manifest, json_text(before | now if others_stay else now))


def _write(path: Path, text: str, *, keep_time: bool = False) -> None:
    """Writes ``text`` whole; a file that holds it already is dated now, as to put it on disk again takes 8 ms."""
    if not (is_as_written(path, sha256_text(text)) and os.access(path, os.W_OK)):
        write_text(path, text)
    elif not keep_time:
        os.utime(path)


def written(folder: Path, manifest: str) -> dict[str, str]:
    """Returns the SHA-256 of each file that ``folder / manifest`` names, by its path within ``folder``."""
    if not (folder / manifest).exists():
        return {}
    named: dict[str, str] = read_json(folder / manifest, MANIFEST_KIND)
    return {name: digest for name, digest in named.items() if _is_within(name)}


def is_as_written(path: Path, digest: str) -> bool:
    """Returns whether a file, itself no link, is there and has that SHA-256."""
    return path.is_file() and not path.is_symlink() and sha256_file(path) == digest


def refuse_links_out(folder: Path) -> None:
    """Raises a UserError where any folder within ``folder`` is a link that leads out of it; ``folder`` may be one."""
    for place, names, _ in os.walk(folder):
        for name in names:
            _refuse_link_out(Path(place) / name, folder)


def _refuse_link_out(path: Path, folder: Path) -> None:
    if path != folder and path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"{path} is a link to {path.resolve()}",
            f"what is made within {folder} is replaced and cleared there, and those files are not its own",
            f"put a folder in its place; to keep all of it elsewhere, make {folder} itself a link",
        )


def _refuse_blocked(folder: Path, names: Iterable[str]) -> None:
    """Raises a UserError where a file stands in a folder's place, or a folder in a file's."""
    for name in names:
        above = [folder, *(folder / part for part in reversed(PurePosixPath(name).parents[:-1]))]
        blocked = [path for path in above if path.exists() and not path.is_dir()]
        if blocked or (folder / name).is_dir():
            found, wanted = (blocked[0], "file") if blocked else (folder / name, "folder")
            raise UserError(
                f"{found} is a {wanted}",
                f"{'files are' if blocked else 'a file is'} to be written there, and what is there is not ours",
                "move it away",
            )


def _is_within(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
