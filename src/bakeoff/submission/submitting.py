"""Submitting a plan: compiled, looked at, its files uploaded, started once or by the clock."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.data.sources import NAMED_SETS, location
from bakeoff.errors import UserError
from bakeoff.plans import Plan
from bakeoff.submission.api import RECURRING_RUNS, RUNS, Pipelines
from bakeoff.submission.checks import look_before
from bakeoff.submission.storage import address_below, upload

if TYPE_CHECKING:
    from bakeoff.pipelines.options import Options


@dataclass(frozen=True, kw_only=True)
class Submission:
    """How a run is called and where it goes; nothing of it decides results."""

    upload: str = ""
    """Where files of this machine go, s3://bucket/prefix; "" takes none."""
    experiment: str = "bakeoff"
    name: str = ""
    """Of the run; "" makes one of study and preset."""
    service_account: str = ""
    """"" is KFP's own."""
    pipeline_root: str = ""
    """Where artifacts go; "" is KFP's own place."""
    cron: str = ""
    """Six fields, second first: a run each time, instead of one now."""


def _addresses(plan: Plan, prefix: str) -> dict[str, str]:
    """Files of this machine that a plan names → their addresses below one of S3."""
    return {
        file: address_below(prefix, Path(file))
        for file in [location(plan.data), *plan.files]
        if file not in NAMED_SETS and "://" not in file and Path(file).exists()
    }


def _at_addresses(plan: Plan, addresses: dict[str, str]) -> Plan:
    models = {name: _with_addresses(config, addresses) for name, config in plan.models.items()}
    return replace(plan, data=addresses.get(location(plan.data), plan.data), models=models)


def _with_addresses(config: Any, addresses: dict[str, str]) -> Any:
    changed = {
        field: addresses[value]
        for field in ("vectors", "weights")
        if (value := getattr(config, field, None)) in addresses
    }
    return replace(config, **changed) if changed else config


def submit(
    kfp: Pipelines, plan: Plan, options: Options, how: Submission
) -> tuple[dict[str, Any], str]:
    """Start a plan. Its files are uploaded once nothing else can be refused.

    Returns:
        The run, or the recurring run, as KFP tells it; and what could not be looked at before.

    Raises:
        UserError: it names files of this machine that go nowhere, the cluster lacks what it needs,
            or KFP or S3 refuses it.
    """
    from bakeoff.pipelines.compiling import compile_plan

    if how.cron and len(how.cron.split()) != 6:
        raise UserError(
            f"--cron {how.cron!r}: KFP takes six fields, second minute hour day month weekday, "
            "such as '0 0 6 * * 1' for Mondays at 6"
        )
    addresses = _addresses(plan, how.upload) if how.upload else {}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "pipeline.yaml"
        compile_plan(_at_addresses(plan, addresses), options, path)
        documents = _documents(path)
    unseen = look_before(documents, kfp.namespace, how.service_account, kfp.multi_user)
    body: dict[str, Any] = {
        "display_name": how.name or f"{plan.study} {plan.preset}",
        "experiment_id": kfp.experiment(how.experiment),
        "pipeline_spec": _spec(documents),
        "runtime_config": {"parameters": {}},
    }
    if how.service_account:
        body["service_account"] = how.service_account
    if how.pipeline_root:
        body["runtime_config"]["pipeline_root"] = how.pipeline_root
    for file, address in addresses.items():
        upload(Path(file), address)
    if not how.cron:
        return kfp.create(RUNS, body), unseen
    body |= {
        "mode": "ENABLE",
        "max_concurrency": "1",
        "no_catchup": True,
        "trigger": {"cron_schedule": {"cron": how.cron}},
    }
    return kfp.create(RECURRING_RUNS, body), unseen


def _documents(path: Path) -> list[dict[str, Any]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return list(yaml.load_all(path.read_text(encoding="utf-8"), loader))


def _spec(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """As KFP's API takes a pipeline: with its settings of Kubernetes, where there are some."""
    if len(documents) == 1:
        return documents[0]
    return {"pipeline_spec": documents[0], "platform_spec": documents[1]}
