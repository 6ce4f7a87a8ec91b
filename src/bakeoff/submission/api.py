"""Kubeflow Pipelines' REST API, v2beta1, as far as submitting and following a run needs it.

`kfp.Client` has no deadlines (a host that drops packets holds it for minutes), writes a context
file into the home folder, knows no canceled runs and gives no reasons; so these few calls are here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bakeoff.errors import UserError
from bakeoff.remote import read_bytes

TOKEN, COOKIE = "KFP_TOKEN", "KFP_COOKIE"
"""Environment variables: a bearer token; the cookies of a browser's login."""
RUNS = "/apis/v2beta1/runs"
RECURRING_RUNS = "/apis/v2beta1/recurringruns"
_MOUNTED_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
"""Where a pod that may use KFP has its token."""
_NO_LOG = ("<", '{"error_message"')
"""How an answer begins that is none, whatever its status: the pages' own, the API server's."""
_CONNECT, _FIRST_ANSWER, _ANSWER = 4, 5, 60
"""Seconds."""
_LONGEST, _ENDS = 300, 150
"""Characters of a message."""

FORWARD = "kubectl -n kubeflow port-forward service/ml-pipeline-ui 8080:80"
"""Makes KFP of a cluster that has no address of its own reachable at http://localhost:8080."""


class NoAnswerError(UserError):
    """KFP is away, or fails: what it was asked may be asked again."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"KFP does not answer ({reason}): ask again in a moment")
        self.reason = reason


class LoginError(UserError):
    """KFP does not know who asks, or no more, or does not allow it to them."""


class DeletedError(UserError):
    """What KFP should end is gone: somebody deleted the run's workflow."""

    how = "somebody deleted its workflow, and nothing of it runs, whatever KFP says of it"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} cannot be canceled: {self.how}")


class NotFoundError(Exception):
    """There is no such thing on the server."""


