"""What a run would wait for in vain is one line before it starts."""

import copy
from decimal import Decimal

import pytest
import yaml
from fake_kubernetes import CORE, FakeKubernetes, node

from bakeoff.errors import UserError
from bakeoff.pipelines.compiling import compile_plan
from bakeoff.pipelines.options import Options
from bakeoff.plans import plan
from bakeoff.submission.checks import Request, look_before, refuse_too_large, requests, secrets


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    path = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    compile_plan(plan("sentiment", "quick"), Options(wandb="online"), path)
    return list(yaml.safe_load_all(path.read_text()))


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    server = FakeKubernetes()
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path)))
    server.objects[f"{CORE}/secrets/wandb"] = {"data": {"api-key": "aGlkZGVu"}}
    yield server
    server.close()


def look(pipeline, account="", multi_user=False):
    return look_before(pipeline, "kubeflow", account, multi_user)


def refused(pipeline, account=""):
    with pytest.raises(UserError) as caught:
        look(pipeline, account)
    assert "\n" not in str(caught.value)
    assert "(seen in the kubeconfig's context c; KUBECONFIG names another" in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("cluster")
def test_a_cluster_that_has_all_is_not_spoken_of(pipeline):
    assert look(pipeline) == ""


def test_a_missing_secret_is_named_with_the_command_that_makes_it(cluster, pipeline):
    del cluster.objects[f"{CORE}/secrets/wandb"]
    command = "kubectl -n kubeflow create secret generic wandb --from-literal=api-key=…"
    assert command in refused(pipeline)


def test_a_secret_without_the_key_is_named_and_its_content_is_not(cluster, pipeline):
    cluster.objects[f"{CORE}/secrets/wandb"] = {"data": {"key": "aGlkZGVu"}}
    message = refused(pipeline)
    assert "lacks the key api-key" in message
    assert "aGlkZGVu" not in message
    assert "hidden" not in message


def test_a_missing_service_account_is_named(cluster, pipeline):
    assert "no service account nobody" in refused(pipeline, "nobody")
    del cluster.objects[f"{CORE}/serviceaccounts/pipeline-runner"]
    assert "no service account pipeline-runner" in refused(pipeline)


@pytest.mark.parametrize("nodes", [[node("1", "64Gi")], [node("64", "1Gi"), node("900m", "64Gi")]])
def test_a_step_that_fits_on_no_node_is_told_by_its_numbers(cluster, pipeline, nodes):
    cluster.objects["/api/v1/nodes"] = {"items": nodes}
    message = refused(pipeline)
    assert "asks for 1.5 CPUs and " in message
    assert "the largest has" in message


@pytest.mark.parametrize(
    ("cpus", "memory", "accelerators", "advice"),
    [
        (1, 64, 0, "; ask for fewer CPUs (--threads), or add a node that has it"),
        (8, 1, 0, "; ask for less memory (a smaller --resources),"),
        (1, 1, 0, "(--threads), ask for less memory (a smaller --resources"),
        (8, 64, 1, " and 64.0 GiB; add a node that has it"),
    ],
)
def test_what_is_short_says_how_to_ask_for_less(cpus, memory, accelerators, advice):
    request = Request("train", Decimal(2), Decimal(4 * 2**30), "nvidia.com/gpu", accelerators)
    with pytest.raises(UserError) as caught:
        refuse_too_large([request], [{"cpu": Decimal(cpus), "memory": Decimal(memory * 2**30)}])
    assert advice in str(caught.value)
    assert ("--threads" in advice) == ("--threads" in str(caught.value))
    assert ("--resources" in advice) == ("--resources" in str(caught.value))


def test_a_cordoned_node_is_none(cluster, pipeline):
    closed = node("64", "64Gi")
    closed["spec"]["unschedulable"] = True
    cluster.objects["/api/v1/nodes"] = {"items": [node("1", "2Gi"), closed]}
    assert "the largest has 1 CPU and 2.0 GiB" in refused(pipeline)


def test_a_cluster_that_makes_nodes_when_asked_is_not_refused(cluster, pipeline):
    cluster.objects["/api/v1/nodes"] = {"items": []}
    assert look(pipeline) == ""


def test_what_nobody_may_look_at_is_not_refused(cluster, pipeline):
    cluster.forbidden = {f"{CORE}/secrets/wandb", f"{CORE}/serviceaccounts/pipeline-runner"}
    assert look(pipeline) == ""
    cluster.forbidden.add("/api/v1/nodes")
    assert "nodes may not be listed" in look(pipeline)


