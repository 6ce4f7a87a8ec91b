"""Ensembles that come from elsewhere."""

import pytest

from bakeoff.artifacts import write_json
from bakeoff.ensemble import load_ensemble
from bakeoff.errors import UserError
from bakeoff.predictors import load


@pytest.fixture
def folder(tmp_path):
    """The folder of an ensemble, with a model of somebody else beside it and linked into it."""
    folder = tmp_path / "mix-seed0"
    (folder / "members").mkdir(parents=True)
    write_json(tmp_path / "model.json", {"kind": "theirs"})
    (folder / "members" / "link").symlink_to(tmp_path)
    return folder


@pytest.mark.parametrize("outside", ["", ".", "..", "../..", "nb/../../..", "link", "/tmp"])
def test_a_member_outside_the_folder_is_refused(folder, outside):
    write_json(folder / "weights.json", {outside: 1.0})
    with pytest.raises(UserError, match=r"weights\.json names the member .* not in members/; get"):
        load_ensemble(folder, {"classes": ["bad", "good"]}, load)


def test_a_member_inside_is_loaded(folder):
    (folder / "members" / "nb-seed0").mkdir()
    write_json(folder / "members" / "nb-seed0" / "model.json", {"kind": "theirs"})
    write_json(folder / "weights.json", {"nb-seed0": 1.0})
    with pytest.raises(UserError, match="nb-seed0 holds a model of the unknown kind 'theirs'"):
        load_ensemble(folder, {"classes": ["bad", "good"]}, load)