class Pipelines:
    """KFP behind an address."""

    def __init__(self, host: str, namespace: str = "") -> None:
        """Connect.

        Args:
            host: its address, such as http://localhost:8080.
            namespace: of a multi-user installation; others have one.

        Raises:
            UserError: nothing that is KFP answers there within 10 s, or it refuses the token.
        """
        import urllib3

        if not host:
            raise UserError(
                f"--host is missing, the address of KFP; without one of its own: {FORWARD}, then "
                "--host http://localhost:8080"
            )
        no_address = UserError(
            "--host is no address of KFP: give scheme, name and port alone, such as "
            f"http://localhost:8080; a token goes into {TOKEN}"
        )
        try:
            parts = urlsplit(host if "://" in host else f"https://{host}")
        except ValueError:
            raise no_address from None
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise no_address
        self.host = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._headers = {"Accept": "application/json"}
        if cookie := _sendable(os.environ.get(COOKIE, ""), COOKIE):
            self._headers["Cookie"] = cookie
        authorities = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
        self._pool = urllib3.PoolManager(ca_certs=authorities, retries=False)
        try:
            health = self._call("GET", "/apis/v2beta1/healthz", wait=_FIRST_ANSWER)
            if health.get("apiServerReady") is False:
                raise NoAnswerError("its pages do, the API server behind them does not")
        except (NoAnswerError, NotFoundError) as error:
            reason = getattr(error, "reason", error)
            local = parts.hostname in ("localhost", "127.0.0.1", "::1")
            advice = f"is a port forwarded? {FORWARD}" if local else "check --host"
            raise UserError(f"no KFP answers at {self.host} ({reason}): {advice}") from None
        self.multi_user = bool(health.get("multi_user"))
        if self.multi_user and not namespace:
            raise UserError(
                f"{self.host} has many users: say whose namespace is meant with --namespace"
            )
        self.namespace = namespace or "kubeflow"

    def link(self, run_id: str) -> str:
        """The page of a run."""
        return f"{self.host}/#/runs/details/{run_id}"

    def experiment(self, name: str) -> str:
        """The id of the experiment of that name, which is made where there is none."""
        predicate = {"operation": "EQUALS", "key": "display_name", "string_value": name}
        query = [("filter", json.dumps({"predicates": [predicate]}))]
        body = {"display_name": name}
        if self.multi_user:
            query.append(("namespace", self.namespace))
            body["namespace"] = self.namespace
        found = self._call("GET", "/apis/v2beta1/experiments", query=query).get("experiments")
        if found:
            return found[0]["experiment_id"]
        return self._call("POST", "/apis/v2beta1/experiments", body=body)["experiment_id"]

    def create(self, where: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Start a run (`RUNS`), or a recurring one (`RECURRING_RUNS`).

        Raises:
            UserError: it is refused, or nobody knows whether it began.
        """
        try:
            return self._call("POST", where, body=body)
        except NoAnswerError as error:
            page = f"{self.host}/#/{where.rpartition('/')[2]}"
            raise UserError(
                f"KFP does not answer ({error.reason}), and the run may have begun: look at {page} "
                "before you submit it again"
            ) from None

    def disable(self, recurring: str) -> bool:
        """Have a recurring run start no more runs; False if there is none of that id."""
        try:
            self._call("POST", f"{RECURRING_RUNS}/{quote(recurring, safe='')}:disable")
        except NotFoundError:
            return False
        return True

    def run(self, run_id: str) -> dict[str, Any]:
        """A run, with its state.

        Raises:
            UserError: there is none of that id.
            NoAnswerError: KFP is away.
        """
        try:
            return self._call("GET", f"{RUNS}/{quote(run_id, safe='')}")
        except NotFoundError:
            raise UserError(
                f"{self.host} has no run {run_id}; its page ends with the id of a run"
            ) from None

    def workflow(self, run_id: str) -> dict[str, Any]:
        """The Argo workflow of a run as KFP last saw it, {} where it tells none.

        v2beta1 gives tasks neither reasons nor addresses of artifacts; v1beta1 hands the workflow
        out, which has both.
        """
        try:
            found = self._call("GET", f"/apis/v1beta1/runs/{quote(run_id, safe='')}")
            return json.loads(found["pipeline_runtime"]["workflow_manifest"])
        except (NotFoundError, KeyError, TypeError, ValueError):
            return {}

    def log(self, run_id: str, pod: str) -> str:
        """What a pod of a run printed, "" where it cannot be had."""
        run, name = quote(run_id, safe=""), quote(pod, safe="")
        query = urlencode({"podname": pod, "podnamespace": self.namespace, "runid": run_id})
        # The first is the API server's, which KFP's pages hand on under a name of their own.
        for path in (f"/apis/v1alpha1/runs/{run}/nodes/{name}/log", f"/k8s/pod/logs?{query}"):
            with suppress(NotFoundError, NoAnswerError, UserError):
                text = self._send("GET", path, None, (), _ANSWER).data.decode(errors="replace")
                if not text.lstrip().startswith(_NO_LOG):
                    return text
        return ""

    def terminate(self, run_id: str) -> None:
        """Cancel a run.

        Raises:
            UserError: there is none of that id, or, a `DeletedError`, its workflow is gone.
            NoAnswerError: KFP is away.
        """
        try:
            self._call("POST", f"{RUNS}/{quote(run_id, safe='')}:terminate")
        except NotFoundError:
            raise UserError(f"{self.host} has no run {run_id}") from None
        except NoAnswerError as error:
            if re.search(r'workflows\.argoproj\.io "[^"]+" not found', error.reason):
                raise DeletedError(run_id) from None
            raise

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Any = (),
        wait: float = _ANSWER,
    ) -> dict[str, Any]:
        response = self._send(method, path, body, query, wait)
        try:
            answer = json.loads(response.data or b"{}")
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise LoginError(
                f"{self.host} answers with a page, not as KFP does: check --host (on Kubeflow it "
                f"ends in /pipeline), and log in with {TOKEN} or {COOKIE}"
            )
        return answer

    def _send(self, method: str, path: str, body: Any, query: Any, wait: float) -> Any:
        import urllib3

        timeout = urllib3.Timeout(connect=_CONNECT, read=wait)
        headers = {**self._headers, **_authorization()}
        address = f"{self.host}{path}?{urlencode(query)}" if query else self.host + path
        try:
            response = self._pool.request(
                method, address, json=body, headers=headers, timeout=timeout, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswerError(_reason(error)) from None
        if response.status >= 400:
            raise self._explained(response)
        return response

    def _explained(self, error: Any) -> Exception:
        """The error for a response of failure."""
        message = _message(error.data)
        if error.status == 404:
            return NotFoundError(message or "404")
        if error.status == 401:
            return LoginError(
                f"{self.host} refuses the token ({message or 'unauthorized'}): put a valid one "
                f"into {TOKEN}, such as of: kubectl -n NAMESPACE create token default-editor "
                "--audience pipelines.kubeflow.org --duration 24h"
            )
        if error.status == 403:
            return LoginError(
                f"{self.host} does not allow this in the namespace {getattr(self, 'namespace', '')}"
                f" ({message or 'forbidden'}): name one of yours with --namespace, or log in with "
                f"{TOKEN} or {COOKIE}"
            )
        if 400 <= error.status < 500 and error.status not in (408, 429):
            return UserError(f"{self.host} refuses it: {message or error.reason}")
        return NoAnswerError(message or f"{error.status} {error.reason or ''}".strip())


def _authorization() -> dict[str, str]:
    """With a token from the environment, or what a pod of the cluster is given: a file that is
    written anew before its token ends.
    """
    path = Path(os.environ.get("KF_PIPELINES_SA_TOKEN_PATH", _MOUNTED_TOKEN))
    token = _sendable(os.environ.get(TOKEN, ""), TOKEN)
    if not token and path.is_file():
        token = _sendable(read_bytes(str(path)).decode(errors="replace"), f"the token in {path}")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _sendable(secret: str, source: str) -> str:
    """What a header may hold of a secret.

    Raises:
        UserError: it holds something else, and where it comes from; nothing of it is shown.
    """
    secret = secret.strip()
    if not (secret.isascii() and secret.isprintable()):
        raise UserError(
            f"{source} holds a line break or another character that cannot be sent: set it anew, "
            "in one line"
        )
    return secret


def _message(body: bytes) -> str:
    """The first line of what KFP's gateway says is wrong."""
    try:
        said = json.loads(body)
        text = str(said.get("message") or said.get("error") or said.get("error_message") or "")
    except (ValueError, AttributeError):
        text = ""  # A page of a proxy.
    line = text.splitlines()[0] if text else ""
    # What went wrong comes first or, in words of Go, last.
    return line if len(line) <= _LONGEST else f"{line[:_ENDS]} … {line[-_ENDS:]}"


def _reason(error: Exception) -> str:
    """What is wrong with a connection, without the objects that urllib3 names."""
    text = str(getattr(error, "reason", None) or error)
    return text.rpartition(": ")[2].strip("<>()' ")[:200] or type(error).__name__
