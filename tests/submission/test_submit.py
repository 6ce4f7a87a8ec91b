"""The commands, from what a person types to what KFP is asked."""

import os
import pty
import signal
import subprocess
import sys
from contextlib import closing

import pytest
from fake_kfp import node, resolved, workflow
from fake_kubernetes import FakeKubernetes

from bakeoff.cli import main
from bakeoff.cli.submit import run_id

DONE = workflow(
    node("prepare-driver", "Succeeded", **resolved()),
    node("prepare(0).executor", "Succeeded", finishedAt="2026-11-27T07:00:09Z"),
)
SMALL = ("sentiment", "--preset", "quick", "--models", "nb-counts,rnn-64")


@pytest.fixture
def run(monkeypatch, capsys):
    def cli(*arguments):
        monkeypatch.setattr(sys, "argv", ["bakeoff", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return cli


def refused(result):
    code, out, err = result
    assert (code, out, err.count("\n")) == (2, "", 1)
    return err


def test_a_run_is_submitted_followed_and_its_links_are_printed(run, kfp):
    kfp.looks = [("RUNNING", workflow()), ("SUCCEEDED", DONE)]
    code, out, err = run("submit", *SMALL, "--host", kfp.url, "--seed", 3, "--name", "mine")
    assert (code, err.splitlines()[0][:5]) == (0, "note:")
    assert f"{kfp.url}/#/runs/details/r1" in out
    assert "prepare: done in 0:09" in out
    assert out.endswith(f"its results: bakeoff fetch r1 --host {kfp.url}\n")
    (made,) = kfp.made
    assert made["display_name"] == "mine"
    assert made["experiment_id"] == kfp.experiments["bakeoff"]
    assert made["pipeline_spec"]["pipeline_spec"]["pipelineInfo"]["name"] == "sentiment"
    assert "kubernetes" in made["pipeline_spec"]["platform_spec"]["platforms"]


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_the_exit_code_is_the_runs(run, kfp, state):
    kfp.looks = [(state, workflow())]
    code, out, _ = run("submit", *SMALL, "--host", kfp.url)
    assert code == 1
    assert f"run r1 {state.lower()}" in out


def test_no_wait_prints_the_links_alone(run, kfp):
    code, out, _ = run("submit", *SMALL, "--host", kfp.url, "--no-wait")
    assert code == 0
    assert out.splitlines() == ["run r1", f"{kfp.url}/#/runs/details/r1"]
    assert "GET /apis/v2beta1/runs/r1" not in kfp.asked


def test_settings_reach_the_run(run, kfp):
    code, _, _ = run(
        *("submit", *SMALL, "--host", kfp.url, "--no-wait", "--experiment", "mine"),
        *("--service-account", "me", "--pipeline-root", "s3://b/r", "--limit", 77),
    )
    assert code == 0
    (made,) = kfp.made
    assert kfp.experiments == {"mine": "e0"}
    assert made["service_account"] == "me"
    assert made["runtime_config"]["pipeline_root"] == "s3://b/r"
    root = made["pipeline_spec"]["pipeline_spec"]["root"]
    assert root["inputDefinitions"]["parameters"]["limit"]["defaultValue"] == 77


def test_the_environment_names_the_image_and_an_option_another(run, kfp, monkeypatch):
    def images(*options):
        assert run("submit", *SMALL, "--host", kfp.url, "--no-wait", *options)[0] == 0
        executors = kfp.made[-1]["pipeline_spec"]["pipeline_spec"]["deploymentSpec"]["executors"]
        return {one["container"]["image"] for one in executors.values()}

    monkeypatch.setenv("BAKEOFF_IMAGE", "registry.example/bakeoff:1")
    assert images() == {"registry.example/bakeoff:1"}
    assert images("--image", "other/bakeoff:2") == {"other/bakeoff:2"}


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("registry.example:5000/bakeoff:1", True),
        ("bakeoff", True),
        ("bakeoff:1-0123456789ab", False),
        ("bakeoff:0123456789ab", False),
        (f"registry.example/bakeoff@sha256:{'0' * 64}", False),
    ],
)
def test_an_image_whose_name_may_come_to_mean_another_is_noted(run, kfp, tmp_path, image, told):
    code, _, err = run("submit", *SMALL, "--host", kfp.url, "--no-wait", "--image", image)
    note = f"note: the image {image} is named without a digest: after a new build of that name KFP "
    assert (code, note in err) == (0, told)
    written = run("compile", *SMALL, "--image", image, "--output", tmp_path / "sentiment.yaml")
    assert "digest" not in written[2]


