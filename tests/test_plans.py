from dataclasses import replace

import pytest

from bakeoff.data.splitting import SplitSpec
from bakeoff.errors import UserError
from bakeoff.plans import plan
from bakeoff.studies import STUDIES, get_study
from bakeoff.text.registry import LINEUPS, MODELS, PAIRS
from bakeoff.vision.configs import Pictures

ROWS = {"imdb-25k": 25_000, "imdb": 50_000, "digits": 1_797, "rotten-tomatoes": 8_530}
OWN = {"stl10": (5_000, 0, 8_000)}
"""Rows of data with a test split of its own: train, validation, test."""


def test_the_metric_of_all_may_be_said_of_one_again():
    changes = ["cnn.training.metric=auc"]
    made = plan(study="sentiment", preset="quick", models=["cnn"], metric="auc", changes=changes)
    assert made.models["cnn"].training.metric == "auc"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"study": "sentimant"}, "unknown study 'sentimant': did you mean 'sentiment'"),
        ({"preset": "quik"}, "unknown preset 'quik': did you mean 'quick'"),
        ({"models": ["rnn64"]}, "unknown model 'rnn64': did you mean 'rnn-64'"),
        ({"models": ["nb-counts", "xyz"]}, "unknown model 'xyz': Known: all, report, nb-counts"),
        ({"study": "resnet", "models": ["resnet81"]}, "did you mean 'resnet18'"),
        ({"study": "resnet", "weights": "nowhere.pth"}, "no such file of weights: nowhere.pth"),
        ({"study": "resnet", "weights": "imagnet"}, "no such file of weights: imagnet"),
        ({"study": "resnet", "precision": "fp16"}, "unknown precision 'fp16'"),
        ({"models": ["cnn"], "precision": "fp16"}, "unknown precision 'fp16'"),
        ({"models": ["cnn"], "changes": ["cnn.precision=bf-16"]}, "did you mean 'bf16'"),
        ({"models": ["cnn"], "changes": ["training.metric=auc"]}, "judged alike; give --metric"),
        ({"study": "autoencoder", "weights": "imagenet"}, "--weights changes none of these models"),
        ({"glove": "x.txt"}, "no such file of word vectors: x.txt"),
        ({"study": "autoencoder", "glove": "x.txt"}, "--glove changes none of these models"),
        ({"keep_sides": True}, "--keep-sides changes none of these models"),
        ({"study": "resnet", "freeze_vectors": True}, "--freeze-vectors changes none"),
        ({"study": "resnet", "drop_suspects": True}, "--drop-suspects reads texts"),
        ({"models": ["nb-counts"], "precision": "bf16"}, "--precision changes none of these"),
        ({"models": ["nb-counts"], "freeze_vectors": True}, "--freeze-vectors changes none"),
        ({"preprocessing": "reprot"}, "did you mean 'report'"),
        ({"split": "7:2"}, "split '7:2': give three numbers"),
        ({"split": "0.7:0.2:0.2"}, "the shares sum to 1.1, not to 1"),
        ({"split": "100.5:10:10"}, "whole numbers of rows"),
        ({"seeds": 0}, "--seeds 0: at least one"),
        ({"time_column": "day", "group_column": "user"}, "--time-column and --group-column contra"),
        ({"time_column": "day", "split_column": "part"}, "--time-column and --split-column contra"),
        ({"models": ["ensemble"]}, "ensemble mixes other models: name some beside it"),
        ({"data": "https://me:pw@host/a.csv"}, "give credentials by the environment"),
    ],
)
def test_a_mistake_is_named_before_anything_runs(arguments, message):
    with pytest.raises(UserError, match=message):
        plan(**{"study": "sentiment", "preset": "quick", **arguments})


@pytest.mark.parametrize("study", STUDIES)
def test_every_preset_is_made_of_models_of_its_study_and_fits_its_data(study):
    for name in STUDIES[study].presets:
        chosen = plan(study, name)
        assert list(chosen.models) == list(STUDIES[study].presets[name].models)
        spec = SplitSpec.parse(chosen.split)
        if chosen.data in OWN:
            sizes = spec.sizes_beside(OWN[chosen.data], chosen.limit)
        else:
            sizes = spec.sizes(ROWS[chosen.data], chosen.limit)
        assert min(sizes) > 0


def test_presets_use_the_rows_they_promise():
    sizes = {
        name: SplitSpec.parse(preset.split).sizes(50_000, preset.limit)
        for name, preset in get_study("sentiment").presets.items()
    }
    assert sizes == {
        "quick": (4_200, 600, 1_200),
        "full": (35_000, 5_000, 10_000),
        "paper": (36_000, 4_000, 10_000),
    }
    images = {
        name: SplitSpec.parse(get_study("resnet").presets[name].split).sizes_beside(OWN["stl10"])
        for name in ("full", "paper")
    }
    assert images == {"full": (4_500, 500, 8_000), "paper": (4_500, 500, 1_000)}


