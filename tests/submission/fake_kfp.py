"""A server that answers as Kubeflow Pipelines' does, by a script: real HTTP, no cluster."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATCH = "pod-spec-patch"


def node(path: str, phase: str, message: str = "", *, pod: str = "Pod", **facts: Any) -> dict:
    """A node of an Argo workflow, as KFP's driver and executor pods have; `path` is below root."""
    last = path.rpartition(".")[2]
    return {
        "id": f"wf-{abs(hash(path)) % 10**9}",
        "name": f"wf(0).root(0).{path}(0)",
        "displayName": f"{last}(0)",
        "type": pod,
        "templateName": "system-container-impl",
        "phase": phase,
        "message": message,
        "startedAt": "2026-11-27T07:00:00Z",
        **facts,
    }


def resolved(
    *,
    cached: bool = False,
    parameters: Mapping[str, Any] = {},
    takes: Mapping[str, str] = {},
    **artifacts: str,
) -> dict:
    """What a driver hands on: parameters, and addresses of what its task takes and will write."""

    def listed(addresses: Mapping[str, str]) -> dict:
        return {name: {"artifacts": [{"uri": uri}]} for name, uri in addresses.items()}

    given = {
        "inputs": {"parameterValues": dict(parameters), "artifacts": listed(takes)},
        "outputs": {"artifacts": listed(artifacts)},
    }
    command = ["/kfp-launcher/launch", "--executor_input", json.dumps(given), "--"]
    patch = "" if cached else json.dumps({"containers": [{"command": command}]})
    values = {PATCH: patch, "cached-decision": str(cached).lower(), "condition": "nil"}
    return {"outputs": {"parameters": [{"name": n, "value": v} for n, v in values.items()]}}


def workflow(*nodes: dict, message: str = "", deadline: int | None = None) -> dict:
    return {
        "metadata": {"name": "wf", "namespace": "kubeflow"},
        "spec": {} if deadline is None else {"activeDeadlineSeconds": deadline},
        "status": {"message": message, "nodes": {one["name"]: one for one in nodes}},
    }


def _gone(name: str) -> str:
    """What KFP says where it should end a workflow that is not there."""
    failed = f"Failed to terminate workflow {name} due to patching error"
    return (
        "Failed to terminate a run: InternalServerError: Failed to terminate run "
        "c4abbb22-680d-4f65-b3a6-c32a8f78bc39 due to error terminating its workflow: "
        f"{failed} after multiple retries: {failed}: "
        f'workflows.argoproj.io "{name}" not found'
    )


class FakeKfp:
    """Its address is `url`; what it was asked to make lies in `made`."""

    def __init__(self) -> None:
        self.token = ""
        self.users: set[str] = set()
        """Namespaces, where it has many users."""
        self.made: list[dict[str, Any]] = []
        self.experiments: dict[str, str] = {}
        self.looks: list[tuple[str, dict]] = []
        """State and workflow of the run at each look; the last stays."""
        self.run_facts: dict[str, Any] = {}
        self.logs: dict[str, str] = {}
        self.behind_pages = False
        """Whether KFP's pages stand before it, as a forwarded port of ml-pipeline-ui."""
        self.ready = True
        self.trouble: list[str] = []
        """What happens to the next requests: drop, slow, 503, page, 401."""
        self.gone = ""
        """Name of the run's workflow, if somebody deleted that."""
        self.on_terminate: Callable[[], None] = lambda: None
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, target: str, body: Any, headers: Any) -> tuple[int, Any]:
        parts = urlsplit(target)
        path, query = parts.path, parse_qs(parts.query)
        self.asked.append(f"{method} {path}")
        if path.endswith("/healthz") and self.behind_pages:
            return 200, {"apiServerReady": self.ready, "multi_user": bool(self.users)}
        if path.endswith("/healthz"):
            return 200, {"multi_user": bool(self.users)}
        if self.token and headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"code": 16, "message": "Failed to authenticate: token review failed"}
        if path == "/apis/v2beta1/experiments":
            namespace = (
                body["namespace"] if body and self.users else query.get("namespace", [""])[0]
            )
            if self.users and namespace not in self.users:
                message = f"Failed to authorize: User is not authorized in namespace {namespace}"
                return 403, {"code": 7, "message": message}
            if method == "POST":
                self.experiments[body["display_name"]] = f"e{len(self.experiments)}"
                return 200, {"experiment_id": self.experiments[body["display_name"]]}
            name = json.loads(query["filter"][0])["predicates"][0]["string_value"]
            found = self.experiments.get(name)
            return 200, {"experiments": [{"experiment_id": found}]} if found else {}
        if method == "POST" and path in ("/apis/v2beta1/runs", "/apis/v2beta1/recurringruns"):
            self.made.append(body)
            key = "run_id" if path.endswith("/runs") else "recurring_run_id"
            return 200, {key: "r1", **body}
        if path == "/apis/v2beta1/recurringruns/c1:disable":
            return 200, {}
        if path == "/apis/v2beta1/runs/r1:terminate":
            self.on_terminate()
            return (500, {"code": 13, "message": _gone(self.gone)}) if self.gone else (200, {})
        if path == "/apis/v2beta1/runs/r1":
            created = {"run_id": "r1", "created_at": "2026-11-27T06:59:00Z"}
            return 200, {**created, "state": self.looks[0][0], **self.run_facts}
        if path == "/apis/v1beta1/runs/r1":
            now = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
            return 200, {"pipeline_runtime": {"workflow_manifest": json.dumps(now[1])}}
        if path.startswith("/apis/v1alpha1/") and self.behind_pages:
            return 200, "<!doctype html><title>Kubeflow Pipelines</title>"
        if path == "/k8s/pod/logs" and self.behind_pages:
            assert query["runid"] == ["r1"]
            assert query["podnamespace"] == ["kubeflow"]
            return 200, self.logs[query["podname"][0]]
        if path.startswith("/apis/v1alpha1/runs/r1/nodes/"):
            pod = path.split("/")[-2]
            return 200, self.logs.get(pod) or {"error_message": "BadRequestError: no log"}
        return 404, {"code": 5, "message": "Run not found"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                trouble = fake.trouble.pop(0) if fake.trouble else ""
                if trouble == "drop":
                    self.close_connection = True
                    self.connection.close()
                    return
                if trouble == "slow":
                    time.sleep(0.5)
                if trouble == "503":
                    status, answer = 503, "<html>no healthy upstream</html>"
                elif trouble == "page":
                    status, answer = 200, "<html>please log in</html>"
                elif trouble == "401":
                    status, answer = 401, {"message": "token has expired"}
                else:
                    status, answer = fake.answer(self.command, self.path, body, self.headers)
                data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
                with suppress(ConnectionError):  # Of a client that has given up.
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