def test_the_clock_starts_runs(run, kfp):
    code, out, _ = run("submit", *SMALL, "--host", kfp.url, "--cron", "0 0 6 * * 1")
    assert (code, out.splitlines()[0]) == (0, "recurring run r1")
    assert out.splitlines()[2] == f"its end: bakeoff cancel r1 --host {kfp.url}"
    told = "recurring run c1 is disabled: it comes no more\n"
    assert run("cancel", "c1", "--host", kfp.url)[:2] == (0, told)
    (made,) = kfp.made
    assert made["trigger"] == {"cron_schedule": {"cron": "0 0 6 * * 1"}}
    assert made["runtime_config"]["parameters"] == {}, "each run looks anew what the data is"
    assert "six fields" in run("submit", *SMALL, "--host", kfp.url, "--cron", "0 6 * * 1")[2]


def test_a_file_of_this_machine_is_refused_with_the_command_that_puts_it_to_s3(run, tmp_path):
    file = tmp_path / "my reviews.csv"
    file.write_text("text,label\na,b\n")
    message = refused(run("submit", "sentiment", "--data", file, "--host", "http://localhost:9"))
    assert f"aws s3 cp '{file}' 's3://bucket/my reviews.csv'" in message
    assert "--upload" in message
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("a 1 2\n")
    glove = ("--glove", vectors, "--models", "bilstm-glove")
    assert "vectors.txt" in refused(run("submit", "sentiment", *glove, "--host", "http://x"))


def test_files_are_uploaded_by_their_content_once(run, kfp, s3, tmp_path):
    file, vectors = tmp_path / "reviews.csv", tmp_path / "vectors.txt"
    file.write_text("text,label\na,b\n")
    vectors.write_text("a 1 2\n")
    given = ("--data", file, "--glove", vectors, "--models", "bilstm-glove")
    where = ("--upload", "s3://mlpipeline/data/", "--host", kfp.url, "--no-wait")
    assert run("submit", "sentiment", *given, *where)[0] == 0
    first = {path: s3.info(path)["LastModified"] for path in s3.find("mlpipeline/data")}
    assert run("submit", "sentiment", *given, *where)[0] == 0
    s3.invalidate_cache()
    assert {p: s3.info(p)["LastModified"] for p in s3.find("mlpipeline/data")} == first
    assert sorted(path.rpartition("-")[2] for path in first) == ["reviews.csv", "vectors.txt"]
    assert s3.cat(next(p for p in first if p.endswith("csv"))) == file.read_bytes()
    text = str(kfp.made[0])
    assert str(tmp_path) not in text
    assert all(f"s3://{path}" in text for path in first)
    file.write_text("text,label\na,c\n")
    assert run("submit", "sentiment", *given, *where)[0] == 0
    assert len(s3.find("mlpipeline/data")) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cron", "0 6 * * 1"), "six fields"),
        (("--tune", "24h"), "a search is ended after 24 hours"),
        (("--wandb", "online"), "has no secret wandb"),
        ((), "refuses the token"),
    ],
)
def test_nothing_is_uploaded_that_is_refused(run, kfp, s3, tmp_path, monkeypatch, options, said):
    file = tmp_path / "reviews.csv"
    file.write_text("text,label\na,b\n")
    kfp.token = "" if options else "another"
    where = ("--upload", "s3://mlpipeline/refused", "--host", kfp.url, "--no-wait")
    given = ("--models", "rnn-64", "--data", file, *where)
    with closing(FakeKubernetes()) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
        assert said in refused(run("submit", "sentiment", *given, *options))
    s3.invalidate_cache()
    assert s3.find("mlpipeline/refused") == []


def test_a_file_may_lie_in_the_store_of_kubeflow(run, kfp, s3, tmp_path):
    file = tmp_path / "reviews.csv"
    file.write_text("text,label\na,b\n")
    where = ("--upload", "minio://mlpipeline/own", "--host", kfp.url, "--no-wait")
    assert run("submit", "sentiment", "--data", file, *where)[0] == 0
    [path] = s3.find("mlpipeline/own")
    assert f"minio://{path}" in str(kfp.made[0])


TICKETS = "body,kind\n" + "".join(
    f"the {word} of order {n} has not arrived,{kind}\n"
    for n in range(30)
    for word, kind in [("parcel", "late"), ("refund", "money")]
)
UNREADABLE = "s3://nowhere/tickets.csv"


