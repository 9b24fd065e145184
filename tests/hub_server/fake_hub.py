"""A Hugging Face Hub in one process, for huggingface_hub's and datasets' real clients, with faults.

Repositories, stored files and commits are kept in memory. Every request that changes something needs a token; files
come as the Hub gives them (`hub_downloads`), gated or not.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from hub_downloads import Downloads
from hub_state import (
    OWNER,
    STRANGER,
    STRANGERS_TOKEN,
    TOKEN,
    USERS,
    Answer,
    Fault,
    Refused,
    Repository,
    is_large,
    object_id,
)

__all__ = ["OTHERS", "OWNER", "STRANGER", "STRANGERS_TOKEN", "TOKEN", "FakeHub", "Fault", "Repository", "running"]

OTHERS = "meta"
"""A namespace where the token may read and propose, but not write."""


class FakeHub:
    """The state of the Hub, and the server that shows it. ``xet``: large files are offered in pieces too."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}
        self.xorbs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.tokens: list[str] = []
        self.xet = False
        self.lock = threading.RLock()
        hub = self

        class Handler(_Handler):
            state = hub

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        port = self.server.server_address[1]
        self.address = f"http://127.0.0.1:{port}"
        self.storage_address = f"http://localhost:{port}"
        """Large files come from a host of another name, as the Hub's do."""

    def add(
        self,
        kind: str,
        repo: str,
        *,
        private: bool = False,
        files: dict[str, bytes] | None = None,
        commit: str | None = None,
        allowed: set[str] | None = None,
    ) -> Repository:
        """Makes a repository, as the Hub does: with a first commit that holds `.gitattributes`.

        ``kind``: `model`, `dataset` or `space`; ``commit``: the first commit's id, where it must be a certain one;
        ``allowed``: gates the repository for all but these users.
        """
        made = Repository(private, {}, {}, allowed=allowed)
        self.repositories[f"{kind}/{repo}"] = made
        self.keep(
            made,
            "main",
            {".gitattributes": b"*.safetensors filter=lfs\n", **(files or {})},
            *([commit] if commit else []),
        )
        return made

    def keep(self, repository: Repository, branch: str, files: dict[str, bytes], commit: str | None = None) -> str:
        """Returns the id of a new commit on ``branch`` with these files, the given one where it is given."""
        if commit is None:
            told = sorted((name, object_id(name, data)) for name, data in files.items())
            commit = hashlib.sha1(repr((len(repository.revisions), branch, told)).encode()).hexdigest()
        repository.revisions[commit] = files
        repository.heads[branch] = commit
        return commit

    def fault_for(self, request: str) -> Fault | None:
        """Returns the fault that strikes now, counting it down."""
        for fault in self.faults:
            if re.search(fault.match, request):
                if fault.after > 0:
                    fault.after -= 1
                elif fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def count(self, pattern: str) -> int:
        """Returns how many requests had a method and path that match."""
        return sum(bool(re.search(pattern, request)) for request in self.requests)


