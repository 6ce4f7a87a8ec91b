"""The compiled YAML, read as a KFP backend reads it."""

import re
from pathlib import Path

import pytest
import yaml

from bakeoff.cluster.settings import RayJobSettings
from bakeoff.container import CODE
from bakeoff.errors import UserError
from bakeoff.evaluation.scores import METRICS
from bakeoff.parts import run_of
from bakeoff.pipelines.compiling import COMPONENTS, compile_components, compile_plan
from bakeoff.pipelines.options import DEADLINE, Options
from bakeoff.pipelines.resources import RESOURCES
from bakeoff.plans import plan
from bakeoff.studies import STUDIES
from bakeoff.tracking.identity import SUFFIX

IMAGE = "registry.example/bakeoff@sha256:" + "0" * 64


def compiled(tmp_path, options, study="sentiment", **settings):
    path = tmp_path / "pipeline.yaml"
    compile_plan(plan(study, "full", **settings), options, path)
    return list(yaml.safe_load_all(path.read_text()))


def tasks(spec):
    """Every task of the graph, those inside loops included."""
    dags = [spec["root"]["dag"]]
    dags += [c["dag"] for c in spec["components"].values() if "dag" in c]
    return {name: task for dag in dags for name, task in dag["tasks"].items()}


def planned(spec, **form):
    """What a run is given whose form is left as it is but for some values."""
    taken = tasks(spec)["plan"]["inputs"]["parameters"]
    known = spec["root"]["inputDefinitions"]["parameters"]
    values = {
        name: source["runtimeValue"]["constant"]
        if "runtimeValue" in source
        else form.get(name, known[source["componentInputParameter"]]["defaultValue"])
        for name, source in taken.items()
    }
    values |= {name: int(value) for name, value in values.items() if isinstance(value, float)}
    return run_of(**{"versions": {}, **values})


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("cluster"), Options(image=IMAGE, wandb="online"))


def consumers(spec, output):
    """Names of the tasks that take `prepare`'s output, followed into the loops."""
    channel = f"pipelinechannel--prepare-{output}"
    found = set()
    for name, task in tasks(spec).items():
        for argument, source in task.get("inputs", {}).get("artifacts", {}).items():
            direct = source.get("taskOutputArtifact", {}).get("outputArtifactKey") == output
            in_loop = source.get("componentInputArtifact") == channel
            if (direct or in_loop) and argument != channel:
                found.add(name)
    return found


def test_only_evaluate_takes_the_test_split(cluster):
    spec = cluster[0]
    assert consumers(spec, "test") == {"evaluate"}
    assert tasks(spec)["evaluate"]["componentRef"]["name"] == "comp-evaluate"


def test_training_takes_the_dataset(cluster):
    assert consumers(cluster[0], "dataset") == {
        "train-text-classical",
        "train-text-network",
        "audit",
    }


def test_the_whole_ladder_compiles(tmp_path):
    spec = compiled(tmp_path, Options(), models=["all"], seeds=3)[0]
    mixed = {"classical", "networks", "networks_of_chosen_width"}
    assert set(tasks(spec)["train-ensemble"]["inputs"]["artifacts"]) == mixed
    scored = set(tasks(spec)["evaluate"]["inputs"]["artifacts"])
    assert scored == {"test", "ensemble", *mixed}
    run = planned(spec)
    assert len(run.networks) == len(run.networks_of_chosen_width) == 3 * 5