def form(kfp):
    """The values that the form of the newest run has."""
    root = kfp.made[-1]["pipeline_spec"]["pipeline_spec"]["root"]
    parameters = root["inputDefinitions"]["parameters"]
    return {name: parameter.get("defaultValue") for name, parameter in parameters.items()}


def columns(kfp):
    return form(kfp)["text_column"], form(kfp)["label_column"]


@pytest.fixture
def tickets(tmp_path):
    path = tmp_path / "tickets.csv"
    path.write_text(TICKETS)
    return path


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("words", [(), ("sentiment", "--data")])
def test_the_columns_of_a_file_are_found(run, kfp, tickets, words):
    where = ("--upload", "s3://mlpipeline/data", "--host", kfp.url, "--no-wait")
    code, _, err = run("submit", *words, tickets, "--models", "nb-counts", *where)
    assert code == 0
    assert "note: tickets.csv: texts are in column 'body', labels in 'kind' (late, money)" in err
    assert columns(kfp) == ("body", "kind")
    assert form(kfp)["data"].startswith("s3://mlpipeline/data/")


def test_the_columns_of_an_address_that_can_be_read_are_found(run, kfp, s3, tmp_path):
    s3.pipe("mlpipeline/there.csv", TICKETS.encode())
    address = "s3://mlpipeline/there.csv"
    where = ("--host", kfp.url, "--no-wait")
    assert run("submit", address, "--models", "nb-counts", *where)[0] == 0
    assert columns(kfp) == ("body", "kind")
    given = ("--text-column", "kind", "--label-column", "body")
    assert run("submit", "sentiment", "--data", address, *given, *where)[0] == 0
    assert columns(kfp) == ("kind", "body"), "what a person says is not looked at"
    file = tmp_path / "pipeline.yaml"
    code, out, err = run("compile", address, "--models", "nb-counts", "--output", file)
    assert (code, out) == (0, f"{file}\n")
    assert err.startswith("note: there.csv: texts are in column 'body'")
    written = file.read_text()
    assert "defaultValue: body" in written
    assert "defaultValue: kind" in written


@pytest.mark.usefixtures("s3")
def test_columns_that_cannot_be_looked_at_are_told_with_their_options(run, kfp, tmp_path):
    where = ("--host", kfp.url, "--no-wait")
    code, _, err = run("submit", "sentiment", "--data", UNREADABLE, *where)
    (note,) = [line for line in err.splitlines() if UNREADABLE in line]
    assert (code, columns(kfp)) == (0, ("text", "label"))
    assert "texts in column 'text' and labels in 'label'" in note
    assert "--text-column and --label-column" in note
    given = ("--text-column", "body", "--label-column", "kind")
    code, _, err = run("submit", "sentiment", "--data", UNREADABLE, *given, *where)
    assert (code, columns(kfp)) == (0, ("body", "kind"))
    assert UNREADABLE not in err
    message = refused(run("submit", UNREADABLE, *where))
    assert f"text or images with --data {UNREADABLE}" in message
    output = ("--output", tmp_path / "pipeline.yaml")
    assert "--text-column" in refused(run("compile", UNREADABLE, *output))
    assert not list(tmp_path.iterdir())


def test_several_readings_are_refused_before_anything_is_sent(run, kfp, tmp_path):
    file = tmp_path / "tickets.csv"
    rows = [line.rsplit(",", 1) for line in TICKETS.splitlines()[1:]]
    lines = [f"{text},{kind},we look for the {text}" for text, kind in rows]
    file.write_text("body,kind,answer\n" + "\n".join(lines))
    given = (file, "--upload", "s3://mlpipeline/several", "--host", kfp.url)
    message = refused(run("submit", *given))
    assert "'body', 'answer'" in message
    assert "--text-column" in message
    assert kfp.made == []


@pytest.mark.parametrize("prefix", ["data", "/tmp/x", "http://b/x", "s3:///x"])
def test_an_upload_to_what_is_no_s3_is_refused(run, kfp, tmp_path, prefix):
    file = tmp_path / "reviews.csv"
    file.write_text("text,label\na,b\n")
    given = ("--data", file, "--upload", prefix, "--host", kfp.url)
    assert "s3://bucket" in refused(run("submit", "sentiment", *given))
    assert kfp.made == []


