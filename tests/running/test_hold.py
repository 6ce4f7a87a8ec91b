"""`bakeoff.run` in Python: a real bake-off on a frame, and its result."""

import ast
import inspect
import io
import json
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from typing import get_type_hints

import pandas as pd
import pyarrow as pa
import pytest

import bakeoff
from bakeoff.cli import main
from bakeoff.cli.bakeoffs import run as command
from bakeoff.errors import UserError
from bakeoff.running.hold import planned
from bakeoff.running.options import Options, at_home
from bakeoff.running.store import clean


@pytest.fixture(scope="module")
def frame(reviews_csv):
    return pd.read_csv(reviews_csv)


@pytest.fixture(scope="module")
def held(tmp_path_factory, frame):
    """The result of a bake-off on a frame, where it was held, and what was printed."""
    root = tmp_path_factory.mktemp("runs")
    with redirect_stdout(io.StringIO()) as printed:
        result = bakeoff.run(
            frame,
            models="nb-counts,logreg-tfidf",
            changes={"nb-counts.strength": 0.4},
            wandb="disabled",
            wandb_suffix="second",
            runs=root,
        )
    return result, root, printed.getvalue()


def test_a_frame_is_data_and_its_columns_are_found(held):
    result, _, printed = held
    assert "texts are in column 'review', labels in 'stars' (bad, good)" in printed
    assert result.results["study"] == "text"
    assert result.results["classes"] == ["bad", "good"]
    assert {row["model"] for row in result.results["leaderboard"]} == {
        *("nb-counts", "logreg-tfidf", "largest-class")
    }
    plan = result.run.facts["plan"]
    assert (plan["input_column"], plan["label_column"]) == ("review", "stars")
    assert plan["models"]["nb-counts"]["strength"] == 0.4


def test_a_frame_is_not_called_by_the_file_that_keeps_it(held, frame, tmp_path, monkeypatch):
    result, _, printed = held
    name = result.results["dataset"]["source"]["name"]
    assert re.fullmatch("frame [0-9a-f]{6}", name)
    assert f"data {name}\n" in printed
    assert f"{name}: texts are in column 'review'" in printed
    monkeypatch.chdir(tmp_path)
    wrong = frame.assign(stars=["odd", *frame["stars"][1:]])
    looked = bakeoff.look(wrong, text_column="review", label_column="stars")
    assert looked.facts["refusals"][0].startswith("the data frame: class 'odd' has 1 of 600 rows")
    assert ".parquet" not in str(looked) + json.dumps(looked.facts)
    for refused in (
        lambda: bakeoff.look(wrong, label_column="nope"),
        lambda: bakeoff.run(wrong, label_column="nope", runs="runs", wandb="disabled"),
    ):
        with pytest.raises(UserError, match=r"^the data frame has no column 'nope'"):
            refused()


def test_a_single_class_is_counted_as_one(frame):
    looked = bakeoff.look(frame.assign(stars="good"), label_column="stars")
    assert ": 600 texts, 1 class\n" in str(looked)


def test_the_result_is_its_leaderboard(held):
    result = held[0]
    board = result.to_frame()
    assert list(board.index) == [row["model"] for row in result.results["leaderboard"]]
    assert board.loc[result.winner, "winner"]
    printed = str(result)
    assert result.verdict in printed
    assert printed.rstrip().endswith(result.report.path.resolve().as_uri())
    assert all(name in printed for name in board.index)
    shown = result._repr_html_()
    assert shown.count("<tr") == 1 + len(board)
    assert f"★ {result.winner}" in shown


def test_the_report_is_shown_inline(held):
    shown = held[0].report._repr_html_()
    found = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.append((tag, dict(attributes)))

    Parser().feed(shown)
    [(tag, attributes)] = found
    assert tag == "iframe"
    assert attributes["srcdoc"] == Path(held[0].report).read_text(encoding="utf-8")


@pytest.mark.usefixtures("notebook")
def test_a_notebook_that_asks_for_colours_gets_a_text_without(held, capsys):
    result = held[0]
    assert repr(result) == str(result) != ""
    assert "\x1b" not in repr(result)
    assert result.verdict in repr(result)
    assert repr(result.report) == result.report.path.resolve().as_uri()
    assert capsys.readouterr().out == "", "asking for its text shows nothing"


