import io
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from bakeoff.artifacts import RESULTS_FORMAT, write_json
from bakeoff.cli import main
from bakeoff.data.splits import Split
from bakeoff.errors import UserError
from bakeoff.running.predict import predict
from bakeoff.running.result import Result
from bakeoff.running.runs import RunFolder
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.training.trained import write_trained
from bakeoff.vision.configs import ImageNetwork
from bakeoff.vision.training import train_image_network

CONFIG = ImageNetwork(
    encoder="conv",
    training=TrainingSettings(epochs=12, patience=12, least_steps=0, batch_size=8),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network that tells dark pictures from light ones."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    labels = np.arange(32) % 2
    noise = rng.integers(0, 60, (32, 32, 32, 3))
    pictures = (noise + 180 * labels[:, None, None, None]).astype("uint8")
    split = Split(np.arange(32), pictures, labels, ["dark", "light"], "image")
    trained = train_image_network("net", to_dict(CONFIG), split, split, seed=0, threads=1)
    torch.use_deterministic_algorithms(False)
    torch.set_flush_denormal(False)
    assert trained.history[-1]["validation_accuracy"] == 1.0
    write_trained(trained, folder / "net-seed0", split.classes, split)
    entry = {"model": "net", "seed": 0, "folder": str(folder / "net-seed0")}
    write_json(folder / "run.json", {"status": "finished"})
    results = {
        "format": RESULTS_FORMAT,
        "models": [entry],
        "leaderboard": [{"model": "net"}],
        "winner": {"model": "net", "seed": 0},
        "dataset": {
            "modality": "image",
            "image": {"height": 32, "width": 32, "channels": 3},
            "columns": {"input": "photo", "label": "label"},
        },
    }
    write_json(folder / "results.json", results)
    return RunFolder(folder)


@pytest.mark.parametrize(("mode", "size"), [("RGB", (32, 32)), ("L", (100, 64)), ("P", (40, 90))])
def test_pictures_of_any_mode_and_size_are_labelled(run, tmp_path, mode, size):
    for name, value in (("dark", 20), ("light", 230)):
        path = tmp_path / f"{name}.png"
        Image.new("L", size, value).convert(mode).save(path)
        [record] = predict(run, [str(path)])
        assert (record["image"], record["label"]) == (str(path), name)
        assert sum(record["probabilities"].values()) == pytest.approx(1)


def test_a_picture_is_labelled_the_same_in_company(run, tmp_path):
    paths = []
    for number in range(3):
        paths.append(str(tmp_path / f"{number}.png"))
        Image.new("RGB", (32 + number, 32), (90 * number, 80, 70)).save(paths[-1])
    Image.new("L", (32, 32), 60).save(tmp_path / "grey.png")
    paths.append(str(tmp_path / "grey.png"))
    for together, path in zip(predict(run, paths), paths, strict=True):
        alone = predict(run, [path])[0]
        assert (together["image"], together["label"]) == (path, alone["label"])
        assert together["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-6)


def test_what_is_no_picture_is_one_line(run, tmp_path):
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(UserError, match=r"cannot use the image .*a\.jpg: no image"):
        predict(run, [str(tmp_path / "a.jpg")])
    with pytest.raises(UserError, match=r"cannot use the image .*b\.jpg: No such file"):
        predict(run, [str(tmp_path / "b.jpg")])


def test_the_command_takes_an_image_or_a_folder_of_them(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "empty").mkdir()
    for name, value in (("a.png", 230), ("b.png", 20)):
        Image.new("RGB", (32, 32), (value, value, value)).save(tmp_path / name)

    def said(given, *options):
        where = [run.path.name, str(given), *options, "--runs", str(run.path.parent)]
        monkeypatch.setattr(sys, "argv", ["bakeoff", "predict", *where])
        with pytest.raises(SystemExit) as ended:
            main()
        out, errors = capsys.readouterr()
        return ended.value.code, errors or [line.split("\t") for line in out.splitlines()]

    (tmp_path / "Thumbs.db").write_bytes(b"no picture, and nobody's")
    code, rows = said(tmp_path)
    assert (code, [row[0] for row in rows]) == (0, ["light", "dark"])
    code, rows = said(tmp_path / "b.png")
    assert (code, [row[2] for row in rows]) == (0, [str(tmp_path / "b.png")])
    code, line = said(tmp_path, "--text-column", "body")
    assert (code, line.splitlines()[-1]) == (
        2,
        "error: --text-column is for texts: of images leave it out",
    )
    code, line = said(tmp_path / "empty")
    assert code == 2
    assert line.endswith("holds no images; give an image or a folder of images\n")


def _forms(value, folder):
    """A grey picture in every form that data sets have."""
    path = folder / f"{value}.png"
    image = Image.new("RGB", (40, 32), (value, value, value))
    image.save(path)
    return {
        "path": path,
        "bytes": path.read_bytes(),
        "struct": {"bytes": path.read_bytes(), "path": None},
        "named": {"bytes": None, "path": str(path)},
        "pillow": image,
        "cmyk": image.convert("CMYK"),
        "pixels": np.array(image),
        "grey": np.array(image.convert("L")),
        "one channel": np.array(image.convert("L"))[:, :, None],
        "transparent": np.array(image.convert("RGBA")),
    }


def test_pictures_are_labelled_in_every_form_that_data_sets_have(run, tmp_path):
    result = Result(run)
    dark, light = _forms(20, tmp_path), _forms(230, tmp_path)
    for form in dark:
        found = result.predict([light[form], None, dark[form]])
        assert found["label"].fillna("").tolist() == ["light", "", "dark"], form
        assert result.predict(light[form])["label"].tolist() == ["light"], form
    assert result.predict(np.stack([dark["pixels"], light["pixels"]]))["label"].tolist() == [
        "dark",
        "light",
    ]
    frame = pd.DataFrame({"photo": [light["struct"], dark["struct"]]}, index=[7, 9])
    found = result.predict(frame)
    assert found["label"].to_dict() == {7: "light", 9: "dark"}
    for wrong in (3.5, np.zeros((4, 4)), [1, 2]):
        with pytest.raises(UserError, match="images are labelled, not values of type"):
            result.predict([wrong])
    with pytest.raises(UserError, match=r"not values of type ndarray \(float64, shape \(4, 4\)\)"):
        result.predict(np.zeros((2, 4, 4)))
    with pytest.raises(UserError, match="of Pillow's mode F are not labelled"):
        result.predict(dark["pillow"].convert("F"))


def test_the_command_takes_a_parquet_file_of_pictures(run, tmp_path, monkeypatch, capsys):
    pictures = [_forms(value, tmp_path)["struct"] for value in (230, 20)]
    source = tmp_path / "new.parquet"
    frame = pd.DataFrame({"photo": pictures, "place": ["a", "b"], "id": ["p7", "p9"]})
    frame.set_index("id").to_parquet(source)
    where = [run.path.name, str(source), "--runs", str(run.path.parent)]
    monkeypatch.setattr(sys, "argv", ["bakeoff", "predict", *where])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    kept = found[["id", "place", "label"]].to_numpy().tolist()
    assert kept == [["p7", "a", "light"], ["p9", "b", "dark"]]
    pd.DataFrame({"picture": pictures}).to_parquet(source)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "no column 'photo', as the images of the run are called" in capsys.readouterr().err


def test_sixteen_bits_are_read_as_the_run_read_its_own(run, tmp_path):
    results = run.results
    results["dataset"]["image"]["range"] = [2000, 2255]
    deep = RunFolder(tmp_path / "deep")
    deep.path.mkdir()
    write_json(deep.path / "run.json", {"status": "finished"})
    write_json(deep.path / "results.json", results)
    paths = {}
    for name, value in (("dark", 2020), ("light", 2230)):
        paths[name] = str(tmp_path / f"{name}.png")
        Image.fromarray(np.full((32, 32), value, "uint16")).save(paths[name])
        [record] = predict(deep, [paths[name]])
        assert record["label"] == name
    with pytest.raises(UserError, match="the images have 16 bits a pixel, and those of"):
        predict(run, [paths["dark"]])
    Image.new("L", (32, 32), 20).save(tmp_path / "shallow.png")
    with pytest.raises(UserError, match="have 8 bits a pixel, and those of the run have 16"):
        predict(deep, [str(tmp_path / "shallow.png")])
