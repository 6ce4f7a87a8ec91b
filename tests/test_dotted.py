from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

import pytest

from bakeoff.dotted import Count, Range, Share, Times, changed, check, settings_of, unknown_setting
from bakeoff.errors import UserError
from bakeoff.text.configs import TextNetwork
from bakeoff.training.settings import TrainingSettings
from bakeoff.vision.configs import Autoencoder, ImageNetwork, Pictures


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: Annotated[float, Range(0, least_excluded=True)] = 0.5
    epochs: Count = 12

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str = "a"
    on: bool = False
    kind: Literal["rnn", "lstm"] = "rnn"
    dropout: Share = 0.1
    widths: tuple[int, ...] = (8, 16)
    words: list[str] = field(default_factory=list)
    limit: int | None = None
    inner: Inner = field(default_factory=Inner)
    more: Inner | None = None

    def __post_init__(self) -> None:
        check(self)


@pytest.mark.parametrize(
    ("path", "given", "value"),
    [
        ("name", "b", "b"),
        ("name", "8", "8"),
        ("on", "true", True),
        ("on", "No", False),
        ("on", True, True),
        ("kind", "lstm", "lstm"),
        ("dropout", "0.25", 0.25),
        ("dropout", "1e-3", 0.001),
        ("dropout", 1, 1.0),
        ("widths", "32, 64", (32, 64)),
        ("widths", "[4]", (4,)),
        ("widths", [1, 2], (1, 2)),
        ("words", "a,b", ["a", "b"]),
        ("words", "", []),
        ("limit", "7", 7),
        ("limit", "none", None),
        ("inner.epochs", "8", 8),
        ("inner.epochs", 8.0, 8),
        ("inner.epochs", Times(0.25), 3),
        ("inner.epochs", Times(0.01), 1),
        ("inner.rate", Times(0.5), 0.25),
    ],
)
def test_a_value_is_read_as_what_the_setting_holds(path, given, value):
    before = Outer()
    after = changed(before, {path: given})
    held = settings_of(after)[path]
    assert (held, type(held)) == (value, type(value))
    rest = {name: v for name, v in settings_of(after).items() if name != path}
    assert rest == {name: v for name, v in settings_of(before).items() if name != path}
    assert before == Outer(), "the old one stays"


@pytest.mark.parametrize(
    ("path", "given", "message"),
    [
        ("inner.epochs", "0", "inner.epochs=0: must be at least 1"),
        ("inner.epochs", -3, "inner.epochs=-3: must be at least 1"),
        ("inner.epochs", "2.5", "inner.epochs=2.5: must be a whole number"),
        ("inner.epochs", "many", "inner.epochs=many: must be a number"),
        ("inner.epochs", True, "inner.epochs=True: must be a number"),
        ("inner.rate", "0", "inner.rate=0: must be more than 0"),
        ("inner.rate", "nan", "inner.rate=nan: must be a number"),
        ("inner.rate", float("inf"), "inner.rate=inf: must be a number"),
        ("dropout", "2", "dropout=2: must be at least 0 and at most 1"),
        ("dropout", None, "dropout=None: must be a number"),
        ("on", "perhaps", "on=perhaps: must be true or false"),
        ("on", 1, "on=1: must be true or false"),
        ("kind", "lstn", "unknown kind 'lstn': did you mean 'lstm'? Known: rnn, lstm"),
        ("widths", "3,x", "widths=3,x: must be a number"),
        ("widths", 3, "widths=3: must be a list, as 1,2,3"),
        ("name", 3, "name=3: must be text"),
        ("inner", "x", "inner holds several settings; name one: inner.rate, inner.epochs"),
        ("inner", "none", "inner holds several settings; name one: inner.rate, inner.epochs"),
        ("more", "x", "more=x: must be a configuration"),
        ("inner.epoch", 1, "unknown setting 'inner.epoch': did you mean inner.epochs?"),
        ("epochs", 1, "unknown setting 'epochs': did you mean inner.epochs?"),
        ("more.epochs", 1, "unknown setting 'more.epochs': did you mean inner.epochs?"),
        ("name.x", 1, "unknown setting 'name.x': did you mean name?"),
        ("", 1, "unknown setting '': Known: name"),
    ],
)
def test_a_wrong_value_or_path_is_one_line(path, given, message):
    with pytest.raises(UserError) as refused:
        changed(Outer(), {path: given})
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_changes_of_one_part_come_together():
    """What fits only together may be changed together, in any order."""
    linear = ImageNetwork(encoder="linear", pretraining=Autoencoder(encoder="linear"))
    for paths in (("encoder", "pretraining.encoder"), ("pretraining.encoder", "encoder")):
        conv = changed(linear, dict.fromkeys(paths, "conv"))
        assert conv == ImageNetwork(encoder="conv", pretraining=Autoencoder(encoder="conv"))
    assert changed(linear, {"pretraining": "none"}) == ImageNetwork(encoder="linear")


