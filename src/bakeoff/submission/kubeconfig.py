"""What the kubeconfig's cluster, where there is one, knows of a run beyond what KFP tells."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bakeoff.errors import UserError

TIMEOUT = (4, 10)
"""Seconds to connect and to answer."""
_LAST_LINES = 100
"""Of what a step printed; all of it may be long."""
_KFP = "/api/v1/namespaces/kubeflow/services/ml-pipeline:8888/proxy"
"""KFP's API behind that of Kubernetes."""


def needed(absent: str, read: Callable[..., Any], *names: str, **more: Any) -> Any:
    """An object, None where nobody may look at it.

    Args:
        absent: what a person is told where it is not there.
        read: a method of a client of Kubernetes.
        names: of the object, as the method takes them.
        more: further arguments of the method.

    Raises:
        UserError: it is not there.
    """
    from kubernetes.client import ApiException

    try:
        return read(*names, **more, _request_timeout=TIMEOUT)
    except ApiException as error:
        if error.status == 404:
            raise UserError(absent) from None
        return None


@dataclass(frozen=True)
class Deleted:
    """A workflow that the kubeconfig's cluster does not have."""

    name: str
    certain: bool
    """Whether it was there before; else the cluster may be another one than the run's."""

    def __str__(self) -> str:
        if self.certain:
            return (
                f"somebody deleted its workflow {self.name}, of which KFP says for ever that it "
                "runs: submit it again"
            )
        return (
            f"the kubeconfig's cluster has no workflow {self.name}: if it is the run's, somebody "
            "deleted that, and KFP says for ever that it runs"
        )


class Kubeconfig:
    """Asks its cluster of a run: whether somebody deleted the workflow, of which KFP says for ever
    that it runs, and what pods print.
    """

    def __init__(self, run_id: str, namespace: str) -> None:
        from kubernetes import client, config

        self._run_id, self._namespace = run_id, namespace
        self._seen = False
        self._api = None
        with suppress(Exception):  # There is none, or one that cannot be read.
            self._api = config.new_client_from_config(os.environ.get("KUBECONFIG"))
            self._objects = client.CustomObjectsApi(self._api)
            self._core = client.CoreV1Api(self._api)

    def noticed(self, workflow: Mapping[str, Any]) -> Deleted | None:
        """The workflow, as KFP last saw it, if the cluster does not have it; None where it has it,
        or nobody can tell.
        """
        from kubernetes.client import ApiException

        facts = workflow.get("metadata", {})
        name = str(facts.get("name") or "")
        if self._api is None or not name:
            return None
        where = ("argoproj.io", "v1alpha1", self._namespace, "workflows", name)
        try:
            self._objects.get_namespaced_custom_object(*where, _request_timeout=TIMEOUT)
        except ApiException as error:
            if error.status != 404:
                return None
            self._seen = self._seen or self._knew(str(facts.get("uid") or "none"))
            return Deleted(name, certain=self._seen)
        except Exception:  # urllib3's, of a cluster that is away.
            return None
        self._seen = True
        return None

    def log(self, pod: str) -> str:
        """What a step printed last, "" where that cannot be had."""
        if self._api is None:
            return ""
        with suppress(Exception):  # It is gone, another cluster's, or nobody's business.
            return self._core.read_namespaced_pod_log(
                pod,
                self._namespace,
                container="main",
                tail_lines=_LAST_LINES,
                _request_timeout=TIMEOUT,
            )
        return ""

    def _knew(self, uid: str) -> bool:
        """Whether this cluster is the run's: it has events of the workflow, or its KFP the run."""
        with suppress(Exception):
            told = self._core.list_namespaced_event(
                self._namespace,
                field_selector=f"involvedObject.uid={uid}",
                limit=1,
                _request_timeout=TIMEOUT,
            )
            if told.items:
                return True
        with suppress(Exception):
            # The client's own method quotes the slashes of a path.
            self._core.api_client.call_api(
                f"{_KFP}/apis/v2beta1/runs/{quote(self._run_id, safe='')}",
                "GET",
                auth_settings=["BearerToken"],
                _request_timeout=TIMEOUT,
            )
            return True
        return False
