"""Holding a bake-off, from what a person gives to its result: what the command line and
`bakeoff.run` stand on.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from inspect import signature
from pathlib import Path
from typing import Any, Unpack

from bakeoff.data.columns import Columns
from bakeoff.data.frames import kept, refused_in_words, split_column
from bakeoff.data.recognise import Reading, recognise
from bakeoff.data.sources import NAMED_SETS
from bakeoff.environment import cores
from bakeoff.errors import UserError, unknown_name
from bakeoff.patience import RemoteError
from bakeoff.plans import Plan, plan
from bakeoff.running.local import run_locally
from bakeoff.running.options import PlanOptions, Setup, at_home, checked, refuse_of_others, texts
from bakeoff.running.progress import Progress
from bakeoff.running.result import Result
from bakeoff.running.runs import RunFolder
from bakeoff.running.store import DATA, store, using_store
from bakeoff.studies import GENERAL, STUDIES
from bakeoff.tracking.identity import check_suffix
from bakeoff.training.needed import TO_SEARCH, TO_TRAIN, refuse_without
from bakeoff.training.ray_at_hand import ADDRESS, reach, refuse_too_much


def planned(
    what: str,
    preset: str = "quick",
    *,
    data: str | None = None,
    elsewhere: bool = False,
    text_column: str = "",
    image_column: str = "",
    label_column: str = "",
    skip_bad_rows: bool = False,
    skip_bad_images: bool = False,
    **given: Any,
) -> tuple[Plan, str]:
    """The plan of a bake-off on what a person names, and what was recognised ("": nothing).

    Args:
        what: a study; or data: a named set, a path or an address, which is for the study of texts
            or images.
        preset: a name in the study's presets.
        data: what to use instead of the study's.
        elsewhere: steps run on other machines, which may read an address that this one cannot.
        text_column: of the data; "" finds it.
        image_column: likewise.
        label_column: likewise.
        skip_bad_rows: leave out rows that cannot be used.
        skip_bad_images: leave out images that cannot be used.
        given: as of `plans.plan`.

    Raises:
        UserError: nothing is known by that name; the data can be read in several ways; or as of
            `plan`.
    """
    study = what
    if what not in STUDIES and _names_data(what):
        if data is not None:
            raise UserError(f"{what} and --data {data} both name data; leave out one of them")
        data, study = what, ""
    elif what not in STUDIES:
        raise unknown_name("study", what, [*STUDIES, *NAMED_SETS])
    input_column, found_size = image_column or text_column, 0
    said = (
        _of_the_same_name(study, STUDIES) if data is None else _of_the_same_name(data, NAMED_SETS)
    )
    if data is not None:
        modality = STUDIES[study].modality if study else ""
        if not modality and bool(image_column) != bool(text_column):
            modality = "image" if image_column else "text"
        others = [given.get(f"{role}_column") or "" for role in ("split", "group", "time")]
        columns = Columns(input_column, label_column, *others)
        chosen = STUDIES[study].presets.get(preset) if study else None
        sized = given.get("image_size") is not None or bool(chosen and chosen.image_size)
        try:
            reading = recognise(data, modality, columns, given.get("class_level") or 0, sized)
        except RemoteError as error:
            if not elsewhere:
                raise
            reading = _unseen(data, modality, columns, error)
        if study and modality != reading.modality:
            others = [name for name, s in STUDIES.items() if s.modality == reading.modality]
            raise UserError(
                f"{data} holds {reading.modality}s, and {study} is a study of {modality}s: take "
                f"one of {', '.join(others)}"
            )
        study, said = study or GENERAL[reading.modality], reading.said or said
        input_column = reading.input_column or input_column
        label_column = reading.label_column or label_column
        found_size = reading.image_size
    of_one_kind = {
        **{"text_column": text_column, "image_column": image_column},
        **{"skip_bad_rows": skip_bad_rows, "skip_bad_images": skip_bad_images},
    }
    refuse_of_others(STUDIES[study].modality, given | of_one_kind)
    if found_size:
        given["image_size"] = found_size
    made = plan(
        study,
        preset,
        data=data,
        input_column=input_column,
        label_column=label_column,
        skip_bad=skip_bad_rows or skip_bad_images,
        **given,
    )
    return made, said


def _unseen(data: str, modality: str, columns: Columns, error: RemoteError) -> Reading:
    """What data is taken to hold that cannot be looked at from here.

    Raises:
        UserError: nobody said whether it holds texts or images.
    """
    options = f"--{modality or 'text'}-column and --label-column"
    if not modality:
        raise UserError(
            f"{error}; where steps can read it, say what it holds: the study text or images with "
            f"--data {data}, and its columns with {options}"
        )
    taken = Columns.of(modality, columns.input, columns.label or "label")
    return Reading(
        modality,
        taken.input,
        taken.label,
        said=f"{error}; steps will look for {modality}s in column {taken.input!r} and labels in "
        f"{taken.label!r}; others: {options}",
    )


def _of_the_same_name(name: str, known: Collection[str]) -> str:
    """What to know where a file, or a folder with folders of classes, is called as a study or a
    named set; "" elsewhere.
    """
    here = Path(name)
    if name not in known or not here.exists():
        return ""
    if here.is_dir() and len(list(here.glob("*/"))) < 2:
        return ""
    kind = "the study, on data of its own" if name in STUDIES else "the set"
    return f"{name} is {kind}; what is here under that name is ./{name}"


def _names_data(what: str) -> bool:
    """Whether this is the name, the path or the address of data, rather than a study's name."""
    looks = "://" in what or os.sep in what or bool(Path(what).suffix)
    return what in NAMED_SETS or looks or Path(what).exists()


