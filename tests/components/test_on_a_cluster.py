"""Every component run from its compiled YAML, by kfp's executor, as a KFP backend runs it.

The input has the backend's shape: artifacts come without their type and with a number for a name,
whole numbers of metadata and lists are floats, what is optional and not given is absent.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from kfp.dsl.executor_main import executor_main
from kfp.dsl.types import artifact_types

from bakeoff.artifacts import read_json, read_manifest
from bakeoff.pipelines.compiling import COMPONENTS, compile_components
from bakeoff.text.configs import LinearText, TextNetwork
from bakeoff.training.settings import Ensemble, TrainingSettings, to_dict
from bakeoff.vision.configs import ImageNetwork, Pictures

BAYES = LinearText(method="naive-bayes", weighting="counts", ngrams=1)
RNN = TextNetwork(
    encoder="rnn",
    hidden=4,
    embedding_dim=4,
    max_tokens=8,
    width_role="decides",
    training=TrainingSettings(epochs=1, least_steps=0),
)
CONV = ImageNetwork(
    encoder="linear",
    pictures=Pictures(size=8),
    training=TrainingSettings(epochs=1, least_steps=0),
)
SETTINGS = {"preset": "quick", "seed": 0, "seeds": 1, "pairs": []}
ENSEMBLE = {"model": "mix", "config": json.dumps(to_dict(Ensemble())), "seed": 0, "seeds": 1}


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
            parameters[name] = parameter["defaultValue"]
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


def as_json(**configs):
    return json.dumps({name: to_dict(config) for name, config in configs.items()})


@pytest.fixture
def backend(tmp_path):
    return Backend(tmp_path)


def compared(backend, name, dataset, study, evaluations):
    """The models of a comparison, after a report was drawn from it."""
    settings = json.dumps({"study": study, **SETTINGS})
    comparison = backend("compare", name, dataset=dataset, settings=settings, **evaluations)
    drawn = backend("report", f"report-{name}", comparison=comparison["comparison"])
    assert "<html" in Path(drawn["page"][0]["uri"]).read_text()
    results = read_json(Path(comparison["comparison"][0]["uri"]) / "results.json")
    board = {f"{row['model']} accuracy": row["accuracy"] for row in results["leaderboard"]}
    assert board.items() <= comparison["metrics"][0]["metadata"].items()
    return {row["model"] for row in results["leaderboard"]}


def test_the_steps_of_texts(backend, reviews_csv):
    columns = {"input_column": "review", "label_column": "stars", "limit": 200}
    prepared = backend("prepare", data=str(reviews_csv), split="0.6:0.2:0.2", seed=0, **columns)
    dataset = backend("audit", dataset=prepared["dataset"], seed=0)["audited"]
    classical = backend("train_text_classical", dataset=dataset, configs=as_json(nb=BAYES), seed=0)
    networks = []
    for width in (4, 8):
        name = f"rnn-{width}"
        configs = as_json(**{name: replace(RNN, hidden=width)})
        network = {"model": name, "seed": 0, "configs": configs, "threads": 1}
        networks += backend("train_text_network", name, dataset=dataset, **network)["models"]
    loops = {"classical": classical["models"], "networks": networks}

    bilstm = as_json(bilstm=replace(RNN, encoder="lstm", hidden=99, width_role="follows"))
    later = [{"model": "bilstm", "seed": 3, "configs": bilstm, "files_hash": ""}]
    [item] = backend("choose_width", models=networks, later=later)["Output"]
    assert (item["seed"], type(item["seed"])) == (3, int)
    assert json.loads(item["configs"])["bilstm"]["hidden"] in (4, 8)

    alone = backend("train_ensemble", "of-networks", **ENSEMBLE, networks=networks)["models"]
    [folder] = Path(alone[0]["uri"]).glob("*/")
    assert set(read_json(folder / "weights.json")) <= {"rnn-4-seed0", "rnn-8-seed0"}
    loops["ensemble"] = backend("train_ensemble", **ENSEMBLE, **loops)["models"]

    evaluations = {
        loop: [
            backend("evaluate", f"{loop}-{number}", models=[model], test=prepared["test"])
            for number, model in enumerate(models)
        ]
        for loop, models in loops.items()
    }
    evaluations = {
        loop: [one for made in several for one in made["evaluations"]]
        for loop, several in evaluations.items()
    }
    # Whatever a graph leaves out is absent.
    assert compared(backend, "all", dataset, "sentiment", evaluations) >= {"nb", "rnn-4", "mix"}
    only = {"classical": evaluations["classical"]}
    assert compared(backend, "classical", dataset, "sentiment", only) & {"nb", "rnn-4"} == {"nb"}
    only = {"networks_of_chosen_width": evaluations["networks"]}
    assert "mix" not in compared(backend, "chosen", dataset, "sentiment", only)
    assert backend.run == set(COMPONENTS) - {"train_image_network"}


def test_the_steps_of_images(backend):
    prepared = backend("prepare", data="digits", split="100:30:30", seed=0, modality="image")
    network = {"model": "conv", "seed": 0, "configs": as_json(conv=CONV), "threads": 1}
    models = backend("train_image_network", dataset=prepared["dataset"], **network)["models"]
    assert read_manifest(Path(models[0]["uri"]))["settings"]["seed"] == 0
    evaluations = backend("evaluate", models=models, test=prepared["test"])["evaluations"]
    only = {"networks": evaluations}
    assert "conv" in compared(backend, "all", prepared["dataset"], "resnet", only)


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
    given = {**ENSEMBLE, "classical": [{"uri": "/nowhere", "metadata": {}}]}
    source = (r"classical: (dsl.Input\[dsl.Model\])", r"classical: Optional[\1]")
    with pytest.raises(TypeError, match=r"Cannot instantiate typing.Union"):
        backend("train_ensemble", source=source, **given)
    with pytest.raises(SystemExit, match="2"):
        backend("train_ensemble", **given)
