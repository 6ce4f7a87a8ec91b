"""Settings that presets, options and `--set` change, as they reach the plan."""

import pytest

from bakeoff.dotted import settings_of
from bakeoff.errors import UserError
from bakeoff.plans import plan


def settings(study="sentiment", preset="quick", **given):
    return {n: settings_of(c) for n, c in plan(study, preset, **given).models.items()}


def test_the_presets_of_images_are_as_measured():
    """By hand: a change here changes what `quick` promises."""
    quick = settings("autoencoder")
    epochs = {name: config["training.epochs"] for name, config in quick.items()}
    assert epochs == {
        "ae-linear-frozen": 7,
        "ae-linear-tuned": 20,
        "ae-linear-scratch": 20,
        "ae-conv-frozen": 7,
        "ae-conv-tuned": 7,
        "ae-conv-scratch": 7,
    }
    assert quick["ae-conv-tuned"]["pretraining.training.epochs"] == 4
    assert quick["ae-conv-tuned"]["pictures.cutout"] == 1 / 3
    assert quick["ae-linear-tuned"]["training.batch_size"] == 128
    assert quick["ae-linear-tuned"]["training.learning_rate"] == 8e-4
    resnet = settings("resnet")["resnet18"]
    assert (resnet["training.epochs"], resnet["training.batch_size"]) == (2, 32)
    assert (resnet["pictures.crop"], resnet["crops_at_test"]) == (1.0, 1.0)
    whole = settings("resnet", "full")["resnet18"]
    assert (whole["training.epochs"], whole["training.batch_size"]) == (120, 64)
    assert (whole["pictures.crop"], whole["pictures.growth"]) == (0.35, 0.8)
    assert settings("sentiment")["rnn-64"] == settings("sentiment", "full")["rnn-64"]


def test_a_setting_of_one_model_leaves_the_others():
    before = settings()
    after = settings(changes=["rnn-64.training.batch_size=8", "rnn-64.dropout=0.5"])
    asked = {"training.batch_size": 8, "dropout": 0.5}
    assert after.pop("rnn-64") == before.pop("rnn-64") | asked
    assert after == before


@pytest.mark.parametrize(
    ("changes", "planned"),
    [
        ([], 72),
        (["training.epochs=1"], 1),
        (["rnn-64.training.epochs=4"], 4),
        (["training.epochs=1", "training.least_steps=70"], 10),
        (["training.least_steps=70", "training.epochs=20"], 20),
    ],
)
def test_epochs_that_are_asked_for_are_no_more_on_few_rows(changes, planned):
    config = plan("sentiment", "quick", models=["rnn-64"], changes=changes).models["rnn-64"]
    assert config.training.planned_epochs(7) == planned


def test_epochs_of_an_autoencoder_that_are_asked_for_are_no_more_on_few_pictures():
    changes = ["pretraining.training.epochs=2"]
    made = plan("autoencoder", "quick", models=["ae-linear-tuned"], changes=changes)
    config = made.models["ae-linear-tuned"]
    assert config.pretraining.training.planned_epochs(1) == 2
    assert config.training.planned_epochs(1) == 78


@pytest.mark.parametrize("path", ["training.epochs", "*.training.epochs"])
def test_a_setting_without_a_model_is_that_of_all_that_have_it(path):
    after = settings(changes=[f"{path}=9"])
    assert {n: c["training.epochs"] for n, c in after.items() if "training.epochs" in c} == {
        "rnn-64": 9,
        "bilstm-glove": 9,
    }
    assert settings()["nbsvm"] == after["nbsvm"]


def test_the_later_of_two_counts_and_all_come_after_presets_and_options():
    changes = ["training.epochs=9", "rnn-64.training.epochs=2"]
    assert settings(changes=changes)["rnn-64"]["training.epochs"] == 2
    assert settings(changes=changes[::-1])["rnn-64"]["training.epochs"] == 9
    digits = settings("resnet", changes=["pictures.flip=true", "training.epochs=1"])["resnet18"]
    assert digits["pictures.flip"] is True
    assert digits["training.epochs"] == 1


def test_names_of_models_may_hold_dots_and_begin_alike():
    models = ["resnet18", "resnet18-center@0.1"]
    after = settings("resnet", models=models, changes=["resnet18-center@0.1.center_rate=0.25"])
    assert after["resnet18-center@0.1"]["center_rate"] == 0.25
    assert after["resnet18"]["center_rate"] == 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"changes": ["rnn-64"]}, "--set rnn-64: write MODEL.PATH=VALUE"),
        ({"changes": ["rnn-64.training.epochs=-1"]}, "--set rnn-64: training.epochs=-1: must be"),
        ({"changes": ["dropout=2"]}, "--set rnn-64: dropout=2: must be at least 0 and at most 1"),
        ({"changes": ["rnn-64.encoder=gru"]}, "unknown encoder 'gru'"),
        ({"changes": ["rnn-64.trainin.epochs=1"]}, "did you mean training.epochs?"),
        ({"changes": ["rnn64.training.epochs=1"]}, "did you mean rnn-64.training.epochs"),
        ({"changes": ["cnn.hidden=8"]}, "--set cnn.hidden: cnn takes no part"),
        ({"changes": ["nb-counts.training.epochs=1"]}, "unknown setting 'training.epochs'"),
        ({"changes": ["nb-counts.preprocessing=reprot"]}, "did you mean 'report'"),
        ({"changes": ["rnn-64.vectors=mine.txt"]}, "no such file of word vectors: mine.txt"),
        (
            {"models": ["all"], "changes": ["lstm-1.hidden=32"]},
            "--set lstm-1.hidden: the RNNs decide its width",
        ),
        (
            {"study": "autoencoder", "changes": ["ae-conv-tuned.pretraining.training.epochs=2"]},
            "ae-conv-tuned starts from another ae-conv than the models before it",
        ),
        ({"study": "resnet", "changes": ["frozen=1,2"]}, "frozen=1,2: must be true or false"),
        ({"study": "autoencoder", "changes": ["ae-conv-tuned.encoder=linear"]}, "of another kind"),
    ],
)
def test_a_mistake_is_one_line(given, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as refused:
        settings(**given)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_width_that_is_set_is_no_longer_chosen():
    changes = ["lstm-1.hidden=32", "lstm-1.width_role="]
    chosen = plan("sentiment", "quick", models=["all"], changes=changes)
    assert "lstm-1" not in chosen.waiting
    assert "lstm-2" in chosen.waiting


def test_an_autoencoder_is_changed_for_all_that_start_from_it():
    changed = settings("autoencoder", changes=["*.pretraining.training.epochs=2"])
    starts = {c.get("pretraining.training.epochs") for c in changed.values()}
    assert starts == {2, None}


def test_files_that_settings_name_are_absolute(tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("good 1 2\n")
    monkeypatch.chdir(tmp_path)
    chosen = plan("sentiment", "quick", changes=["rnn-64.vectors=mine.txt"])
    assert settings_of(chosen.models["rnn-64"])["vectors"] == str(tmp_path / "mine.txt")
    assert str(tmp_path / "mine.txt") in chosen.files


def test_only_pretrained_vectors_are_frozen():
    frozen = settings(models=["all"], freeze_vectors=True)
    assert {name for name, config in frozen.items() if config.get("freeze_vectors")} == {
        "bilstm-word2vec",
        "bilstm-glove",
    }