def hold(chosen: Plan, setup: Setup, said: str = "") -> RunFolder:
    """Run a plan, showing how far it is and at last the leaderboard.

    Args:
        chosen: what to run.
        setup: how.
        said: what a person should know of how the data was read.

    Raises:
        UserError: as of `run_locally`; options that exclude each other.
    """
    inline = setup.where == "inline"
    if inline and chosen.workers > 1:
        raise UserError(f"--workers {chosen.workers} need Ray, which starts them: add --where ray")
    if inline and setup.gpus_per_worker is not None:
        raise UserError("--gpus-per-worker is for workers on Ray: add --where ray")
    if not inline and setup.runner == "docker":
        raise UserError("--where ray starts workers on this machine: leave out --runner docker")
    if not inline:
        refuse_without(TO_TRAIN, "--where ray")
        if address := os.environ.get(ADDRESS):
            reach(address)
        else:
            refuse_too_much([{"CPU": cores()}], chosen.workers, chosen.threads)
    if chosen.tune and setup.runner == "subprocess":
        refuse_without(TO_SEARCH, "--tune")
    check_suffix(setup.wandb_suffix)
    with Progress(chosen, said=said) as progress:
        finished = run_locally(chosen, setup, progress.see)
    progress.show(finished)
    return finished


def threads_of(threads: int, parallel: int, workers: int) -> int:
    """CPU threads of a worker: those asked for, or all cores, shared."""
    return threads or max(cores() // (parallel * workers), 1)


def run(
    what: Any,
    *,
    data: Any = None,
    preset: str = "quick",
    models: str | Sequence[str] = (),
    changes: Mapping[str, Any] | Sequence[str] = (),
    threads: int = 0,
    workers: int = 1,
    parallel: int = 1,
    where: str = "inline",
    gpus_per_worker: int | None = None,
    runner: str = "subprocess",
    image: str = "",
    wandb: str | None = None,
    wandb_suffix: str = "",
    runs: str | Path = "runs",
    **options: Unpack[PlanOptions],
) -> Result:
    """Hold a bake-off on this machine, as `bakeoff run` does, and give its result.

    Args:
        what: a study ("text", "images", "sentiment", "autoencoder", "resnet"), or the data, for the
            study of texts or of images.
        data: a path, an address, the name of a data set, a pandas frame, or anything with
            `to_pandas()`, such as a data set of Hugging Face, or a dictionary of its splits;
            default: the study's.
        preset: how much data and who takes part.
        models: their names, as a list or with commas.
        changes: settings of models by dotted path, {"rnn-64.training.epochs": 8}, as `--set`.
        threads: CPU threads of a training, or of each of its workers; 0: all cores, shared.
        workers: processes that share the batches of a training on Ray.
        parallel: networks trained at the same time, 1 or 2.
        where: "inline", in their step, or "ray".
        gpus_per_worker: 0 or 1 on Ray; None: 1 where there are any.
        runner: "subprocess", this environment, or "docker", the image.
        image: of the steps in containers; "" is the one that `make images` builds.
        wandb: "online", "offline" or "disabled"; None: online with a key, else offline.
        wandb_suffix: ends the ids of W&B runs.
        runs: the folder that holds all runs.
        options: the other options of `bakeoff run`, with underscores, as `PlanOptions` has them.

    Raises:
        UserError: what a person can mend, in a line.

    Examples:
        >>> result = bakeoff.run("sentiment", data=frame, text_column="body")  # doctest: +SKIP
        >>> result.predict(["What a film!"])  # doctest: +SKIP
    """
    of_trainings = checked({"preset": preset, "threads": threads, "workers": workers})
    of_setup = checked(
        {
            **{"parallel": parallel, "where": where, "gpus_per_worker": gpus_per_worker},
            **{"runner": runner, "image": image, "wandb": wandb, "wandb_suffix": wandb_suffix},
            "runs": runs,
        }
    )
    of_plan = checked({name: value for name, value in options.items() if value is not None})
    names = [name.strip() for text in texts("models", models) for name in text.split(",")]
    names = [name for name in names if name]
    pairs = [f"{k}={v}" for k, v in changes.items()] if isinstance(changes, Mapping) else changes
    asked = texts("changes", pairs)
    splits = split_column(what) or split_column(data)
    if splits and not of_plan.get("time_column"):
        of_plan.setdefault("split_column", splits)
    root = Path(of_setup.pop("runs")).expanduser()
    frames = any(not isinstance(one, str | os.PathLike | None) for one in (what, data))
    what = _named(what, root)
    data = None if data is None else _named(data, root)
    # No `clean` takes a frame before the run that needs it has begun.
    with using_store(root) if frames else nullcontext():
        given = {"data": data, "models": ",".join(names), **of_plan, **of_trainings, **of_setup}
        command = _command(what, given | {"runs": str(root)}, asked)
        setup = Setup(**of_setup, runs=root, command=command)
        of_trainings["threads"] = threads_of(
            of_trainings["threads"], setup.parallel, of_trainings["workers"]
        )
        with refused_in_words(data or what):
            chosen, said = planned(
                what, data=data, models=names, changes=asked, **of_trainings, **of_plan
            )
            finished = hold(chosen, setup, said)
        return Result(finished)


def _named(given: Any, root: Path) -> str:
    """A name, a path or an address of what a person gives; frames are kept beside the runs."""
    if isinstance(given, str | os.PathLike):
        return at_home(given)
    return kept(given, store(root) / DATA)


def _command(what: str, given: Mapping[str, Any], changes: Sequence[str]) -> str:
    """What to type for the same bake-off."""
    usual = {name: parameter.default for name, parameter in signature(run).parameters.items()}
    words = ["bakeoff", "run", what]
    for name, value in given.items():
        if value not in (None, "") and value is not False and value != usual.get(name):
            option = f"--{name.replace('_', '-')}"
            words += [option] if value is True else [option, str(value)]
    return shlex.join([*words, *(word for change in changes for word in ("--set", change))])
