"""README.md and docs/*.md as tests read them: their commands and Python, the files these name."""

import csv
import functools
import re
import shlex
from pathlib import Path

import click
import numpy as np
import pandas as pd
import typer
from PIL import Image

from bakeoff.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}


def commands(page):
    """The words after `bakeoff` of each line of a page's code that calls it."""
    lines = re.findall(r"^ {4,}(?:.*\| |[A-Z_]+=\S* )?bakeoff (.*)$", page, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def python(page):
    """The blocks of Python of a page."""
    return re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def parsed(words):
    """What the command line itself makes of the words: the command's name, and its parameters.

    Raises:
        click.UsageError: there is no such command or option, or a value does not fit.
    """
    command = _command_line()
    context, names = click.Context(command), []
    while hasattr(command, "commands"):
        name, command, words = command.resolve_command(context, words)
        names.append(name)
    return " ".join(names), command.make_context(name, words).params


@functools.cache
def _command_line():
    return typer.main.get_command(app)


def write_files(folder):
    """What the commands of the pages name, small: tables, a folder of pictures, an archive."""
    queues = {
        "billing": ("invoice", "refund", "receipt"),
        "login": ("password", "account", "reset link"),
        "shipping": ("parcel", "courier", "tracking number"),
    }
    tickets = [
        {
            "id": n,
            "body": f"the {word} {n * 7919 % 1000} on page {n * 31 % 97} is wrong",
            "queue": queue,
            "customer": f"c{n % 40}",
            "created": f"2026-{1 + n // 28 % 12:02d}-{1 + n % 28:02d}",
        }
        for n in range(300)
        for queue, words in [list(queues.items())[n % 3]]
        for word in [words[n // 3 % 3]]
    ]
    reviews = [
        {"body": t["body"], "stars": "good" if n % 2 else "bad"} for n, t in enumerate(tickets)
    ]
    _write(folder / "tickets.csv", tickets)
    _write(folder / "newer.csv", tickets[:60])
    _write(folder / "new.csv", [{"body": t["body"]} for t in tickets[:5]])
    _write(folder / "reviews.csv", reviews)
    (folder / "aclImdb_v1.tar.gz").touch()
    pd.DataFrame([{"text": r["body"], "label": r["stars"]} for r in reviews]).to_parquet(
        folder / "imdb50k.parquet"
    )
    noise = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / "pets" / name).mkdir(parents=True)
        for n in range(20):
            pixels = noise.integers(0, 255, (24, 24 + n % 2, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "pets" / name / f"{n}.jpg")
    files = sorted((folder / "pets").glob("*/*.jpg"))
    pictures = [{"image": file.read_bytes(), "label": file.parent.name} for file in files]
    pd.DataFrame(pictures).to_parquet(folder / "stl10_train5000_test1000.parquet")


def _write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
