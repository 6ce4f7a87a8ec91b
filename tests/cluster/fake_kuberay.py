"""A small Kubernetes with KubeRay in it, which speaks HTTP, fails as it is told, and lives in a
time that tests move.
"""

import heapq
import itertools
import json
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from rayjob_rules import SCHEMA, against_kuberay, against_schema

from bakeoff.artifacts import MANIFEST
from bakeoff.cluster.following import LOG, Training, outcome_name
from bakeoff.cluster.kubernetes_api import Kubernetes
from bakeoff.cluster.rayjob import ATTEMPT
from bakeoff.patience import StoreAwayError

ANSWER_SECONDS = 0.15
"""Of waiting for an answer, of those who ask where answers are slow, which take twice as long."""


class HangsError(AssertionError):
    pass


class Killed(BaseException):
    """The process is gone: nothing that it would do after this happens."""


class Time:
    """Moves when somebody sleeps; what was planned happens then."""

    def __init__(self, limit=200_000.0):
        self.limit, self._now, self._plans, self._order = limit, 0.0, [], itertools.count()
        self.kill_at = None

    def now(self):
        return self._now

    def sleep(self, seconds):
        until = self._now + seconds
        while self._plans and self._plans[0][0] <= until:
            self._now, _, action = heapq.heappop(self._plans)
            action()
        self._now = until
        if self._now > self.limit:
            raise HangsError(f"not ended after {self._now:.0f} s")
        if self.kill_at is not None and self._now >= self.kill_at:
            raise Killed

    def after(self, seconds, action):
        heapq.heappush(self._plans, (self._now + seconds, next(self._order), action))


class FakeKubernetes:
    """RayJobs, events and pods of one namespace.

    Attributes:
        scripts: what becomes of the RayJobs, one after another (the last one's is used again):
            [(seconds after the one before, status or function of the RayJob), …].
        faults: what becomes of the next requests: "ok", a status, "slow" (done, and answered too
            late), "drop" (not done, no answer) or "lost" (done, no answer).
        away: whether there is nobody at all.
        removal: seconds until KubeRay takes a deleted RayJob away; None while it is down.
    """

    def __init__(self, clock, scripts=()):
        self.clock, self.scripts = clock, list(scripts)
        self.rayjobs, self.events, self.pods = {}, [], {}
        self.faults, self.away, self.removal = deque(), False, 1.0
        self.requests, self.manifests, self.uids = [], [], itertools.count(1)
        self._lock = threading.RLock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm, wbufsize = True, 65536

            def log_message(self, *_):
                pass

            def do_GET(self):
                fake._serve(self)

            do_POST = do_DELETE = do_GET  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def client(self):
        from kubernetes import client

        seconds = ANSWER_SECONDS if "slow" in self.faults else 30.0

        configuration = client.Configuration(host=f"http://127.0.0.1:{self._server.server_port}")
        configuration.retries = False
        configuration.api_key = {"authorization": "Bearer secret-token-of-the-step"}
        return Kubernetes(client.ApiClient(configuration), "kubeflow", seconds)

    # What happens on the cluster.

    def workflow_deleted(self):
        """What names it as its owner goes with it."""
        for name, job in list(self.rayjobs.items()):
            if any(owner["kind"] == "Workflow" for owner in job["metadata"]["ownerReferences"]):
                self._remove(name)

    def _created(self, manifest):
        job = {**manifest, "status": {}}
        job["metadata"] = {**manifest["metadata"], "uid": f"uid-{next(self.uids)}"}
        self.rayjobs[manifest["metadata"]["name"]] = job
        self.manifests.append(manifest)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        delay = 0.0
        for seconds, what in script:
            delay += seconds
            self.clock.after(delay, lambda what=what: self._happens(job, what))
        return job

    def _happens(self, job, what):
        name = job["metadata"]["name"]
        current = self.rayjobs.get(name)
        if not current or current["metadata"]["uid"] != job["metadata"]["uid"]:
            return
        if "deletionTimestamp" in current["metadata"]:
            return
        if callable(what):
            what(job)
        else:
            job["status"] = what

    def _delete(self, name, uid):
        job = self.rayjobs.get(name)
        if job is None:
            return 404, {}
        if uid and uid != job["metadata"]["uid"]:
            return 409, {"message": "the UID in the precondition does not match"}
        if "deletionTimestamp" not in job["metadata"]:
            job["metadata"]["deletionTimestamp"] = "now"
            if self.removal is not None:
                known = job["metadata"]["uid"]
                self.clock.after(self.removal, lambda: self._remove(name, known))
        return 200, {"status": "Success"}

    def _remove(self, name, uid=None):
        if uid in (None, self.rayjobs.get(name, {}).get("metadata", {}).get("uid")):
            self.rayjobs.pop(name, None)

    # What is asked of its server.

    def _serve(self, request):
        length = int(request.headers.get("Content-Length") or 0)
        body = json.loads(request.rfile.read(length) or b"null") if length else None
        path = urlsplit(request.path)
        with self._lock:
            fault = self.faults.popleft() if self.faults else "ok"
            if self.away:
                fault = "drop"
            self.requests.append((request.command, path.path, fault))
            if fault == "drop":
                return self._hang_up(request)
            if isinstance(fault, int):
                return self._answer(request, fault, {"message": f"told to answer {fault}"})
            query = {name: values[0] for name, values in parse_qs(path.query).items()}
            status, answer = self._done(request.command, path.path, query, body)
        if fault == "lost":
            return self._hang_up(request)
        if fault == "slow":
            time.sleep(2 * ANSWER_SECONDS)
        with suppress(OSError):
            self._answer(request, status, answer)
        return None

    def _done(self, method, path, query, body):
        parts = path.strip("/").split("/")
        kind = parts[parts.index("kubeflow") + 1]
        name = parts[-1] if parts[-1] != kind else ""
        if kind == "events":
            return self._events(query)
        if kind == "pods":
            return (200, self.pods[name]) if name in self.pods else (404, {})
        if method == "POST":
            assert query["fieldValidation"] == "Strict"
            if body["metadata"]["name"] in self.rayjobs:
                return 409, {"message": "already exists"}
            if SCHEMA.exists() and (wrong := against_schema(body)):
                return 400, {"message": f"strict decoding error: {wrong}"}
            job = self._created(body)
            if wrong := against_kuberay(body):
                job["status"] = {"jobDeploymentStatus": "ValidationFailed", "message": str(wrong)}
            return 201, job
        if method == "DELETE":
            return self._delete(name, (body.get("preconditions") or {}).get("uid"))
        return (200, self.rayjobs[name]) if name in self.rayjobs else (404, {})

    def _events(self, query):
        assert query["fieldSelector"] == "type=Warning"
        start, limit = int(query.get("continue", 0)), int(query["limit"])
        page = self.events[start : start + limit]
        more = start + limit < len(self.events)
        meta = {"continue": str(start + limit)} if more else {}
        return 200, {"items": page, "metadata": meta}

    def _answer(self, request, status, answer):
        content = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def _hang_up(self, request):
        request.close_connection = True
        with suppress(OSError):
            request.connection.shutdown(socket.SHUT_RDWR)


