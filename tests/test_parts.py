"""What a run of a compiled graph trains, after what a person asked for in its form."""

import pytest

from bakeoff.errors import UserError
from bakeoff.lineup import configurations
from bakeoff.parts import data_version, run_of
from bakeoff.plans import plan
from bakeoff.training.settings import to_dict

LADDER = {
    "classical": "nb-counts, nb-tfidf",
    "networks": "cnn, rnn-64, rnn-256",
    "networks_of_chosen_width": "lstm-1, bilstm",
    "ensemble": "ensemble",
}


def run(study="sentiment", graph=LADDER, **form):
    given = {"models": "", "settings": "", "data": "imdb-25k", "preset": "quick", "versions": {}}
    return run_of(study, graph=graph, **{**given, **form})


def trained(items):
    return [(item["model"], item["seed"]) for item in items]


def test_all_that_the_graph_trains_where_nothing_is_asked_for():
    found = run(seed=5, seeds=2)
    assert trained(found.classical) == [("nb-counts", 5), ("nb-tfidf", 5)]
    assert trained(found.networks) == [
        (name, seed) for seed in (5, 6) for name in ("cnn", "rnn-64", "rnn-256")
    ]
    later = [(name, seed) for seed in (5, 6) for name in ("lstm-1", "bilstm")]
    assert trained(found.networks_of_chosen_width) == later
    assert {item["settings"] for item in found.networks} == {""}
    assert found.pairs == [["bilstm", "lstm-1"]]
    assert found.data_hash == data_version("imdb-25k") != ""


def test_models_leave_out_and_reorder():
    pair = ["ae-linear-tuned", "ae-linear-scratch"]
    assert run("autoencoder", {"networks": ", ".join(pair)}, data="digits").pairs == [pair]
    found = run(models="bilstm,rnn-256, rnn-64,nb-tfidf,ensemble")
    assert trained(found.classical) == [("nb-tfidf", 0)]
    assert trained(found.networks) == [("rnn-256", 0), ("rnn-64", 0)]
    assert trained(found.networks_of_chosen_width) == [("bilstm", 0)]


@pytest.mark.parametrize(
    ("models", "why"),
    [
        ("nb-count", r"unknown model of this pipeline 'nb-count': did you mean 'nb-counts'\?"),
        ("svm-tfidf", "unknown model of this pipeline 'svm-tfidf'"),
        ("nb-counts,rnn-64,rnn-256,bilstm", "trains ensemble in its part ensemble; keep at least"),
        ("nb-counts,rnn-64,rnn-256,ensemble", "trains lstm-1, bilstm in its part networks_of_chos"),
        ("rnn-64,rnn-256,bilstm,ensemble", "trains nb-counts, nb-tfidf in its part classical"),
        # Of one width nothing is chosen.
        ("nb-counts,rnn-64,bilstm,ensemble", "chooses the width of bilstm; keep RNNs of two width"),
        ("nb-counts,bilstm,ensemble", "chooses the width of bilstm; keep RNNs of two widths"),
    ],
)
def test_models_that_the_graph_does_not_train_are_refused_in_one_line(models, why):
    with pytest.raises(UserError, match=why) as refused:
        run(models=models)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"settings": "rnn-65.hidden=9"}, "unknown setting 'rnn-65.hidden'"),
        ({"settings": "rnn-64.hiden=9"}, "did you mean hidden"),
        ({"settings": "rnn-64.hidden=wide"}, "must be a"),
        ({"settings": "hidden"}, "write MODEL.PATH=VALUE"),
        ({"settings": "bilstm.hidden=9"}, "the RNNs decide its width"),
        ({"settings": "rnn-256.hidden=64"}, "RNNs of two widths"),
        ({"preset": "fulll"}, "unknown preset 'fulll': did you mean 'full'"),
        ({"metric": "acuracy"}, "unknown metric 'acuracy'"),
        ({"seeds": 0}, "at least one seed"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_what_a_form_asks_for_wrongly_is_one_line(form, why):
    with pytest.raises(UserError, match=why) as refused:
        run(**form)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("study", "settings"),
    [
        (
            "sentiment",
            ["training.epochs=2", "rnn-64.hidden=8", "preprocessing=report,+stem-porter"],
        ),
        ("autoencoder", ["pretraining.training.epochs=2", "ae-linear-tuned.dropout=0.5"]),
        ("resnet", ["precision=bf16", "resnet18.training.learning_rate=1e-05"]),
    ],
)
def test_an_item_stands_for_the_configurations_of_the_plan(study, settings):
    chosen = plan(study, "quick", changes=settings, metric="macro-f1")
    graph = {part: ", ".join(names) for part, names in chosen.parts.items()}
    found = run(study, graph, settings=chosen.settings, data=chosen.data, metric="macro-f1")
    trained_so = {**chosen.classical, **chosen.networks}
    wanted = {name: to_dict(config) for name, config in trained_so.items()}
    got = {}
    for item in [*found.classical, *found.networks, *found.networks_of_chosen_width]:
        got |= configurations(study, "quick", item["model"], item["settings"])
    starts = set(got) - set(wanted)
    assert starts == ({"ae-linear", "ae-conv"} if study == "autoencoder" else set())
    assert {name: got[name] for name in wanted} == wanted


