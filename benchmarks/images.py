"""Images a second that ResNet-18 trains on: ours against a plain loop with torchvision's parts, as
its tutorials have it (ImageFolder, PIL transforms, DataLoader with workers, default memory format),
on the same pictures, augmentations, batches, optimiser and threads, side by side in turn, each in a
process of its own. The pictures of the plain loop are JPEG files, ours were decoded beforehand. On
a GPU also against the loop that does least: bf16, pictures there already and not augmented,
channels last; and what share of the card's bf16 peak, measured on a large product, each reaches.

.venv/bin/python benchmarks/images.py --data ../shared/data/stl10_train5000_test1000.parquet
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from record import record
from sides import device_name, in_turn, rate, wait
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bakeoff.data.prepare import prepare
from bakeoff.data.splits import Split, read_split
from bakeoff.training.device import device, set_up_process
from bakeoff.training.optimization import Optimizers
from bakeoff.training.settings import Precision
from bakeoff.vision import torchvision_models
from bakeoff.vision.network import ImageClassifier, Shape, placed
from bakeoff.vision.pictures import loaded
from bakeoff.vision.registry import RESNETS
from bakeoff.vision.tasks import Classification

WARM_UP = 2
"""Steps before the clock starts."""
AUGMENTED = replace(RESNETS["resnet18"].pictures, growth=0.0, cutmix=0.0)
"""What both sides do to pictures: the recipe without what torchvision's transforms lack."""


def write_files(split: Split, folder: Path) -> None:
    """The pictures as class/row.jpg."""
    for name in split.classes:
        (folder / name).mkdir(parents=True)
    for row, (pixels, label) in enumerate(zip(split.inputs, split.labels, strict=True)):
        image = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
        image.save(folder / split.classes[label] / f"{row}.jpg", quality=95)


def plain(folder: Path, size: int, batch_size: int, workers: int, threads: int) -> Iterator[int]:
    """Train on files step by step; yields the pictures of each."""
    models = torchvision_models.models()
    from torchvision import datasets, transforms

    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    images = datasets.ImageFolder(
        folder,
        transforms.Compose(
            [
                transforms.RandomResizedCrop(size, scale=(AUGMENTED.crop, 1)),
                transforms.RandomHorizontalFlip(),
                transforms.ColorJitter(*[AUGMENTED.color] * 3),
                transforms.ToTensor(),
                transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            ]
        ),
    )
    model = models.resnet18(num_classes=len(images.classes)).to(device())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = torch.utils.data.DataLoader(
        images,
        batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=True,
        multiprocessing_context="fork",
    )
    model.train()
    while True:
        for pictures, labels in loader:
            loss = nn.functional.cross_entropy(model(pictures.to(device())), labels.to(device()))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield len(labels)


def bare(split: Split, batch_size: int, threads: int) -> Iterator[int]:
    """The least that a plain loop can do for a step; yields the pictures of each."""
    models = torchvision_models.models()
    set_up_process(0, threads)
    pictures = torch.from_numpy(split.inputs).to(device()).permute(0, 3, 1, 2)
    pictures = pictures.expand(-1, 3, -1, -1)  # Of grey ones too, as files are read.
    labels = torch.from_numpy(split.labels).to(device())
    model = models.resnet18(num_classes=len(split.classes))
    model.to(device(), memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    while True:
        for rows in torch.randperm(len(labels), device=device()).split(batch_size)[:-1]:
            inputs = pictures[rows].to(memory_format=torch.channels_last).float().div(255)
            with torch.autocast(device().type, torch.bfloat16):
                logits = model(inputs)
            loss = nn.functional.cross_entropy(logits.float(), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield batch_size


def ours(split: Split, batch_size: int, precision: Precision, threads: int) -> Iterator[int]:
    """The same with our batches, layout and precision."""
    set_up_process(0, threads)
    config = replace(
        RESNETS["resnet18"],
        pictures=AUGMENTED,
        precision=precision,
        training=replace(RESNETS["resnet18"].training, batch_size=batch_size, optimizer="adam"),
    )
    shape = Shape(split.inputs.shape[3], split.inputs.shape[1])
    pictures = loaded(split.inputs, shape.size, False, device())
    data = pictures, torch.from_numpy(split.labels).to(device())
    model = placed(ImageClassifier(config, shape, len(split.classes)))
    task = Classification(config, 0, data, data)
    optimizers = Optimizers(model, config.training, 10_000)
    model.train()
    epoch = 0
    while True:
        epoch += 1
        for batch in task.training_batches(epoch):
            task.objective(model, batch).loss.backward()
            optimizers.step()
            yield len(batch.labels)


def images_a_second(side: str, dataset: Path, files: Path, options: argparse.Namespace) -> float:
    """Of one side, over the steps after the first few."""
    split = read_split(dataset, "train")
    split = replace(split, inputs=np.array(split.inputs))
    size, batch_size, threads = split.inputs.shape[1], options.batch_size, options.threads
    if side == "plain":
        training = plain(files, size, batch_size, options.workers, threads)
    elif side == "bare bf16":
        training = bare(split, batch_size, threads)
    else:
        training = ours(split, batch_size, side.split()[1], threads)  # type: ignore[arg-type]
    return rate(training, WARM_UP, options.steps)


def operations(size: int) -> int:
    """Of one picture in a step, forwards and back, a multiplication and an addition being two."""
    model = torchvision_models.models().resnet18(num_classes=10)
    with FlopCounterMode(display=False) as counted:
        model(torch.zeros(2, 3, size, size)).sum().backward()
    return counted.get_total_flops() // 2


def peak() -> float:
    """Operations a second of a large bf16 product on the GPU, the best of ten."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    best = 0.0
    for _ in range(13):
        wait()
        started = time.perf_counter()
        a @ b
        wait()
        best = max(best, 2 * 8192**3 / (time.perf_counter() - started))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="digits", help="named set, folder or Parquet")
    add("--image-size", type=int, default=0, help="pixels a side; 0 keeps them")
    add("--batch-size", type=int, default=64)
    add("--steps", type=int, default=20, help="measured steps a round and side")
    add("--rounds", type=int, default=3)
    add("--threads", type=int, default=2)
    add("--workers", type=int, default=2, help="of the plain loop's DataLoader")
    options = parser.parse_args()
    gpu = torch.cuda.is_available()
    names = ["plain", "ours fp32", "ours bf16", *["bare bf16"] * gpu]
    rounds = options.rounds
    with tempfile.TemporaryDirectory() as folder:
        dataset, files = Path(folder) / "dataset", Path(folder) / "files"
        prepare(
            dataset,
            Path(folder) / "test",
            source=options.data,
            modality="image",
            split="0.7:0.1:0.2",
            seed=0,
            image_size=options.image_size,
        )
        split = read_split(dataset, "train")
        size = split.inputs.shape[1]
        write_files(split, files)
        sides = in_turn(names, rounds, "images", images_a_second, dataset, files, options)
    medians = {side: statistics.median(found) for side, found in sides.items()}
    figures: dict[str, Any] = {
        f"{side} times as fast": medians[side] / medians["plain"] for side in names[1:]
    }
    if gpu:
        figures["peak"], each = peak(), operations(size)
        for side in names[2:]:
            figures[f"{side} share of peak"] = medians[side] * each / figures["peak"]
    record(
        "images",
        rounds,
        settings=vars(options),
        device=device_name(),
        size=size,
        images_a_second=sides,
        medians=medians,
        **figures,
    )


if __name__ == "__main__":
    main()