def test_another_cluster_than_kfps_is_told(cluster, pipeline):
    del cluster.objects[f"{CORE}/services/ml-pipeline"]
    assert "has no KFP in the namespace kubeflow" in look(pipeline)
    # Where KFP has many users, it knows a namespace, and stands in another one.
    assert "has no namespace kubeflow: nothing was looked at" in look(pipeline, multi_user=True)
    cluster.objects[CORE] = {}
    with pytest.raises(UserError, match="no service account default-editor"):
        look(pipeline, multi_user=True)


@pytest.mark.parametrize("none", ["/nowhere", "/dev/null"])
def test_without_a_kubeconfig_it_is_said(pipeline, monkeypatch, none):
    monkeypatch.setenv("KUBECONFIG", none)
    assert look(pipeline).startswith("no kubeconfig")


def test_a_cluster_that_is_away_is_said(cluster, pipeline):
    cluster.close()
    assert "Kubernetes does not answer (" in look(pipeline)


def test_secrets_and_requests_come_from_the_pipeline(pipeline):
    assert secrets(pipeline) == {"wandb": {"api-key"}}
    assert secrets(pipeline[:1]) == {}
    asked = {request.step: request for request in requests(pipeline)}
    assert {"prepare", "compare", "report"} <= set(asked)
    assert asked["report"].memory == 2**30


RAYJOBS = "/apis/ray.io/v1/namespaces/kubeflow/rayjobs"
QUEUE = "/apis/kueue.x-k8s.io/v1beta1/namespaces/kubeflow/localqueues/team"
REVIEW = "/apis/authorization.k8s.io/v1/namespaces/kubeflow/localsubjectaccessreviews"


@pytest.fixture
def on_rayjobs(cluster, pipeline):
    """A pipeline whose trainings go to RayJobs, on a cluster that has all for them."""
    cluster.objects |= {
        RAYJOBS: {"items": []},
        f"{CORE}/serviceaccounts/bakeoff-ray": {},
        REVIEW: {"status": {"allowed": True}, "spec": {}},
    }
    changed = copy.deepcopy(pipeline)
    train = changed[0]["deploymentSpec"]["executors"]["exec-train-text-network"]["container"]
    train.setdefault("env", []).append({"name": "BAKEOFF_WHERE", "value": "rayjob"})
    return changed


def test_what_rayjobs_need_is_looked_at(cluster, on_rayjobs):
    assert look(on_rayjobs) == ""
    container = on_rayjobs[0]["deploymentSpec"]["executors"]["exec-train-text-network"]["container"]
    settings = {"name": "BAKEOFF_RAYJOB", "value": '{"service_account": "other"}'}
    container["env"].append(settings)
    assert "no service account other for Ray's pods" in refused(on_rayjobs)
    container["env"].remove(settings)
    cluster.objects[REVIEW]["status"]["allowed"] = False
    assert "pipeline-runner of the namespace kubeflow may not make RayJobs" in refused(on_rayjobs)
    del cluster.objects[f"{CORE}/serviceaccounts/bakeoff-ray"]
    assert "no service account bakeoff-ray" in refused(on_rayjobs)
    del cluster.objects[RAYJOBS]
    assert "knows no RayJobs: install KubeRay" in refused(on_rayjobs)


def test_what_settings_of_rayjobs_name_is_looked_at(cluster, on_rayjobs):
    container = on_rayjobs[0]["deploymentSpec"]["executors"]["exec-train-text-network"]["container"]
    named = '{"queue": "team", "priority_class": "low"}'
    container["env"].append({"name": "BAKEOFF_RAYJOB", "value": named})
    assert "the cluster has no priority class low" in refused(on_rayjobs)
    cluster.objects["/apis/scheduling.k8s.io/v1/priorityclasses/low"] = {"value": 1}
    assert "the namespace kubeflow has no queue team of Kueue" in refused(on_rayjobs)
    cluster.objects[QUEUE] = {}
    assert look(on_rayjobs) == ""


def test_what_of_rayjobs_nobody_may_look_at_is_passed_over(cluster, on_rayjobs):
    cluster.forbidden = {RAYJOBS, f"{CORE}/serviceaccounts/bakeoff-ray", REVIEW}
    assert look(on_rayjobs) == ""


@pytest.mark.usefixtures("cluster")
def test_other_trainings_need_none_of_it(pipeline):
    assert look(pipeline) == ""
