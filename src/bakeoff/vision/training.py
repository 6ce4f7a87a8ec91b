"""Training a network over pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bakeoff.artifacts import read_json
from bakeoff.data.splits import Split
from bakeoff.dotted import changed, settings_of
from bakeoff.training.device import device, set_up_process
from bakeoff.training.history import best_epoch
from bakeoff.training.layers import layer_table, numbers_in
from bakeoff.training.loop import fit
from bakeoff.training.observers import Observer
from bakeoff.training.places import Place
from bakeoff.training.settings import to_dict
from bakeoff.training.trained import Trained
from bakeoff.training.workers import ALONE, Workers
from bakeoff.vision.configs import Autoencoder, from_dict
from bakeoff.vision.encoders import ResNet18
from bakeoff.vision.network import (
    AutoencoderNetwork,
    AutoencoderPredictor,
    ImageClassifier,
    ImagePredictor,
    Shape,
    load_encoder,
    placed,
)
from bakeoff.vision.pictures import home, loaded, side
from bakeoff.vision.tasks import Classification, Probing, Reconstruction


def train_image_network(
    name: str,
    config: Mapping[str, Any],
    train: Split,
    validation: Split,
    *,
    seed: int,
    threads: int,
    checkpoint: Place | None = None,
    observers: Sequence[Observer] = (),
    earlier: Path | None = None,
    workers: Workers = ALONE,
) -> Trained:
    """Train one network (a `bakeoff.training.step.Train`).

    Args:
        name: in the registry.
        config: every hyper-parameter, as JSON holds it.
        train: what it learns from.
        validation: what picks its best epoch.
        seed: of weights, order, augmentation and dropout.
        threads: CPU threads.
        checkpoint: a place of its own, to go on from after a kill.
        observers: told about steps and epochs.
        earlier: holds the folder of the autoencoder it starts from.
        workers: those who share the training.

    Raises:
        UserError: weights that cannot be read, or a diverging loss.
    """
    set_up_process(seed, threads)
    started = time.perf_counter()
    settings = from_dict(config)
    shape = Shape(
        channels=1 if settings.pictures.grey else train.inputs.shape[3],
        size=side(train.inputs, settings.pictures.size),
    )
    data = _on_device(train, shape), _on_device(validation, shape)
    before = 0.0
    model: AutoencoderNetwork | ImageClassifier
    task: Reconstruction | Classification
    predictor: AutoencoderPredictor | ImagePredictor
    if isinstance(settings, Autoencoder):
        model = placed(AutoencoderNetwork(settings, shape), workers)
        task = Reconstruction(settings, seed, *data, workers)
        predictor = AutoencoderPredictor(settings, shape, model, train.classes, threads)
    else:
        model = placed(ImageClassifier(settings, shape, len(train.classes)), workers)
        if settings.pretraining:
            assert earlier is not None
            folder = earlier / f"{settings.pretraining.name}-seed{seed}"
            load_encoder(model, folder)
            before = read_json(folder / "training.json")["seconds"]
        if settings.weights:
            assert isinstance(model.encoder, ResNet18)
            model.encoder.load(settings.weights)
        if settings.frozen:
            task = Probing(settings, seed, *data, model, workers)
        else:
            task = Classification(settings, seed, *data, workers)
        predictor = ImagePredictor(settings, shape, model, train.classes, threads)
    preparation = time.perf_counter() - started
    history = fit(
        model,
        task,
        settings.training,
        seed=seed,
        observers=observers,
        checkpoint=checkpoint,
        workers=workers,
    )
    sizes = {
        path: side(train.inputs, held)
        for path, held in settings_of(settings).items()
        if path.endswith("pictures.size")
    }
    used = replace(
        changed(settings, sizes), training=settings.training.resolved(task.steps_per_epoch)
    )
    batch = _example(shape, len(train.classes))
    example = torch.rand(batch, shape.channels, shape.size, shape.size, device=device())
    # The last epoch's: smaller pictures take less time.
    size = task.learning_size(history[-1]["epoch"])
    seconds = [r["seconds"] for r in history if task.learning_size(r["epoch"]) == size]
    typical = float(np.median(seconds))
    return Trained(
        name=name,
        seed=seed,
        kind=predictor.KIND,
        config=to_dict(used),
        parameters=numbers_in(model),
        seconds=before + preparation + sum(record["seconds"] for record in history),
        threads=threads,
        validation_probabilities=predictor.probabilities(validation.inputs),
        save=lambda folder: predictor.save(folder, train.inputs, train.labels),
        history=history,
        layers=layer_table(model, (example,), {batch: "batch"}),
        facts={
            "precision": model.precision,
            "size": shape.size,
            "channels": shape.channels,
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
            "best_epoch": best_epoch(history, settings.training.metric)["epoch"],
            "seconds_per_epoch": typical,
            # A probe sees pictures in its first epochs only.
            **(
                {}
                if isinstance(task, Probing)
                else {"images_per_second": len(train.labels) / typical}
            ),
        },
    )


def _example(shape: Shape, classes: int) -> int:
    """Pictures that show the shapes of layers: a number that is no other size of a layer."""
    sides = {-(-shape.size // 2**halved) for halved in range(6)}
    return next(n for n in (7, 11, 13, 17, 19, 23, 29, 31) if n not in sides | {classes})


def _on_device(split: Split, shape: Shape) -> tuple[Tensor, Tensor]:
    where = home(split.inputs, shape.size, device())
    pictures = loaded(split.inputs, shape.size, shape.channels == 1, where)
    return pictures, torch.from_numpy(split.labels).to(where)
