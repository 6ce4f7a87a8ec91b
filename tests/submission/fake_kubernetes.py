"""A Kubernetes API that knows a few objects by their address: real HTTP, no cluster."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CORE = "/api/v1/namespaces/kubeflow"


class FakeKubernetes:
    """`objects` are what there is by address; `forbidden` are addresses nobody may look at."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {
            f"{CORE}/services/ml-pipeline": {},
            f"{CORE}/serviceaccounts/pipeline-runner": {},
            "/api/v1/nodes": {"items": [node("4", "8Gi")]},
        }
        self.forbidden: set[str] = set()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                status = 403 if path in fake.forbidden else 200 if path in fake.objects else 404
                found = fake.objects[path] if status == 200 else {"code": status}
                data = found if isinstance(found, str) else json.dumps(found)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.02,), daemon=True).start()

    def kubeconfig(self, folder: Path) -> Path:
        """A file that names this server."""
        path = folder / "kubeconfig"
        server = f"http://127.0.0.1:{self._server.server_port}"
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "fake", "cluster": {"server": server}}],
                    "users": [{"name": "me", "user": {}}],
                    "contexts": [{"name": "c", "context": {"cluster": "fake", "user": "me"}}],
                    "current-context": "c",
                }
            )
        )
        return path

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def node(cpu: str, memory: str, **more: str) -> dict[str, Any]:
    return {"spec": {}, "status": {"allocatable": {"cpu": cpu, "memory": memory, **more}}}