def test_predictions_are_a_frame_beside_what_was_given(held, frame):
    result = held[0]
    some = frame["review"][10:14]
    rows = result.predict(some)
    assert list(rows.index) == [10, 11, 12, 13]
    assert list(rows.columns) == ["text", "label", "probability"]
    assert set(rows["label"]) <= {"bad", "good"}
    assert rows["probability"].between(0.5, 1).all()
    rows = result.predict(["a wonderful film", "", None], model="nb-counts")
    assert rows["label"].notna().tolist() == [True, False, False]
    assert len(result.predict("a wonderful film")) == 1
    with pytest.raises(UserError, match="unknown model 'nb'"):
        result.predict("film", model="nb")
    with pytest.raises(UserError, match="unknown model 'largest-class'") as refused:
        result.predict("film", model="largest-class")
    assert str(refused.value).count("largest-class") == 1, "it has no labels to give"


@pytest.mark.parametrize("form", [pd.DataFrame, pa.Table.from_pandas], ids=["pandas", "arrow"])
def test_of_a_frame_the_column_that_the_run_read_is_labelled(held, frame, form):
    result, some = held[0], frame[10:14]
    pd.testing.assert_frame_equal(
        result.predict(form(some)).reset_index(drop=True),
        result.predict(some["review"].tolist()),
    )
    assert result.predict(some).index.tolist() == some.index.tolist()
    line = (
        "the frame has no column 'review', as the texts of the run are called; it has: body, stars"
    )
    with pytest.raises(UserError, match=line):
        result.predict(form(some.rename(columns={"review": "body"})))


def test_missing_texts_have_no_label_whatever_stands_for_them(held):
    given = [pd.Series(["a film", pd.NA], dtype="string"), pd.Series(["a film", None])]
    for texts in (*given, ["a film", float("nan")], ["a film", pd.NaT]):
        assert held[0].predict(texts)["label"].notna().tolist() == [True, False]


@pytest.mark.parametrize("given", [b"film", [b"film"], {"review": ["film"]}, [["film"]]])
def test_what_is_no_text_is_not_labelled(held, given):
    with pytest.raises(UserError, match="texts are labelled, not values of type"):
        held[0].predict(given)


def test_an_earlier_result_is_found_again(held):
    result, root, _ = held
    assert bakeoff.load(runs=root).name == result.name
    assert str(bakeoff.load(result.name[:15], runs=root)) == str(result)
    with pytest.raises(UserError, match="unknown run 'nope'"):
        bakeoff.load("nope", runs=root)


def test_its_command_repeats_it(held):
    result, root, _ = held
    words = shlex.split(result.run.facts["command"])
    assert words[:2] == ["bakeoff", "run"]
    assert words[3:] == [
        *["--models", "nb-counts,logreg-tfidf", "--wandb", "disabled"],
        *["--wandb-suffix", "second", "--runs", str(root)],
        *["--set", "nb-counts.strength=0.4"],
    ]
    clean(root)
    assert Path(words[2]).exists(), "the frame is kept as long as a run names it"
    script = "from bakeoff.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, *words[1:]], capture_output=True, text=True, check=True
    )
    assert "reused from earlier runs" in done.stdout
    again = bakeoff.load(runs=root)
    assert again.name != result.name
    assert again.results["leaderboard"] == result.results["leaderboard"]


