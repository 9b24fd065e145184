"""Files fetched from the Hub: of one commit, and byte for byte what the Hub states of them, before anything is loaded.

The client's cache names each file by the hash that the Hub stated when it was fetched: the SHA-256 of a large file,
git's own SHA-1 of a small one. So a changed byte is found later too, and without a network.
"""

import hashlib
import os
import re
import socket
import urllib.parse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.hub.faults import explained_trouble, proxy_in_use, said_by, status_of, with_retries
from harness_tasks.models.files import CONFIGURATION, DESCRIPTION, check_folder, here
from harness_tasks.reading import read_json

Kind = Literal["model", "dataset"]
NAMES = {"model": "model", "dataset": "data set"}
CONNECT_TIMEOUT_S = 5.0
WEIGHTS = ("model*.safetensors", "adapter_model.safetensors")


@dataclass(frozen=True)
class Fetched:
    """Files of one commit on this machine.

    ``stated`` holds, by the file's name in the repository, the hash that the Hub states (64 hex digits: SHA-256; 40:
    git's SHA-1), which the file has; None where the cache did not keep it.
    """

    folder: Path
    commit: str
    stated: dict[str, str | None]

    def files(self) -> list[Path]:
        """Returns the files, in the order of their names."""
        return [self.folder / name for name in sorted(self.stated)]


def fetch_model(
    place: str,
    revision: str | None,
    *,
    weights: bool = True,
    otherwise: str = "name a folder on this machine that holds a copy",
) -> Fetched | None:
    """Returns a model's or adapter's files at ``revision`` (None: main); None where ``place`` is a folder here.

    Configuration and tokenizer, and with ``weights`` the safetensors files. To be called before transformers or peft
    loads ``place`` at that revision, which finds everything in the cache. Raises as `fetch` does, and `UserError` where
    a file is damaged, or weights are asked for, and a folder or repository has them in another format only.
    """
    if path := here(place):
        if path.is_dir():
            check_folder(path, weights=weights)
        elif path.suffix == ".json":
            read_json(path, CONFIGURATION)
        return None
    found = fetch(place, "model", revision, DESCRIPTION + (WEIGHTS if weights else ()), otherwise=otherwise)
    check_folder(found.folder, weights=weights)
    return found


