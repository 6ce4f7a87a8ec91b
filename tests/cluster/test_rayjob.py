from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rayjob_rules import (
    DNS_1035,
    against_kuberay,
    against_restricted,
    against_schema,
    needs_schema,
    pods_of,
)

from bakeoff.cluster.rayjob import Owner, Pods, RayJob, rayjob_name, with_room_for_ray

PODS = Pods(
    image="registry.example/bakeoff:1",
    service_account="bakeoff-ray",
    env=[
        {"name": "BAKEOFF_PLAN", "value": "{}"},
        {
            "name": "AWS_SECRET_ACCESS_KEY",
            "valueFrom": {
                "secretKeyRef": {"name": "mlpipeline-minio-artifact", "key": "secretkey"}
            },
        },
    ],
    resources={
        "requests": {"cpu": "500m", "memory": "2Gi", "ephemeral-storage": "5Gi"},
        "limits": {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": "1"},
    },
    tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    node_selector={"pool": "gpu"},
    affinity={"nodeAffinity": {}},
    volumes=[{"name": "vectors", "persistentVolumeClaim": {"claimName": "vectors"}}],
    volume_mounts=[{"name": "vectors", "mountPath": "/vectors"}],
    image_pull_secrets=[{"name": "registry"}],
    priority_class="training",
)
ONE = RayJob(
    name="bakeoff-lstm-0123456789",
    namespace="kubeflow",
    attempt="0a1b2c3d",
    owner=Owner(api_version="argoproj.io/v1alpha1", kind="Workflow", name="run-x", uid="77"),
    entrypoint=["python", "-m", "bakeoff.cluster.entrypoint", "s3://bucket/a b"],
    ray_version="2.60.0",
    pods=PODS,
    workers=1,
    threads=2,
    pre_running_seconds=1200,
    active_seconds=86400,
)
SEVERAL = replace(ONE, workers=3, queue="team")


@needs_schema
@pytest.mark.parametrize("job", [ONE, SEVERAL], ids=["one", "several"])
def test_nobody_refuses_it(job):
    manifest = job.manifest()
    assert against_schema(manifest) == []
    assert against_kuberay(manifest) == []
    for pod in pods_of(manifest):
        assert against_restricted(pod) == []


@needs_schema
def test_the_rules_refuse_what_is_wrong():
    """They can fail, and say what of it is wrong."""
    wrong = SEVERAL.manifest()
    wrong["spec"]["shutDownAfterJobFinishes"] = True
    wrong["spec"]["backoffLimit"] = -1
    cluster = wrong["spec"]["rayClusterSpec"]
    cluster["rayVersion"] = "2.51.0"
    del cluster["workerGroupSpecs"][0]["maxReplicas"]
    assert len(against_schema(wrong)) == 2
    assert len(against_kuberay(wrong)) == 3
    pod = pods_of(wrong)[0]
    del pod["securityContext"]["runAsNonRoot"]
    pod["volumes"] = [{"name": "node", "hostPath": {"path": "/"}}]
    assert against_restricted(pod) == ["volume node", "root"]


def test_a_lone_worker_trains_on_the_head_with_room_for_ray():
    cluster = ONE.manifest()["spec"]["rayClusterSpec"]
    assert "workerGroupSpecs" not in cluster
    head = cluster["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "2"
    resources = head["template"]["spec"]["containers"][0]["resources"]
    assert resources["limits"] == {"cpu": "2", "memory": "5Gi", "nvidia.com/gpu": "1"}
    assert resources["requests"]["memory"] == "3Gi"


def test_several_workers_have_pods_of_their_own_and_a_head_that_does_not_train():
    cluster = SEVERAL.manifest()["spec"]["rayClusterSpec"]
    head, [workers] = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert "nvidia.com/gpu" not in str(head["template"]["spec"]["containers"][0]["resources"])
    assert (workers["replicas"], workers["minReplicas"], workers["maxReplicas"]) == (3, 3, 3)
    [container] = workers["template"]["spec"]["containers"]
    assert container["resources"] == PODS.resources
    assert container["volumeMounts"] == [{"name": "vectors", "mountPath": "/vectors"}]


def test_who_uses_it_decides_where_its_pods_run():
    for pod in pods_of(SEVERAL.manifest()):
        assert pod["nodeSelector"] == {"pool": "gpu"}
        assert pod["tolerations"][0]["key"] == "nvidia.com/gpu"
        assert pod["affinity"] == {"nodeAffinity": {}}
        assert pod["priorityClassName"] == "training"
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        assert pod["serviceAccountName"] == "bakeoff-ray"
        assert pod["automountServiceAccountToken"] is False


def test_what_makes_it_go():
    manifest = SEVERAL.manifest()
    [owner] = manifest["metadata"]["ownerReferences"]
    assert owner["kind"] == "Workflow"
    assert (owner["controller"], owner["blockOwnerDeletion"]) == (False, False)
    spec = manifest["spec"]
    assert spec["submissionMode"] == "HTTPMode"
    assert spec["backoffLimit"] == 0
    assert (spec["preRunningDeadlineSeconds"], spec["activeDeadlineSeconds"]) == (1200, 86400)
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["entrypoint"].endswith("'s3://bucket/a b'")
    assert manifest["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert "kueue.x-k8s.io/queue-name" not in ONE.manifest()["metadata"]["labels"]


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_name_is_legal_whatever_is_trained(what, place):
    name = rayjob_name(what, place)
    assert len(name) <= 47
    assert DNS_1035.fullmatch(name)
    assert name != rayjob_name(what, place + "x")


def test_a_name_says_what_is_trained_and_is_the_same_for_the_same_place():
    one = rayjob_name("BiLSTM (GloVe)", "s3://bucket/run-1/models")
    assert one == "bakeoff-bilstm-glove-570f75744c"
    assert one == rayjob_name("BiLSTM (GloVe)", "s3://bucket/run-1/models")
    assert one != rayjob_name("BiLSTM (GloVe)", "s3://bucket/run-2/models")


@pytest.mark.parametrize(
    ("memory", "with_ray"), [("4Gi", "5Gi"), ("512Mi", "1536Mi"), ("4G", "4839Mi")]
)
def test_room_for_ray(memory, with_ray):
    larger = with_room_for_ray({"limits": {"memory": memory, "cpu": "1"}})
    assert larger == {"limits": {"memory": with_ray, "cpu": "1"}}
