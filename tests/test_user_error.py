"""What a person reads where something went wrong."""

import pytest

from bakeoff.errors import UserError


def test_a_notebook_shows_the_line_alone():
    """IPython asks the exception itself; without an answer it shows a screen of our code."""
    with pytest.raises(UserError) as raised:
        raise UserError("no such file: tickets.csv; check the path")
    assert raised.value._render_traceback_() == ["error: no such file: tickets.csv; check the path"]
