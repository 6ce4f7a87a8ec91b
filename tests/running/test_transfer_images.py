"""The models of a finished run on images that the run has never seen."""

import shutil
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from bakeoff.artifacts import new_artifact, read_json, write_json
from bakeoff.cli import main
from bakeoff.data.prepare import prepare
from bakeoff.data.splits import read_split
from bakeoff.errors import UserError
from bakeoff.evaluation.compare import compare
from bakeoff.evaluation.evaluate import evaluate
from bakeoff.predictors import load
from bakeoff.running.runs import RunFolder
from bakeoff.running.transfer import transfer
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.training.trained import write_trained
from bakeoff.vision.comparison import image_facts
from bakeoff.vision.configs import ImageNetwork
from bakeoff.vision.training import train_image_network

CONFIG = ImageNetwork(
    encoder="conv",
    training=TrainingSettings(epochs=12, patience=12, least_steps=0, batch_size=8),
)
SIDE = 32


def picture(path, light, seed, side=SIDE):
    """A noisy PNG, dark or light."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 60, (side, side, 3))
    Image.fromarray((noise + 180 * light).astype("uint8")).save(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run on 48 pictures, and the folder of them."""
    root = tmp_path_factory.mktemp("made")
    own, store = root / "own", root / "runs" / ".store"
    for number in range(48):
        light = number % 2
        picture(own / ("light" if light else "dark") / f"{number}.png", light, number)
    prepare(
        store / "dataset", store / "test", source=str(own), modality="image", split="32:8:8", seed=0
    )
    train, validation = (read_split(store / "dataset", name) for name in ("train", "validation"))
    model = train_image_network("net", to_dict(CONFIG), train, validation, seed=0, threads=1)
    torch.use_deterministic_algorithms(False)
    torch.set_flush_denormal(False)
    with new_artifact(store / "models" / "net-seed0", "models", settings={}) as (out, _):
        write_trained(model, out / "net-seed0", train.classes, validation)
    evaluations = [store / "evaluation"]
    evaluate([store / "models" / "net-seed0"], store / "test", evaluations[0], load=load)
    compare(
        evaluations,
        store / "comparison",
        dataset=store / "dataset",
        facts=image_facts(evaluations, store / "dataset"),
        study="resnet",
        preset="quick",
        seed=0,
        seeds=1,
        pairs=[],
    )
    folder = root / "runs" / "20260101-000000-resnet"
    folder.mkdir()
    shutil.copy(store / "comparison" / "results.json", folder)
    facts = {"id": folder.name, "status": "finished", "comparison": str(store / "comparison")}
    write_json(folder / "run.json", facts)
    return RunFolder(folder), own


@pytest.fixture
def run(made):
    return made[0]


@pytest.fixture
def other(tmp_path):
    """Four pictures of other sizes; one of the light ones is dark, and grey."""
    for number, (name, light) in enumerate([("dark", 0), ("light", 1), ("light", 1), ("light", 0)]):
        path = tmp_path / "other" / name / f"{number}.png"
        picture(path, light, 100 + number, side=50 + number)
    grey = Image.open(path).convert("L")
    grey.save(path)
    return tmp_path / "other"


def test_accuracy_by_hand_on_pictures_of_any_size(run, other):
    entry = transfer(run, str(other))
    [net] = entry["leaderboard"]
    assert (net["accuracy"], net["own"], net["difference"]) == (0.75, 1, -0.25)
    assert (entry["data"], entry["rows"], entry["classes"]) == ("other", 4, ["dark", "light"])
    assert entry["sentence"].endswith("The whole set was used, and nothing was trained on it.")
    section = run.report.read_text().partition('id="transfer"')[2].partition("</section>")[0]
    assert "other, 4 images" in section