def test_a_configuration_that_cannot_be_is_never_made():
    for wrong in ({"epochs": 0}, {"learning_rate": -1.0}, {"warmup": 1.5}, {"patience": -1}):
        with pytest.raises(UserError, match=f"{next(iter(wrong))}="):
            TrainingSettings(**wrong)
    with pytest.raises(UserError, match="an encoder of another kind"):
        ImageNetwork(encoder="conv", pretraining=Autoencoder(encoder="linear"))
    with pytest.raises(UserError, match="only resnet18 starts from weights"):
        ImageNetwork(encoder="conv", weights="imagenet")
    with pytest.raises(UserError, match="loss=triplet: embeddings of a frozen encoder stay"):
        ImageNetwork(encoder="conv", frozen=True, loss="triplet")
    with pytest.raises(UserError, match="images_per_class=1: must be at least 2"):
        ImageNetwork(encoder="conv", images_per_class=1)


@pytest.mark.parametrize("wrong", [{"hidden": 1}, {"hidden": 6}, {"hidden": 66}])
def test_a_transformer_is_as_wide_as_its_heads_divide(wrong):
    with pytest.raises(UserError, match=r"hidden=\d+: must be a multiple of 4"):
        TextNetwork(encoder="transformer", **wrong)
    assert TextNetwork(encoder="cnn", **wrong)


def test_no_layer_of_an_lstm_is_empty():
    assert TextNetwork(encoder="lstm", hidden=64, layers=7).widths == [64, 32, 16, 8, 4, 2, 1]
    for hidden, layers in ((1, 2), (64, 8)):
        with pytest.raises(UserError, match=f"hidden={hidden} leaves nothing of .* {layers} lay"):
            TextNetwork(encoder="lstm", hidden=hidden, layers=layers)
        assert set(TextNetwork(encoder="rnn", hidden=hidden, layers=layers).widths) == {hidden}


def test_a_network_sees_pictures_as_its_autoencoder_does():
    """Its weights are those of as many channels and, in dense layers, of as many pixels."""
    small, grey = Pictures(size=8), Pictures(grey=True)
    for encoder, pictures in (("linear", small), ("linear", grey), ("conv", grey)):
        start = Autoencoder(encoder=encoder)
        with pytest.raises(UserError, match=r"pictures\.\w+=.* has pretraining\.pictures\."):
            ImageNetwork(encoder=encoder, pictures=pictures, pretraining=start)
        assert ImageNetwork(
            encoder=encoder, pictures=pictures, pretraining=replace(start, pictures=pictures)
        )
    assert ImageNetwork(encoder="conv", pictures=small, pretraining=Autoencoder(encoder="conv"))


def test_settings_have_paths():
    assert settings_of(Outer(more=Inner(epochs=3))) == {
        "name": "a",
        "on": False,
        "kind": "rnn",
        "dropout": 0.1,
        "widths": (8, 16),
        "words": [],
        "limit": None,
        "inner.rate": 0.5,
        "inner.epochs": 12,
        "more.rate": 0.5,
        "more.epochs": 3,
    }


def test_near_paths_of_single_models_are_named_too():
    error = unknown_setting("bilsm.hidden", ["hidden", "dropout"], ["bilstm.hidden"])
    assert str(error) == "unknown setting 'bilsm.hidden': did you mean bilstm.hidden?"
