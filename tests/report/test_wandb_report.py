"""How a W&B Report is saved; what it holds is tested with `bakeoff sync`."""

from __future__ import annotations

import pytest

from bakeoff.errors import UserError
from bakeoff.report.wandb_report import save


class Report:
    """Refused as long as it has the id of an earlier one."""

    id, url = "", "https://w.example/report"

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.tried: list[str] = []

    def save(self) -> None:
        self.tried.append(self.id)
        if self.id:
            raise self.error


def test_a_report_that_is_gone_is_made_anew():
    report = Report(ValueError("no such view"))
    assert save(report, "earlier") == ("", Report.url)
    assert report.tried == ["earlier", ""]


def test_a_server_that_does_not_answer_gets_no_second_report():
    report = Report(TimeoutError("the request timed out"))
    with pytest.raises(UserError, match=r"did not take the report \(the request timed out\)"):
        save(report, "earlier")
    assert report.tried == ["earlier"]