# What becomes of a RayJob.

INITIALIZING = {"jobDeploymentStatus": "Initializing", "rayClusterName": "x"}
RUNNING = {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"}


def ended(deployment, job="", reason="", message=""):
    return {
        "jobDeploymentStatus": deployment,
        "jobStatus": job,
        "reason": reason,
        "message": message,
    }


class Life:
    """Scripts of RayJobs whose entrypoints keep what they make in a store."""

    def __init__(self, work, models, clock):
        self.work, self.models, self.clock = work, models, clock

    def leaves(self, outcome, message="", *, manifest=False):
        """The entrypoint writes how it ended, after its models if there are any."""

        def write(job):
            if manifest:
                self.models.write(MANIFEST, b'{"kind": "models"}')
            told = json.dumps({"outcome": outcome, "message": message}).encode()
            self.work.write(outcome_name(job["metadata"]["annotations"][ATTEMPT]), told)

        return self.outlasting(write)

    def prints(self, number, text):
        def write(job):
            self.work.write(f"{LOG}/{job['metadata']['uid']}/{number:06d}", text.encode())

        return self.outlasting(write)

    def outlasting(self, write):
        """What writes again later while S3 is away."""

        def tried(job):
            try:
                write(job)
            except StoreAwayError:
                self.clock.after(5.0, lambda: tried(job))

        return tried

    def succeeds(self, seconds=60.0):
        return [
            (2.0, INITIALIZING),
            (10.0, RUNNING),
            (1.0, self.prints(0, "epoch 1\n")),
            (seconds, self.prints(1, "epoch 2\n")),
            (1.0, self.leaves("done", manifest=True)),
            (5.0, ended("Complete", "SUCCEEDED")),
        ]

    def refuses(self, message):
        return [
            (2.0, INITIALIZING),
            (10.0, RUNNING),
            (5.0, self.leaves("refused", message)),
            (5.0, ended("Failed", "FAILED", "AppFailed")),
        ]

    def fails(self, reason, message="", deployment="Failed", job=""):
        return [(2.0, INITIALIZING), (30.0, ended(deployment, job, reason, message))]


class Step:
    """A step's process, and those that take its place."""

    def __init__(self, fake, make, work, models, clock):
        self.fake, self.make, self.work, self.models = fake, make, work, models
        self.clock, self.said, self.shown = clock, [], []

    def training(self, attempts=3):
        return Training(
            api=self.fake.client(),
            name=self.make("x").name,
            rayjob=self.make,
            work=self.work,
            models=self.models,
            attempts=attempts,
            say=self.said.append,
            show=self.shown.append,
            clock=self.clock,
        )
