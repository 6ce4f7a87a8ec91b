"""Commands that hold a bake-off on a cluster, and bring its results."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli.app import app
from bakeoff.cli.option_groups import with_options
from bakeoff.cli.options import Runs, StudyOrData, names
from bakeoff.cli.planning import BakeOff, Compilation
from bakeoff.errors import UserError

if TYPE_CHECKING:
    from bakeoff.pipelines.options import Options
    from bakeoff.submission.api import Pipelines

HOSTS = ["KFP_HOST", "KF_PIPELINES_ENDPOINT"]
Host = Annotated[
    str,
    typer.Option(
        help="Address of KFP, such as http://localhost:8080. The token goes into KFP_TOKEN, or a "
        "browser's cookies into KFP_COOKIE.",
        envvar=HOSTS,
        metavar="URL",
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        help="Where steps run: yours, where KFP has many users; else KFP's own.",
        show_default="kubeflow",
    ),
]
_LEFT_RUNNING = 130
"""Exit code after Ctrl-C, as shells have it; not by `typer.Exit`, which `main` cannot tell from an
interrupted command."""
ClusterRun = Annotated[
    str, typer.Argument(help="Id of a run, or the address of its page.", metavar="RUN")
]


@app.command()
@with_options()
def submit(
    study: StudyOrData,
    *,
    host: Host = "",
    upload: Annotated[
        str,
        typer.Option(
            help="Put files of this machine (--data, --glove, …) there first, under names that "
            "tell their content; minio:// is KFP's own store.",
            metavar="s3://BUCKET/PREFIX",
        ),
    ] = "",
    asked: BakeOff,
    compilation: Compilation,
    namespace: Namespace = "",
    experiment: Annotated[str, typer.Option(help="Under which KFP lists the run.")] = "bakeoff",
    name: Annotated[str, typer.Option(help="Of the run.", show_default="study and preset")] = "",
    service_account: Annotated[
        str, typer.Option(help="As which steps run.", show_default="KFP's own")
    ] = "",
    pipeline_root: Annotated[
        str,
        typer.Option(
            help="Where artifacts go.", metavar="s3://BUCKET/PREFIX", show_default="KFP's own"
        ),
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow the run to its end.")
    ] = True,
    cron: Annotated[
        str,
        typer.Option(
            help="A run each time instead of one now: second minute hour day month weekday.",
            metavar="'0 0 6 * * 1'",
        ),
    ] = "",
) -> None:
    """Hold a bake-off on a KFP cluster, and follow it: what runs, what waits and why.

    Looks first whether the cluster has what it needs (secrets, service account, a node large
    enough), where a kubeconfig is at hand. Ends with 0 when the run succeeded, 1 when it failed or
    was canceled. Ctrl-C asks whether to cancel it or to leave it running, which ends with 130.
    """
    options = compilation.options()
    from bakeoff.pipelines.compiling import refuse_local_files
    from bakeoff.submission.api import Pipelines
    from bakeoff.submission.submitting import Submission
    from bakeoff.submission.submitting import submit as start

    chosen, said = asked.planned(
        study, elsewhere=True, threads=compilation.threads, workers=compilation.workers
    )
    if not upload:
        refuse_local_files(chosen)
    kfp = Pipelines(host, namespace)
    how = Submission(
        upload=upload,
        experiment=experiment,
        name=name,
        service_account=service_account,
        pipeline_root=pipeline_root,
        cron=cron,
    )
    made, unseen = start(kfp, chosen, options, how)
    for note in filter(None, (said, unseen, _named_loosely(options))):
        print(f"note: {note}", file=sys.stderr)
    if cron:
        recurring = made["recurring_run_id"]
        print(f"recurring run {recurring}\n{kfp.host}/#/recurringrun/details/{recurring}")
        print(f"its end: {_command('cancel', kfp, recurring)}")
        return
    print(f"run {made['run_id']}\n{kfp.link(made['run_id'])}", flush=True)
    if wait:
        _follow(kfp, made["run_id"])


@app.command()
def follow(run: ClusterRun, host: Host = "", namespace: Namespace = "") -> None:
    """Follow a run on a cluster to its end, as submit does."""
    from bakeoff.submission.api import Pipelines

    _follow(Pipelines(host, namespace), run_id(run))


@app.command()
def cancel(run: ClusterRun, host: Host = "", namespace: Namespace = "") -> None:
    """Cancel a run on a cluster, or have a recurring one (--cron) come no more."""
    from bakeoff.submission.api import DeletedError, Pipelines
    from bakeoff.submission.following import ENDED

    kfp, which = Pipelines(host, namespace), run_id(run)
    if kfp.disable(which):
        print(f"recurring run {which} is disabled: it comes no more")
        return
    state = kfp.run(which).get("state")
    if state in ENDED:
        print(f"run {which} has ended already: {str(state).lower()}")
        return
    try:
        kfp.terminate(which)
    except DeletedError as error:
        print(f"run {which} has ended already: {error.how}")
        return
    print(f"run {which} is being canceled")


@app.command()
def fetch(
    run: ClusterRun,
    host: Host = "",
    models: Annotated[
        str,
        typer.Option(
            help="Trained models to bring: names separated by commas, winner, all or none.",
            metavar="A,B",
        ),
    ] = "winner",
    data: Annotated[
        bool, typer.Option("--data", help="Bring what it trained on too, as evaluate needs it.")
    ] = False,
    namespace: Namespace = "",
    runs: Runs = Path("runs"),
) -> None:
    """Bring results, report and models of a run on a cluster into the folder of runs.

    There report, predict, compare and evaluate work on it. Artifacts come by S3: AWS_ENDPOINT_URL,
    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say from where and by whose rights.
    """
    from bakeoff.submission.api import Pipelines
    from bakeoff.submission.fetching import fetch as bring

    found = bring(Pipelines(host, namespace), run_id(run), runs, models=names(models), data=data)
    print(f"{found.path.name}\n{found.report.resolve().as_uri()}")


def run_id(run: str) -> str:
    """The id of a run that was given by id or by the address of its page."""
    found = run.partition("?")[0].rstrip("/").rpartition("/")[2]
    if not found:
        raise UserError(f"{run!r} is no id of a run: it stands at the end of its page's address")
    return found


def _named_loosely(options: Options) -> str:
    """What is to be known of an image whose name does not tell its content, by a digest or as
    k8s/kind.sh names it; "" of others.
    """
    if not options.cached or re.search(r"@sha256:|[-:](?=\d*[a-f])[0-9a-f]{12}$", options.image):
        return ""
    return (
        f"the image {options.image} is named without a digest: after a new build of that name KFP "
        "reuses steps of the old one; name it by digest (make push prints it)"
    )


def _follow(kfp: Pipelines, which: str) -> None:
    from bakeoff.submission.following import follow as watch

    state = watch(
        kfp, which, lambda line: print(line, flush=True), lambda: _asked_to_cancel(kfp, which)
    )
    if not state:
        sys.exit(_LEFT_RUNNING)
    if state != "SUCCEEDED":
        raise typer.Exit(1)
    print(f"its results: {_command('fetch', kfp, which)}")


def _command(name: str, kfp: Pipelines, which: str) -> str:
    """What a person types, with the address that the environment does not name."""
    named = any(os.environ.get(variable) for variable in HOSTS)
    return shlex.join(["bakeoff", name, which, *([] if named else ["--host", kfp.host])])


def _asked_to_cancel(kfp: Pipelines, which: str) -> bool:
    """Ask what Ctrl-C meant; whoever cannot answer, or presses it again, leaves the run alone."""
    if sys.stdin.isatty():
        try:
            print(f"\ncancel run {which}, or leave it running? [c/L] ", end="", flush=True)
            if sys.stdin.readline().strip().lower().startswith("c"):
                return True
        except KeyboardInterrupt:
            pass
    print(f"\nrun {which} goes on; follow it again: {_command('follow', kfp, which)}")
    return False