def test_its_columns_are_those_of_other_tables(held, frame, tmp_path, monkeypatch, capsys):
    _, root, _ = held
    more = frame.assign(review=[f"{text} Number {n}." for n, text in enumerate(frame["review"])])
    more.tail(40).to_csv(tmp_path / "more.csv", index=False)
    for words in (
        ["predict", "latest", str(tmp_path / "more.csv")],
        ["evaluate", "latest", "--data", str(tmp_path / "more.csv"), "--json"],
    ):
        monkeypatch.setattr(sys, "argv", ["bakeoff", *words, "--runs", str(root)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        printed = capsys.readouterr().out
        if "--json" in words:
            entry = json.loads(printed)
            # Of those that it learned from these are near copies.
            assert entry["rows"] + entry["seen"] == 40
            assert entry["rows"]
        else:
            assert len(pd.read_csv(io.StringIO(printed))) == 40


def test_two_results_of_one_frame_share_its_file(held):
    _, root, _ = held
    assert len(list((root / ".store" / "data").iterdir())) == 1


def test_importing_the_package_is_light():
    script = (
        "import sys, bakeoff\n"
        "heavy = {'torch', 'kfp', 'sklearn', 'pandas', 'numpy', 'rich', 'jinja2', 'typer'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "bakeoff.run, bakeoff.load, bakeoff.look\n"
        "assert not {'torch', 'kfp', 'sklearn'} & set(sys.modules)\n"
        "assert not hasattr(bakeoff, 'rum')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_the_package_gives_is_seen_before_it_is_imported():
    script = "import bakeoff; print(*dir(bakeoff))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(bakeoff.__all__) <= set(done.stdout.split())


def test_type_checkers_are_told_where_it_is():
    """They run nothing: what is imported when asked for has no type unless the module says so."""
    tree = ast.parse(Path(bakeoff.__file__).read_text())
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    homes = {alias.name: node.module for node in imports for alias in node.names}
    for name in bakeoff.__all__:
        assert getattr(bakeoff, name).__module__ == homes[name]


@pytest.mark.parametrize(
    ("what", "options", "line"),
    [
        ("sentimant", {}, "unknown study 'sentimant': did you mean 'sentiment'?"),
        ("none.csv", {}, "no such file: none.csv"),
        ("text", {"data": [1, 2]}, "the data is of the type list"),
        ("text", {"sede": 1}, "unknown option 'sede': did you mean 'seed'?"),
        ("text", {"models": ["nb-count"]}, "unknown model 'nb-count': did you mean 'nb-counts'?"),
        ("text", {"preset": "quik"}, "unknown preset 'quik': did you mean 'quick'?"),
        ("text", {"workers": 2}, "--workers 2 need Ray"),
        ("text", {"where": "ray", "workers": 99, "threads": 3}, "99 workers of 3 CPUs need 297,"),
        ("text", {"where": "ray", "runner": "docker"}, "leave out --runner docker"),
        ("text", {"gpus_per_worker": 0}, "--gpus-per-worker is for workers on Ray"),
        ("text", {"wandb_suffix": "a b"}, "--wandb-suffix 'a b': use up to 32 letters"),
        ("text", {"image_size": 32}, "--image-size is for images: of texts leave it out"),
        ("images", {"text_column": "a"}, "--text-column is for texts: of images leave it out"),
        ("digits", {"text_column": "a"}, "digits has no columns to choose from: leave out the"),
        ("images", {"skip_bad_rows": True}, "--skip-bad-rows is for texts"),
        ("sentiment", {"data": "digits"}, "digits holds images, and sentiment is a study of texts"),
        ("resnet", {"data": "imdb"}, "imdb holds texts, and resnet is a study of images: take one"),
        ("text", {"models": ["nb-counts"], "tune": "1"}, "--tune 1: the first trial"),
        ("text", {"models": ["nb-counts"], "tune": 1}, "--tune 1: the first trial"),
    ],
)
def test_what_a_person_can_mend_is_a_user_error(tmp_path, what, options, line):
    with pytest.raises(bakeoff.UserError) as refused:
        bakeoff.run(what, runs=tmp_path / "runs", wandb="disabled", **options)
    assert line in str(refused.value)
    assert not (tmp_path / "runs").exists()


def test_a_key_that_is_missing_is_said_before_a_run_begins(frame, tmp_path, monkeypatch):
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(bakeoff.UserError, match="WANDB_API_KEY"):
        bakeoff.run("text", data=frame, runs=tmp_path / "runs", wandb="online")
    assert not list((tmp_path / "runs").glob("2*"))


def test_a_ray_that_does_not_answer_is_refused_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(bakeoff.UserError, match=r"^no Ray answers at 127.0.0.1:1"):
        bakeoff.run("text", runs=tmp_path / "runs", wandb="disabled", where="ray")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"where": "moon"}, "unknown where 'moon': Known: inline, ray"),
        ({"runner": "yes"}, "unknown runner 'yes': Known: subprocess, docker"),
        ({"wandb": "of"}, "unknown wandb 'of'"),
        ({"workers": 0}, "workers=0: must be at least 1"),
        ({"threads": -1}, "threads=-1: must be at least 0"),
        ({"parallel": 3}, "parallel=3: must be at least 1 and at most 2"),
        ({"threads": None}, "threads=None: must be a number"),
        ({"split": (0.7, 0.1, 0.2)}, "split=(0.7, 0.1, 0.2): must be text"),
        ({"seeds": "3"}, "seeds='3': give 3, which is no text"),
        ({"seeds": 1.5}, "seeds=1.5: must be a whole number"),
        ({"seed": -1}, "seed=-1: must be at least 0"),
        ({"text_column": ["body"]}, "text_column=['body']: must be text"),
        ({"label_column": pd.DataFrame({"a": [1, 2]})}, "label_column=a 0 1"),
        ({"skip_bad_rows": "no"}, "skip_bad_rows='no': give False, which is no text"),
        ({"models": 3}, "models=3: must be a list of texts"),
        ({"changes": [3]}, "changes=[3]: must be a list of texts"),
        ({"runs": 3}, "runs=3: must be text"),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, dict) else "",
)
def test_an_option_that_cannot_be_so_is_refused_by_its_name(tmp_path, options, line):
    with pytest.raises(UserError) as refused:
        bakeoff.run("text", **{"runs": tmp_path / "runs", "wandb": "disabled"} | options)
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "runs").exists()