@pytest.mark.parametrize(
    ("study", "models", "parts"),
    [
        ("sentiment", ["nb-counts", "tree-tfidf"], 1),
        ("sentiment", ["nb-counts", "rnn-64", "ensemble"], 2),
        ("sentiment", ["rnn-64", "rnn-256", "bilstm"], 2),
        ("sentiment", ["nbsvm", "rnn-64", "rnn-256", "bilstm"], 3),
        ("resnet", ["resnet18"], 1),
    ],
)
def test_a_search_is_in_the_graph_where_it_is_asked_for_and_sees_no_test(
    study, models, parts, tmp_path
):
    without = tasks(compiled(tmp_path, Options(), study=study, models=models)[0])
    assert not [name for name in without if name.startswith("tune")]
    assert not [n for n in without["compare"]["inputs"]["artifacts"] if n.startswith("trials")]
    spec = compiled(tmp_path, Options(), study=study, models=models, tune="1h")[0]
    searches = {name: t for name, t in tasks(spec).items() if name.startswith("tune")}
    assert len(searches) == parts
    for task in searches.values():
        [(argument, source)] = task["inputs"]["artifacts"].items()
        assert (argument, source["taskOutputArtifact"]["outputArtifactKey"]) == (
            "dataset",
            "dataset",
        )
    # What is trained is what a search gives back.
    for name, task in tasks(spec).items():
        if "parameterIterator" in task or name == "train-text-classical":
            assert set(task["dependentTasks"]) & set(searches), name
    taken = [n for n in tasks(spec)["compare"]["inputs"]["artifacts"] if n.startswith("trials")]
    assert len(taken) == parts


def test_the_time_of_a_search_is_shared_by_the_models(tmp_path):
    names = ["nb-counts", "rnn-64", "rnn-256", "bilstm"]
    spec = compiled(tmp_path, Options(), models=names, tune="1h")[0]
    budgets = [
        task["inputs"]["parameters"]["budget"]["runtimeValue"]["constant"]
        for name, task in sorted(tasks(spec).items())
        if name.startswith("tune")
    ]
    assert budgets == ["900s", "1800s", "900s"]


def test_a_search_that_a_cluster_would_end_is_refused_and_two_shorter_ones_are_not(tmp_path):
    with pytest.raises(UserError, match=r"^--tune 24h: on a cluster a search is ended after 24 h"):
        compiled(tmp_path, Options(), models=["rnn-64"], tune="24h")
    assert not (tmp_path / "pipeline.yaml").exists()
    assert compiled(tmp_path, Options(local=True), models=["rnn-64"], tune="24h")
    large = Options(resources="large")
    assert compiled(tmp_path, large, models=["rnn-64"], tune="24h")
    with pytest.raises(UserError, match=r"after 96 hours; give less time, or a number of trials$"):
        compiled(tmp_path, large, models=["rnn-64"], tune="96h")
    both = ["rnn-64", "rnn-256", "lstm-1", "bilstm"]
    assert compiled(tmp_path, Options(), models=both, tune="30h")


def test_suspects_are_left_out_only_where_asked(tmp_path):
    def source(**settings):
        train = tasks(compiled(tmp_path, Options(), **settings)[0])["train-text-classical"]
        return train["inputs"]["artifacts"]["dataset"]["taskOutputArtifact"]["producerTask"]

    assert source() == "prepare"
    assert source(drop_suspects=True) == "audit"


def test_every_step_has_the_pinned_image_and_installs_nothing(cluster):
    executors = cluster[0]["deploymentSpec"]["executors"]
    assert len(executors) == 9
    for executor in executors.values():
        container = executor["container"]
        assert container["image"] == IMAGE
        assert "pip install" not in " ".join(container["command"])


def test_every_step_has_retries_caching_and_a_time_limit(cluster):
    spec, platform = cluster
    timeouts = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    steps = {n: t for n, t in tasks(spec).items() if not n.startswith("for-loop")}
    assert len(steps) == 9
    for name, task in steps.items():
        # What stands behind an address may change between two runs: `plan` looks each time.
        assert task["cachingOptions"].get("enableCache", False) is (name not in ("plan", "report"))
        assert task["retryPolicy"]["maxRetryCount"] >= 1
    assert all(int(e["activeDeadlineSeconds"]) > 0 for e in timeouts.values())
    assert len(timeouts) == 9


def test_without_a_cache_nothing_is_reused(tmp_path):
    spec, _ = compiled(tmp_path, Options(image=IMAGE, cached=False))
    dags = [spec["root"], *spec["components"].values()]
    tasks = [task for dag in dags for task in dag.get("dag", {}).get("tasks", {}).values()]
    assert len(tasks) > 8
    assert not any(task.get("cachingOptions", {}).get("enableCache") for task in tasks)