def test_an_upload_by_an_address_with_a_secret_is_refused(run, kfp, tmp_path):
    file = tmp_path / "reviews.csv"
    file.write_text("text,label\na,b\n")
    given = ("--data", file, "--upload", "s3://key:5ecret@bucket/x", "--host", kfp.url)
    message = refused(run("submit", "sentiment", *given))
    assert "holds a secret" in message
    assert "5ecret" not in message


def test_a_folder_is_not_uploaded(run, kfp, tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "a.png").write_bytes(b"x")
    given = ("--data", tmp_path, "--upload", "s3://mlpipeline", "--host", kfp.url)
    assert "is a folder" in refused(run("submit", "resnet", *given))


def test_cancel(run, kfp):
    kfp.looks = [("RUNNING", workflow())]
    assert run("cancel", "r1", "--host", kfp.url)[:2] == (0, "run r1 is being canceled\n")
    assert kfp.asked[-1] == "POST /apis/v2beta1/runs/r1:terminate"
    kfp.looks = [("SUCCEEDED", workflow())]
    assert run("cancel", "r1", "--host", kfp.url)[1] == "run r1 has ended already: succeeded\n"
    assert "no run r2" in refused(run("cancel", "r2", "--host", kfp.url))


def test_a_run_whose_workflow_was_deleted_need_not_be_canceled(run, kfp):
    kfp.looks, kfp.gone = [("RUNNING", workflow())], "sentiment-x7k2p"
    code, out, _ = run("cancel", "r1", "--host", kfp.url)
    assert code == 0
    assert out.startswith("run r1 has ended already: somebody deleted its workflow, and nothing")


def test_follow_again(run, kfp):
    kfp.looks = [("SUCCEEDED", DONE)]
    assert run("follow", f"{kfp.url}/#/runs/details/r1?x=1", "--host", kfp.url)[0] == 0


@pytest.mark.parametrize("given", ["r1", "http://k/#/runs/details/r1", "k/#/runs/details/r1/?a=b"])
def test_a_run_is_named_by_id_or_page(given):
    assert run_id(given) == "r1"


def test_no_secret_gets_anywhere(run, kfp, monkeypatch, tmp_path):
    secrets = {
        "KFP_TOKEN": "token-5ecret",
        "KFP_COOKIE": "session=5ecret",
        "WANDB_API_KEY": "key-5ecret",
        "AWS_SECRET_ACCESS_KEY": "aws-5ecret",
        "KFP_STORE_ACCESS_KEY": "store-5ecret",
        "KFP_STORE_SECRET_KEY": "store-5ecret",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    kfp.looks = [("FAILED", workflow())]
    results = [
        run("submit", *SMALL, "--host", kfp.url, "--wandb", "online"),
        run("follow", "r1", "--host", kfp.url),
        run("fetch", "r1", "--host", kfp.url, "--runs", tmp_path),
    ]
    kfp.trouble = ["", "401"]
    results.append(run("cancel", "r1", "--host", kfp.url))
    assert "5ecret" not in str(results)
    assert "5ecret" not in str(kfp.made)


@pytest.fixture
def at_a_terminal(kfp):
    """Follows a run until it is told to be running, presses Ctrl-C and answers; gives exit code and
    all that was shown.
    """
    kfp.looks = [("RUNNING", workflow(node("prepare(0).executor", "Running")))]

    def follow(answer):
        ours, theirs = pty.openpty()
        program = "from bakeoff.cli import main; main()"
        with subprocess.Popen(
            [sys.executable, "-c", program, "follow", "r1", "--host", kfp.url],
            stdin=theirs,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            shown = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            os.write(ours, answer)
            shown += process.stdout.read()
        os.close(ours)
        os.close(theirs)
        return process.returncode, shown

    return follow


def test_ctrl_c_asks_and_leaves_the_run(at_a_terminal, kfp):
    code, shown = at_a_terminal(b"\n")
    assert code == 130, "nobody takes it for a success"
    assert "cancel run r1, or leave it running? [c/L]" in shown
    again = f"bakeoff follow r1 --host {kfp.url}"
    assert shown.endswith(f"run r1 goes on; follow it again: {again}\n")
    assert not [asked for asked in kfp.asked if "terminate" in asked]


def test_ctrl_c_asks_and_cancels_the_run(at_a_terminal, kfp):
    def end():
        kfp.looks = [("CANCELED", workflow())]

    kfp.on_terminate = end
    code, shown = at_a_terminal(b"c\n")
    assert code == 1
    assert shown.endswith("run r1 canceled\n")
