import numpy as np
import pytest

from bakeoff.tuning.journal import Record


def report(epoch, merit, values=None):
    told = {"epoch": epoch, "epochs": 5, "share": 20.0 * epoch, "merit": merit, "score": merit}
    return told | {"seconds": 2.0 * epoch} | ({"values": values} if values is not None else {})


@pytest.fixture
def record():
    """Makes a trial: of the rows that are right, stopped after an epoch, or failed."""

    def make(number, right=None, stopped=None, error="", **settings):
        made = Record(number=number, settings=settings, error=error)
        if right is not None:
            values = [float(row) for row in right]
            made.reports = [report(1, 0.5), report(2, float(np.mean(values)), values)]
            made.state = "finished"
        elif stopped is not None:
            made.reports, made.state = [report(1, stopped)], "stopped"
        else:
            made.state = "failed"
        return made

    return make