def test_a_setting_that_is_named_is_in_the_items_of_its_model_whatever_its_value():
    settings = plan("sentiment", "quick", changes=["bilstm.dropout=0.3"], models=["all"]).settings
    assert settings == "bilstm.dropout=0.3"
    found = run(settings=settings)
    [held] = [item for item in found.networks_of_chosen_width if item["model"] == "bilstm"]
    assert held["settings"] == "dropout=0.3"
    others = [*found.networks, *found.networks_of_chosen_width]
    assert [item["settings"] for item in others if item != held] == [""] * 4
    [usual] = [item for item in run().networks_of_chosen_width if item["model"] == "bilstm"]
    assert held["fingerprint"] == usual["fingerprint"]


def test_networks_of_the_same_autoencoder_are_one_item_which_comes_first():
    names = "ae-linear-frozen, ae-linear-tuned, ae-linear-scratch"
    items = run("autoencoder", {"networks": names}, data="digits", seeds=2).networks
    both = "ae-linear-frozen, ae-linear-tuned"
    assert trained(items) == [(n, seed) for seed in (0, 1) for n in (both, "ae-linear-scratch")]
    configs = configurations("autoencoder", "quick", both, items[0]["settings"])
    assert list(configs) == ["ae-linear", "ae-linear-frozen", "ae-linear-tuned"]
    start = configs["ae-linear-tuned"]["pretraining"]
    assert configs["ae-linear"] == {"type": "Autoencoder", **start}
    assert start["pictures"]["flip"] is False, "digits are not mirrored"


def test_fingerprints_differ_where_configurations_or_files_do(tmp_path):
    graph = {"networks": "cnn, bilstm-glove"}

    def fingerprints(**form):
        return {item["model"]: item["fingerprint"] for item in run(graph=graph, **form).networks}

    before = fingerprints()
    changed = fingerprints(settings="cnn.dropout=0.5")
    assert changed["cnn"] != before["cnn"]
    assert changed["bilstm-glove"] == before["bilstm-glove"]
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("a 1\n")
    settings = f"bilstm-glove.vectors={vectors}"
    one, known = (
        fingerprints(settings=settings),
        fingerprints(settings=settings, versions={str(vectors): "known"}),
    )
    vectors.write_text("a 2\n")
    two = fingerprints(settings=settings)
    assert len({found["bilstm-glove"] for found in (before, one, known, two)}) == 4
    assert one["cnn"] == two["cnn"] == before["cnn"]
    vectors.unlink()
