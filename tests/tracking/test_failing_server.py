"""A bake-off of its own, as the command line holds it, whose W&B server fails while it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from wandb_server import WandbServer

from bakeoff.running.runs import find_run

pytestmark = pytest.mark.slow


def held(data: Path, root: Path, mode: str, url: str = "") -> tuple[dict[str, Any], str, float]:
    """Its results, what it printed, and the seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [
            *[sys.executable, "-c", "from bakeoff.cli import main; main()", "run", str(data)],
            *["--text-column", "review", "--label-column", "stars", "--limit", "600"],
            *["--models", "nb-counts,rnn-64", "--set", "training.epochs=3", "--wandb", mode],
            *["--set", "training.least_steps=0", "--runs", str(root)],
        ],
        env={**os.environ, "WANDB_BASE_URL": url, "WANDB_API_KEY": "5ec4e7" * 6 + "abcd"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return find_run(root, "latest").results, done.stdout + done.stderr, time.monotonic() - began


def test_results_are_the_same_and_one_line_says_it(reviews_csv, tmp_path):
    started = {"RunResumeStatus", "UpsertBucket"}
    with WandbServer() as server:
        server.trouble = lambda name: "" if name in started else "hang"
        results, told, seconds = held(reviews_csv, tmp_path / "failing", "online", server.url)
        assert server.asked
    expected, _, usual = held(reviews_csv, tmp_path / "without", "disabled")
    print(f"{seconds:.0f} s, without W&B {usual:.0f} s")

    def figures(found: dict[str, Any]) -> list[tuple[str, float, float]]:
        return [(r["model"], r["accuracy"], r["accuracy_low"]) for r in found["leaderboard"]]

    assert figures(results) == figures(expected)
    said = [line for line in told.splitlines() if "did not take everything in time" in line]
    assert len(said) == 1, told
    assert "Traceback" not in told
