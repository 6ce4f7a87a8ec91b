"""Whether somebody deleted the Argo workflow of a run, of which KFP says for ever that it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

_TIMEOUT = (4, 10)
"""Seconds to connect and to answer."""


class Deletion:
    """Asks the kubeconfig's cluster, where there is one and it has the workflow."""

    def __init__(self, namespace: str) -> None:
        from kubernetes import client, config

        self._namespace, self._seen = namespace, False
        self._objects = None
        try:
            api = config.new_client_from_config(os.environ.get("KUBECONFIG"))
        except Exception:  # None, or one that cannot be read.
            return
        self._objects = client.CustomObjectsApi(api)

    def noticed(self, workflow: Mapping[str, Any]) -> str:
        """The name of a workflow that was there before and is gone, else ""."""
        from kubernetes.client import ApiException

        name = str(workflow.get("metadata", {}).get("name") or "")
        if self._objects is None or not name:
            return ""
        where = ("argoproj.io", "v1alpha1", self._namespace, "workflows", name)
        try:
            self._objects.get_namespaced_custom_object(*where, _request_timeout=_TIMEOUT)
        except ApiException as error:
            return name if error.status == 404 and self._seen else ""
        except Exception:  # urllib3's, of a cluster that is away.
            return ""
        self._seen = True
        return ""
