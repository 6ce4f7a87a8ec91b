"""A small server that speaks W&B's protocol as far as its client and this project use it.

GraphQL for runs, artifacts and reports; the file stream, whose lines have offsets, for curves and
summaries; PUT for files. It keeps everything in memory, and can be told to fail.
"""

# ruff: noqa: N802 - methods are called as W&B calls its operations.
from __future__ import annotations

import gzip
import http.server
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HISTORY, EVENTS, SUMMARY = "wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json"
ENTITY = "somebody"


@dataclass
class Stored:
    """What the server knows of one run."""

    id: str
    project: str
    upserts: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    finished: int = 0
    """How often a client said that it is done."""
    used: list[str] = field(default_factory=list)
    """Names of the artifacts that it uses."""

    @property
    def facts(self) -> dict[str, Any]:
        """The newest value of everything that was said of the run itself."""
        return {
            key: value
            for upsert in self.upserts
            for key, value in upsert.items()
            if value is not None
        }

    @property
    def history(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines.get(HISTORY, [])]

    @property
    def definitions(self) -> list[dict[str, Any]]:
        """What `define_metric` said, under the numbers that the protocol has for its fields."""
        return self.config.get("_wandb", {}).get("value", {}).get("m", [])

    def curve(self, name: str, over: str = "epoch") -> list[tuple[float, float]]:
        """All points of a curve, in the order in which they came."""
        return [(row[over], row[name]) for row in self.history if name in row]


