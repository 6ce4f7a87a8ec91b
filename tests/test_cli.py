"""The command line as a newcomer meets it."""

import json
import os
import re
import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_command

import bakeoff.cli
from bakeoff.cli.help import PANELS


def cli(*arguments, monkeypatch, capsys):
    """Run a command in this process; returns exit code, stdout, stderr."""
    monkeypatch.setattr(sys, "argv", ["bakeoff", *map(str, arguments)])
    try:
        bakeoff.cli.main()
        code = 0
    except SystemExit as stopped:
        code = stopped.code or 0
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def bakeoff_cli(monkeypatch, capsys):
    return lambda *arguments: cli(*arguments, monkeypatch=monkeypatch, capsys=capsys)


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["run"],
        ["compile"],
        ["models"],
        ["data", "prepare"],
        ["data", "list"],
        ["data", "look"],
        ["report"],
        ["runs"],
        ["compare"],
        ["predict"],
        ["evaluate"],
        ["clean"],
    ],
)
def test_help_of_every_command(bakeoff_cli, command):
    code, out, _ = bakeoff_cli(*command, "--help")
    assert code == 0
    assert "Usage" in out


def test_help_imports_nothing_heavy():
    script = (
        "import sys; sys.argv = ['bakeoff', '--help']\n"
        "from bakeoff.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'kfp', 'sklearn', 'pandas', 'wandb', 'ray', 'matplotlib', 'numpy'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "set()"


def test_models_for_people_and_machines(bakeoff_cli):
    code, out, _ = bakeoff_cli("models")
    assert code == 0
    assert "bilstm-glove" in out
    code, out, _ = bakeoff_cli("models", "--json")
    listed = {model["model"]: model for model in json.loads(out)}
    assert listed["rnn-64"]["training"]["learning_rate"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "sentimant"], "unknown study 'sentimant': did you mean 'sentiment'?"),
        (["run", "sentiment", "--preset", "quik"], "unknown preset 'quik': did you mean 'quick'?"),
        (["run", "sentiment", "--models", "nb-count"], "did you mean 'nb-counts'?"),
        (["run", "sentiment", "--preprocessing", "reprot"], "did you mean 'report'?"),
        (["run", "sentiment", "--data", "no-such.csv"], "no-such.csv"),
        (["run", "no-such.csv"], "no such file: no-such.csv; check the path"),
        (["run", "rotten-tomatos"], "did you mean 'rotten-tomatoes'?"),
        (["run", "digits", "--data", "stl10"], "digits and --data stl10 both name data"),
        (["data", "look", "no-such.csv"], "no such file: no-such.csv"),
        (["run", "sentiment", "--split", "a:b"], "a:b"),
        (["models", "sentimant"], "did you mean 'sentiment'?"),
        (["compile", "sentimant", "--output", "x.yaml"], "did you mean 'sentiment'?"),
        (["report", "nope"], "unknown run 'nope'"),
        (["predict", "nope", "text"], "unknown run 'nope'"),
        (["compare", "nope", "latest"], "unknown run 'nope'"),
        (["evaluate", "nope", "--data", "rotten-tomatoes"], "unknown run 'nope'"),
    ],
)
def test_mistakes_are_one_line_and_code_2(bakeoff_cli, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = bakeoff_cli(*arguments)
    assert code == 2
    assert message in err
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["run", "sentiment", "--modls", "svm"],
            "no such option: --modls (Possible options: --models); see: bakeoff run --help",
        ),
        (
            ["run", "sentiment", "--seed", "one"],
            "invalid value for '--seed': Input should be a valid integer",
        ),
        (
            ["run", "sentiment", "--parallel", "3"],
            "invalid value for '--parallel': Input should be less than or equal to 2",
        ),
        (
            ["run", "sentiment", "--runner", "moon"],
            "invalid value for '--runner': Value error, 'moon' is not one of 'subprocess'",
        ),
        (["run"], "missing argument 'STUDY|DATA'; see: bakeoff run --help"),
        (["run", "sentiment", "--seed"], "option '--seed' requires an argument"),
        (["data", "prepare"], "missing option '--output'; see: bakeoff data prepare --help"),
        (["report", "latest", "too", "many"], "got unexpected extra argument(s) (too many)"),
        (["rum"], "no such command 'rum'. Did you mean 'run'?; see: bakeoff --help"),
        (["--versoin"], "no such option: --versoin (Possible options: --version)"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(bakeoff_cli, arguments, line):
    code, out, err = bakeoff_cli(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {line}")
    assert "; see: bakeoff" in err
    assert err.endswith(" --help\n")
    assert err.index("\n") == len(err) - 1


@pytest.mark.parametrize("arguments", [[], ["data"]])
def test_without_arguments_there_is_help(bakeoff_cli, arguments):
    code, out, err = bakeoff_cli(*arguments)
    assert (code, err) == (2, "")
    assert "Usage" in out


def test_the_version(bakeoff_cli):
    assert bakeoff_cli("--version") == (0, f"bakeoff {bakeoff.__version__}\n", "")


def test_data_prepare(bakeoff_cli, tmp_path, reviews_csv):
    options = ["--data", reviews_csv, "--text-column", "review", "--label-column", "stars"]
    code, out, _ = bakeoff_cli("data", "prepare", *options, "--output", tmp_path / "prepared")
    assert code == 0
    assert "420" in out
    assert (tmp_path / "prepared" / "test" / "test.parquet").exists()


def test_a_first_look_at_data_fits_80_columns(bakeoff_cli, reviews_csv, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = bakeoff_cli("data", "look", reviews_csv)
    assert code == 0
    told = out[: out.index("reviews.csv: 600 texts, 2 classes")].partition("\n")[2]
    assert max(map(len, told.splitlines())) <= 80
    assert re.search(r"^good +300  50.0\u202f%", out, re.MULTILINE)
    assert "labels in 'stars' (bad, good)" in out
    code, out, _ = bakeoff_cli("data", "look", reviews_csv, "--json")
    assert json.loads(out)["classes"] == {"bad": 300, "good": 300}


def test_compile_writes_the_pipeline(bakeoff_cli, tmp_path):
    code, out, _ = bakeoff_cli("compile", "sentiment", "--output", tmp_path / "s.yaml")
    assert code == 0
    assert out.strip() == str(tmp_path / "s.yaml")
    assert "bakeoff" in (tmp_path / "s.yaml").read_text()


def test_settings_of_one_model(bakeoff_cli):
    code, out, _ = bakeoff_cli("models", "resnet18-triplet")
    assert code == 0
    assert out.startswith("resnet18-triplet: ResNet-18 with a triplet loss")
    assert "takes part in: quick, full, paper, all" in out
    assert "training.epochs" in out
    code, out, _ = bakeoff_cli("models", "resnet18-triplet", "--json")
    assert json.loads(out)["temperature"] == 2.0
    code, out, err = bakeoff_cli("models", "resnet18-triplat")
    assert code == 2
    assert "did you mean 'resnet18-triplet'?" in err


@pytest.mark.parametrize(
    "command",
    ["run", "compile", "models", "report", "runs", "compare", "predict", "evaluate", "clean"],
)
def test_options_are_grouped_and_flags_have_no_type(bakeoff_cli, command):
    _, out, _ = bakeoff_cli(command, "--help")
    assert "bool" not in out
    assert "─ Options ─" not in out, "an option of no group: add it to PANELS in cli/help.py"
    other = out.partition("─ Other ─")[2].partition("╰")[0]
    assert set(re.findall(r"--[a-z-]+", other)) <= {"--json", "--csv", "--dry-run", "--help"}


def options(command):
    """Names of what a command takes, or the commands of a group."""
    if isinstance(command, TyperGroup):
        return {name for inner in command.commands.values() for name in options(inner)}
    return {param.name for param in command.params}


def test_panels_name_each_option_once_and_none_that_is_no_more():
    named = [name for names in PANELS.values() for name in names]
    assert len(named) == len(set(named))
    app = get_command(bakeoff.cli.app)
    assert set(named) <= options(app)
    assert options(app.commands["run"]) - {"study"} <= set(named)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("arguments", [["models"], ["run", "--help"], ["report", "naïve…"]])
def test_no_encoding_of_a_terminal_stops_a_command(encoding, arguments):
    done = subprocess.run(
        [sys.executable, "-c", "from bakeoff.cli import main; main()", *arguments],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    out, err = done.stdout.decode(encoding), done.stderr.decode(encoding)
    if arguments[0] == "report":
        assert done.returncode == 2
        assert err.startswith("error: ")
        assert len(err.splitlines()) == 1
        assert ("naïve" if encoding != "ascii" else "naive") in err
    else:
        assert done.returncode == 0
        assert "sentiment" in out or "nb-counts" in out


def test_json_is_whole_in_any_encoding():
    code = "from bakeoff.report.terminal import show_json; show_json({'model': 'naïve 猫'})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"model": "naïve 猫"}
