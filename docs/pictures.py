"""The pictures of these pages and of README.md, from a run on this machine: the leaderboard as a
terminal shows it, and the top of the report as Chromium does.

.venv/bin/bakeoff run sentiment && .venv/bin/python docs/pictures.py [RUN] [--runs FOLDER]
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

from bakeoff.report.summary import answer, hint
from bakeoff.report.terminal import leaderboard_table
from bakeoff.running.runs import RunFolder, find_run

FOLDER = Path(__file__).parent / "pictures"
COLUMNS = 84
WINDOW = (1120, 1500)
"""Pixels of the report that are seen."""
COLOURS = 128
WITHOUT_FONTS = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Rich's picture without the addresses of a font, which nobody follows in a README."""


def leaderboard(run: RunFolder, path: Path) -> None:
    """What the command printed, as SVG."""
    console = Console(file=io.StringIO(), record=True, width=COLUMNS, force_terminal=True)
    console.print(leaderboard_table(run.results))
    for line in filter(None, (answer(run.results), hint(run.results))):
        console.print(line, highlight=False, markup=False)
    study = run.results["study"]
    svg = console.export_svg(
        title=f"bakeoff run {study}", theme=DIMMED_MONOKAI, code_format=WITHOUT_FONTS
    )
    path.write_text(svg, encoding="utf-8")


def report(run: RunFolder, path: Path) -> None:
    """The top of the page, as PNG of few colours."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("the picture of the report needs chromium or google-chrome on the path")
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder) / "report.png"
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--no-first-run", f"--user-data-dir={folder}/profile"),
                *("--blink-settings=preferredColorScheme=1", f"--screenshot={taken}"),
                f"--window-size={WINDOW[0]},{WINDOW[1]}",
                run.report.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        Image.open(taken).convert("RGB").quantize(COLOURS).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", default="latest")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args()
    run = find_run(given.runs, given.run)
    FOLDER.mkdir(exist_ok=True)
    leaderboard(run, FOLDER / "leaderboard.svg")
    report(run, FOLDER / "report.png")
    for path in sorted(FOLDER.iterdir()):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
