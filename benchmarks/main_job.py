"""Seconds and peak memory of the main job, of `data prepare`, and what KFP adds to a step.

python benchmarks/main_job.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from record import record, timed

from bakeoff.artifacts import read_json
from bakeoff.running.runs import find_run

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
            kfp_seconds_a_task=_kfp_overhead(runs),
        )


def _kfp_overhead(runs: Path) -> float:
    """Wall clock of a whole run whose every task is as short as can be, less the same steps run as
    processes of their own, over the number of tasks.
    """
    data = Path(tempfile.mkdtemp()) / "tiny.csv"
    rows = [f"{'good' if i % 2 else 'bad'} film number {i},{i % 2}" for i in range(60)]
    data.write_text("text,label\n" + "\n".join(rows) + "\n")
    root = runs.with_name("tiny")
    arguments = f"--data {data} --models nb-counts --wandb disabled --runs {root}"
    through, _ = timed([*BAKEOFF, "run", "sentiment", *arguments.split()])
    folder = find_run(root, "latest")
    comparison = Path(folder.facts["comparison"])
    evaluations = Path(read_json(comparison / "manifest.json")["inputs"]["evaluations0"]["path"])
    inputs = read_json(evaluations / "manifest.json")["inputs"]
    models, test = inputs["models"]["path"], inputs["test"]["path"]
    dataset = str(Path(test).with_name("dataset"))
    out = tempfile.mkdtemp()
    steps = [
        f"from bakeoff.data.prepare import prepare; prepare(Path('{out}/d'), Path('{out}/t'), "
        f"source={str(data)!r}, split='0.7:0.1:0.2', seed=0)",
        "from bakeoff.text.label_noise import audit; "
        f"audit(Path({dataset!r}), Path('{out}/a'), drop=False, seed=0)",
        "from bakeoff.text.training import train_text_classical; "
        "from bakeoff.text.registry import MODELS; from bakeoff.text.configs import to_dict; "
        f"train_text_classical(Path({dataset!r}), Path('{out}/m'), "
        "lineup={'nb-counts': to_dict(MODELS['nb-counts'])}, seed=0)",
        "from bakeoff.evaluation.evaluate import evaluate; from bakeoff.predictors import load; "
        f"evaluate(Path({models!r}), Path({test!r}), Path('{out}/e'), load=load)",
        "from bakeoff.text.comparison import compare_texts; "
        f"compare_texts([Path({str(evaluations)!r})], Path({dataset!r}), Path('{out}/c'), "
        "study='sentiment', preset='quick', seed=0, seeds=1, pairs=[])",
        "from bakeoff.artifacts import read_json; "
        "from bakeoff.report import write_markdown, write_report; "
        f"results = read_json(Path('{comparison}/results.json')); "
        f"write_report(results, Path('{out}/r.html')); write_markdown(results)",
    ]
    alone = 0.0
    for step in steps:
        code = f"from pathlib import Path; {step}"
        alone += timed([sys.executable, "-c", code])[0]
    return (through - alone) / len(steps)


if __name__ == "__main__":
    main()
