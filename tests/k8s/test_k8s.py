"""k8s/ parses, renders, names what the code names, and gives no more rights than are needed."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bakeoff.submission.checks import RUNNER, USERS_RUNNER

K8S = Path(__file__).parents[2] / "k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())
ACCOUNT = "bakeoff-ray"


def documents(path):
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def rendered(overlay):
    for command in (["kubectl", "kustomize"], ["kustomize", "build"]):
        if shutil.which(command[0]):
            break
    else:
        pytest.skip("neither kubectl nor kustomize is on the PATH")
    done = subprocess.run([*command, str(overlay)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}


def base(kind):
    (found,) = (
        one
        for path in (K8S / "base").glob("*.yaml")
        for one in documents(path)
        if one["kind"] == kind
    )
    return found


def test_the_overlays_are_those_the_readme_names():
    readme = (K8S / "README.md").read_text()
    assert OVERLAYS == ["cluster", "kind", "minikube", "multi-user"]
    assert all(f"`{name}`" in readme for name in OVERLAYS)


@pytest.mark.parametrize("path", sorted(K8S.rglob("*.yaml")), ids=lambda p: str(p.relative_to(K8S)))
def test_a_file_parses_and_what_it_refers_to_is_there(path):
    (*_, last) = documents(path)
    if path.name != "kustomization.yaml":
        return
    for name in [*last.get("resources", ()), *last.get("components", ())]:
        assert (path.parent / name).exists(), name
    for patch in last.get("patches", ()):
        assert (path.parent / patch["path"]).is_file()
    # kustomize takes no file from outside the folder.
    assert not any(".." in patch["path"] for patch in last.get("patches", ()))


def test_the_runner_may_do_what_a_train_step_does_and_no_more():
    rules = base("Role")["rules"]
    allowed = {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    rayjobs = {("ray.io", "rayjobs", verb) for verb in ("create", "get", "delete")}
    assert allowed == rayjobs | {("", "pods", "get"), ("", "events", "list")}


def test_the_role_is_bound_to_kfps_runner():
    binding = base("RoleBinding")
    assert binding["roleRef"]["name"] == base("Role")["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": RUNNER, "namespace": "kubeflow"}
    ]


def test_rays_pods_have_no_token():
    account = base("ServiceAccount")
    assert account["metadata"]["name"] == ACCOUNT
    assert account["automountServiceAccountToken"] is False


def test_names_are_those_of_the_code():
    if not importlib.util.find_spec("bakeoff.cluster"):
        pytest.skip("trainings on RayJobs are not in this version")
    from bakeoff.cluster.rayjob import Pods
    from bakeoff.cluster.settings import RayJobSettings

    assert RayJobSettings().service_account == ACCOUNT
    pod = Pods(image="i", service_account=ACCOUNT).template("ray-head", {})["metadata"]
    selector = dict(base("NetworkPolicy")["spec"]["podSelector"]["matchLabels"])
    del selector["ray.io/is-ray-node"]  # KubeRay's own.
    assert selector.items() <= pod.get("labels", {}).items()
    assert pod["annotations"]["sidecar.istio.io/inject"] == "false"


def test_only_its_own_pods_and_kuberay_reach_ray():
    ingress = base("NetworkPolicy")["spec"]["ingress"]
    own, operator = ingress
    assert own["from"] == [{"podSelector": base("NetworkPolicy")["spec"]["podSelector"]}]
    assert [port["port"] for port in operator["ports"]] == [8265]
    assert all(source for rule in ingress for source in rule["from"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_renders(overlay):
    found = rendered(K8S / "overlays" / overlay)
    assert set(found) == {"ServiceAccount", "Role", "RoleBinding", "NetworkPolicy"}
    namespace = "my-profile" if overlay == "multi-user" else "kubeflow"
    assert {one["metadata"]["namespace"] for one in found.values()} == {namespace}
    assert found["RoleBinding"]["subjects"] == [
        {
            "kind": "ServiceAccount",
            "name": USERS_RUNNER if overlay == "multi-user" else RUNNER,
            "namespace": namespace,
        }
    ]
    ports = {
        p["port"]
        for rule in found["NetworkPolicy"]["spec"]["egress"]
        for p in rule.get("ports", ())
    }
    assert (443 in ports) == (overlay in ("cluster", "multi-user"))


def test_the_queue_and_the_selectors_of_gpu_nodes_render(tmp_path):
    shutil.copytree(K8S, tmp_path / "k8s")
    overlay = tmp_path / "k8s" / "overlays" / "cluster"
    file = overlay / "kustomization.yaml"
    file.write_text(
        file.read_text().replace("# - ../../components/kueue", "- ../../components/kueue")
    )
    found = rendered(overlay)
    assert found["LocalQueue"]["metadata"] == {"name": "bakeoff", "namespace": "kubeflow"}
    queue = found["ClusterQueue"]
    assert found["LocalQueue"]["spec"]["clusterQueue"] == queue["metadata"]["name"]
    [group] = queue["spec"]["resourceGroups"]
    [flavour] = group["flavors"]
    assert {one["name"] for one in flavour["resources"]} == set(group["coveredResources"])
    assert flavour["name"] == found["ResourceFlavor"]["metadata"]["name"]
    assert found["ResourceFlavor"]["spec"]["nodeLabels"] == {"nvidia.com/gpu.present": "true"}


def test_no_secret_stands_in_a_file():
    for path in K8S.rglob("*.yaml"):
        for one in documents(path):
            for document in one if isinstance(one, list) else [one]:
                assert document.get("kind") != "Secret", path
