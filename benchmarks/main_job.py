"""Seconds and peak memory of the main job, of `data prepare`, and of the smallest bake-off.

python benchmarks/main_job.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from record import record, timed

BAKEOFF = [sys.executable, "-c", "from bakeoff.cli import main; main()"]
REPEATS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        runs = Path(scratch) / "runs"
        run = [*BAKEOFF, "run", "sentiment", "--wandb", "offline", "--runs", str(runs)]
        first, memory = timed(run)
        again, _ = timed(run)
        help_seconds = [timed([*BAKEOFF, "--help"])[0] for _ in range(REPEATS)]
        prepare = []
        for repeat in range(REPEATS):
            out = str(Path(scratch) / f"prepared{repeat}")
            prepare.append(timed([*BAKEOFF, "data", "prepare", "--output", out])[0])
        record(
            "main-job",
            n=REPEATS,
            bakeoff_quick_seconds=first,
            bakeoff_quick_peak_mb=memory,
            bakeoff_quick_again_seconds=again,
            help_seconds=statistics.median(help_seconds),
            prepare_25k_seconds=statistics.median(prepare),
            tiny_seconds=_tiny(Path(scratch)),
        )


def _tiny(scratch: Path) -> float:
    """What a bake-off costs at least: one of one model on 60 short texts."""
    data = scratch / "tiny.csv"
    rows = [f"{'good' if i % 2 else 'bad'} film number {i},{i % 2}" for i in range(60)]
    data.write_text("text,label\n" + "\n".join(rows) + "\n")
    seconds = []
    for repeat in range(REPEATS):
        runs = str(scratch / f"tiny{repeat}")
        asked = ["run", str(data), "--models", "nb-counts", "--wandb", "disabled", "--runs", runs]
        seconds.append(timed([*BAKEOFF, *asked])[0])
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
