import numpy as np
import pandas as pd
import pytest

from bakeoff.artifacts import read_json
from bakeoff.data.splits import Split
from bakeoff.environment import machine
from bakeoff.training.memory import peak_memory_bytes
from bakeoff.training.trained import (
    Trained,
    model_folders,
    probabilities_in,
    probability_frame,
    read_model,
    read_probabilities,
    write_trained,
)

CLASSES = ["bad", "good", "so-so"]
VALIDATION = Split(
    ids=np.array([7, 3, 11]), inputs=["x", "y", "z"], labels=np.array([2, 0, 1]), classes=CLASSES
)
PROBABILITIES = np.array([[0.25, 0.25, 0.5], [0.9, 0.05, 0.05], [0.0, 1.0, 0.0]])
HISTORY = [{"epoch": 1, "train_loss": 0.7, "validation_loss": 0.6}]


def trained(name="rnn-64", seed=3):
    return Trained(
        name=name,
        seed=seed,
        kind="text-network",
        config={"type": "TextNetwork", "hidden": 64, "training": {"epochs": 1}},
        parameters=10,
        seconds=1.5,
        threads=2,
        validation_probabilities=PROBABILITIES,
        save=lambda folder: (folder / "weights.txt").write_text("0 1 2"),
        history=HISTORY,
        facts={"best_epoch": 1},
    )


def test_a_model_folder_says_all_about_its_model(tmp_path):
    folder = tmp_path / "models" / trained().folder_name
    write_trained(trained(), folder, CLASSES, VALIDATION)
    assert folder.name == "rnn-64-seed3"
    assert {path.name for path in folder.iterdir()} == {
        "model.json",
        "training.json",
        "validation.parquet",
        "weights.txt",
    }
    assert read_model(folder) == {
        "model": "rnn-64",
        "seed": 3,
        "kind": "text-network",
        "config": {"type": "TextNetwork", "hidden": 64, "training": {"epochs": 1}},
        "classes": CLASSES,
    }
    training = read_json(folder / "training.json")
    memory = training.pop("peak_memory_bytes")
    assert training.pop("machine") == machine()
    assert training == {
        "history": HISTORY,
        "layers": [],
        "parameters": 10,
        "seconds": 1.5,
        "threads": 2,
        "facts": {"best_epoch": 1},
    }
    assert 10e6 < memory <= peak_memory_bytes()


def test_probabilities_belong_to_the_rows_of_validation_in_their_order(tmp_path):
    write_trained(trained(), tmp_path / "m", CLASSES, VALIDATION)
    rows, probabilities = read_probabilities(tmp_path / "m")
    assert rows["id"].tolist() == [7, 3, 11]
    assert rows["label"].tolist() == [2, 0, 1]
    assert probabilities == pytest.approx(PROBABILITIES, abs=1e-7)


@pytest.mark.parametrize("classes", [2, 3, 12])
def test_probabilities_come_back_as_they_were_to_float32(tmp_path, classes):
    values = np.random.default_rng(0).dirichlet(np.ones(classes), size=50)
    numbers = np.arange(50)
    probability_frame(numbers, numbers % classes, values).to_parquet(tmp_path / "p.parquet")
    frame = pd.read_parquet(tmp_path / "p.parquet")
    assert list(frame.columns) == ["id", "label", *(f"p{n}" for n in range(classes))]
    read = probabilities_in(frame)
    assert read.dtype == np.float64
    assert np.array_equal(read, values.astype("float32").astype("float64"))
    assert np.array_equal(probabilities_in(probability_frame(numbers, numbers, read)), read)


def test_models_are_found_by_name_and_nothing_else_is(tmp_path):
    for name, seed in [("rnn-64", 1), ("nb", 0), ("rnn-64", 0)]:
        made = trained(name, seed)
        write_trained(made, tmp_path / made.folder_name, CLASSES, VALIDATION)
    (tmp_path / "wandb").mkdir()
    (tmp_path / "manifest.json").write_text("{}")
    names = [folder.name for folder in model_folders(tmp_path)]
    assert names == ["nb-seed0", "rnn-64-seed0", "rnn-64-seed1"]
    assert model_folders(tmp_path / "nowhere") == []


def test_a_model_never_overwrites_another(tmp_path):
    write_trained(trained(), tmp_path / "m", CLASSES, VALIDATION)
    with pytest.raises(FileExistsError):
        write_trained(trained(seed=4), tmp_path / "m", CLASSES, VALIDATION)
    assert read_model(tmp_path / "m")["seed"] == 3