def cpus(quantity):
    """CPUs of a quantity as Kubernetes writes it."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def gib(quantity):
    """GiB of a memory quantity."""
    return float(quantity.removesuffix("Mi")) / 1024


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("threads", [1, 2, 6])
def test_no_step_asks_for_more_cpus_than_a_training_has_threads(study, threads, tmp_path):
    """And for so much less than a node of as many that KFP's own pods fit beside it."""
    models = ["all"] if study == "sentiment" else []
    spec, _ = compiled(tmp_path, Options(), study=study, models=models, threads=threads)
    limits = {}
    for name, executor in spec["deploymentSpec"]["executors"].items():
        resources = executor["container"]["resources"]
        limits[re.sub(r"^exec-|-\d+$", "", name)] = limit = cpus(resources["resourceCpuLimit"])
        assert 0 < cpus(resources["resourceCpuRequest"]) <= limit - 0.4 < limit <= threads
        memory, most = (gib(resources[f"resourceMemory{which}"]) for which in ("Request", "Limit"))
        assert 0 < memory < most <= 8
    assert set(limits) <= set(RESOURCES)
    networks = [limit for name, limit in limits.items() if name.endswith("network")]
    assert set(networks) == {threads}, "what has the threads also has CPUs for them"


def test_small_fits_two_cpus_and_8_gib_with_what_kfp_needs(tmp_path):
    """One training at a time beside the classical one and the audit: less than half of it asked
    for, and never more than there is."""
    options = Options(image=IMAGE, resources="small")
    spec, _ = compiled(tmp_path, options, models=["all"], threads=2)
    asked, most = {}, {}
    for name, executor in spec["deploymentSpec"]["executors"].items():
        resources = executor["container"]["resources"]
        asked[name] = (
            cpus(resources["resourceCpuRequest"]),
            gib(resources["resourceMemoryRequest"]),
        )
        most[name] = gib(resources["resourceMemoryLimit"])
        assert cpus(resources["resourceCpuLimit"]) <= 2
    beside = ("exec-audit", "exec-train-text-classical", "exec-train-text-network")
    assert sum(asked[name][0] for name in beside) <= 1.1
    assert sum(asked[name][1] for name in beside) <= 2.5
    assert max(most.values()) <= 3
    for name in ("for-loop-1", "for-loop-2"):
        assert tasks(spec)[name]["iteratorPolicy"] == {"parallelismLimit": 1}
    several = Options(image=IMAGE, resources="small", parallelism=3)
    loop = tasks(compiled(tmp_path, several)[0])["for-loop-1"]
    assert loop["iteratorPolicy"] == {"parallelismLimit": 3}


def test_large_has_four_times_the_memory_and_time_and_trials(tmp_path):
    def steps(resources):
        models = {"models": ["nb-counts", "rnn-64"], "threads": 2, "tune": "2"}
        options = Options(image=IMAGE, resources=resources)
        spec, platform = compiled(tmp_path, options, **models)
        limits = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        for name, executor in spec["deploymentSpec"]["executors"].items():
            asked = executor["container"]["resources"]
            seconds = int(limits[name]["activeDeadlineSeconds"])
            yield name, cpus(asked["resourceCpuLimit"]), gib(asked["resourceMemoryLimit"]), seconds

    usual, large = list(steps("standard")), list(steps("large"))
    for (name, cpu, memory, seconds), scaled in zip(usual, large, strict=True):
        more = 4 if name.startswith("exec-tune") else 1
        assert scaled == (name, more * cpu, 4 * memory, 4 * seconds)
        assert scaled[2] <= 32
        assert scaled[3] < DEADLINE
    options = Options(image=IMAGE, resources="large", rayjob=RayJobSettings())
    assert options.resources_of("train-text-network").minutes == RayJobSettings().minutes


