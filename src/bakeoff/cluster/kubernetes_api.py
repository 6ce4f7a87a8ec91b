"""What a step on a cluster asks of Kubernetes: pods, RayJobs and what they wait for.

Everything is asked once, with a time limit, and either answered, refused (`UserError`) or to be
asked again (`AwayError`). Objects are read, never watched: a watch needs one right more, and may
end without a word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from bakeoff.clock import Clock
from bakeoff.errors import UserError, first_line
from bakeoff.patience import tried

T = TypeVar("T")

SECONDS = 20.0
"""Of waiting for one answer."""
_CONNECT_SECONDS = 5.0
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_AGAIN = {408, 410, 429, 500, 502, 503, 504}
_PAGE = 200
_MOST_PAGES = 20


class AwayError(Exception):
    """The server does not answer, or not now: ask again."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait
        """Seconds that the server asks for."""


class ConflictError(Exception):
    """The object is another one than was thought: it exists, or is not the one that was seen."""


def patiently(ask: Callable[[], T], clock: Clock, *, seconds: float) -> T:
    """Ask until there is an answer.

    Raises:
        AwayError: there was none for this long.
    """
    return tried(
        ask,
        lambda error: isinstance(error, AwayError),
        seconds,
        pause=lambda error: error.wait if isinstance(error, AwayError) else 0.0,
        clock=clock,
    )


class Kubernetes:
    """The API server, as far as a namespace goes."""

    def __init__(self, api: Any, namespace: str, seconds: float = SECONDS) -> None:
        """Args:
        api: a `kubernetes.client.ApiClient`.
        namespace: where the step's pod runs, and its RayJobs with it.
        seconds: of waiting for one answer.
        """
        self._api = api
        self.namespace = namespace
        self._timeout = (min(_CONNECT_SECONDS, seconds), seconds)

    @classmethod
    def here(cls, seconds: float = SECONDS) -> Kubernetes:
        """Of the pod this runs in, or, outside, what KUBECONFIG names.

        Raises:
            UserError: there is neither.
        """
        from kubernetes import client, config

        configuration = client.Configuration()
        # Whatever is worth asking again is asked again where it is known how long that may take.
        configuration.retries = False
        try:
            if (_ACCOUNT / "token").exists():
                config.load_incluster_config(client_configuration=configuration)
                namespace = (_ACCOUNT / "namespace").read_text().strip()
            else:
                config.load_kube_config(client_configuration=configuration)
                _, active = config.list_kube_config_contexts()
                namespace = active["context"].get("namespace", "default")
        except (config.ConfigException, OSError) as error:
            raise UserError(
                f"no Kubernetes to ask ({error}): on a cluster a step runs under a service account "
                "whose token is mounted; elsewhere KUBECONFIG names one"
            ) from None
        return cls(client.ApiClient(configuration), namespace, seconds)

    def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create a RayJob; a field that the server does not know is refused.

        Raises:
            ConflictError: there is one of this name.
        """
        return self._ask("POST", self._rayjobs(), body=manifest, fieldValidation="Strict")

    def rayjob(self, name: str) -> dict[str, Any] | None:
        return self._found("GET", self._rayjobs(name))

    def delete(self, name: str, uid: str = "") -> bool:
        """Delete a RayJob, and what belongs to it; False where there is none.

        Raises:
            ConflictError: there is another one of this name than the one of this uid.
        """
        body: dict[str, Any] = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        return self._found("DELETE", self._rayjobs(name), body=body) is not None

    def pod(self, name: str) -> dict[str, Any] | None:
        return self._found("GET", f"/api/v1/namespaces/{self.namespace}/pods/{name}")

    def warnings(self) -> list[dict[str, Any]]:
        """What went wrong in the namespace lately: its events of type Warning."""
        path, found, page = f"/api/v1/namespaces/{self.namespace}/events", [], ""
        for _ in range(_MOST_PAGES):
            query = {"fieldSelector": "type=Warning", "limit": _PAGE}
            answer = self._ask("GET", path, **query, **({"continue": page} if page else {}))
            found += answer.get("items", [])
            page = answer.get("metadata", {}).get("continue", "")
            if not page:
                break
        return found

    def _rayjobs(self, name: str = "") -> str:
        path = f"/apis/ray.io/v1/namespaces/{self.namespace}/rayjobs"
        return f"{path}/{name}" if name else path

    def _found(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        try:
            return self._ask(method, path, body=body)
        except _AbsentError:
            return None

    def _ask(self, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            response = self._api.call_api(
                path,
                method,
                query_params=list(query.items()),
                header_params={"Accept": "application/json", "Content-Type": "application/json"},
                body=body,
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                _preload_content=False,
                _request_timeout=self._timeout,
            )
            return json.loads(response.data)
        except ApiException as error:
            raise _error(error, f"{method} {path}", self.namespace) from None
        except (HTTPError, OSError, ValueError) as error:
            raise AwayError(f"Kubernetes does not answer ({first_line(error)})") from None


class _AbsentError(UserError):
    """No such object, or no such kind of objects."""


def _error(error: Any, what: str, namespace: str) -> Exception:
    status, message = error.status or 0, _message(error)
    if status in _AGAIN or not status:
        wait = (error.headers or {}).get("Retry-After", "")
        # It may be a date as well; we have pauses of our own.
        seconds = float(wait) if wait.isdigit() else 0.0
        return AwayError(f"Kubernetes does not answer ({message})", seconds)
    if status == 409:
        return ConflictError(message)
    if status == 404:
        return _AbsentError(
            f"Kubernetes knows no RayJobs ({message}): install KubeRay 1.7, and its resource "
            "definitions with it"
        )
    if status in (401, 403):
        return UserError(
            f"the step's service account may not do this in namespace {namespace} ({message}): it "
            "needs a role with rayjobs (ray.io): create, get, delete; pods: get; events: list"
        )
    return UserError(f"Kubernetes refuses {what}: {message}")


def _message(error: Any) -> str:
    """What the server says in one line."""
    try:
        told = json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        told = error.reason or f"status {error.status}"
    return " ".join(str(told).split())
