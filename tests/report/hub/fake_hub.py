"""A Hugging Face Hub in one process: the endpoints that a push uses, as the real client calls them, with faults.

Repositories, stored files and commits are kept in memory, and every request that changes something needs a token.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKEN = "secret-token-of-ada-0123456789"
OWNER = "ada"
OTHERS = "meta"
"""A namespace where the token may read and propose, but not write."""
LARGE_BYTES = 2000


@dataclass
class Fault:
    """What happens to requests whose method and path match, ``times`` times, after ``after`` that pass.

    ``what``: a status; `half`: the connection is closed when half of the body was read; `deaf`: the request is done
    and the connection closed without an answer.
    """

    match: str
    what: int | str
    times: int = 1
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Repository:
    """A repository: at each revision its files (the bytes) by name; `main`, proposals and commits are revisions."""

    private: bool
    revisions: dict[str, dict[str, bytes]]
    heads: dict[str, str]
    commits: list[tuple[str, str]] = field(default_factory=list)
    """Branch and summary of each commit that was made, without the first one, which the Hub makes."""
    proposals: list[dict[str, Any]] = field(default_factory=list)

    @property
    def files(self) -> dict[str, bytes]:
        return self.revisions[self.heads["main"]]


class FakeHub:
    """The state of the Hub, and the server that shows it."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.tokens: list[str] = []
        self.lock = threading.RLock()
        hub = self

        class Handler(_Handler):
            state = hub

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def add(self, kind: str, repo: str, *, private: bool = False, files: dict[str, bytes] | None = None) -> Repository:
        """Makes a repository, as the Hub does: with a first commit that holds `.gitattributes`."""
        made = Repository(private, {}, {})
        self.repositories[f"{kind}/{repo}"] = made
        self.keep(made, "main", {".gitattributes": b"*.safetensors filter=lfs\n", **(files or {})})
        return made

    def keep(self, repository: Repository, branch: str, files: dict[str, bytes]) -> str:
        """Returns the id of a new commit on ``branch`` with these files."""
        text = repr((len(repository.revisions), branch, sorted((name, hash(data)) for name, data in files.items())))
        commit = hashlib.sha1(text.encode()).hexdigest()
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


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FakeHub

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_PUT = do_GET

    def answer(self) -> None:
        hub, request = self.state, f"{self.command} {unquote(self.path)}"
        with hub.lock:
            hub.requests.append(request)
            fault = hub.fault_for(request)
        length = int(self.headers.get("Content-Length") or 0)
        if fault and fault.what == "half":
            self.rfile.read(length // 2)
            return self.hang_up()
        body = self.chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self.rfile.read(length)
        if fault and isinstance(fault.what, int):
            headers = {"X-Error-Message": f"fault {fault.what}", **fault.headers}
            return self.send(fault.what, {"error": f"fault {fault.what}"}, headers)
        try:
            with hub.lock:
                status, content = self.do(body)
        except _Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.message}
            return self.send(refused.status, {"error": refused.message}, headers)
        if fault and fault.what == "deaf":
            return self.hang_up()
        return self.send(status, content, {})

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

    def send(self, status: int, content: Any, headers: dict[str, str]) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    @property
    def user(self) -> str | None:
        """Whose token came along; raises where it is nobody's."""
        given = self.headers.get("Authorization")
        if given is None:
            return None
        self.state.tokens.append(given.removeprefix("Bearer "))
        if given != f"Bearer {TOKEN}":
            raise _Refused(401, "", "Invalid credentials in Authorization header")
        return OWNER

    def need_user(self) -> str:
        user = self.user
        if user is None:
            raise _Refused(401, "", "Invalid username or password.")
        return user

    def do(self, body: bytes) -> tuple[int, Any]:
        """Returns status and content of the answer."""
        place = urlsplit(self.path)
        path, query = unquote(place.path), {key: values[0] for key, values in parse_qs(place.query).items()}
        for method, pattern, action in _ROUTES:
            found = re.fullmatch(pattern, path)
            if method == self.command and found:
                return action(self, *found.groups(), body=body, query=query)
        # The client asks for more than a push needs, such as the names of agents, and does without.
        raise _Refused(404, "", f"the fake Hub has no {self.command} {path}")

    def repository(self, kind: str, repo: str) -> Repository:
        """Returns a repository that this request may see."""
        found = self.state.repositories.get(f"{kind}/{repo}")
        if found is None or (found.private and self.user is None):
            # As the Hub does: to those who may not see it, it is not there.
            raise _Refused(404 if self.user else 401, "RepoNotFound", "Repository not found")
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
            raise _Refused(403, "", "You don't have the rights to create a model under this namespace")
        if kind == "space" and asked.get("sdk") != "static":
            raise _Refused(400, "", "only static Spaces here")
        if f"{kind}/{repo}" in self.state.repositories:
            return 409, {"error": "You already created this repo", "url": url}
        self.state.add(kind, repo, private=asked.get("visibility") == "private")
        return 200, {"url": url}

    def info(self, kind: str, repo: str, revision: str | None, *, body: bytes, query: Any) -> tuple[int, Any]:
        found = self.repository(kind, repo)
        commit = found.heads.get(revision or "main", revision)
        if commit not in found.revisions:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return 200, {"id": repo, "sha": commit, "private": found.private, "tags": [], "siblings": []}

    def tree(self, kind: str, repo: str, revision: str, *, body: bytes, query: Any) -> tuple[int, Any]:
        found = self.repository(kind, repo)
        files = found.revisions[found.heads.get(revision, revision)]
        folders = sorted({name.rpartition("/")[0] for name in files if "/" in name})
        listed: list[dict[str, Any]] = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": f} for f in folders]
        return 200, listed + [_listed(name, data) for name, data in sorted(files.items())]

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
                "uploadMode": "lfs" if _is_large(name, asked["size"]) else "regular",
            }
            answers.append(answer | ({"oid": _oid(name, files[name])} if name in files else {}))
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
            raise _Refused(403, "", "Forbidden: pass create_pr=1 as a query parameter to create a Pull Request")
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
                    raise _Refused(400, "", f"{value['path']} was never uploaded")
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


_REPO = r"(model|space)s/([^/]+/[^/]+)"
_ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/api/whoami-v2", _Handler.whoami),
    ("POST", "/api/validate-yaml", _Handler.validate_yaml),
    ("POST", "/api/repos/create", _Handler.create),
    ("GET", rf"/api/{_REPO}(?:/revision/(.+))?", _Handler.info),
    ("GET", rf"/api/{_REPO}/tree/(.+)", _Handler.tree),
    ("GET", rf"/api/{_REPO}/discussions", _Handler.discussions),
    ("POST", rf"/api/{_REPO}/preupload/(.+)", _Handler.preupload),
    ("POST", rf"/api/{_REPO}/commit/(.+)", _Handler.commit),
    ("POST", r"/(spaces/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", _Handler.lfs_batch),
    ("PUT", r"/lfs/([0-9a-f]{64})", _Handler.lfs_put),
]


def _is_large(name: str, size: int) -> bool:
    return name.endswith(".safetensors") or size > LARGE_BYTES * 100


def _oid(name: str, data: bytes) -> str:
    if _is_large(name, len(data)):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _listed(name: str, data: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": _oid(name, data)}
    if _is_large(name, len(data)):
        entry |= {"oid": "1" * 40, "lfs": {"oid": _oid(name, data), "size": len(data), "pointerSize": 130}}
    return entry


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
