import re

from html_page import Page
from trials import SPACE, record

from bakeoff.evaluation.scores import ACCURACY, METRICS
from bakeoff.report.page import render_report
from bakeoff.report.searches import ranked, sentences
from bakeoff.tuning.results import summarised


def test_a_search_is_told_in_sentences(search):
    said = " ".join(sentences(search, ACCURACY)).replace("\u202f", " ")
    assert said.startswith("14 trials in 91 s: 12 finished, 1 stopped early, 1 failed.")
    assert "Trial 11 was the best with 81.0 % validation accuracy, +11.0 points against" in said
    assert "on rows that did not choose, +11." in said
    assert re.search(r"dropout mattered most: it explains \d\d\.\d %", said)
    assert said.endswith("Trial 13 failed: no <b>room</b>")


def test_a_network_that_keeps_its_settings_gains_nothing():
    told = summarised("rnn", ACCURACY, SPACE, [record(0, 0.8), record(1, 0.7)])
    said = sentences(told, ACCURACY)
    assert said[1].startswith("None was better than its own settings, 80.0")
    assert "too few trials" in said[2]
    only = summarised("rnn", ACCURACY, SPACE, [record(0, 0, "failed", "no"), record(1, 0.7)])
    assert "what it gained is not known" in sentences(only, ACCURACY)[1]


def test_a_gain_in_log_loss_is_no_percentage():
    trials = [record(0, 0.5), record(1, 0.4)]
    for trial in trials:
        trial.reports[-1]["merit"] *= -1
    metric = METRICS["log-loss"]
    told = summarised("rnn", metric, SPACE, trials)
    assert "0.400 validation log loss, +0.100 against" in sentences(told, metric)[1]


def test_trials_are_ranked_by_how_they_ended_and_what_they_reached(search):
    order = [trial["number"] for trial in ranked(search, ACCURACY)]
    assert order == [*range(11, -1, -1), 12, 13]
    best = ranked(search, ACCURACY)[0]
    assert (best["best"], best["shown"]) == (True, ["0.005", "0.11", "3", "64"])


def test_the_page_shows_every_trial_and_a_panel_for_each_setting(search, two_classes):
    assert "Search of settings" not in render_report(two_classes)
    html = render_report({**two_classes, "searches": [search]})
    page = Page(html)
    assert "search" in page.ids
    assert "no &lt;b&gt;room&lt;/b&gt;" in html
    section = html[html.index('<section id="search"') :]
    section = section[: section.index("</section>")]
    for name in ("learning_rate", "dropout", "layers", "hidden"):
        assert len(re.findall(rf">\s*{name}\s", section)) == 2, name
    assert section.count("<tr") == 15


def test_a_model_without_epochs_has_none_in_its_table(two_classes, search):
    def heads(trials):
        html = render_report({**two_classes, "searches": [search | {"trials": trials}]})
        section = html[html.index('<section id="search"') :]
        return re.findall(r'<th scope="col"[^>]*>(.*?)</th>', section[: section.index("</tbody>")])

    trials = search["trials"]
    without = [trial | {"epochs": 0, "epochs_planned": 0} for trial in trials]
    assert heads(trials) == ["Trial", "State", "Validation", "Epochs", "Time", *SPACE]
    assert heads(without) == ["Trial", "State", "Validation", "Time", *SPACE]
