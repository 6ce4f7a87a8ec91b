"""The report of a bake-off in Weights & Biases: the sentences of the page, panels of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any
from urllib.parse import quote

from bakeoff.errors import UserError, first_line
from bakeoff.report import summary
from bakeoff.report.markdown import write_markdown
from bakeoff.tracking.connection import is_silence
from bakeoff.tracking.identity import suffixed

Results = dict[str, Any]
Pairs = Sequence[tuple[str, str]]
_WIDE, _HIGH = 12, 8
"""Of a panel: half of the 24 columns, and rows."""


def wandb_report(
    results: Results, *, entity: str, project: str, leaderboard: str, pairs: Pairs, suffix: str = ""
) -> Any:
    """A report that is not saved yet.

    Args:
        results: the content of results.json.
        entity: who owns the runs.
        project: of the runs.
        leaderboard: the id of the run `leaderboard`.
        pairs: the models, first against second, that the study asks about.
        suffix: what the ids of the runs end with besides what was recorded.

    Returns:
        A `wandb_workspaces.reports.v2.Report`: the answer, the leaderboard, a section for each
        question that the study asks, then cost, learning curves, what autoencoders make of
        pictures, embeddings and mistakes, as far as there are any.
    """
    wr: Any = import_module("wandb_workspaces.reports.v2")
    pages = _Pages(results, entity, project, leaderboard, suffix)
    blocks = [*pages.leaderboard(), *pages.questions(pairs), *pages.width(), *pages.cost()]
    blocks += [*pages.curves(), *pages.autoencoders(), *pages.examples()]
    source = results["dataset"]["source"]["name"]
    return wr.Report(
        project=project,
        entity=entity,
        title=f"{results['study']} on {source}: {results['winner']['model']}"[:128],
        description=summary.answer(results),
        width="fluid",
        blocks=blocks,
    )


def save(report: Any, earlier: str = "") -> tuple[str, str]:
    """Save a report, in place of an earlier one if its id is given.

    Returns:
        Its id and address.

    Raises:
        UserError: W&B does not take it.
    """
    report.id = earlier
    try:
        report.save()
        # The title in it may hold signs that end an address.
        return report.id, quote(report.url, safe=":/%=")
    except Exception as error:
        if earlier and not is_silence(error):  # Somebody may have deleted it.
            return save(report)
        raise UserError(
            f"W&B did not take the report ({first_line(error)}); run the command again"
        ) from None


class _Pages:
    """The sections, each a list of blocks; empty where there is nothing to show."""

    def __init__(
        self, results: Results, entity: str, project: str, leaderboard: str, suffix: str
    ) -> None:
        self._wr: Any = import_module("wandb_workspaces.reports.v2")
        self._expressions: Any = import_module("wandb_workspaces.expr")
        self._results = results
        self._metric = summary.metric_of(results)
        self._where = {"entity": entity, "project": project}
        self._leaderboard = leaderboard
        self._ids: dict[str, list[str]] = {}
        entries = summary.all_trainings(results)
        for entry in entries:
            run_id = suffixed(entry["wandb"]["id"], suffix)
            self._ids.setdefault(entry["model"], []).append(run_id)
        self._networks = [entry["model"] for entry in entries if entry["history"]]

    def leaderboard(self) -> list[Any]:
        tables = [
            self._wr.WeavePanelSummaryTable(table_name=name, layout=self._layout(place))
            for place, name in enumerate(("leaderboard", "comparisons"))
        ]
        return [
            self._wr.H1(text="Leaderboard"),
            self._wr.MarkdownBlock(text=write_markdown(self._results)),
            self._grid(self._ids, [self._scores()]),
            self._wr.PanelGrid(
                runsets=[self._runset("leaderboard", [self._leaderboard])], panels=tables
            ),
        ]

    def questions(self, pairs: Pairs) -> list[Any]:
        """What the study asks of two models each, answered by their comparison."""
        compared = self._results["comparisons"]
        blocks: list[Any] = []
        for pair in (one for one in compared if (one["first"], one["second"]) in pairs):
            both = [pair["first"], pair["second"]]
            panels = [self._scores()]
            if set(both) <= set(self._networks):
                panels.append(self._curve("epoch", len(panels)))
            blocks += [
                self._wr.H1(text=f"Is {both[0]} better than {both[1]}?"),
                self._wr.MarkdownBlock(text=summary.comparison_sentence(self._results, pair)),
                self._grid(both, panels),
            ]
        return blocks

    def width(self) -> list[Any]:
        width = summary.width(self._results)
        if not width:
            return []
        return [self._wr.H1(text="How wide?"), self._wr.MarkdownBlock(text=width["sentence"])]

    def cost(self) -> list[Any]:
        plot = self._wr.ScatterPlot(
            title=f"{self._metric.words} over training time",
            x=self._wr.SummaryMetric("train_seconds"),
            y=self._wr.SummaryMetric(f"test/{self._metric.key}"),
            log_x=True,
            layout=self._layout(0),
        )
        return [
            self._wr.H1(text="What is worth its cost?"),
            self._wr.MarkdownBlock(text=summary.worth(self._results)),
            self._grid(self._ids, [plot]),
        ]

    def curves(self) -> list[Any]:
        if not self._networks:
            return []
        panels = [
            self._curve(over, place) for place, over in enumerate(("epoch", "seconds", "examples"))
        ]
        panels.append(
            self._wr.LinePlot(
                title="train/loss", x="epoch", y=["train/loss"], layout=self._layout(3)
            )
        )
        return [self._wr.H1(text="How do they learn?"), self._grid(self._networks, panels)]

    def autoencoders(self) -> list[Any]:
        """Their reconstructions of test pictures, their embeddings and their loss."""
        names = [entry["model"] for entry in self._results.get("autoencoders", ())]
        if not names:
            return []
        rebuilt = [f"evaluation/{which}" for which in ("best", "median", "worst")]
        panels = [
            self._wr.MediaBrowser(media_keys=rebuilt, layout=self._layout(0)),
            self._wr.MediaBrowser(media_keys=["evaluation/tsne"], layout=self._layout(1)),
            self._wr.LinePlot(
                title="validation/loss", x="epoch", y=["validation/loss"], layout=self._layout(2)
            ),
        ]
        return [
            self._wr.H1(text="What do autoencoders make of pictures?"),
            self._grid(names, panels),
        ]

    def examples(self) -> list[Any]:
        """Embeddings, and the most certain mistakes."""
        images = self._results["dataset"]["modality"] == "image"
        blocks: list[Any] = []
        embedded = [entry["model"] for entry in self._results["models"] if "embedding" in entry]
        if embedded:
            maps = self._wr.MediaBrowser(media_keys=["evaluation/tsne"], layout=self._layout(0))
            blocks += [
                self._wr.H1(text="What do embeddings look like?"),
                self._grid(embedded, [maps]),
            ]
        winner = [self._results["winner"]["model"]]
        if any(e["mistakes"] for e in self._results["models"] if e["model"] in winner):
            key = "evaluation/mistakes"
            shown = (
                self._wr.MediaBrowser(media_keys=[key], layout=self._layout(0))
                if images
                else self._wr.WeavePanelSummaryTable(table_name=key, layout=self._layout(0))
            )
            blocks += [
                self._wr.H1(text=f"Where is {winner[0]} wrong?"),
                self._grid(winner, [shown]),
            ]
        return blocks

    def _scores(self) -> Any:
        return self._wr.BarPlot(
            title=f"test {self._metric.words}",
            metrics=[self._wr.SummaryMetric(f"test/{self._metric.key}")],
            layout=self._layout(0),
        )

    def _curve(self, over: str, place: int) -> Any:
        name = f"validation/{self._metric.key}"
        if all(entry["model"] not in self._networks for entry in self._results["models"]):
            name = "validation/loss"
        return self._wr.LinePlot(
            title=f"{name} over {over}", x=over, y=[name], layout=self._layout(place)
        )

    def _grid(self, models: Sequence[str] | dict[str, Any], panels: list[Any]) -> Any:
        ids = [one for model in dict.fromkeys(models) for one in self._ids.get(model, ())]
        return self._wr.PanelGrid(runsets=[self._runset("bake-off", ids)], panels=panels)

    def _runset(self, name: str, ids: list[str]) -> Any:
        """These runs and no others, also where one was recorded under an earlier bake-off."""
        return self._wr.Runset(
            name=name, filters=[self._expressions.Metric("ID").isin(ids)], **self._where
        )

    def _layout(self, place: int) -> Any:
        """Of the panel that comes at this place, two a row."""
        return self._wr.Layout(x=_WIDE * (place % 2), y=_HIGH * (place // 2), w=_WIDE, h=_HIGH)