def test_what_the_run_was_trained_on_is_left_out(made, tmp_path):
    run, own = made
    entry = transfer(run, str(own))
    assert (entry["available"], entry["seen"], entry["rows"]) == (48, 40, 8)
    assert entry["leaderboard"][0]["difference"] == 0
    dataset = read_split(run.path.parent / ".store" / "dataset", "train")
    for number, (pixels, label) in enumerate(zip(dataset.inputs, dataset.labels, strict=True)):
        # The same pixels under another name, in another format.
        folder = tmp_path / "copies" / dataset.classes[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"copy{number}.bmp")
    with pytest.raises(UserError, match="trained on every one of its images"):
        transfer(run, str(tmp_path / "copies"))


def test_other_classes_and_texts_are_refused(run, other, tmp_path):
    (other / "light").rename(other / "bright")
    with pytest.raises(
        UserError,
        match=r"knows no class bright, as 3 of 4 rows .* are dark, light; rename the folders",
    ):
        transfer(run, str(other))
    with pytest.raises(UserError, match="imdb-25k holds texts"):
        transfer(run, "imdb-25k")
    (tmp_path / "texts.csv").write_text("text,label\nfine,light\ndull,dark\n")
    with pytest.raises(UserError, match=r"texts\.csv holds no images"):
        transfer(run, str(tmp_path / "texts.csv"))


def test_the_command_leaves_out_bad_images_where_asked(run, other, monkeypatch, capsys):
    (other / "dark" / "broken.png").write_bytes(b"")

    def said(*options):
        where = ["--data", str(other), "--runs", str(run.path.parent)]
        monkeypatch.setattr(sys, "argv", ["bakeoff", "evaluate", "latest", *where, *options])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    code, _, error = said()
    assert code == 2
    assert "broken.png: empty" in error
    assert error.strip().endswith("leave out with --skip-bad-images")
    code, out, _ = said("--skip-bad-images")
    assert code == 0
    assert "Of its 5 rows, 1 that cannot be used are left out." in " ".join(out.split())
    assert read_json(run.path / "results.json")["transfer"][-1]["dropped"] == 1


def test_a_sample_keeps_the_classes(run, tmp_path):
    for number in range(40):
        # All look light, and three in four are.
        folder = tmp_path / "many" / ("light" if number % 4 else "dark")
        picture(folder / f"{number}.png", 1, 200 + number)
    entry = transfer(run, str(tmp_path / "many"), limit=8)
    assert entry["rows"] == 8
    assert entry["leaderboard"][0]["accuracy"] == 6 / 8
    assert entry["sentence"].endswith(
        "A sample by class of 8 of 40 images was used. Nothing was trained on the images used."
    )


def test_splits_that_the_data_comes_with_do_not_matter(run, tmp_path):
    for number, (part, light) in enumerate([("train", 0), ("train", 1), ("test", 1)]):
        name = "light" if light else "dark"
        picture(tmp_path / "parts" / part / name / f"{number}.png", light, 300 + number)
    entry = transfer(run, str(tmp_path / "parts"))
    assert entry["rows"] == 3, "though its test split has no dark ones"
    assert entry["leaderboard"][0]["accuracy"] == 1


def test_sixteen_bits_are_read_as_the_run_read_its_own(run, tmp_path):
    deep = RunFolder(tmp_path / "deep")
    shutil.copytree(run.path.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / run.path.name).rename(deep.path)
    results = run.results
    results["dataset"]["image"]["range"] = [2000, 2255]
    write_json(deep.path / "results.json", results)
    for number in range(4):
        light = number % 2
        path = tmp_path / "sensor" / ("light" if light else "dark") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 60, (SIDE, SIDE))
        Image.fromarray((2000 + noise + 180 * light).astype("uint16")).save(path)
    entry = transfer(deep, str(tmp_path / "sensor"))
    assert (entry["rows"], entry["leaderboard"][0]["accuracy"]) == (4, 1)
    with pytest.raises(UserError, match="sensor: images have 16 bits a pixel, and those of the"):
        transfer(run, str(tmp_path / "sensor"))
