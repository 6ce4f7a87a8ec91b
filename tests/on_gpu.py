"""Parts of tests that need a GPU, each in a process of its own: tests themselves see none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run_on_gpu(script: str, out: Path) -> None:
    """Run a test file as a program, with the folder `out` for what it writes; where there is no
    GPU, the test is skipped.
    """
    environment = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    ours = str(Path(__file__).parent)  # Which pytest has on its path, and a program has not.
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (ours, environment.get("PYTHONPATH"))))
    command = [sys.executable, "-c", "import torch; print(torch.cuda.is_available())"]
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    if run.stdout.strip() != "True":
        pytest.skip("needs a GPU")
    subprocess.run([sys.executable, script, str(out)], check=True, env=environment)
