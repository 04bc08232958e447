"""A local HTTP server that speaks the part of the Hub's protocol that this project uses; jobs really run, here.

Nothing is checked against the real Hub: requests and answers are those that huggingface_hub sends and needs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose "METHOD path" matches.

    Attributes:
        pattern: A regular expression.
        status: Of the answer; 0 closes the connection without one, 200 answers and does `code`.
        times: How often.
        code: Of the error; with 200 "half" breaks off in the middle, "etag" gives all files the same one, "stall" stays
            silent from the middle on, "trickle" goes on from there a byte a second.
        retry_after: Seconds that the answer asks the client to wait.
    """

    pattern: str
    status: int = 0
    times: int = 1
    code: str = ""
    retry_after: int = 0


@dataclass
class Repo:
    """A repository: whole trees by commit, newest last."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"0" * 40: {}})
    private: bool = False

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        sha = self.head if revision == "main" else revision
        return (sha, self.commits[sha]) if sha in self.commits else None


class Running:
    """A job as a process of this machine."""

    def __init__(self, number: int, namespace: str, asked: dict, folder: Path) -> None:
        self.id, self.namespace, self.asked = f"{number:024x}", namespace, asked
        self.stage, self.message, self.log = "RUNNING", None, folder / "log"
        environment = os.environ | asked.get("environment", {}) | asked.get("secrets", {})
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        environment["HF_HOME"] = str(folder / "hf")
        command = [*(asked.get("command") or []), *(asked.get("arguments") or [])]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        try:
            code = self.process.wait(self.asked.get("timeoutSeconds") or None)
            ended, said = ("COMPLETED", None) if code == 0 else ("ERROR", f"Job failed with exit code: {code}")
        except subprocess.TimeoutExpired:
            self.kill()
            ended, said = "ERROR", "Job timeout"
        if self.stage == "RUNNING":
            self.stage, self.message = ended, said

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)

    def to_json(self) -> dict:
        return {
            "id": self.id,
            "status": {"stage": self.stage, "message": self.message},
            "owner": {"id": "1", "name": self.namespace, "type": "user"},
            "labels": self.asked.get("labels"),
            "flavor": self.asked.get("flavor"),
        }


class Hub:
    """The server.

    Attributes:
        url: What `HF_ENDPOINT` must be.
        seen: "METHOD path" of each request.
        faults: Applied in order.
        tokens: Accepted tokens and the accounts they belong to.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.lfs: dict[str, bytes] = {}
        self.jobs: dict[str, Running] = {}
        self.seen: list[str] = []
        self.faults: list[Fault] = []
        self.tokens = {"hf_alice": "alice"}
        self.spaces: dict[str, dict] = {}
        self.stages = ["BUILDING", "RUNNING"]  # what a Space says when it is asked, the last one for ever
        self.lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        for job in self.jobs.values():
            job.kill()
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def run(self, namespace: str, asked: dict) -> Running:
        folder = Path(self._folder.name) / f"job{len(self.jobs)}"
        folder.mkdir()
        job = Running(len(self.jobs) + 1, namespace, asked, folder)
        self.jobs[job.id] = job
        return job

    def requests(self, pattern: str) -> list[str]:
        return [line for line in self.seen if re.search(pattern, line)]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: object = None, headers: dict | None = None, code: str = "") -> None:
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        if code:
            self.send_header("X-Error-Code", code)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            whole = self.flaw not in ("half", "stall", "trickle")
            self.wfile.write(content if whole else content[: len(content) // 2])
            self.close_connection |= not whole
            for _ in range(60 if self.flaw in ("stall", "trickle") else 0):
                time.sleep(1)
                self.wfile.write(b"x" if self.flaw == "trickle" else b"")

    def _go(self) -> None:
        hub, parts = self.hub, urlsplit(self.path)
        path, query = unquote(parts.path), parse_qs(parts.query)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        line = f"{self.command} {path}"
        hub.seen.append(line)
        self.flaw = ""
        for fault in hub.faults:
            if fault.times and re.search(fault.pattern, line):
                fault.times -= 1
                if fault.status == 200:
                    self.flaw = fault.code
                    break
                if not fault.status:
                    self.close_connection = True
                    return
                self._answer(fault.status, {"error": "as asked"}, {"Retry-After": f"{fault.retry_after}"}, fault.code)
                return
        account = hub.tokens.get((self.headers.get("Authorization") or "").removeprefix("Bearer "))
        for method, pattern, handle in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method:
                if account is None and handle not in (_Handler._put, _Handler._hardware):
                    self._answer(401, {"error": "Invalid credentials"})
                else:
                    handle(self, account, body, query, *match.groups())
                return
        self._answer(404, {"error": "no such route"})

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _go

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _whoami(self, account: str, *_: object) -> None:
        self._answer(200, {"name": account, "type": "user", "fullname": account, "avatarUrl": ""})

    def _create(self, account: str, body: bytes, _: dict) -> None:
        asked = json.loads(body)
        name = f"{asked.get('organization') or account}/{asked['name']}"
        kind = {"dataset": "datasets/", "space": "spaces/"}.get(asked.get("type"), "")
        exists = kind + name in self.hub.repos
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        self.hub.repos.setdefault(kind + name, Repo(private=private))
        self._answer(409 if exists else 200, {"url": f"{self.hub.url}/{kind}{name}"})

    def _preupload(self, _: str, body: bytes, __: dict, repo: str, ___: str) -> None:
        asked = json.loads(body)["files"]
        files = [
            {"path": f["path"], "uploadMode": "lfs" if f["size"] > 10_000 else "regular", "shouldIgnore": False}
            for f in asked
        ]
        self._answer(200, {"files": files})

    def _batch(self, _: str, body: bytes, *__: object) -> None:
        objects = [
            {"oid": o["oid"], "size": o["size"], "actions": {"upload": {"href": f"{self.hub.url}/lfs/{o['oid']}"}}}
            for o in json.loads(body)["objects"]
        ]
        self._answer(200, {"objects": objects})

    def _put(self, _: str | None, body: bytes, __: dict, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            self._answer(422, {"error": "wrong bytes"})
            return
        self.hub.lfs[oid] = body
        self._answer(200)

    def _commit(self, _: str, body: bytes, __: dict, repo: str, ___: str) -> None:
        with self.hub.lock:
            stored = self.hub.repos[_key(repo)]
            tree = dict(stored.commits[stored.head])
            for line in body.splitlines():
                item = json.loads(line)
                value = item["value"]
                if item["key"] == "file":
                    tree[value["path"]] = b64decode(value["content"])
                elif item["key"] == "lfsFile":
                    tree[value["path"]] = self.hub.lfs[value["oid"]]
                elif item["key"] == "deletedFile":
                    tree.pop(value["path"], None)
            sha = hashlib.sha1(f"{repo}{len(stored.commits)}".encode()).hexdigest()
            stored.commits[sha] = tree
        self._answer(200, {"commitUrl": f"{self.hub.url}/{_key(repo)}/commit/{sha}", "commitOid": sha})

    def _info(self, _: str, __: bytes, ___: dict, repo: str, revision: str | None = None) -> None:
        found = _key(repo) in self.hub.repos and self.hub.repos[_key(repo)].at(revision or "main")
        if not found:
            self._answer(404, {"error": "Repository not found"}, code="RepoNotFound")
            return
        siblings = [{"rfilename": name} for name in found[1]]
        told = {"id": repo.split("/", 1)[1], "sha": found[0], "siblings": siblings}
        if repo.startswith("spaces/"):
            volumes = self.hub.spaces.get(told["id"], {}).get("volumes", [])
            told["runtime"] = {"stage": self.hub.stages[0], "volumes": volumes}
        self._answer(200, told)

    def _tree(self, _: str, __: bytes, ___: dict, repo: str, revision: str) -> None:
        stored = self.hub.repos.get(_key(repo))
        found = stored.at(revision) if stored else None
        if found is None:
            self._answer(404, {"error": "not found"}, code="RevisionNotFound" if stored else "RepoNotFound")
            return
        entries = [
            {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            for name, content in found[1].items()
        ]
        self._answer(200, entries)

    def _resolve(self, _: str, __: bytes, ___: dict, repo: str, revision: str, name: str) -> None:
        stored = self.hub.repos.get(repo)
        found = stored.at(revision) if stored else None
        if found is None:
            self._answer(404, {"error": "not found"}, code="RevisionNotFound" if stored else "RepoNotFound")
            return
        sha, tree = found
        if name not in tree:
            self._answer(404, {"error": "not found"}, {"X-Repo-Commit": sha}, "EntryNotFound")
            return
        content = tree[name]
        etag = f'"{hashlib.sha256(self.flaw.encode() if self.flaw == "etag" else content).hexdigest()}"'
        headers = {"ETag": etag, "X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        headers["Content-Type"] = "application/octet-stream"
        if self.command == "HEAD":
            headers["Content-Length"] = str(len(content))
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked:
            start = int(asked[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content = content[start:]
        self._answer(206 if asked else 200, content, headers)

    def _variable(self, _: str, body: bytes, __: dict, repo: str) -> None:
        variables = self.hub.spaces.setdefault(repo, {}).setdefault("variables", {})
        if self.command != "GET":
            asked = json.loads(body)
            variables.pop(asked["key"], None)
            if self.command == "POST":
                variables[asked["key"]] = {"value": asked["value"]}
        self._answer(200, variables)

    def _volumes(self, _: str, body: bytes, __: dict, repo: str) -> None:
        self.hub.spaces.setdefault(repo, {}).update(json.loads(body) if body else {"volumes": []})
        self._answer(200)

    def _flavor(self, _: str, body: bytes, __: dict, repo: str) -> None:
        self.hub.spaces.setdefault(repo, {}).update(json.loads(body))
        self._answer(200, {"stage": "BUILDING"})

    def _runtime(self, _: str, __: bytes, ___: dict, repo: str) -> None:
        stages = self.hub.stages
        self._answer(200, {"stage": stages.pop(0) if len(stages) > 1 else stages[0]})

    def _hardware(self, *_: object) -> None:
        minute = {"unitLabel": "minute", "ephemeralStorage": "50 GB"}
        gpu = {"type": "gpu", "model": "T4", "quantity": "1", "vram": "16 GB", "manufacturer": "Nvidia"}
        self._answer(
            200,
            [
                {"name": "t4-small", "prettyName": "Nvidia T4 - small", "cpu": "4 vCPU", "ram": "15 GB",
                 "accelerator": gpu, "unitCostMicroUSD": 6667, "unitCostUSD": 0.006667, **minute},
                {"name": "cpu-basic", "prettyName": "CPU Basic", "cpu": "2 vCPU", "ram": "16 GB",
                 "accelerator": None, "unitCostMicroUSD": 167, "unitCostUSD": 0.000167, **minute},
            ],
        )  # fmt: skip

    def _run(self, _: str, body: bytes, __: dict, namespace: str) -> None:
        self._answer(200, self.hub.run(namespace, json.loads(body)).to_json())

    def _list(self, _: str, __: bytes, query: dict, namespace: str) -> None:
        wanted = [label.split("=", 1) for label in query.get("label", [])]
        jobs = [job for job in self.hub.jobs.values() if job.namespace == namespace]
        jobs = [job for job in jobs if all(job.asked.get("labels", {}).get(k) == v for k, v in wanted)]
        self._answer(200, [job.to_json() for job in jobs])

    def _inspect(self, _: str, __: bytes, ___: dict, namespace: str, job: str) -> None:
        self._answer(200, self.hub.jobs[job].to_json())

    def _cancel(self, _: str, __: bytes, ___: dict, namespace: str, job: str) -> None:
        self.hub.jobs[job].stage = "CANCELED"
        self.hub.jobs[job].kill()
        self._answer(200)

    def _logs(self, _: str, __: bytes, ___: dict, namespace: str, job: str) -> None:
        stamp = datetime.fromtimestamp(time.time() - 5, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        lines = self.hub.jobs[job].log.read_text(errors="replace").splitlines()
        events = "".join(f"data: {json.dumps({'timestamp': stamp, 'data': line})}\n\n" for line in lines)
        self._answer(200, events.encode(), {"Content-Type": "text/event-stream"})


def _key(repo: str) -> str:
    """A repository's key from its place in the API: models lie at the root."""
    return repo.removeprefix("models/")


_R = r"((?:models|datasets|spaces)/[^/]+/[^/]+)"
_ROUTES = [
    (("GET",), r"/api/whoami-v2", _Handler._whoami),
    (("POST",), r"/api/repos/create", _Handler._create),
    (("POST",), r"/api/validate-yaml", lambda self, *_: self._answer(200, {})),
    (("POST",), rf"/api/{_R}/preupload/(.+)", _Handler._preupload),
    (("POST",), r"/.+\.git/info/lfs/objects/batch", _Handler._batch),
    (("PUT",), r"/lfs/([0-9a-f]{64})", _Handler._put),
    (("POST",), rf"/api/{_R}/commit/(.+)", _Handler._commit),
    (("GET",), rf"/api/{_R}/tree/([^/]+)", _Handler._tree),
    (("GET",), rf"/api/{_R}/revision/(.+)", _Handler._info),
    (("GET",), rf"/api/{_R}", _Handler._info),
    (("GET", "POST", "DELETE"), r"/api/spaces/([^/]+/[^/]+)/variables", _Handler._variable),
    (("PUT", "DELETE"), r"/api/spaces/([^/]+/[^/]+)/volumes", _Handler._volumes),
    (("POST",), r"/api/spaces/([^/]+/[^/]+)/hardware", _Handler._flavor),
    (("GET",), r"/api/spaces/([^/]+/[^/]+)/runtime", _Handler._runtime),
    (("GET",), r"/api/jobs/hardware", _Handler._hardware),
    (("POST",), r"/api/jobs/([^/]+)", _Handler._run),
    (("GET",), r"/api/jobs/([^/]+)", _Handler._list),
    (("GET",), r"/api/jobs/([^/]+)/([^/]+)", _Handler._inspect),
    (("POST",), r"/api/jobs/([^/]+)/([^/]+)/cancel", _Handler._cancel),
    (("GET",), r"/api/jobs/([^/]+)/([^/]+)/logs", _Handler._logs),
    (("GET", "HEAD"), r"/((?:datasets/|spaces/)?[^/]+/[^/]+)/resolve/([^/]+)/(.+)", _Handler._resolve),
]
