"""Every component run from its compiled YAML, by kfp's executor, as a KFP backend runs it.

The input has the backend's shape: artifacts come without their type and with a number for a name,
whole numbers of metadata and lists are floats, what is optional and not given is absent.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from kfp.dsl.executor_main import executor_main
from kfp.dsl.types import artifact_types

from bakeoff.artifacts import read_json, read_manifest
from bakeoff.pipelines.compiling import COMPONENTS, compile_components

SMALL = "embedding_dim=4, max_tokens=8, training.epochs=1, training.least_steps=0"
PLANNED = {"study": "sentiment", "preset": "quick", "models": "", "data": "imdb-25k"}


class Backend:
    """Runs components in folders as a backend does in pods, all in this process."""

    def __init__(self, folder):
        self.folder, self.run = folder, set()
        self.yaml = {
            path.stem.replace("-", "_"): yaml.safe_load(path.read_text())
            for path in compile_components(folder / "components", "image")
        }

    def __call__(self, component, name="", *, source=None, **given):
        """Run one task; its outputs by name, artifacts as lists of one.

        `source` is a pattern of the component's source and what to write instead.
        """
        _, _, _, code, *arguments = self.command(component, name, **given)
        program = self.folder / f"program_{component}.py"
        program.write_text(re.sub(*source, code) if source else code)
        arguments = ["executor_main", "--component_module_path", str(program), *arguments]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", arguments)
            patch.setattr(sys, "path", [*sys.path])
            patch.setattr(artifact_types, "CONTAINER_TASK_ROOT", None)
            executor_main()
        self.run.add(component)
        return self.outputs(component, name)

    def command(self, component, name="", **given):
        """What a pod of the task runs: a shell, the source of the component, its arguments."""
        spec = self.yaml[component]
        known = spec["components"][f"comp-{component.replace('_', '-')}"]
        message = {
            "inputs": _inputs(known["inputDefinitions"], given),
            "outputs": _outputs(known["outputDefinitions"], self.folder / (name or component)),
        }
        [executor] = spec["deploymentSpec"]["executors"].values()
        parts = [*executor["container"]["command"], *executor["container"]["args"]]
        return [json.dumps(message) if part == "{{$}}" else part for part in parts]

    def outputs(self, component, name=""):
        written = read_json(self.folder / (name or component) / "executor_output.json")
        artifacts = {key: value["artifacts"] for key, value in written.get("artifacts", {}).items()}
        return {**artifacts, **written.get("parameterValues", {})}


def _inputs(definitions, given):
    artifacts = {
        name: {"artifacts": [_from_store(number, one) for number, one in enumerate(given[name])]}
        for name in definitions.get("artifacts", {})
        if name in given
    }
    parameters = {}
    for name, parameter in definitions.get("parameters", {}).items():
        if name in given:
            parameters[name] = given[name]
            if parameter["parameterType"] in ("LIST", "STRUCT"):
                parameters[name] = _floats(given[name])
        elif "defaultValue" in parameter:
            default = parameter["defaultValue"]
            # Go writes a number that is whole without a point.
            whole = parameter["parameterType"] == "NUMBER_INTEGER"
            parameters[name] = int(default) if whole else default
    required = {
        n for part in definitions.values() for n, d in part.items() if "isOptional" not in d
    }
    assert required <= set(given) <= {n for part in definitions.values() for n in part}
    return {"artifacts": artifacts, "parameterValues": parameters}


def _from_store(number, artifact):
    session = json.dumps({"Provider": "s3", "Params": {"region": "minio", "endpoint": "here:9000"}})
    return {
        "name": str(number + 12),
        "type": {"instanceSchema": ""},
        "uri": artifact["uri"],
        "metadata": {**_floats(artifact["metadata"], booleans=True), "store_session_info": session},
    }


def _floats(value, booleans=False):
    """JSON as it comes back from a store that knows floats only."""
    if isinstance(value, dict):
        return {key: _floats(one, booleans) for key, one in value.items()}
    if isinstance(value, list):
        return [_floats(one, booleans) for one in value]
    number = isinstance(value, int) and (booleans or not isinstance(value, bool))
    return float(value) if number else value


def _outputs(definitions, folder):
    return {
        "outputFile": str(folder / "executor_output.json"),
        "artifacts": {
            name: {
                "artifacts": [
                    {
                        "name": name,
                        "type": definition["artifactType"],
                        "uri": str(folder / name),
                        "metadata": {},
                    }
                ]
            }
            for name, definition in definitions.get("artifacts", {}).items()
        },
        "parameters": {
            name: {"outputFile": str(folder / name)} for name in definitions.get("parameters", {})
        },
    }


@pytest.fixture
def backend(tmp_path):
    return Backend(tmp_path)


def compared(backend, name, dataset, study, test, models):
    """The models of a comparison, after a report was drawn from it."""
    made = backend("evaluate", f"evaluate-{name}", test=test, **models)
    evaluations = made["evaluations"]
    comparison = backend("compare", name, dataset=dataset, evaluations=evaluations, study=study)
    drawn = backend("report", f"report-{name}", comparison=comparison["comparison"])
    assert "<html" in Path(drawn["page"][0]["uri"]).read_text()
    results = read_json(Path(comparison["comparison"][0]["uri"]) / "results.json")
    board = {f"{row['model']} accuracy": row["accuracy"] for row in results["leaderboard"]}
    assert board.items() <= comparison["leaderboard"][0]["metadata"].items()
    return {row["model"] for row in results["leaderboard"]}


def test_the_steps_of_texts(backend, reviews_csv):
    graph = {
        "classical": "nb-counts, nb-tfidf",
        "networks": "rnn-64, rnn-256",
        "networks_of_chosen_width": "bilstm",
        "ensemble": "ensemble",
    }
    models = "nb-counts, rnn-64, rnn-256, bilstm, ensemble"
    settings = f"{SMALL}, rnn-64.hidden=4, rnn-256.hidden=8, ngrams=1, least_weight=0.1"
    asked = {**PLANNED, "models": models, "settings": settings, "data": str(reviews_csv)}
    columns = {"input_column": "review", "label_column": "stars", "limit": 200}
    planned = backend("plan", graph=graph, **asked, **columns)
    assert planned["data_hash"]
    [bayes] = planned["classical"]
    assert (bayes["model"], bayes["settings"]) == ("nb-counts", "ngrams=1")
    prepared = backend("prepare", data=str(reviews_csv), split="0.6:0.2:0.2", seed=0, **columns)
    dataset = backend("audit", dataset=prepared["dataset"], seed=0)["audited"]
    study = {"study": "sentiment"}
    given = {"dataset": dataset, "seed": 0, **study}
    made = backend("train_text_classical", items=planned["classical"], **given)
    classical = made["classical_models"]
    networks = []
    for item in planned["Output"]:
        name = item["model"]
        network = backend("train_text_network", name, dataset=dataset, threads=1, **study, **item)
        networks += network["network_models"]
    trained = {"classical": classical, "networks": networks}

    later = planned["networks_of_chosen_width"]
    [item] = backend("choose_width", models=networks, later=later)["Output"]
    assert (item["seed"], type(item["seed"])) == (0, int)
    *rest, width = item["settings"].split(", ")
    assert (rest, width in ("hidden=4", "hidden=8")) == (SMALL.split(", "), True)

    assert planned["pairs"] == []
    mixture = {"model": "ensemble", "seed": 0, "settings": planned["ensemble_settings"], **study}
    alone = backend("train_ensemble", "of-networks", **mixture, networks=networks)
    [folder] = Path(alone["ensemble_models"][0]["uri"]).glob("*/")
    assert set(read_json(folder / "weights.json")) <= {"rnn-64-seed0", "rnn-256-seed0"}
    assert read_json(folder / "model.json")["config"]["least_weight"] == 0.1
    trained["ensemble"] = backend("train_ensemble", **mixture, **trained)["ensemble_models"]

    # Whatever a graph leaves out is absent.
    test = prepared["test"]
    everyone = compared(backend, "all", dataset, "sentiment", test, trained)
    assert everyone == {"nb-counts", "rnn-64", "rnn-256", "ensemble", "largest-class"}
    only = {"classical": classical}
    few = compared(backend, "classical", dataset, "sentiment", test, only)
    assert few == {"nb-counts", "largest-class"}
    only = {"networks_of_chosen_width": networks}
    assert "ensemble" not in compared(backend, "chosen", dataset, "sentiment", test, only)
    assert backend.run == set(COMPONENTS) - {"train_image_network", "tune"}


def test_the_steps_of_images(backend):
    asked = {**PLANNED, "study": "autoencoder", "data": "digits"}
    settings = "training.epochs=1, training.least_steps=0"
    graph = {"networks": "ae-linear-scratch"}
    [item] = backend("plan", graph=graph, **{**asked, "settings": settings})["Output"]
    prepared = backend("prepare", data="digits", split="100:30:30", seed=0, modality="image")
    given = {"study": "autoencoder", "preset": "quick", "threads": 1, **item}
    made = backend("train_image_network", dataset=prepared["dataset"], **given)
    models = made["network_models"]
    assert read_manifest(Path(models[0]["uri"]))["settings"]["seed"] == 0
    test, dataset = prepared["test"], prepared["dataset"]
    found = compared(backend, "all", dataset, "autoencoder", test, {"networks": models})
    assert found == {"ae-linear-scratch", "largest-class"}


@pytest.mark.slow
def test_a_search_and_the_training_of_what_it_found(backend, reviews_csv):
    columns = {"input_column": "review", "label_column": "stars", "limit": 200}
    prepared = backend("prepare", data=str(reviews_csv), split="0.6:0.2:0.2", seed=0, **columns)
    dataset, test = prepared["dataset"], prepared["test"]
    settings = f"{SMALL}, rnn-64.hidden=4"
    loop = [{"model": "rnn-64", "seed": seed, "settings": settings} for seed in (0, 1)]
    # No test split is anywhere near.
    Path(test[0]["uri"]).rename(backend.folder / "hidden")
    given = {"study": "sentiment", "preset": "quick", "threads": 1}
    tuned = backend("tune", dataset=dataset, items=loop, budget="2", **given)
    names = ("nb-counts", "tree-tfidf")
    several = [{"model": name, "seed": 0, "settings": "ngrams=1"} for name in names]
    few = backend(
        "tune", "few", dataset=dataset, items=several, budget="3", metric="log-loss", **given
    )
    (backend.folder / "hidden").rename(test[0]["uri"])
    given.pop("threads")
    made = backend("train_text_classical", dataset=dataset, items=few["Output"], seed=0, **given)
    classical = made["classical_models"]
    given["threads"] = 1
    networks = []
    for number, item in enumerate(tuned["Output"]):
        assert (item["seed"], type(item["seed"])) == (number, int)
        assert item["settings"].startswith(settings)
        made = backend("train_text_network", f"of-{number}", dataset=dataset, **given, **item)
        networks += made["network_models"]
    evaluated = backend("evaluate", test=test, networks=networks, classical=classical)
    given = {"study": "sentiment", "evaluations": evaluated["evaluations"]}
    given |= {"trials": tuned["trials"], "trials_of_classical": few["trials"]}
    compared = backend("compare", dataset=dataset, **given)["comparison"]
    results = read_json(Path(compared[0]["uri"]) / "results.json")
    *others, search = results["searches"]
    assert [(other["model"], other["metric"]) for other in others] == [
        (name, "log-loss") for name in names
    ]
    records = {model["model"]: model for model in results["models"]}
    for other in others:
        best, record = other["trials"][other["best"]], records[other["model"]]
        assert "ngrams" not in best["settings"]
        assert best["score"] == min(trial["score"] for trial in other["trials"])
        assert record["validation"]["log_loss"] == pytest.approx(best["score"], abs=1e-4)
        assert record["config"].items() >= best["settings"].items()
    best = search["trials"][search["best"]]
    networks = [model for model in results["models"] if model["model"] == "rnn-64"]
    [first] = [model for model in networks if model["seed"] == 0]
    assert first["validation"]["accuracy"] == pytest.approx(best["score"])
    assert first["config"]["training"]["batch_size"] == best["settings"]["training.batch_size"]


def test_the_command_itself_refuses_in_one_line(backend):
    """A shell, and kfp as it is in a pod."""
    command = backend.command("prepare", data="nowhere.csv", split="0.6:0.2:0.2", seed=0)
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "nowhere.csv" in done.stderr.splitlines()[-1]


def test_a_single_artifact_that_is_optional_by_its_annotation_fails(backend):
    """Why components write `Input[Artifact] = None`; and that this input can tell."""
    given = {"model": "ensemble", "seed": 0, "study": "text"}
    given["classical"] = [{"uri": "/nowhere", "metadata": {}}]
    source = (r"classical: (dsl.Input\[dsl.Model\])", r"classical: Optional[\1]")
    with pytest.raises(TypeError, match=r"Cannot instantiate typing.Union"):
        backend("train_ensemble", source=source, **given)
    with pytest.raises(SystemExit, match="2"):
        backend("train_ensemble", **given)