class WandbServer:
    """The server, listening from the start on."""

    def __init__(self) -> None:
        self.runs: dict[str, Stored] = {}
        self.deleted: set[str] = set()
        """Ids of runs that were deleted; they are never taken again."""
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        """Operations, in the order in which they came."""
        self.unknown: list[str] = []
        self.trouble: Callable[[str], str] = lambda _: ""
        """Called with each operation's name; answers "" (all is well), "hang", "500" or "drop"."""
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._server = _Threading(("127.0.0.1", 0), _Handler)
        self._server.wandb = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def hang(self) -> None:
        """Answer nothing until the end."""
        self._closing.wait(120)

    def __enter__(self) -> WandbServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What it is asked, by the names of operations.

    def graphql(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        name = operation(query)
        with self._lock:
            self.asked.append(name)
            answer = getattr(self, f"_{name}", None)
            if answer is None:
                self.unknown.append(query)
                return {"errors": [{"message": f"unknown operation {name}"}], "status": 400}
            try:
                return answer(given, query)
            except (KeyError, AttributeError, TypeError) as error:
                self.unknown.append(f"{error!r} {given} {query}")
                return {"errors": [{"message": repr(error)}], "status": 400}

    def stream(self, run: str, given: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            stored = self.runs[run]
            for name, part in given.get("files", {}).items():
                if name == SUMMARY:
                    stored.summary = json.loads(part["content"][-1])
                    continue
                lines = stored.lines.setdefault(name, [])
                assert part["offset"] <= len(lines), f"a gap in {name}"
                lines[part["offset"] : part["offset"] + len(part["content"])] = part["content"]
            stored.finished += bool(given.get("complete"))
        return {"limits": {}}

    def put(self, path: str, _: bytes) -> None:
        _, kind, owner, name = path.split("/", 3)
        if kind == "run-files":
            self.runs[owner].files.add(name)

    def _ServerFeaturesQuery(self, *_: Any) -> dict[str, Any]:
        return {"data": {"serverInfo": {"features": []}}}

    def _Viewer(self, *_: Any) -> dict[str, Any]:
        teams = {"edges": [{"node": {"name": ENTITY}}]}
        viewer = {
            **{"id": "V", "entity": ENTITY, "username": ENTITY, "email": "", "name": ENTITY},
            **{"flags": "{}", "teams": teams, "admin": False, "deletedAt": None},
            "apiKeys": {"edges": []},
        }
        return {"data": {"viewer": viewer}}

    def _GetDefaultEntity(self, *_: Any) -> dict[str, Any]:
        return {"data": {"viewer": {"id": "V", "entity": ENTITY}}}

    def _OrganizationCoreWeaveOrganizationID(self, *_: Any) -> dict[str, Any]:
        return {"data": {"entity": {"organization": {"coreWeaveOrganizationId": None}}}}

    def _RunResumeStatus(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        stored = self.runs.get(given["name"])
        bucket = stored and {
            **{"id": stored.id, "name": stored.id, "displayName": None, "tags": [], "notes": None},
            "summaryMetrics": json.dumps(stored.summary),
            "logLineCount": 0,
            "historyLineCount": len(stored.lines.get(HISTORY, [])),
            "eventsLineCount": len(stored.lines.get(EVENTS, [])),
            "historyTail": json.dumps(stored.lines.get(HISTORY, [])[-1:]),
            "eventsTail": json.dumps(stored.lines.get(EVENTS, [])[-1:]),
            "config": json.dumps(stored.config),
            "wandbConfig": json.dumps({"t": 1}),
        }
        project = given["project"]
        model = {"id": "P", "name": project, "entity": {"id": "E", "name": ENTITY}}
        return {"data": {"model": {**model, "bucket": bucket or None}}}

    def _UpsertBucket(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        name = given["name"]
        if name in self.deleted:
            message = f"run {name} was previously created and deleted; try a new run name"
            return {"errors": [{"message": message}], "status": 409}
        inserted = name not in self.runs
        stored = self.runs.setdefault(name, Stored(name, given["project"]))
        stored.upserts.append(given)
        if given["config"]:
            stored.config = json.loads(given["config"])
        project = {"id": "P", "name": stored.project, "entity": {"id": "E", "name": ENTITY}}
        bucket = {
            **{"id": name, "name": name, "displayName": given["displayName"], "config": None},
            **{"description": None, "sweepName": None, "project": project},
            "historyLineCount": len(stored.lines.get(HISTORY, [])),
        }
        return {"data": {"upsertBucket": {"inserted": inserted, "bucket": bucket}}}

    def _Run(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        stored = self.runs.get(given["name"])
        if stored is None or stored.project != given["project"]:
            return {"data": {"project": {"run": None}}}
        shown = {
            **{"projectId": 7, "id": stored.id, "name": stored.id, "tags": [], "sweepName": None},
            **{"displayName": stored.facts.get("displayName"), "state": "finished"},
            **{"config": json.dumps(stored.config), "group": stored.facts.get("groupName")},
            **{"jobType": stored.facts.get("jobType"), "commit": None, "readOnly": False},
            **{"createdAt": "2026-01-01T00:00:00", "heartbeatAt": "2026-01-01T00:00:00"},
            **{"description": None, "notes": None, "systemMetrics": "{}", "historyKeys": None},
            **{"summaryMetrics": json.dumps(stored.summary), "historyLineCount": 0},
            "user": {"name": ENTITY, "username": ENTITY},
        }
        return {"data": {"project": {"run": shown}}}

    def _GetProjects(self, *_: Any) -> dict[str, Any]:
        projects = sorted({run.project for run in self.runs.values()})
        edges = [
            {
                "cursor": name,
                "node": {
                    **{
                        "id": "P",
                        "name": name,
                        "entityName": ENTITY,
                        "isBenchmark": False,
                        "user": None,
                    },
                    **{"createdAt": "2026-01-01T00:00:00", "__typename": "Project"},
                },
            }
            for name in projects
        ]
        page = {"endCursor": None, "hasNextPage": False, "__typename": "PageInfo"}
        return {"data": {"models": {"edges": edges, "pageInfo": page}}}

    def _ProjectInternalId(self, *_: Any) -> dict[str, Any]:
        return {"data": {"project": {"id": "P", "internalId": "7"}}}

    def _upsertView(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        identity = given["id"] or f"V{len(self.views)}"
        self.views[identity] = given
        project = {"id": "P", "name": given["projectName"], "entityName": given["entityName"]}
        view = {
            **{"id": identity, "type": given["type"], "name": given["name"]},
            **{"displayName": given["displayName"], "description": given["description"]},
            **{"project": project, "spec": given["spec"], "updatedAt": "2026-01-01T00:00:00"},
        }
        return {"data": {"upsertView": {"view": view, "inserted": True}}}

    def _CreateRunFiles(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        files = [
            {"name": name, "uploadUrl": f"{self.url}/run-files/{given['run']}/{name}"}
            for name in given["files"]
        ]
        created = {"runID": given["run"], "uploadHeaders": [], "files": files}
        return {"data": {"createRunFiles": created}}

    def _ArtifactType(self, *_: Any) -> dict[str, Any]:
        return {"data": {"project": {"artifact": None}}}

    def _CreateArtifact(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        asked = given["input"]
        for known in self.artifacts.values():
            same = ("artifactCollectionName", "digest")
            if all(known[key] == asked[key] for key in same):
                return self._created(known)
        identity = f"A{len(self.artifacts)}"
        self.artifacts[identity] = {**asked, "id": identity, "state": "PENDING"}
        return self._created(self.artifacts[identity])

    def _created(self, artifact: dict[str, Any]) -> dict[str, Any]:
        latest = {"id": artifact["id"]} if artifact["state"] == "COMMITTED" else None
        shown = {
            "id": artifact["id"],
            "state": artifact["state"],
            "artifactSequence": {"latestArtifact": latest},
        }
        return {"data": {"createArtifact": {"artifact": shown}}}

    def _CreateArtifactManifest(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        url = f"{self.url}/manifests/{given['artifactID']}/{given['name']}"
        manifest = {"id": "M", "file": {"id": "F", "uploadUrl": url, "uploadHeaders": []}}
        return {"data": {"createArtifactManifest": {"artifactManifest": manifest}}}

    def _UpdateArtifactManifest(self, *_: Any) -> dict[str, Any]:
        file = {"id": "F", "uploadUrl": f"{self.url}/manifests/M/manifest", "uploadHeaders": []}
        manifest = {"id": "M", "file": file}
        return {"data": {"updateArtifactManifest": {"artifactManifest": manifest}}}

    def _CreateArtifactFiles(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        nodes = []
        for file in given.get("artifactFiles") or given["input"]["artifactFiles"]:
            artifact = self.artifacts[file["artifactID"]]
            artifact.setdefault("files", []).append(file["name"])
            nodes.append(
                {
                    "storagePath": f"wandb_artifacts/{file['md5']}",
                    "uploadUrl": f"{self.url}/artifact-files/{artifact['id']}/{file['name']}",
                    "uploadHeaders": [],
                    "uploadMultipartUrls": None,
                    "artifact": {"id": artifact["id"]},
                }
            )
        return {"data": {"createArtifactFiles": {"files": {"edges": [{"node": n} for n in nodes]}}}}

    def _CommitArtifact(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        artifact = self.artifacts[given["artifactID"]]
        artifact["state"] = "COMMITTED"
        shown = {"id": artifact["id"], "digest": artifact["digest"]}
        return {"data": {"commitArtifact": {"artifact": shown}}}

    def _ArtifactByID(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        artifact = self.artifacts[given["id"]]
        project = {"id": "P", "internalId": "7", "name": artifact["projectName"]}
        project["entity"] = {"name": ENTITY}
        collection = {"name": artifact["artifactCollectionName"], "project": project}
        shown = {
            **{"__typename": "Artifact", "id": artifact["id"], "state": artifact["state"]},
            "artifactSequence": {"__typename": "ArtifactSequence", **collection},
            "artifactType": {"name": artifact["artifactTypeName"]},
            **{"versionIndex": 0, "description": None, "metadata": artifact["metadata"]},
            **{"ttlDurationSeconds": -1, "ttlIsInherited": True, "tags": [], "historyStep": None},
            **{"size": 1, "digest": artifact["digest"], "commitHash": None, "fileCount": 1},
            **{"createdAt": "2026-01-01T00:00:00", "updatedAt": None, "aliases": []},
        }
        return {"data": {"artifact": shown}}

    def _UseArtifact(self, given: dict[str, Any], _: str) -> dict[str, Any]:
        asked = given.get("input", given)
        artifact = self.artifacts[asked["artifactID"]]
        self.runs[asked["runName"]].used.append(artifact["artifactCollectionName"])
        return {"data": {"useArtifact": {"artifact": {"id": artifact["id"]}}}}


class _Threading(http.server.ThreadingHTTPServer):
    daemon_threads = True
    wandb: WandbServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients end as they like."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Threading

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        wandb, path = self.server.wandb, self.path
        given = json.loads(body) if path == "/graphql" else {}
        trouble = wandb.trouble(operation(given["query"]) if given else path.split("/")[-1])
        if trouble == "hang":
            wandb.hang()
        if trouble == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if trouble == "500":
            self._answer(500, {"errors": [{"message": "out of order"}]})
        elif path == "/graphql":
            answer = wandb.graphql(given["query"], given.get("variables") or {})
            self._answer(answer.pop("status", 200), answer)
        elif found := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", path):
            self._answer(200, wandb.stream(found[1], json.loads(body)))
        elif self.command == "PUT":
            wandb.put(path, body)
            self._answer(200, {})
        else:
            self._answer(200, {})

    do_GET = do_POST = do_PUT = _do  # noqa: N815

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def operation(query: str) -> str:
    """The name of a GraphQL document's operation."""
    found = re.search(r"\b(?:query|mutation)\s+(\w+)", query)
    return found[1] if found else ""


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