def test_options_of_a_look_are_refused_alike(frame):
    for options, line in (
        ({"seed": "3"}, "seed='3': give 3"),
        ({"split": (0.7, 0.1, 0.2)}, "split=.* must be text"),
        ({"label_column": 0}, "label_column=0: must be text"),
    ):
        with pytest.raises(UserError, match=line):
            bakeoff.look(frame, **options)


def test_the_command_line_has_the_same_options_and_defaults():
    """What one of them lacks, the other cannot say."""
    theirs = inspect.signature(command).parameters
    assert set(theirs) == {"study", "models", "data", "changes"} | set(get_type_hints(Options))
    ours = inspect.signature(bakeoff.run).parameters
    for name in set(theirs) & set(ours) - {"models", "changes"}:
        assert str(theirs[name].default) == str(ours[name].default), name


@pytest.mark.parametrize(
    ("what", "options", "study", "data"),
    [
        ("sentiment", {}, "sentiment", "imdb-25k"),
        ("text", {}, "text", "rotten-tomatoes"),
        ("images", {}, "images", "digits"),
        ("digits", {}, "images", "digits"),
        ("rotten-tomatoes", {}, "text", "rotten-tomatoes"),
        ("resnet", {"data": "digits"}, "resnet", "digits"),
    ],
)
def test_a_name_is_a_study_or_data(what, options, study, data):
    chosen, said = planned(what, **options)
    assert (chosen.study, chosen.data, said) == (study, data, "")


@pytest.mark.parametrize(
    ("what", "kind"), [("images", "the study, on data of its own"), ("digits", "the set")]
)
def test_a_folder_that_is_called_as_a_study_or_a_set_is_told(what, kind, tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    for label in ("cat", "dog"):
        Path(what, label).mkdir(parents=True)
        for n in range(3):
            Image.new("RGB", (32, 32), (80 * n, 0, 0)).save(Path(what, label, f"{n}.png"))
    chosen, said = planned(what)
    assert chosen.data == "digits"
    assert said == f"{what} is {kind}; what is here under that name is ./{what}"
    if what == "images":  # No data is called so but the folder.
        chosen, said = planned("autoencoder", data=what)
        assert (chosen.data, "study" in said) == (what, False)
    chosen, said = planned(f"./{what}")
    assert (chosen.study, chosen.data) == ("images", f"./{what}")
    assert "study" not in said
    assert at_home(Path(what)) == f"./{what}"
    assert at_home(what) == what


def test_a_path_is_data_for_the_study_of_its_kind(reviews_csv, tmp_path, monkeypatch):
    chosen, _ = planned(str(reviews_csv))
    assert (chosen.study, chosen.input_column, chosen.label_column) == ("text", "review", "stars")
    chosen, _ = planned("sentiment", data=str(reviews_csv))
    assert (chosen.study, chosen.input_column, chosen.label_column) == (
        *("sentiment", "review", "stars"),
    )
    chosen, _ = planned(str(reviews_csv), text_column="stars", label_column="review")
    assert (chosen.input_column, chosen.label_column) == ("stars", "review")
    # A study's name is a study, whatever lies there.
    monkeypatch.chdir(tmp_path)
    Path("sentiment").write_text("no data")
    assert planned("sentiment")[0].data == "imdb-25k"


def test_pictures_of_several_sizes_get_one(tmp_path):
    from PIL import Image

    for number in range(4):
        path = tmp_path / "pets" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (10 + number, 8)).save(path)
    chosen, said = planned(str(tmp_path / "pets"))
    assert (chosen.study, chosen.image_size) == ("images", 64)
    assert "brought to 64×64; another size: --image-size" in said
    for what, options, size in (
        (str(tmp_path / "pets"), {"image_size": 32}, 32),
        ("resnet", {"preset": "full", "data": str(tmp_path / "pets")}, 128),
    ):
        chosen, said = planned(what, **options)
        assert (chosen.image_size, said) == (size, "")


def test_splits_of_a_dictionary_are_those_of_the_bake_off(frame, tmp_path):
    shuffled = frame.drop_duplicates("review").sample(frac=1, random_state=0)
    parts = {"train": shuffled[40:], "validation": shuffled[20:40], "test": shuffled[:20]}
    result = bakeoff.run(parts, models="nb-counts", wandb="disabled", runs=tmp_path)
    assert result.results["dataset"]["sizes"] == {name: len(part) for name, part in parts.items()}
