"""What the pages say is so: their commands, their Python, their links, the errors and figures they
quote.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from kfp import compiler, dsl
from pages import PAGES, ROOT, commands, parsed, python, write_files

import bakeoff.cli
from bakeoff.components.prepare import prepare
from bakeoff.configured import OPTIONS
from bakeoff.data.recognise import recognise
from bakeoff.plans import Plan
from bakeoff.running.hold import planned
from bakeoff.text import registry
from bakeoff.text.preprocessing import STEPS
from bakeoff.tuning import spaces

COMMANDS = [(page, words) for page, text in PAGES.items() for words in commands(text)]
CHEAP = ("models", "data list", "data look", "data prepare", "runs", "clean")
"""Commands that are executed; those of `bakeoff run` and its like are planned."""
AFTER_A_RUN = ("report", "predict", "evaluate", "compare", "runs", "clean")
NOT_HERE = {"--wandb", "rotten-tomatoes", "-"}
"""Words of commands that need a key, data of the same classes or stdin."""
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    return folder


@pytest.fixture
def cli(files, monkeypatch):
    """Run a command among the files in this process; returns its exit code."""
    monkeypatch.chdir(files)

    def run(words):
        monkeypatch.setattr(sys, "argv", ["bakeoff", *words])
        try:
            bakeoff.cli.main()
        except SystemExit as stopped:
            return stopped.code or 0
        return 0

    return run


def of(*known):
    """The commands of these names, or all, by page and line."""
    return [
        pytest.param(words, id=f"{page}: {' '.join(words)}")
        for page, words in COMMANDS
        if not known or words[0] in known or " ".join(words[:2]) in known
    ]


def test_there_are_commands_on_many_pages():
    assert len(COMMANDS) > 50
    assert len({page for page, _ in COMMANDS}) > 8


@pytest.mark.parametrize("words", of())
def test_the_command_line_takes_it(words):
    assert parsed(words)[0]


@pytest.mark.parametrize("words", of("run", "compile", "submit"))
def test_a_bake_off_can_be_planned(words, files, monkeypatch):
    monkeypatch.chdir(files)
    _, given = parsed(words)
    known = {field.name for field in fields(Plan)} | set(OPTIONS) | {"text_column", "image_column"}
    known |= {"label_column", "skip_bad_rows", "skip_bad_images"}
    study, preset = given.pop("study"), given.pop("preset")
    models = [name for name in (given.pop("models") or "").split(",") if name]
    chosen = {
        name: getattr(value, "value", value) for name, value in given.items() if name in known
    }
    chosen |= {"models": models, "changes": given["changes"] or (), "threads": 1}
    assert planned(study, preset, **chosen)[0].models


@pytest.mark.parametrize("words", of(*CHEAP))
def test_a_cheap_command_succeeds(words, cli):
    assert cli(words) == 0


@pytest.mark.slow
def test_python_runs_and_so_do_the_commands_after_it(files, cli, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(files)
    there = {}
    for block in python(PAGES["docs/python.md"]):
        exec(block, there)
    assert there["result"].winner in there["result"].to_frame().index
    shutil.copytree(
        there["result"].run.path, files / "runs" / "20261127-0916-as-the-pages-name-one"
    )
    done = 0
    for page, words in COMMANDS:
        if words[0] in AFTER_A_RUN and not set(words) & NOT_HERE:
            assert cli(words) == 0, (page, words)
            done += 1
    assert done > 5
    assert (files / "labelled.csv").exists()


def test_dimensions_of_a_search_are_such():
    [block] = python(PAGES["docs/tuning.md"])
    there = {"space": {}} | vars(spaces)
    exec(block, there)
    assert spaces.described(there["space"])


def test_gpus_of_a_pipeline_reach_the_pods_of_a_rayjob(tmp_path):
    [block] = [block for block in python(PAGES["docs/cluster.md"]) if "accelerator" in block]
    there = {}
    exec(block, there)

    @dsl.pipeline(name="pets")
    def pets():
        data = prepare(data="s3://bucket/pets.parquet", modality="image", split="8:1:1", seed=0)
        there["train"](data.outputs["dataset"])

    compiler.Compiler().compile(pets, str(tmp_path / "pets.yaml"))
    spec, _ = yaml.safe_load_all((tmp_path / "pets.yaml").read_text())
    container = spec["deploymentSpec"]["executors"]["exec-train-image-network"]["container"]
    assert container["resources"]["accelerator"]["resourceType"] == "nvidia.com/gpu"
    passed = spec["components"]["comp-train-image-network"]["taskConfigPassthroughs"]
    assert {one["field"] for one in passed if not one.get("applyToTask")} >= {
        *("RESOURCES", "KUBERNETES_TOLERATIONS", "KUBERNETES_NODE_SELECTOR"),
    }


def test_a_folder_of_pictures_becomes_a_parquet(files, monkeypatch):
    [block] = [block for block in python(PAGES["docs/cluster.md"]) if "parquet" in block]
    monkeypatch.chdir(files)
    exec(block, {})
    found = recognise("pets.parquet")
    assert (found.modality, found.input_column, found.label_column) == ("image", "image", "label")


def test_a_cluster_by_hand_is_that_of_make():
    made = (ROOT / "k8s" / "kind.sh").read_text()
    wanted = set(re.findall(r"^KFP=(\S+) KUBERAY=(\S+)$", made, re.MULTILINE)[0])
    assert set(re.findall(r"\?ref=([\w.]+)", PAGES["docs/cluster.md"])) == wanted


def test_an_entry_of_the_registry_is_one():
    [entry] = [block for block in python(PAGES["docs/own-model.md"]) if "_SMOOTHED" in block]
    [(name, config)] = eval(f"{{{entry}}}", vars(registry)).items()
    assert name not in registry.MODELS
    assert type(config) in map(type, registry.MODELS.values())


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", PAGES[page])
    missing = [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_paths_and_targets_of_make_exist(page):
    paths = re.findall(r"(?<![\w/])(?:src|benchmarks|k8s|pipelines|tests)/[\w./-]*\w", PAGES[page])
    assert not [path for path in paths if not (ROOT / path).exists()]
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:^ {4}|`|&& )make ([a-z0-9-]+)", PAGES[page], re.M)) <= set(targets)


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert all(Path(page).name in navigation for page in PAGES if page != "README.md")


def test_every_step_of_a_preprocessing_is_told():
    told = re.findall(r"`([a-z-]+)`", PAGES["docs/studies.md"].partition("| step |")[2])
    assert set(STEPS) <= set(told)


@pytest.mark.slow
def test_pages_build_without_a_warning(tmp_path):
    done = subprocess.run(
        [*(sys.executable, "-m", "mkdocs", "build", "--strict"), "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "batch_size" in (tmp_path / "settings.html").read_text()
    told = (tmp_path / "commands.html").read_text()
    assert {"run", "submit", "data-look"} <= set(re.findall(r'<h2 id="([a-z-]+)"', told))
    assert "--group-column" in told
    pages = {path.name: path.read_text() for path in tmp_path.glob("*.html")}
    loaded = re.compile(
        r"<(?:script|img|iframe|link rel=\"?stylesheet)[^>]*(?:src|href)=\"?http|mermaid"
    )
    assert not [name for name, page in pages.items() if loaded.search(page)], "they work offline"


def _said(node):
    """A string of the code as a person reads it, … for what differs."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_said(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "…"


