"""What a person sees while a bake-off runs: its tasks, a bar for each network, the time left."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from bakeoff.data.frames import is_kept, name_of
from bakeoff.running.activity import downloaded, make_room

if TYPE_CHECKING:
    from bakeoff.plans import Plan
    from bakeoff.running.runs import RunFolder


_NOTEBOOK_WIDTH = 100


class Progress:
    """Draws the events of a run; on anything but a terminal, one line a finished task and, of what
    trains, one a minute.
    """

    INTERVAL = 60.0
    """Seconds between two lines of a training where there is no terminal."""

    def __init__(self, plan: Plan, console: Console | None = None, said: str = "") -> None:
        self._plan, self._said = plan, said
        self._console = console or _console()
        self._wide = self._console.width >= 100
        self._bars = Bars(
            *_columns(self._console.width, self._wide),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        networks = len(plan.network_tasks) * plan.seeds
        trainings = bool(plan.classical) + networks + bool(plan.ensemble)
        # plan, prepare, evaluate, compare, report; of text the audit and the choice of a width.
        chosen = (plan.modality == "text") + bool(plan.waiting)
        self._tasks = 5 + chosen + len(plan.searches) + trainings
        self._done = 0
        self._total = self._bars.add_task("bake-off", total=self._tasks, facts="", seconds=None)
        self._rows: dict[str, TaskID] = {}
        self._networks_left = networks
        self._network_seconds: list[float] = []
        self._starts: dict[str, float] = {}
        self._firsts: dict[str, tuple[float, float]] = {}
        self._told: dict[str, float] = {}
        self._reached: dict[str, str] = {}
        self._warnings: set[str] = set()

    def __enter__(self) -> Progress:
        plan = self._plan
        data = name_of(plan.data) if is_kept(plan.data) else plan.data
        facts = [f"[bold]{plan.study}[/bold]", f"preset {plan.preset}", f"data {escape(data)}"]
        if plan.image_size:
            facts.append(f"resized to {plan.image_size}×{plan.image_size}")
        if plan.epochs_share < 1:
            facts.append(f"{plan.epochs_share:.0%} of the epochs")
        self._console.print(f"{' · '.join(facts)}\n{', '.join(plan.models)}\n", highlight=False)
        if self._said:
            self._console.print(f"{self._said}\n", highlight=False, markup=False, soft_wrap=True)
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def see(self, event: dict[str, Any]) -> None:
        """Show one event."""
        handler = getattr(self, f"_see_{event['event']}", None)
        if handler:
            handler(event)

    def _see_task(self, event: dict[str, Any]) -> None:
        label = _label(event)
        if event["state"] == "started":
            row = self._row(label, total=None)
            self._bars.update(row, facts="running", visible=True)
            self._starts[label] = self._told[label] = event["time"]
            return
        seconds = event["time"] - self._starts[label]
        row = self._row(label, total=1)
        reached = self._reached.get(label, "")
        shown = self._bars.tasks[self._index(row)]
        self._bars.update(
            row,
            total=shown.total or 1,
            completed=shown.total or 1,
            facts=shown.fields["facts"] if reached else "",
            seconds=seconds,
        )
        if event["task"] == "train" and event["seed"] is not None:
            self._networks_left -= 1
            self._network_seconds.append(seconds)
        self._done += 1
        self._bars.update(self._total, completed=self._done, facts=self._left(0.0, 0.0))
        if not self._console.is_terminal:
            self._print(f"{label} {reached}{seconds:.1f} s")

    def _see_reused(self, event: dict[str, Any]) -> None:
        self._done += 1
        self._networks_left -= event["task"] in ("train-text-network", "train-image-network")
        self._bars.update(self._total, completed=self._done)
        if not self._console.is_terminal:
            self._print(f"{_label(event)} reused")

    def _see_progress(self, event: dict[str, Any]) -> None:
        label, done, now = _label({**event, "task": "train"}), event["done"], event["time"]
        row = self._row(label, total=1.0)
        facts = f"epoch {event['epoch']}/{event['epochs']} · loss {event['loss']:.3f}"
        if event.get("accuracy") is not None:
            facts += f" · accuracy {event['accuracy']:.3f}"
        self._reached[label] = f"{facts} · "
        shown = facts if self._wide else facts.replace("epoch ", "").replace("accuracy", "acc")
        self._bars.update(row, total=1.0, completed=done, facts=shown)
        # What was done before is nothing, or what an interrupted training left, at an unknown pace.
        fresh = (self._starts.get(label, now), 0.0)
        first, before = self._firsts.setdefault(
            label, fresh if event["epoch"] == 1 else (now, done)
        )
        if done == before:
            return
        whole = (now - first) / (done - before)
        left = self._left((1 - done) * whole, whole)
        self._bars.update(self._total, facts=left)
        if not self._console.is_terminal and now - self._told.get(label, now) >= self.INTERVAL:
            self._told[label] = now
            self._print(f"{label} {facts} · {left}")

    def _see_trial(self, event: dict[str, Any]) -> None:
        which = f"tune {event['model']}"
        ended, of = event["ended"], event["of"]
        row = self._row(which, total=of or None)
        now = event["epoch"] and f"epoch {event['epoch']}/{event['epochs']}"
        facts = [f"trial {event['number']}", event["state"] if event["state"] != "running" else now]
        facts += [f"best {event['best']}"] if event["best"] else []
        self._bars.update(
            row,
            completed=ended if event["state"] != "running" else ended + event["share"] / 100,
            facts=" · ".join(filter(None, facts)),
        )
        if event["state"] == "running" or self._console.is_terminal:
            return
        score = event["score"] or ""
        reached = event["error"] or (f"{score} after {now}" if now else score)
        out_of = f" of {of}" if of else ""
        self._print(f"{which} {ended}{out_of}: trial {event['number']} {event['state']}: {reached}")

    def _see_download(self, event: dict[str, Any]) -> None:
        label, facts = downloaded(event)
        if not self._console.is_terminal and label not in self._rows:
            self._print(f"{label} {facts}")
        row = self._row(label, total=event["total"])
        self._bars.update(row, total=event["total"], completed=event["done"], facts=facts)

    def _see_warning(self, event: dict[str, Any]) -> None:
        # Every step may meet the same trouble.
        if event["message"] not in self._warnings:
            self._warnings.add(event["message"])
            self._console.print(
                f"warning: {event['message']}", highlight=False, markup=False, soft_wrap=True
            )

    def _left(self, current: float, whole: float) -> str:
        """Time left; of what nothing is known yet, how many networks are to come.

        Args:
            current: of the network that trains; 0: none does.
            whole: what all of it takes, as each to come does unless some have finished.
        """
        if not self._networks_left:
            return ""
        finished = self._network_seconds
        typical = sum(finished) / len(finished) if finished else whole
        pending = self._networks_left - bool(current)
        if not typical:
            return f"{pending} network{'s' * (pending > 1)} to come"
        seconds = current + pending * typical
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"

    def _print(self, line: str) -> None:
        self._console.print(f"{self._done}/{self._tasks} {line}", markup=False, soft_wrap=True)

    def _row(self, name: str, total: float | None) -> TaskID:
        if name not in self._rows:
            make_room(self._bars)
            self._rows[name] = self._bars.add_task(name, total=total, facts="", seconds=None)
        return self._rows[name]

    def _index(self, row: TaskID) -> int:
        return next(i for i, task in enumerate(self._bars.tasks) if task.id == row)

    def show(self, run: RunFolder) -> None:
        """The leaderboard, what was reused, and where the report is."""
        from bakeoff.report.searches import sentences
        from bakeoff.report.summary import answer, hint, metric_of
        from bakeoff.report.terminal import leaderboard_table, remarks

        facts, results = run.facts, run.results
        self._console.print()
        self._console.print(leaderboard_table(results))
        for line in remarks(results["dataset"], results.get("emptied_texts")):
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
        for search in results["searches"]:
            said = " ".join(sentences(search, metric_of(results)))
            self._console.print(f"{search['model']}: {said}", highlight=False, markup=False)
        for line in filter(None, (answer(results), hint(results))):
            self._console.print(line, highlight=False, markup=False)
        if facts["reused"]:
            self._console.print(
                f"reused from earlier runs: {_counted(facts['reused'])} (of {self._tasks} steps)",
                highlight=False,
            )
        self._console.print(f"{facts['seconds']:.0f} s · run {facts['id']}", highlight=False)
        self._console.print(f"report: {run.report.as_uri()}", highlight=False, soft_wrap=True)


def _console() -> Console:
    """Stdout; in a notebook, where each drawing is an output of its own, for lines alone."""
    found = Console()
    if not found.is_jupyter:
        return found
    return Console(force_jupyter=False, force_terminal=False, width=_NOTEBOOK_WIDTH)


class _Clock(ProgressColumn):
    """How long a task has been running, or took."""

    def render(self, task: Task) -> Text:
        seconds = task.fields["seconds"]
        whole = int(task.elapsed or 0 if seconds is None else seconds)
        minutes, rest = divmod(whole, 60)
        hours, minutes = divmod(minutes, 60)
        return Text(f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}")


def _columns(width: int, wide: bool) -> list[ProgressColumn]:
    """Name, bar, per cent, facts and time of a row; where there is little room, names and facts
    are cut and the others are not.
    """
    fixed = len(" 100 % ") + len("0:00:00") + 2
    name = min(28, width // 3 - 1)
    facts = max(1, min(43 if wide else 30, width - fixed - name - 4))

    def text(content: str, room: int) -> TextColumn:
        column = Column(width=room, no_wrap=True, overflow="ellipsis")
        return TextColumn(content, markup=False, table_column=column)

    return [
        text("{task.description}", name),
        BarColumn(bar_width=max(4, min(24, width - fixed - name - facts))),
        TextColumn("{task.percentage:>3.0f} %", table_column=Column(no_wrap=True)),
        text("{task.fields[facts]}", facts),
        _Clock(Column(width=7, justify="right", no_wrap=True)),
    ]


def _label(event: dict[str, Any]) -> str:
    seed = "" if event.get("seed") is None else f" seed {event['seed']}"
    return f"{event['task']} {event.get('model') or ''}{seed}".strip()


def _counted(tasks: list[str]) -> str:
    return ", ".join(f"{n} × {name}" if n > 1 else name for name, n in Counter(tasks).items())
