"""How a W&B Report is saved; what it holds is tested with `bakeoff sync`."""

from __future__ import annotations

import pytest

from bakeoff.errors import UserError
from bakeoff.report.wandb_report import save, wandb_report


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


def test_a_title_with_odd_signs_gives_an_address_that_opens():
    report = Report(ValueError())
    report.url = "https://w.example/reports/text-on-a #1? 100%--Vmlldzo1="
    _, address = save(report)
    assert address == "https://w.example/reports/text-on-a%20%231%3F%20100%--Vmlldzo1="


def test_a_winner_without_mistakes_has_no_section_of_them(two_classes):
    winner = two_classes["winner"]["model"]
    models = [
        entry
        | {"wandb": {"group": "a-group", "id": f"id-of-{entry['model']}"}}
        | ({"mistakes": []} if entry["model"] == winner else {})
        for entry in two_classes["models"]
    ]
    place = {"entity": "somebody", "project": "bakeoff", "leaderboard": "board"}
    blocks = wandb_report(two_classes | {"models": models}, **place, pairs=[]).blocks
    assert not [block for block in blocks if f"Where is {winner}" in getattr(block, "text", "")]


def test_what_autoencoders_make_of_pictures_is_shown(pictures):
    for entry in [*pictures["models"], *pictures["autoencoders"]]:
        entry["wandb"] = {"group": "a-group", "id": f"id-of-{entry['model']}"}
    place = {"entity": "somebody", "project": "bakeoff", "leaderboard": "board"}
    blocks = wandb_report(pictures, **place, pairs=[]).blocks
    (at,) = [n for n, b in enumerate(blocks) if "make of pictures" in getattr(b, "text", "")]
    rebuilt, embedded, loss = blocks[at + 1].panels
    assert "evaluation/worst" in rebuilt.media_keys
    assert embedded.media_keys == ["evaluation/tsne"]
    assert loss.y == ["validation/loss"]
    assert "id-of-ae-conv" in str(blocks[at + 1].runsets[0].filters)