@contextmanager
def running() -> Iterator[FakeHub]:
    """Yields a Hub that listens."""
    hub = FakeHub()
    thread = threading.Thread(target=hub.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.server.shutdown()
        hub.server.server_close()


class _Handler(Downloads, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FakeHub

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_PUT = do_HEAD = do_GET

    def answer(self) -> None:
        hub, request = self.state, f"{self.command} {unquote(self.path)}"
        with hub.lock:
            hub.requests.append(request)
            fault = hub.fault_for(request)
        what = fault.what if fault else None
        length = int(self.headers.get("Content-Length") or 0)
        if what == "half" and self.command != "GET":
            self.rfile.read(length // 2)
            return self.hang_up()
        body = self.chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self.rfile.read(length)
        if fault and isinstance(what, int):
            headers = {"X-Error-Message": f"fault {what}", **fault.headers}
            return self.send(Answer(what, b'{"error": "fault"}', headers))
        try:
            with hub.lock:
                done = self.do(body)
        except Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.message, **refused.headers}
            done = Answer(refused.status, json.dumps({"error": refused.message}).encode(), headers)
        if what == "deaf":
            return self.hang_up()
        answer = done if isinstance(done, Answer) else Answer(done[0], json.dumps(done[1]).encode(), {})
        if what == "flipped":
            middle = len(answer.content) // 2
            flipped = answer.content[:middle] + bytes([answer.content[middle] ^ 1]) + answer.content[middle + 1 :]
            answer = Answer(answer.status, flipped, answer.headers)
        return self.send(answer, half=what == "half")

    def chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().strip(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(2)

    def send(self, answer: Answer, *, half: bool = False) -> None:
        self.send_response(answer.status)
        length = {"Content-Length": str(len(answer.content))}
        for name, value in {"Content-Type": "application/json", **answer.headers, **length}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(answer.content[: len(answer.content) // 2] if half else answer.content)
        if half:
            self.hang_up()

    @property
    def user(self) -> str | None:
        """Whose token came along; raises where it is nobody's."""
        given = self.headers.get("Authorization")
        if given is None:
            return None
        token = given.removeprefix("Bearer ")
        self.state.tokens.append(token)
        if token not in USERS:
            raise Refused(401, "", "Invalid credentials in Authorization header")
        return USERS[token]

    def need_user(self) -> str:
        user = self.user
        if user is None:
            raise Refused(401, "", "Invalid username or password.")
        return user

    def do(self, body: bytes) -> Answer | tuple[int, Any]:
        """Returns the answer, whole or as status and content."""
        place = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(place.query).items()}
        method = "GET" if self.command == "HEAD" else self.command
        for of_route, pattern, action in _ROUTES:
            found = re.fullmatch(pattern, place.path)
            if of_route == method and found:
                groups = [group and unquote(group) for group in found.groups()]
                return action(self, *groups, body=body, query=query)
        # The client asks for more than a push needs, such as the names of agents, and does without.
        raise Refused(404, "", f"the fake Hub has no {self.command} {place.path}")

    def repository(self, kind: str, repo: str) -> Repository:
        """Returns a repository that this request may see."""
        user, found = self.user, self.state.repositories.get(f"{kind}/{repo}")
        if found is None or (found.private and user is None):
            # As the Hub does: to those who may not see it, it is not there.
            raise Refused(404 if user else 401, "RepoNotFound", "Repository not found")
        return found

    def whoami(self, *, body: bytes, query: dict[str, str]) -> tuple[int, Any]:
        return 200, {"type": "user", "name": self.need_user()}

    def validate_yaml(self, *, body: bytes, query: dict[str, str]) -> tuple[int, Any]:
        errors = _wrong_with(json.loads(body)["content"])
        return (400 if errors else 200), {"errors": [{"message": text} for text in errors], "warnings": []}

    def create(self, *, body: bytes, query: dict[str, str]) -> tuple[int, Any]:
        asked, user = json.loads(body), self.need_user()
        repo = f"{asked['organization'] or user}/{asked['name']}"
        kind = asked.get("type", "model")
        url = f"{self.state.address}/{'spaces/' if kind == 'space' else ''}{repo}"
        if not repo.startswith(f"{OWNER}/"):
            raise Refused(403, "", "You don't have the rights to create a model under this namespace")
        if kind == "space" and asked.get("sdk") != "static":
            raise Refused(400, "", "only static Spaces here")
        if f"{kind}/{repo}" in self.state.repositories:
            return 409, {"error": "You already created this repo", "url": url}
        self.state.add(kind, repo, private=asked.get("visibility") == "private")
        return 200, {"url": url}

    def preupload(self, kind: str, repo: str, revision: str, *, body: bytes, query: Any) -> tuple[int, Any]:
        self.need_user()
        found = self.repository(kind, repo)
        files = found.revisions[found.heads[revision]]
        answers = []
        for asked in json.loads(body)["files"]:
            name = asked["path"]
            answer = {
                "path": name,
                "shouldIgnore": False,
                "uploadMode": "lfs" if is_large(name, asked["size"]) else "regular",
            }
            answers.append(answer | ({"oid": object_id(name, files[name])} if name in files else {}))
        return 200, {"files": answers}

    def lfs_batch(self, kind: str | None, repo: str, *, body: bytes, query: Any) -> tuple[int, Any]:
        self.need_user()
        self.repository("space" if kind else "model", repo)
        objects = []
        for asked in json.loads(body)["objects"]:
            upload = {"upload": {"href": f"{self.state.address}/lfs/{asked['oid']}"}}
            here = asked["oid"] in self.state.stored
            objects.append({**asked, **({} if here else {"actions": upload})})
        return 200, {"transfer": "basic", "objects": objects}

    def lfs_put(self, oid: str, *, body: bytes, query: Any) -> tuple[int, Any]:
        assert hashlib.sha256(body).hexdigest() == oid, "half of a file was taken for the whole"
        self.state.stored[oid] = body
        return 200, {}

    def commit(self, kind: str, repo: str, revision: str, *, body: bytes, query: dict[str, str]) -> tuple[int, Any]:
        user, found = self.need_user(), self.repository(kind, repo)
        proposes = "create_pr" in query
        mine = repo.startswith(f"{OWNER}/")
        if not mine and not proposes and not revision.startswith("refs/pr/"):
            raise Refused(403, "", "Forbidden: pass create_pr=1 as a query parameter to create a Pull Request")
        files, summary = dict(found.revisions[found.heads[revision]]), ""
        before = dict(files)
        for line in body.decode().splitlines():
            part = json.loads(line)
            value = part["value"]
            if part["key"] == "header":
                summary = value["summary"]
            elif part["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif part["key"] == "lfsFile":
                if value["oid"] not in self.state.stored:
                    raise Refused(400, "", f"{value['path']} was never uploaded")
                files[value["path"]] = self.state.stored[value["oid"]]
            else:
                del files[value["path"]]
        assert files != before, "an empty commit"
        url = None
        if proposes:
            revision = f"refs/pr/{len(found.proposals) + 1}"
            url = f"{self.state.address}/{repo}/discussions/{len(found.proposals) + 1}"
            found.proposals.append({"title": summary, "author": user, "status": "open"})
        commit = self.state.keep(found, revision, files)
        found.commits.append((revision, summary))
        prefix = "spaces/" if kind == "space" else ""
        made = {"commitUrl": f"{self.state.address}/{prefix}{repo}/commit/{commit}", "commitOid": commit}
        return 200, made | {"pullRequestUrl": url}

    def discussions(self, kind: str, repo: str, *, body: bytes, query: dict[str, str]) -> tuple[int, Any]:
        found = self.repository(kind, repo)
        listed = [
            {
                "title": one["title"],
                "num": number,
                "author": {"name": one["author"]},
                "createdAt": "2026-11-25T12:00:00.000Z",
                "status": one["status"],
                "repo": {"name": repo, "type": kind},
                "isPullRequest": True,
            }
            for number, one in enumerate(found.proposals, 1)
            if query.get("author") in (None, one["author"]) and query.get("status") in (None, one["status"])
        ]
        return 200, {"discussions": listed, "count": len(listed), "start": 0}


_REPO = r"(model|dataset|space)s/([^/]+/[^/]+)"
_ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/api/whoami-v2", _Handler.whoami),
    ("POST", "/api/validate-yaml", _Handler.validate_yaml),
    ("POST", "/api/repos/create", _Handler.create),
    ("GET", rf"/api/{_REPO}(?:/revision/([^/]+))?", _Handler.info),
    ("GET", rf"/api/{_REPO}/tree/([^/]+)(?:/(.+))?", _Handler.tree),
    ("POST", rf"/api/{_REPO}/paths-info/([^/]+)", _Handler.paths_info),
    ("GET", rf"/api/{_REPO}/commits/([^/]+)", _Handler.commits),
    ("GET", rf"/api/{_REPO}/refs", _Handler.refs),
    ("GET", rf"/api/{_REPO}/xet-(?:read|write)-token/([^/]+)", _Handler.xet_token),
    ("GET", r"/(datasets/|spaces/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", _Handler.resolve),
    ("GET", rf"/api/resolve-cache/{_REPO}/([^/]+)/([^/]+)", _Handler.small_file),
    ("GET", r"/storage/([0-9a-f]{64})", _Handler.large_file),
    ("GET", r"/xet/v1/reconstructions/([0-9a-f]{64})", _Handler.pieces),
    ("GET", r"/xet/xorbs/([0-9a-f]{64})", _Handler.xorb),
    ("POST", r"/xet/v1/xorbs/default/([0-9a-f]{64})", _Handler.put_xorb),
    ("POST", r"/xet/v1/shards", _Handler.put_shard),
    ("GET", rf"/api/{_REPO}/discussions", _Handler.discussions),
    ("POST", rf"/api/{_REPO}/preupload/([^/]+)", _Handler.preupload),
    ("POST", rf"/api/{_REPO}/commit/([^/]+)", _Handler.commit),
    ("POST", r"/(spaces/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", _Handler.lfs_batch),
    ("PUT", r"/lfs/([0-9a-f]{64})", _Handler.lfs_put),
]


def _wrong_with(card: str) -> list[str]:
    """Returns what the Hub would say is wrong with a card's metadata: the rules that a card of ours could break."""
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    if not found:
        return ["the metadata is missing"]
    values = yaml.safe_load(found[1])
    wrong = []
    if "sdk" in values:
        return wrong if values["sdk"] == "static" else ["sdk: not one that is known"]
    if not re.fullmatch(r"[a-z0-9.+-]+", str(values.get("license"))):
        wrong.append("license: must be one of the known ones")
    if values.get("license") == "other" and not values.get("license_name"):
        wrong.append("license_name: required where license is other")
    if "base_model" in values and not re.fullmatch(r"[\w.-]+/[\w.-]+", str(values["base_model"])):
        wrong.append("base_model: must be a model id")
    for index in values.get("model-index", []):
        for result in index["results"]:
            if not all(isinstance(metric["value"], int | float) for metric in result["metrics"]):
                wrong.append("model-index: a value is no number")
            if not (result["task"].get("type") and result["dataset"].get("type") and result["dataset"].get("name")):
                wrong.append("model-index: task and dataset need a type")
    return wrong