@pytest.mark.parametrize("resources", ["small", "standard"])
def test_libraries_start_as_many_threads_as_a_step_has_cpus(tmp_path, resources):
    spec, _ = compiled(tmp_path, Options(image=IMAGE, resources=resources), threads=2)
    for name, variables in environments(spec).items():
        limit = spec["deploymentSpec"]["executors"][name]["container"]["resources"]
        assert variables["OMP_NUM_THREADS"] == limit["resourceCpuLimit"]


def hardened(executor):
    """A step's container as KFP 2.17 makes it: what it sets itself, and what it takes over."""
    own = executor.get("securityContext", {})
    context = {
        name: own[name] for name in ("runAsNonRoot", "runAsUser", "runAsGroup") if name in own
    }
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
        **context,
    }


def breaches(context):
    """Rules of Pod Security's standard `restricted` that a container's security context breaks
    (kubernetes.io/docs/concepts/security/pod-security-standards).
    """
    capabilities = context.get("capabilities", {})
    rules = {
        "privileged": not context.get("privileged", False),
        "privilege escalation": context.get("allowPrivilegeEscalation") is False,
        "running as non-root": context.get("runAsNonRoot") is True,
        "running as non-root user": context.get("runAsUser", 1) != 0,
        "seccomp": context.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost"),
        "capabilities dropped": "ALL" in capabilities.get("drop", []),
        "capabilities added": set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
    }
    return [rule for rule, kept in rules.items() if not kept]


@pytest.mark.parametrize("study", STUDIES)
def test_every_pod_meets_the_standard_restricted(tmp_path, study):
    spec, platform = compiled(tmp_path, Options(image=IMAGE, wandb="online"), study=study)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(executors) == set(spec["deploymentSpec"]["executors"])
    allowed = {"activeDeadlineSeconds", "securityContext", "secretAsEnv", "fieldPathAsEnv"}
    for executor in executors.values():
        assert breaches(hardened(executor)) == []
        assert set(executor) <= allowed, "no volume, host path or other thing of a node"
    assert breaches(hardened({})) == ["running as non-root"]
    assert breaches(hardened({"securityContext": {"runAsNonRoot": True, "runAsUser": 0}})) == [
        "running as non-root user"
    ]


def test_a_run_that_waits_for_ever_is_ended(cluster, tmp_path):
    config = cluster[1]["platforms"]["kubernetes"]["pipelineConfig"]
    assert config["activeDeadlineSeconds"] == 7 * 24 * 3600
    [local] = compiled(tmp_path, Options(local=True))
    assert "platforms" not in local


def test_no_step_and_no_run_ends_before_the_rayjobs_it_waits_for(tmp_path):
    rayjob = RayJobSettings(active_hours=72, attempts=2, pre_running_minutes=60)
    _, platform = compiled(tmp_path, Options(image=IMAGE, rayjob=rayjob), models=["rnn-64"])
    cluster = platform["platforms"]["kubernetes"]
    executors = cluster["deploymentSpec"]["executors"]
    longest = 2 * (72 + 1) * 3600
    assert int(executors["exec-train-text-network"]["activeDeadlineSeconds"]) > longest
    assert cluster["pipelineConfig"]["activeDeadlineSeconds"] > longest + 7 * 24 * 3600 - 1
    assert int(executors["exec-prepare"]["activeDeadlineSeconds"]) == 3600


