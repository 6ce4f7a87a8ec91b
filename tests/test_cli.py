"""The command line as a newcomer meets it."""

import json
import subprocess
import sys

import pytest

import bakeoff.cli


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
        ["report"],
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
        (["run", "sentiment", "--split", "a:b"], "a:b"),
        (["models", "sentimant"], "did you mean 'sentiment'?"),
        (["compile", "sentimant", "--output", "x.yaml"], "did you mean 'sentiment'?"),
        (["report", "nope"], "unknown run 'nope'"),
        (["predict", "nope", "text"], "unknown run 'nope'"),
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


def test_data_prepare(bakeoff_cli, tmp_path, reviews_csv):
    options = ["--data", reviews_csv, "--text-column", "review", "--label-column", "stars"]
    code, out, _ = bakeoff_cli("data", "prepare", *options, "--output", tmp_path / "prepared")
    assert code == 0
    assert "420" in out
    assert (tmp_path / "prepared" / "test" / "test.parquet").exists()


def test_compile_writes_the_pipeline(bakeoff_cli, tmp_path):
    code, out, _ = bakeoff_cli("compile", "sentiment", "--output", tmp_path / "s.yaml")
    assert code == 0
    assert out.strip() == str(tmp_path / "s.yaml")
    assert "bakeoff" in (tmp_path / "s.yaml").read_text()
