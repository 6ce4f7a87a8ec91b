"""What a bake-off found, as a notebook shows it."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.errors import UserError
from bakeoff.running.predict import inputs_of, picture, predict
from bakeoff.running.runs import RunFolder, find_run

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("label", "probability")


@dataclass(frozen=True, repr=False)
class Page:
    """The report, which a notebook shows inline."""

    path: Path

    def __str__(self) -> str:
        return self.path.resolve().as_uri()

    __repr__ = __str__

    def __fspath__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        page = html.escape(self.path.read_text(encoding="utf-8"))
        return f'<iframe srcdoc="{page}" title="Report" width="100%" height="700"></iframe>'


@dataclass(frozen=True)
class Result:
    """A finished bake-off: printed, or as the value of a cell, it is its leaderboard."""

    run: RunFolder

    @cached_property
    def results(self) -> dict[str, Any]:
        """Everything the report shows."""
        return self.run.results

    @property
    def name(self) -> str:
        """As `bakeoff report` takes it."""
        return self.run.path.name

    @property
    def winner(self) -> str:
        """The model that is best on validation."""
        return str(self.results["winner"]["model"])

    @property
    def verdict(self) -> str:
        """Who won, by how much, and at what cost."""
        from bakeoff.report.summary import answer

        return answer(self.results)

    @property
    def report(self) -> Page:
        """The page of the run."""
        return Page(self.run.report)

    def to_frame(self) -> pd.DataFrame:
        """The leaderboard, best on test first; one row a model, its name as the index."""
        import pandas as pd

        return pd.DataFrame(self.results["leaderboard"]).set_index("model")

    def predict(
        self, inputs: pd.DataFrame | pd.Series | Sequence[Any] | Any, model: str = ""
    ) -> pd.DataFrame:
        """The label of each text or image, and its probability.

        Args:
            inputs: texts, or images: their paths, bytes, pixels (uint8, height × width, × 3 for
                RGB) or Pillow's objects. Missing and blank ones have no label; one alone will do.
                Of a frame, pandas' or with `to_pandas()`, the column called as the run's.
            model: a model of the run; "" is the winner.

        Returns:
            Columns text or image, label, probability; the index of what pandas holds stays.

        Raises:
            UserError: there is no such model or column, or an input cannot be used.
        """
        import pandas as pd

        given: Any = inputs
        if hasattr(given, "to_pandas"):
            given = given.to_pandas()
        if isinstance(given, pd.DataFrame):
            dataset = self.results["dataset"]
            given = inputs_of(given, dataset, "the frame", ", or give a single column")
        elif getattr(given, "ndim", None) == 0:
            given = given.item()
        index = given.index if isinstance(given, pd.Series) else None
        rows = predict(self.run, self._several(given), model)
        return pd.DataFrame(rows, columns=[self._modality, *_COLUMNS], index=index)

    @property
    def _modality(self) -> str:
        return str(self.results["dataset"]["modality"])

    def _several(self, given: Any) -> list[Any]:
        """Texts or images, also where one is given."""
        if self._modality == "image" and (found := picture(given)) is not None:
            return [found]
        one = isinstance(given, str | bytes | Mapping) or not hasattr(given, "__iter__")
        return [self._input(value) for value in ([given] if one else given)]

    def _input(self, value: Any) -> Any:
        """A text or an image; "" is a missing one."""
        from pandas import isna

        if self._modality == "image":
            found = picture(value)
        elif isinstance(value, Collection | PathLike) and not isinstance(value, str):
            found = None
        else:
            found = "" if isna(value) else str(value)
        if found is None:
            kind = type(value).__name__
            if hasattr(value, "dtype"):
                kind += f" ({value.dtype}, shape {value.shape})"
            raise UserError(f"{self._modality}s are labelled, not values of type {kind}")
        return found

    def __str__(self) -> str:
        from bakeoff.report.terminal import leaderboard_table, text_of

        return text_of(leaderboard_table(self.results), self.verdict, str(self.report))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from bakeoff.report.page import render_leaderboard

        return render_leaderboard(self.results)


def load(run: str = "latest", *, runs: str | Path = "runs") -> Result:
    """The result of an earlier bake-off.

    Args:
        run: its name, or the beginning of it; `latest` is the newest that has finished.
        runs: the folder that holds all runs.

    Raises:
        UserError: there is none, or it has not finished.
    """
    result = Result(find_run(Path(runs).expanduser(), str(run)))
    _ = result.results
    return result
