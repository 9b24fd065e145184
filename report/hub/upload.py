"""One repository brought to what it shall hold, by huggingface_hub's own client; a second time nothing is sent."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from report.hub.contents import Contents
from report.hub.faults import HubError, push_with_retries

Kind = Literal["model", "space"]


@dataclass(frozen=True)
class Target:
    """A repository, and what it shall hold."""

    repo: str
    """`namespace/name`."""
    kind: Kind
    files: Contents
    message: str
    """The commit's summary; a proposed change is found again by it."""
    private: bool = False
    create_pr: bool = False
    gone: frozenset[str] = frozenset()
    """Files that an earlier push left there and that are published no more."""


def push_target(api: Any, target: Target) -> tuple[dict[str, Any], bool]:
    """Returns the entry for the record, and whether anything was committed.

    The order is such that the command can be killed anywhere and given again: what has arrived is not sent twice, and
    a commit whose answer was lost is recognised by its bytes.

    Raises:
        UserError: the account, the token or the repository does not allow it.
        HubError: the Hub or the network failed, or holds other bytes than were sent.
    """
    what = f"{target.kind} {target.repo}"
    push_with_retries(f"creating the {what}", lambda: _create(api, target))
    head = push_with_retries(f"looking at the {what}", lambda: api.repo_info(target.repo, repo_type=target.kind))
    if target.private and not head.private:
        raise UserError(
            f"{target.repo} is public already",
            "what is pushed there can be read by everybody, and --private was asked for",
            "make it private in its settings on the Hub, name another with --repo, or leave --private out",
        )
    commit, proposal, is_new = head.sha, None, False
    if _differing(_tree(api, target, head.sha), target):
        commit, proposal, is_new = push_with_retries(f"pushing to the {what}", lambda: _commit(api, target))
        if differing := _differing(_tree(api, target, commit), target):
            raise HubError(
                f"{target.repo} holds other bytes of {', '.join(differing[:3])} than were pushed, at commit {commit}",
                "somebody may have written there at the same time",
                "give the same command again",
            )
    return _entry(api, target, commit, proposal), is_new


def _create(api: Any, target: Target) -> None:
    api.create_repo(
        target.repo,
        repo_type=target.kind,
        private=True if target.private else None,
        exist_ok=True,
        **({"space_sdk": "static"} if target.kind == "space" else {}),
    )


def _tree(api: Any, target: Target, revision: str) -> dict[str, Any]:
    """Returns the files at a revision by name."""
    listed = push_with_retries(
        f"listing the {target.kind} {target.repo}",
        lambda: list(api.list_repo_tree(target.repo, repo_type=target.kind, revision=revision, recursive=True)),
    )
    return {entry.path: entry for entry in listed if hasattr(entry, "blob_id")}


def _differing(tree: Mapping[str, Any], target: Target) -> list[str]:
    """Returns the names of files that are not there with the same bytes, or that are there and shall not be."""
    changed = [name for name, content in target.files.items() if name not in tree or not _same(tree[name], content)]
    return [*changed, *(name for name in sorted(target.gone) if name in tree)]


def _same(entry: Any, content: Path | bytes) -> bool:
    size = content.stat().st_size if isinstance(content, Path) else len(content)
    if entry.size != size:
        return False
    if entry.lfs is not None:
        digest = sha256_file(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()
        return bool(entry.lfs.sha256 == digest)
    # A small file is a git blob, whose name is a digest of its length and bytes.
    data = content.read_bytes() if isinstance(content, Path) else content
    return bool(entry.blob_id == hashlib.sha1(b"blob %d\0" % size + data).hexdigest())


def _commit(api: Any, target: Target) -> tuple[str, str | None, bool]:
    """Returns the commit, the address of the proposal where it is one, and whether there was anything to commit.

    May be done twice: a proposal of ours that is open is found by its title, and the client leaves out what is there.
    """
    proposal = _open_proposal(api, target) if target.create_pr else None
    revision = proposal.git_reference if proposal else None
    before = api.repo_info(target.repo, repo_type=target.kind, revision=revision).sha
    tree = _tree(api, target, before)
    if not _differing(tree, target):
        return before, proposal.url if proposal else None, False
    made = api.create_commit(
        target.repo,
        _operations(target, tree),
        commit_message=target.message,
        repo_type=target.kind,
        revision=revision,
        create_pr=target.create_pr and proposal is None,
    )
    return made.oid, proposal.url if proposal else made.pr_url, True


def _operations(target: Target, tree: Iterable[str]) -> list[Any]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    gone = sorted(target.gone.intersection(tree))
    return [
        *(CommitOperationAdd(name, content) for name, content in target.files.items()),
        *(CommitOperationDelete(name, is_folder=False) for name in gone),
    ]


def _open_proposal(api: Any, target: Target) -> Any:
    """Returns the open pull request that an earlier push of ours made; None where there is none."""
    mine = api.whoami()["name"]
    found = api.get_repo_discussions(
        target.repo, repo_type=target.kind, author=mine, discussion_type="pull_request", discussion_status="open"
    )
    return next((one for one in found if one.title == target.message and one.author == mine), None)


def _entry(api: Any, target: Target, commit: str, proposal: str | None) -> dict[str, Any]:
    """Returns what is recorded; `url` and `checked_at` only where anybody can see the commit."""
    entry = {"repo": target.repo, "commit": commit, "files": sorted(target.files)}
    if proposal:
        return entry | {"pull_request": proposal}
    if not _seen_by_all(api, target, commit):
        return entry | {"private": True}
    address = f"{api.endpoint}/{'spaces/' if target.kind == 'space' else ''}{target.repo}"
    return entry | {"url": address, "checked_at": datetime.now(UTC).isoformat(timespec="seconds")}


def _seen_by_all(api: Any, target: Target, commit: str) -> bool:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    def look() -> bool:
        try:
            return bool(api.repo_info(target.repo, repo_type=target.kind, revision=commit, token=False).sha == commit)
        except (RepositoryNotFoundError, GatedRepoError):
            return False

    return push_with_retries(f"checking the link to {target.repo}", look)