def test_what_is_given_replaces_the_preset_and_what_is_empty_does_not():
    default = plan("sentiment", "quick")
    assert plan("sentiment", "quick", data="", split="", seed=None) == default
    changed = plan("sentiment", "quick", data="reviews.csv", split="0.8:0.1:0.1", limit=0)
    assert changed == replace(default, data="reviews.csv", split="0.8:0.1:0.1", limit=0)


def test_a_line_up_keeps_its_order_and_is_split_by_how_it_trains():
    chosen = plan("sentiment", "quick", models=["rnn-64", "nb-tfidf", "bilstm-glove", "tree-tfidf"])
    assert list(chosen.models) == ["rnn-64", "nb-tfidf", "bilstm-glove", "tree-tfidf"]
    assert list(chosen.networks) == ["rnn-64", "bilstm-glove"]
    assert list(chosen.classical) == ["nb-tfidf", "tree-tfidf"]


def test_preprocessing_replaces_that_of_every_model_and_nothing_else():
    default, changed = (
        plan("sentiment", "quick"),
        plan("sentiment", "quick", preprocessing="report"),
    )
    assert changed.models.pop("ensemble") == default.models.pop("ensemble")
    assert {config.preprocessing for config in changed.models.values()} == {"report"}
    restored = {n: replace(c, preprocessing="default") for n, c in changed.models.items()}
    assert restored == default.models


def test_a_name_may_stand_for_a_line_up():
    assert list(plan("sentiment", "quick", models=["report"]).models) == list(LINEUPS["report"])
    assert plan("sentiment", "paper").ensemble == "ensemble"
    waiting = plan("sentiment", "quick", models=["all"]).waiting
    assert waiting == ["lstm-1", "lstm-2", "bilstm", "bilstm-word2vec", "bilstm-glove"]
    assert plan("sentiment", "quick", models=["rnn-64", "lstm-1"]).waiting == []


def test_pairs_and_line_ups_name_models():
    assert {name for pair in PAIRS for name in pair} <= set(MODELS)
    assert {name for names in LINEUPS.values() for name in names} <= set(MODELS)


def test_training_seeds_count_up_from_the_seed():
    assert plan("sentiment", "quick").training_seeds == [0]
    assert plan("sentiment", "quick", seed=5, seeds=3).training_seeds == [5, 6, 7]


def test_networks_wait_for_a_width_only_where_there_is_one_to_choose():
    chosen = plan("sentiment", "quick", models=["rnn-64", "bilstm-glove", "nb-counts"])
    assert chosen.waiting == []
    narrow = replace(chosen.models["rnn-64"], hidden=32)
    assert replace(chosen, models={**chosen.models, "rnn-32": narrow}).waiting == ["bilstm-glove"]
    same = replace(chosen.models["rnn-64"], dropout=0.5)
    assert replace(chosen, models={**chosen.models, "rnn-dropout": same}).waiting == []


def test_a_plan_is_known_by_everything_in_it():
    first = plan("sentiment", "quick", models=["nb-counts"]).identity
    assert (first["study"], first["preset"]) == ("sentiment", "quick")
    assert first == plan("sentiment", "quick", models=["nb-counts"]).identity
    others = [
        plan("sentiment", "quick", models=["nb-counts"], **given).identity
        for given in (
            {"seed": 1},
            {"preprocessing": "report"},
            {"changes": ["ngrams=1"]},
            {"workers": 2},
        )
    ]
    assert len({first["settings"], *(other["settings"] for other in others)}) == 5


def networks(study, **settings):
    return plan(study, **{"preset": "paper", **settings}).models


def pictures(config):
    """How pictures reach a network, and the autoencoder it starts from."""
    return [config.pictures, *([config.pretraining.pictures] if config.pretraining else [])]


@pytest.mark.parametrize("study", ["autoencoder", "resnet"])
def test_a_mirrored_digit_is_no_digit(study):
    usual = networks(study)
    assert any(how.flip for config in usual.values() for how in pictures(config))
    assert any(config.flip_at_test for config in usual.values())
    for settings in ({"data": "digits"}, {"data": "letters", "keep_sides": True}):
        kept = networks(study, **settings)
        for name, config in kept.items():
            assert not config.flip_at_test
            assert not any(how.flip for how in pictures(config))
            # Nothing else is another one.
            assert config.pictures == replace(usual[name].pictures, flip=False)
            assert config.training == usual[name].training


@pytest.mark.parametrize("preset", ["quick", "full", "paper"])
def test_a_network_and_the_autoencoder_it_starts_from_see_the_same_pictures(preset):
    for name, config in networks("autoencoder", preset=preset, data="mine").items():
        if config.pretraining:
            assert config.encoder == config.pretraining.encoder
            for field in ("size", "grey"):
                values = {getattr(how, field) for how in pictures(config)}
                assert len(values) == 1, (name, field)


