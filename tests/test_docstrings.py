"""Examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import bakeoff


def test_every_example_gives_what_it_says(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    names = [module.name for module in pkgutil.walk_packages(bakeoff.__path__, "bakeoff.")]
    found = [doctest.testmod(importlib.import_module(n)) for n in names if "__main__" not in n]
    assert sum(results.attempted for results in found) > 50
    assert sum(results.failed for results in found) == 0, capsys.readouterr().out