def test_errors_are_those_of_the_code():
    texts = [path.read_text() for path in (ROOT / "src").rglob("*.py")]
    trees = [ast.parse(text) for text in texts if "Error(" in text]
    strings = (
        n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.JoinedStr | ast.Constant)
    )
    said = "\n".join(re.sub("…+", "…", _said(node)) for node in strings)
    quoted = re.findall(r"^\| `(.*?)` \|", PAGES["docs/errors.md"], re.MULTILINE)
    assert len(quoted) > 15
    assert not [message for message in quoted if message not in said]


def _rows(heading, page="docs/measured.md"):
    """The rows of the first table below a heading, by the beginning of their first cell."""
    below = PAGES[page].split(f"## {heading}")[1]
    table = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE).group()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]
    return {first.partition(",")[0]: rest for first, *rest in cells}


def _percent(share):
    return f"{100 * share:.1f} %"


def _interval(row):
    ends = "–".join(f"{100 * row[f'accuracy_{end}']:.1f}" for end in ("low", "high"))
    return f"{_percent(row['accuracy'])} ({ends})"


def _measured(name):
    rows = json.loads((RESULTS / name).read_text())["leaderboard"]
    return {row["model"]: row for row in rows}


def test_figures_of_texts_are_the_measured_ones():
    ours = _measured("2026-11-24-paper-3seeds.json")
    after = _measured("2026-11-24-paper-report.json")
    for model, (report, repeated, best) in _rows("Sentiment").items():
        assert best == _interval(ours.pop(model))
        if row := after.pop(f"{model}@report", None):
            assert [report, repeated] == [_percent(row["report"]), _percent(row["accuracy"])]
    assert not ours
    assert not after


def test_figures_of_images_are_the_measured_ones():
    encoders = _measured("2026-11-24-stl10-autoencoder.json")
    losses = _measured("2026-11-26-stl10-resnet-three-losses.json")
    seen = {row: cells for row, cells in _rows("Autoencoders").items() if row in encoders}
    seen |= {row: cells[2:] for row, cells in _rows("ResNet-18").items()}
    for model, row in (encoders | losses).items():
        assert seen[model] == [_interval(row), _percent(row["top5_accuracy"])]


def test_figures_of_the_readme_are_those_of_the_page():
    all_of_them = _rows("Sentiment")
    rows = _rows("Measured", "README.md")
    assert len(rows) > 5
    assert all(rows[model] == all_of_them[model][::2] for model in rows)