def test_the_wandb_key_is_a_reference_never_a_value(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", "a-secret-key-of-forty-characters-or-more")
    documents = compiled(tmp_path, Options(image=IMAGE, wandb="online"))
    assert "a-secret-key" not in yaml.dump_all(documents)
    executors = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["exec-evaluate"]["secretAsEnv"][0]["secretName"] == "wandb"
    assert executors["exec-compare"]["secretAsEnv"], "it records the leaderboard"
    assert "wandb" not in {keys["secretName"] for keys in executors["exec-prepare"]["secretAsEnv"]}


def test_steps_that_record_know_where_runs_are_kept(monkeypatch, tmp_path):
    there = {"WANDB_PROJECT": "bakes", "WANDB_BASE_URL": "https://wandb.example"}
    for variable, value in there.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("WANDB_ENTITY", raising=False)
    spec, _ = compiled(tmp_path, Options(image=IMAGE, wandb="online"))
    known = {
        re.sub(r"^exec-|-\d+$", "", name): {
            variable["name"]: variable["value"]
            for variable in executor["container"].get("env", [])
            if variable["name"] in (*there, "WANDB_ENTITY")
        }
        for name, executor in spec["deploymentSpec"]["executors"].items()
    }
    assert all(known[step] == there for step in ("train-text-network", "evaluate", "compare"))
    assert not known["prepare"]


def test_steps_that_record_know_what_ids_end_with(tmp_path):
    spec, _ = compiled(tmp_path, Options(image=IMAGE, wandb="online", wandb_suffix="second"))
    ends = {
        re.sub(r"^exec-|-\d+$", "", name): variable["value"]
        for name, executor in spec["deploymentSpec"]["executors"].items()
        for variable in executor["container"].get("env", [])
        if variable["name"] == SUFFIX
    }
    assert set(ends.values()) == {"second"}
    assert {"train-text-network", "evaluate", "compare"} <= set(ends)
    assert "prepare" not in ends


def test_steps_on_a_cluster_know_the_run_they_are_part_of(cluster):
    """So that two runs of one YAML share nothing in W&B."""
    spec, platform = cluster
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    told = {name for name, executor in executors.items() if "fieldPathAsEnv" in executor}
    names = ("train-text-classical", "train-text-network", "train-ensemble", "compare")
    assert told == {f"exec-{name}" for name in names}
    for name in told:
        assert environments(spec)[name]["BAKEOFF_PLAN"] == '{"study": "sentiment"}'
        assert executors[name]["fieldPathAsEnv"] == [
            {"name": "BAKEOFF_RUN", "fieldPath": "metadata.labels['pipeline/runid']"}
        ]


@pytest.mark.parametrize("study", STUDIES)
def test_columns_that_divide_rows_are_parameters_and_reach_the_first_step(study, tmp_path):
    columns = {"split_column": "part", "group_column": "user"}
    spec, _ = compiled(tmp_path, Options(), study=study, **columns)
    given = spec["root"]["inputDefinitions"]["parameters"]
    taken = tasks(spec)["prepare"]["inputs"]["parameters"]
    for name, default in (columns | {"time_column": ""}).items():
        assert given[name]["defaultValue"] == default
        assert taken[name] == {"componentInputParameter": name}


@pytest.mark.parametrize("study", ["autoencoder", "resnet"])
def test_images_are_trained_compared_and_drawn_and_only_evaluate_takes_test(study, tmp_path):
    spec, platform = compiled(tmp_path, Options(image=IMAGE), study=study)
    assert consumers(spec, "test") == {"evaluate"}
    assert consumers(spec, "dataset") == {"train-image-network", "compare"}
    steps = {name for name in tasks(spec) if not name.startswith("for-loop")}
    assert steps == {"plan", "prepare", "train-image-network", "evaluate", "compare", "report"}
    assert tasks(spec)["prepare"]["inputs"]["parameters"]["modality"] == {
        "runtimeValue": {"constant": "image"}
    }
    given = spec["root"]["inputDefinitions"]["parameters"]
    columns = {"image_column", "label_column", "split_column", "group_column", "time_column"}
    assert {"data", "image_size", "skip_bad_images", "split", "limit", *columns} <= set(given)
    assert "class_level" not in given, "a cluster reads no folders"
    [local] = compiled(tmp_path, Options(local=True), study=study)
    assert "class_level" in local["root"]["inputDefinitions"]["parameters"]
    assert given["data"]["defaultValue"] == "stl10"
    timeouts = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert len(timeouts) == len(spec["deploymentSpec"]["executors"]) == 6


def test_changed_weights_are_noticed(tmp_path):
    weights = tmp_path / "weights.pth"

    def fingerprint(content):
        weights.write_bytes(content)
        spec = compiled(tmp_path, Options(local=True), study="resnet", weights=str(weights))[0]
        weights.unlink()  # It is looked at before the steps run, whose outputs may be reused.
        weights.touch()
        first = planned(spec).networks[0]
        assert f"weights={weights}" in first["settings"]
        return first["fingerprint"]

    assert fingerprint(b"one") == fingerprint(b"one") != fingerprint(b"two")


def test_parts_without_models_are_left_out(tmp_path):
    classical = compiled(tmp_path, Options(), models=["nb-counts"])[0]
    networks = compiled(tmp_path, Options(), models=["rnn-64"])[0]
    assert "train-text-network" not in tasks(classical)
    assert "train-text-classical" not in tasks(networks)


@pytest.mark.parametrize("study", STUDIES)
def test_every_parameter_is_described_and_none_of_them_is_json(study, tmp_path):
    spec = compiled(tmp_path, Options(image=IMAGE), study=study)[0]
    form = spec["root"]["inputDefinitions"]["parameters"]
    assert {"data", "models", "seed", "seeds", "settings", "metric", "split"} <= set(form)
    for parameter in form.values():
        assert len(parameter["description"]) > 20
        assert "{" not in parameter["description"]
        assert parameter["parameterType"] in ("STRING", "NUMBER_INTEGER", "BOOLEAN")
    for component in spec["components"].values():
        if "executorLabel" in component:
            parameters = component.get("inputDefinitions", {}).get("parameters", {})
            assert all(parameter["description"] for parameter in parameters.values())


@pytest.mark.parametrize("study", STUDIES)
def test_every_field_of_the_form_is_looked_at_by_the_first_step(study, tmp_path):
    """But for one that holds yes or no."""
    spec = compiled(tmp_path, Options(image=IMAGE), study=study)[0]
    taken = tasks(spec)["plan"]["inputs"]["parameters"].values()
    seen = {source.get("componentInputParameter") for source in taken} - {None}
    form = spec["root"]["inputDefinitions"]["parameters"]
    unseen = {name: form[name]["parameterType"] for name in form.keys() - seen}
    rows = "rows" if STUDIES[study].modality == "text" else "images"
    assert unseen == {f"skip_bad_{rows}": "BOOLEAN"}


@pytest.mark.parametrize("study", STUDIES)
def test_a_choice_among_words_is_a_list_of_them(study, tmp_path):
    """KFP's form shows it, and its API refuses other words."""
    spec = compiled(tmp_path, Options(image=IMAGE), study=study)[0]
    form = spec["root"]["inputDefinitions"]["parameters"]
    lists = {name: one["literals"] for name, one in form.items() if "literals" in one}
    presets = {"preset": list(STUDIES[study].presets)}
    # Of texts a preset says how many rows there are, which the form has by itself.
    wanted = presets if STUDIES[study].modality == "image" else {}
    assert lists == {"metric": list(METRICS), **wanted}
    assert ("preset" in form) == bool(wanted)
    assert all(form[name]["defaultValue"] in words for name, words in lists.items())


def test_tasks_and_artifacts_say_what_they_are(cluster):
    """Under the names that a person sees, no two are the same."""
    named = [task["taskInfo"]["name"] for task in tasks(cluster[0]).values()]
    assert {"plan the run", "train rnn-64 or bilstm-glove", "evaluate on test"} <= set(named)
    assert len(set(named)) == len(named)
    outputs = [
        name
        for component in cluster[0]["components"].values()
        if "executorLabel" in component
        for name in component.get("outputDefinitions", {}).get("artifacts", {})
    ]
    assert {"classical_models", "network_models", "ensemble_models", "leaderboard"} <= set(outputs)
    assert len(set(outputs)) == len(outputs)


def test_what_was_changed_stands_in_the_form(tmp_path):
    options = {"metric": "macro-f1", "changes": ["rnn-64.training.epochs=2"], "seed": 3}
    spec = compiled(tmp_path, Options(image=IMAGE), models=["rnn-64", "nb-counts"], **options)[0]
    form = spec["root"]["inputDefinitions"]["parameters"]
    values = {name: one["defaultValue"] for name, one in form.items()}
    changed = "training.epochs=2, training.least_steps=0"
    assert values["settings"] == changed, "of all that have such a setting"
    assert (values["metric"], values["seed"]) == ("macro-f1", 3)
    [item] = planned(spec).networks
    assert item["settings"] == f"{changed}, training.metric=macro-f1"
    [item] = planned(spec, settings="", metric="accuracy").networks
    assert item["settings"] == ""


def environments(spec):
    """The variables of every step, by its executor."""
    return {
        name: {v["name"]: v.get("value", "") for v in executor["container"].get("env", [])}
        for name, executor in spec["deploymentSpec"]["executors"].items()
    }


def test_on_this_machine_a_step_has_the_hash_of_its_code_and_nothing_that_differs_from_run_to_run(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_RUN_GROUP", "a-group")
    found = environments(compiled(tmp_path, Options(local=True, wandb="online"))[0])
    for variables in found.values():
        assert set(variables) == {CODE}
        assert re.fullmatch(r"[0-9a-f]{16}", variables[CODE])
    assert found["exec-prepare"] != found["exec-train-text-network"]
    image = environments(compiled(tmp_path, Options(local=True, code="sha256:1"))[0])
    assert {variables[CODE] for variables in image.values()} == {"sha256:1"}
    # What networks become without the GPU is not what they are with it.
    monkeypatch.setattr("bakeoff.pipelines.options.accelerator", lambda: "NVIDIA H100")
    without = environments(compiled(tmp_path, Options(local=True, on_cpus=True))[0])
    assert {name for name in without if without[name] != found[name]} == {"exec-train-text-network"}


def test_on_a_cluster_the_image_is_the_code(tmp_path, cluster):
    for spec in (cluster[0], compiled(tmp_path, Options())[0]):
        for variables in environments(spec).values():
            assert CODE not in variables
    assert set(environments(cluster[0])["exec-evaluate"]) == {"WANDB_MODE", "OMP_NUM_THREADS"}


def test_every_component_compiles_and_loads(tmp_path):
    from kfp import components

    paths = compile_components(tmp_path, IMAGE)
    assert [path.stem.replace("-", "_") for path in paths] == list(COMPONENTS)
    for path in paths:
        assert "pip install" not in path.read_text()
        components.load_component_from_file(str(path))


def test_unwritable_output_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        compile_plan(plan("sentiment", "quick"), Options(), tmp_path / "file" / "out.yaml")


@pytest.mark.parametrize(
    ("study", "models", "option"),
    [
        ("sentiment", ["bilstm-glove"], "glove"),
        ("sentiment", ["bilstm-word2vec"], "word2vec"),
        ("sentiment", ["nb-counts"], "data"),
        ("resnet", ["resnet18"], "weights"),
    ],
)
def test_a_cluster_is_given_no_path_of_this_machine(study, models, option, tmp_path):
    file = tmp_path / "some.csv"
    file.write_text("text,label\n")
    settings = {"study": study, "models": models, option: str(file)}
    with pytest.raises(UserError, match=r"some.csv is on this machine.*s3://bucket/some.csv"):
        compiled(tmp_path, Options(), **settings)
    assert not (tmp_path / "pipeline.yaml").exists()
    compiled(tmp_path, Options(local=True), **settings)
    remote = {**settings, option: "s3://bucket/some.csv"}
    assert "s3://bucket/some.csv" in yaml.dump_all(compiled(tmp_path, Options(), **remote))


@pytest.mark.parametrize("data", ["./none.csv", "none.csv", "/none/none.csv", "imdb-26k"])
def test_a_cluster_is_given_no_data_that_is_neither_a_name_nor_an_address(data, tmp_path):
    with pytest.raises(UserError, match=r"no step on a cluster can.*s3://bucket/\S+$"):
        compiled(tmp_path, Options(), models=["nb-counts"], data=data)


def test_a_folder_of_images_has_no_address_but_its_parquet_has(tmp_path):
    (tmp_path / "pets").mkdir()
    with pytest.raises(UserError, match=r"pets is on this.*s3://bucket/pets.parquet$"):
        compiled(tmp_path, Options(), study="resnet", data=str(tmp_path / "pets"))


def test_networks_on_rayjobs_leave_their_own_pods_what_waiting_takes(tmp_path):
    """A task's settings go to Ray's pods, but for the keys of S3, which both need."""
    models = {"models": ["nb-counts", "rnn-64"]}
    rayjob = RayJobSettings(queue="team")
    spec, platform = compiled(tmp_path, Options(image=IMAGE, rayjob=rayjob), **models)
    train = spec["components"]["comp-train-text-network"]
    passed = {
        one["field"]: one.get("applyToTask", False) for one in train["taskConfigPassthroughs"]
    }
    assert len(passed) == 6
    assert [field for field, applied in passed.items() if applied] == ["ENV"]
    container = spec["deploymentSpec"]["executors"]["exec-train-text-network"]["container"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert variables["BAKEOFF_WHERE"] == "rayjob"
    assert variables["BAKEOFF_RAYJOB"] == '{"queue": "team"}'
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    [keys, _] = executors["exec-train-text-network"]["secretAsEnv"]
    assert keys["secretName"] == "mlpipeline-minio-artifact"
    others = spec["deploymentSpec"]["executors"]["exec-train-text-classical"]
    assert "BAKEOFF_WHERE" not in str(others)

    assert variables["BAKEOFF_CHECKPOINTS"] == "beside-artifacts"
    assert not keys.get("optional")

    # Another compilation of this process is another one.
    spec, platform = compiled(tmp_path / "inline", Options(image=IMAGE), **models)
    train = spec["components"]["comp-train-text-network"]
    assert all(one["applyToTask"] for one in train["taskConfigPassthroughs"])
    assert "BAKEOFF_WHERE" not in str(spec)
    keeping = {n for n, v in environments(spec).items() if "BAKEOFF_CHECKPOINTS" in v}
    assert keeping == {"exec-train-text-network"}
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    [keys, _] = executors["exec-train-text-network"]["secretAsEnv"]
    assert (keys["secretName"], keys["optional"]) == ("mlpipeline-minio-artifact", True)


def test_steps_that_read_by_address_have_keys_where_there_are_some(tmp_path):
    models = {"models": ["rnn-64", "nb-counts"]}
    _, platform = compiled(tmp_path, Options(image=IMAGE), **models)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    secrets = {
        step.removeprefix("exec-"): {
            keys["secretName"]: {one["secretKey"]: one["envVar"] for one in keys["keyToEnv"]}
            for keys in parts.get("secretAsEnv", ())
            if keys["optional"]
        }
        for step, parts in executors.items()
    }
    assert {step for step, found in secrets.items() if found} == {
        *("plan", "prepare", "train-text-network")
    }
    for step in ("plan", "prepare", "train-text-network"):
        assert set(secrets[step]) == {"mlpipeline-minio-artifact", "s3"}
        assert secrets[step]["s3"]["AWS_ENDPOINT_URL"] == "BAKEOFF_S3_ENDPOINT"
        assert secrets[step]["s3"]["KFP_STORE_ENDPOINT_URL"] == "BAKEOFF_KFP_STORE_ENDPOINT"


def test_what_does_not_compile_leaves_the_earlier_pipeline_and_nothing_else(tmp_path, monkeypatch):
    compiled(tmp_path, Options(image=IMAGE), models=["nb-counts"])
    before = (tmp_path / "pipeline.yaml").read_bytes()

    def breaks(_compiler, _what, path):
        Path(path).write_text("half")
        raise ValueError("no pipeline")

    monkeypatch.setattr("kfp.compiler.Compiler.compile", breaks)
    with pytest.raises(ValueError, match="no pipeline"):
        compiled(tmp_path, Options(image=IMAGE))
    assert (tmp_path / "pipeline.yaml").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.yaml"]


def test_a_pipeline_may_have_any_name(tmp_path):
    compile_plan(plan("sentiment", "full"), Options(image=IMAGE), tmp_path / "mine.txt")
    assert "root" in next(yaml.safe_load_all((tmp_path / "mine.txt").read_text()))