def fetch(repo: str, kind: Kind, revision: str | None, patterns: Sequence[str], *, otherwise: str) -> Fetched:
    """Returns the files of a repository whose names match ``patterns``, after comparing each with what the Hub states.

    What the cache has is not fetched again; without a network the cache alone is asked, for that revision and no other.
    A model's files are those of its top folder. ``otherwise`` says, in errors, how to do without the Hub.

    Raises:
        UserError: the Hub does not give them to this account, has no such revision, or cannot be reached and the cache
            lacks them; or a file has other bytes than the Hub states.
        HubError: the Hub or the network failed to the end.
    """
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    asked = _Asked(repo, kind, revision, otherwise)
    unreachable = _unreachable(kind)

    def download() -> str:
        return huggingface_hub.snapshot_download(
            repo,
            repo_type=kind,
            revision=revision,
            allow_patterns=list(patterns),
            ignore_patterns=["*/*"] if kind == "model" else None,
            local_files_only=unreachable is not None,
        )

    try:
        folder = Path(with_retries(asked.name, download, lambda _, fault: asked.explained(fault)))
    except HFValidationError:
        raise UserError(
            f"there is no file or folder {repo}, and it is no name that the Hub allows",
            f"the {NAMES[kind]} is looked for here first, and on the Hub then",
            f"name a folder, or a Hub id such as meta-llama/Llama-3.2-1B; or {otherwise}",
        ) from None
    except LocalEntryNotFoundError:
        raise asked.out_of_reach(unreachable) from None
    names = sorted(
        name
        for name in (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        if any(fnmatch(name, pattern) for pattern in patterns) and (kind == "dataset" or "/" not in name)
    )
    if not names and unreachable:
        raise asked.out_of_reach(unreachable)
    with ThreadPoolExecutor(4) as pool:
        stated = dict(zip(names, pool.map(lambda name: _checked(folder / name, name, asked.name), names), strict=True))
    return Fetched(folder, folder.name, stated)


def stated_digest(path: Path) -> str | None:
    """Returns the hash that the Hub stated of a file in its client's cache; None where the cache did not keep it."""
    # One step only: where several repositories share a file, the name that the link leads to is itself a link.
    name = Path(os.readlink(path)).name if path.is_symlink() else ""
    return name if re.fullmatch("[0-9a-f]{64}|[0-9a-f]{40}", name) else None


_known: dict[tuple[str, int, int], str] = {}
"""Hashes of this process's files, by place, size and time of change."""


def _checked(path: Path, name: str, what: str) -> str | None:
    """Returns the hash that the Hub states of a file; raises `UserError` where the file has another."""
    stated = stated_digest(path)
    if stated is None:
        return None
    blob = path.resolve()
    status = blob.stat()
    key = (str(blob), status.st_size, status.st_mtime_ns)
    if key not in _known:
        _known[key] = sha256_file(blob) if len(stated) == 64 else _git_digest(blob)
    if _known[key] != stated:
        kind = "SHA-256" if len(stated) == 64 else "git SHA-1"
        raise UserError(
            f"{name} of {what} has the {kind} {_known[key][:12]}…, and the Hub states {stated[:12]}…",
            "a byte of it was changed, on the way here or on this disk: what is loaded from it would be something "
            "else, and look healthy",
            f"remove the damaged file, and give the same command again, which fetches it anew: rm '{blob}'",
        )
    return stated


def _git_digest(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _unreachable(kind: Kind) -> str | None:
    """Returns why the Hub cannot be asked; None where it can. The client itself would try for half a minute."""
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return "HF_HUB_OFFLINE is set"
    if kind == "dataset" and os.environ.get("HF_DATASETS_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return "HF_DATASETS_OFFLINE is set"
    if proxy_in_use():
        return None  # the way leads through a proxy, which only the download itself can try
    address = urllib.parse.urlsplit(constants.ENDPOINT)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((address.hostname or "", port), timeout=CONNECT_TIMEOUT_S):
            return None
    except OSError as error:
        return f"there is no connection to {constants.ENDPOINT} ({error.strerror or error})"


def explained(repo: str, kind: Kind, revision: str | None, fault: Exception, *, otherwise: str) -> UserError:
    """Returns the error for the user for a download that the Hub refused, or that broke; no token is in it."""
    return _Asked(repo, kind, revision, otherwise).explained(fault)


@dataclass(frozen=True)
class _Asked:
    """What is asked of the Hub, and the errors for not getting it."""

    repo: str
    kind: Kind
    revision: str | None
    otherwise: str

    @property
    def name(self) -> str:
        revision = f" (revision {self.revision[:8]})" if self.revision else ""
        return f"the {NAMES[self.kind]} {self.repo}{revision}"

    @property
    def here(self) -> str:
        """The beginning of an error's text where the name could have been that of a folder too."""
        return f"there is no folder {self.repo} here, and {self.name} is" if self.kind == "model" else ""

    @property
    def page(self) -> str:
        from huggingface_hub import constants

        return f"{constants.ENDPOINT}/{'datasets/' if self.kind == 'dataset' else ''}{self.repo}"

    def out_of_reach(self, unreachable: str | None) -> UserError:
        """Returns the error for files that are not in the cache, while the Hub is not asked."""
        reason = unreachable or "the Hub gives them to nobody now"
        is_forbidden = reason.endswith("is set")
        first = f"unset {reason.split()[0]}, so that they are fetched" if is_forbidden else "connect to the network"
        proxy = "" if is_forbidden else " (where it leads through a proxy, set HTTPS_PROXY)"
        command = f"hf download {self.repo}{' --repo-type dataset' if self.kind == 'dataset' else ''}"
        command += f" --revision {self.revision}" if self.revision else ""
        return UserError(
            f"{self.here or self.name + ' is'} not in the Hub's cache on this machine, and {reason}",
            "another revision in the cache would be something else, and is not taken in its place",
            f"{first}{proxy}, bring the cache from a machine where `{command}` has run, or {self.otherwise}",
        )

    def explained(self, fault: Exception) -> UserError:
        """Returns the error for a download that the Hub refused, or that broke."""
        import huggingface_hub
        from huggingface_hub import errors

        status, said, has_token = status_of(fault), said_by(fault), bool(huggingface_hub.get_token())
        if isinstance(fault, errors.GatedRepoError):
            if has_token:
                return UserError(
                    f"{self.name} is gated, and the account of the token has no access to it ({status})",
                    "the Hub gives its files only to accounts that were granted access",
                    f"ask for access on {self.page} with that account and wait until it is granted, log in with "
                    f"another account (`hf auth login`), or {self.otherwise}",
                )
            return UserError(
                f"{self.name} is gated, and this machine has no token of the Hub ({status})",
                "the Hub gives its files only to accounts that accepted its terms",
                f"accept them on {self.page}, run `hf auth login` or set HF_TOKEN, or {self.otherwise}",
            )
        if isinstance(fault, errors.RevisionNotFoundError):
            return UserError(
                f"{self.name}: the Hub has no such revision ({status})",
                "what was asked for is gone, or was never there, and another commit would be something else",
                f"name a revision that {self.page}/commits/main lists, or {self.otherwise}",
            )
        if isinstance(fault, errors.RepositoryNotFoundError):
            hidden = "the token's account may not see it" if has_token else "it is private, and no token came along"
            return UserError(
                f"{self.name}: the Hub has nothing of that name, or {hidden} ({status})",
                "there is no folder of that name here either" if self.kind == "model" else "there is nothing to load",
                f"check the spelling, run `hf auth login` for a private one, or {self.otherwise}",
            )
        if status == 401:
            return UserError(
                f"{self.name}: the Hub does not know the token (401)",
                "with a wrong token it does not give even what everybody may have",
                f"run `hf auth login` again, set HF_TOKEN to a token that is valid, unset it, or {self.otherwise}",
            )
        if status == 403:
            return UserError(
                f"{self.name}: the token may not read it (403): {said}",
                "the Hub gives its files only to tokens with that right",
                f"give the token read access to this repository in your settings on the Hub, or {self.otherwise}",
            )
        if status == 404:
            return UserError(f"{self.name}: not found (404): {said}", "there is nothing to load", f"check {self.page}")
        if trouble := explained_trouble(self.name, fault):
            return trouble
        return UserError(
            f"{self.name}: the Hub refuses it ({status}): {said}",
            "there is nothing to load",
            f"see the message, or {self.otherwise}",
        )
