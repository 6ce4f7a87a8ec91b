"""What a comparison of images says besides."""

import pytest

from bakeoff.artifacts import new_artifact, write_json
from bakeoff.vision.comparison import image_facts


@pytest.fixture
def compared(tmp_path):
    def facts(source, **records):
        with new_artifact(tmp_path / "dataset", "dataset", settings={}) as (_, written):
            written["source"] = {"name": source}
        evaluations = []
        for name, (file, record) in records.items():
            evaluations.append(tmp_path / name)
            with new_artifact(evaluations[-1], "evaluations", settings={}) as (out, _):
                (out / name).mkdir()
                write_json(out / name / f"{file}.json", record)
        return image_facts(evaluations, tmp_path / "dataset")

    return facts


def autoencoder(model, seed):
    return "autoencoder", {"model": model, "seed": seed, "config": {}}


def network(model, **config):
    return "evaluation", {"model": model, "seed": 0, "config": config}


def test_autoencoders_come_by_name_and_seed(compared):
    facts = compared(
        "digits",
        a=autoencoder("ae-linear", 0),
        b=autoencoder("ae-conv", 1),
        c=network("ae-conv-frozen"),
        d=autoencoder("ae-conv", 0),
    )
    found = [(record["model"], record["seed"]) for record in facts["autoencoders"]]
    assert found == [("ae-conv", 0), ("ae-conv", 1), ("ae-linear", 0)]


@pytest.mark.parametrize(
    ("source", "contaminated"),
    [("stl10", ["pretrained"]), ("tiny-imagenet", ["pretrained"]), ("digits", [])],
)
def test_weights_of_imagenet_on_pictures_of_imagenet_are_said(compared, source, contaminated):
    facts = compared(
        source,
        a=network("pretrained", weights="imagenet"),
        b=network("scratch", weights=""),
        c=network("ae-conv-frozen"),
    )
    assert facts == {"autoencoders": [], "contaminated": contaminated}