def test_weights_are_for_resnets_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.pth").write_bytes(b"")
    resnets = plan("resnet", "quick", weights="mine.pth")
    assert {config.weights for config in resnets.models.values()} == {str(tmp_path / "mine.pth")}
    assert resnets.files == [str(tmp_path / "mine.pth")]
    assert plan("resnet", "quick", weights="imagenet").models["resnet18"].weights == "imagenet"


def test_precision_is_that_of_every_image_network():
    assert {c.precision for c in networks("resnet").values()} == {"auto"}
    for study in ("resnet", "autoencoder"):
        precise = networks(study, precision="bf16").values()
        assert {c.precision for c in precise} == {"bf16"}
        assert {c.pretraining.precision for c in precise if c.pretraining} <= {"bf16"}


def test_quick_trains_a_sixth_of_the_epochs():
    quick, paper = (plan("autoencoder", name, data="mine").models for name in ("quick", "paper"))
    for name, config in quick.items():
        assert config.training.epochs == round(paper[name].training.epochs / 6)
        assert config.training.planned_epochs(39) == config.training.epochs
        if config.pretraining:
            assert config.pretraining.training.epochs == 4
            assert paper[name].pretraining.training.epochs == 24


def test_quick_shows_pictures_whole_and_in_their_colours():
    for study in ("autoencoder", "resnet"):
        quick, paper = (networks(study, preset=preset).values() for preset in ("quick", "paper"))
        seen = {(c.pictures.growth, c.pictures.crop, c.crops_at_test) for c in quick}
        assert seen == {(0, 1, 1)}
        assert {(c.pictures.color, c.pictures.cutmix) for c in quick} == {(0, 0)}
        assert any(c.pictures.crop < 1 for c in paper)


def test_networks_with_the_same_autoencoder_train_in_one_task():
    chosen = plan("autoencoder", "paper", models=["ae-conv-tuned", "ae-conv-scratch"], seeds=2)
    assert chosen.network_tasks == [["ae-conv-tuned"], ["ae-conv-scratch"]]
    both = plan("autoencoder", "paper", models=["ae-conv-tuned", "ae-conv-frozen"])
    assert both.network_tasks == [["ae-conv-tuned", "ae-conv-frozen"]]


@pytest.mark.parametrize("study", STUDIES)
def test_every_pair_names_models_and_none_of_them_twice(study):
    known = STUDIES[study]
    assert {name for pair in known.pairs for name in pair} <= set(known.models)
    assert all(first != second for first, second in known.pairs)


def test_resnets_as_in_the_report_have_adam_and_no_augmentation():
    report = plan("resnet", "paper", models=["report"]).models
    assert list(report) == ["resnet18@report", "resnet18-triplet@report", "resnet18-center@report"]
    assert [c.loss for c in report.values()] == ["cross-entropy", "triplet", "center"]
    assert {(c.training.optimizer, c.training.epochs) for c in report.values()} == {("adam", 10)}
    assert {c.pictures for c in report.values()} == {Pictures()}
    assert report["resnet18-triplet@report"].temperature == 0, "the hardest triplets alone"
    assert list(plan("resnet", "paper").models) == [
        "resnet18",
        "resnet18-triplet",
        "resnet18-center",
    ]


def test_the_weight_of_center_loss_can_be_chosen_by_validation():
    lineup = plan("resnet", "paper", models=["center-weights"]).models
    assert {name: config.center_weight for name, config in lineup.items()} == {
        "resnet18-center": 0.01,
        "resnet18-center@0.001": 0.001,
        "resnet18-center@0.1": 0.1,
    }
    assert len({replace(config, center_weight=0) for config in lineup.values()}) == 1


def test_a_quick_resnet_has_many_steps_of_few_pictures():
    quick, full = (
        plan("resnet", preset).models["resnet18"].training for preset in ("quick", "full")
    )
    assert (quick.epochs, quick.batch_size) == (2, 32)
    assert (full.epochs, full.batch_size) == (120, 64)
    batches = plan("autoencoder", "quick").models["ae-linear-tuned"].training
    assert (batches.epochs, batches.batch_size) == (20, 128)


def test_resnets_see_enlarged_pictures_unless_a_size_is_asked_for():
    assert [plan("resnet", preset).image_size for preset in ("quick", "full", "paper")] == [
        *(0, 128, 128)
    ]
    assert plan("resnet", "paper", image_size=None).image_size == 128
    assert plan("resnet", "paper", image_size=0).image_size == 0
    assert plan("resnet", "paper", image_size=96).image_size == 96
    assert plan("autoencoder", "paper").image_size == 0


@pytest.mark.parametrize(("steps", "epochs"), [(39, 2), (5, 16), (1, 78), (200, 2)])
def test_a_small_set_is_trained_for_more_of_the_short_epochs(steps, epochs):
    training = plan("resnet", "quick").models["resnet18"].training
    assert training.planned_epochs(steps) == epochs


def test_the_level_of_class_folders_is_for_images():
    assert plan("resnet", "quick", data="pets", class_level=2).class_level == 2
    assert plan("text", "quick", data="mails", class_level=2).class_level == 2
