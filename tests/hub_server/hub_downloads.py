"""The half of the tests' Hub that files are downloaded from, as huggingface_hub and datasets ask for them; with Xet,
files come and go in pieces.

`resolve` answers as the Hub does: a small file by a redirect to a path of its own, a large one by a redirect to another
host, to which the client must not carry its token.
"""

import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, quote

from hub_pieces import files_of, reconstruction, xorb
from hub_state import Answer, Refused, Repository, is_large, listed, object_id, paths_listed

KINDS = {"": "model", "datasets/": "dataset", "spaces/": "space"}


class Downloads:
    """The endpoints; a handler mixes them in and gives ``state``, ``headers``, ``user`` and ``repository``."""

    state: Any
    headers: Any

    def info(self, kind: str, repo: str, revision: str | None, *, body: bytes, query: Any) -> tuple[int, Any]:
        found = self.repository(kind, repo)
        commit = found.commit_of(revision or "main")
        files = found.revisions[commit]
        with_sizes = query.get("blobs") in ("true", "True", "1")
        siblings = [
            {"rfilename": name} | ({key: one[key] for key in ("size", "lfs") if key in one} if with_sizes else {})
            for name, one in ((entry["path"], entry) for entry in listed(files) if entry["type"] == "file")
        ]
        gated = "manual" if found.allowed is not None else False
        told = {"id": repo, "sha": commit, "private": found.private, "gated": gated, "disabled": False, "tags": []}
        return 200, told | {"lastModified": "2026-11-25T12:00:00.000Z", "downloads": 0, "siblings": siblings}

    def tree(self, kind: str, repo: str, revision: str, below: str | None, *, body: bytes, query: Any) -> Any:
        found = self.repository(kind, repo)
        commit = found.commit_of(revision)
        entries = listed(found.revisions[commit], below or "", recursive=query.get("recursive") in ("true", "True"))
        if below and not entries:
            raise Refused(404, "EntryNotFound", f"{below} does not exist on {revision}", {"X-Repo-Commit": commit})
        return 200, entries

    def paths_info(self, kind: str, repo: str, revision: str, *, body: bytes, query: Any) -> tuple[int, Any]:
        found = self.repository(kind, repo)
        files = found.revisions[found.commit_of(revision)]
        return 200, paths_listed(files, parse_qs(body.decode()).get("paths", []))

    def commits(self, kind: str, repo: str, revision: str, *, body: bytes, query: Any) -> tuple[int, Any]:
        found = self.repository(kind, repo)
        one = {"id": found.commit_of(revision), "title": "", "message": "", "authors": [{"user": "ada"}]}
        return 200, [one | {"date": "2026-11-25T12:00:00.000Z"}]

    def refs(self, kind: str, repo: str, *, body: bytes, query: Any) -> tuple[int, Any]:
        heads = self.repository(kind, repo).heads.items()
        branches = [{"name": name, "ref": f"refs/heads/{name}", "targetCommit": commit} for name, commit in heads]
        return 200, {"branches": branches, "tags": [], "converts": []}

    def resolve(self, prefix: str | None, repo: str, revision: str, name: str, *, body: bytes, query: Any) -> Answer:
        """Returns a redirect to the file, with what the client must know of it in the headers."""
        kind = KINDS[prefix or ""]
        found = self.repository(kind, repo)
        self.check_access(found, repo)
        commit = found.commit_of(revision)
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        data = found.revisions[commit].get(name)
        if data is None:
            raise Refused(404, "EntryNotFound", "Entry not found", headers)
        etag = object_id(name, data)
        if not is_large(name, len(data)):
            place = f"/api/resolve-cache/{kind}s/{repo}/{commit}/{quote(name, safe='')}?etag=%22{etag}%22"
            return Answer(307, b"", headers | {"Location": place, "ETag": f'"{etag}"'})
        self.state.stored[etag] = data
        headers |= {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{etag}"', "ETag": f'"{etag}"'}
        if self.state.xet:
            token = f"{self.state.address}/api/{kind}s/{repo}/xet-read-token/{commit}"
            headers |= {"X-Xet-Hash": etag, "Link": f'<{token}>; rel="xet-auth"'}
        return Answer(302, b"", headers | {"Location": f"{self.state.storage_address}/storage/{etag}"})

    def small_file(self, kind: str, repo: str, commit: str, name: str, *, body: bytes, query: Any) -> Answer:
        found = self.repository(kind, repo)
        self.check_access(found, repo)
        data = found.revisions[commit][name]
        headers = {"X-Repo-Commit": commit, "ETag": f'"{object_id(name, data)}"', "Content-Type": "text/plain"}
        return self.file(data, headers)

    def large_file(self, digest: str, *, body: bytes, query: Any) -> Answer:
        assert "Authorization" not in self.headers, "a token was carried to the host that only stores files"
        return self.file(self.state.stored[digest], {"ETag": f'"{digest}"', "Content-Type": "binary/octet-stream"})

    def file(self, data: bytes, headers: dict[str, str]) -> Answer:
        """Returns a file's bytes, or the range of them that was asked for."""
        headers, wanted = {"Accept-Ranges": "bytes", **headers}, self.range_of(len(data))
        if wanted is None:
            return Answer(200, data, headers)
        first, last = wanted
        if first >= len(data):
            return Answer(416, b"", headers | {"Content-Range": f"bytes */{len(data)}"})
        return Answer(206, data[first : last + 1], headers | {"Content-Range": f"bytes {first}-{last}/{len(data)}"})

    def check_access(self, found: Repository, repo: str) -> None:
        """Returns nothing where the request may have the files; a gated repository tells why it may not."""
        if found.allowed is None:
            return
        if self.user is None:
            message = f"Access to model {repo} is restricted. You must have access to it and be authenticated."
            raise Refused(401, "GatedRepo", message)
        if self.user not in found.allowed:
            message = f"Access to model {repo} is restricted and you are not in the authorized list."
            raise Refused(403, "GatedRepo", message)

    def xet_token(self, kind: str, repo: str, commit: str, *, body: bytes, query: Any) -> Answer:
        """Returns where the client is to ask for or put a file's pieces, and a token that is not the user's."""
        self.check_access(self.repository(kind, repo), repo)
        place, token, until = f"{self.state.storage_address}/xet", "a-token-for-pieces", int(time.time()) + 3600
        headers = {"X-Xet-Cas-Url": place, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(until)}
        # huggingface_hub reads the headers, hf_xet itself the content
        return Answer(200, json.dumps({"casUrl": place, "accessToken": token, "exp": until}).encode(), headers)

    def pieces(self, digest: str, *, body: bytes, query: Any) -> Answer | tuple[int, Any]:
        """Returns the pieces of a file, or of the range of it that was asked for."""
        data = self.state.stored[digest]
        first, last = self.range_of(len(data)) or (0, len(data) - 1)
        if first >= len(data):
            return Answer(416, b"", {})
        return 200, reconstruction(digest, len(data), first, last, f"{self.state.storage_address}/xet/xorbs/{digest}")

    def xorb(self, digest: str, *, body: bytes, query: Any) -> Answer:
        return self.file(xorb(self.state.stored[digest]), {"Content-Type": "binary/octet-stream"})

    def put_xorb(self, name: str, *, body: bytes, query: Any) -> tuple[int, Any]:
        self.state.xorbs[name] = body
        return 200, {"was_inserted": True}

    def put_shard(self, *, body: bytes, query: Any) -> tuple[int, Any]:
        self.state.stored.update(files_of(body, self.state.xorbs))
        return 200, {"result": 1}

    def range_of(self, size: int) -> tuple[int, int] | None:
        """Returns the first and the last byte that the request asks for; None: all of them."""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        return (int(wanted[1]), min(int(wanted[2] or size), size - 1)) if wanted else None

    def repository(self, kind: str, repo: str) -> Repository:
        raise NotImplementedError

    @property
    def user(self) -> str | None:
        raise NotImplementedError
