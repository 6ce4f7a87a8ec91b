import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from html_page import Page

from bakeoff.data.exhibits import exhibit
from bakeoff.errors import UserError
from bakeoff.report.page import render_report, write_report


@pytest.fixture(scope="module")
def pages(
    two_classes: dict,
    full_study: dict,
    twelve_classes: dict,
    two_hundred_classes: dict,
    pictures: dict,
) -> dict[str, str]:
    return {
        "two classes": render_report(two_classes),
        "full study": render_report(full_study),
        "twelve classes": render_report(twelve_classes),
        "two hundred classes": render_report(two_hundred_classes),
        "pictures": render_report(pictures),
    }


@pytest.fixture(
    params=["two classes", "full study", "twelve classes", "two hundred classes", "pictures"]
)
def any_page(request: pytest.FixtureRequest, pages: dict[str, str]) -> Page:
    return Page(pages[request.param])


@pytest.fixture
def page(pages: dict[str, str]) -> Page:
    return Page(pages["two classes"])


def test_nothing_is_loaded_from_anywhere(any_page: Page) -> None:
    assert any_page.tags["script"] == 0
    assert any_page.tags["iframe"] == 0
    assert [link for link in any_page.links if not link.startswith(("#", "data:"))] == []


def test_ids_are_unique_and_every_reference_has_one(any_page: Page) -> None:
    assert [name for name, n in Counter(any_page.ids).items() if n > 1] == []
    wanted = {link[1:] for link in any_page.links if link.startswith("#")} | set(any_page.labelled)
    assert wanted <= set(any_page.ids)


def test_leaderboard_shows_every_model_with_its_figures(page: Page, two_classes: dict) -> None:
    text = page.text.replace("\u202f", " ")
    for row in two_classes["leaderboard"]:
        assert row["model"] in text
        assert f"{100 * row['accuracy']:.1f} %" in text
        assert f"{row['f1']:.3f}" in text
        assert f"{row['parameters']:,}" in text


def test_text_from_the_data_is_shown_and_not_run(pages: dict[str, str]) -> None:
    assert "<script" not in pages["two classes"]
    assert "&lt;script&gt;alert(" in pages["two classes"]


def test_markup_in_names_is_escaped_in_page_and_figures(two_classes: dict) -> None:
    evil = "<img src=x>"
    renamed = json.loads(json.dumps(two_classes).replace("rnn-64", evil))
    page = render_report(renamed)
    assert evil not in page
    assert "&lt;img src=x&gt;" in page


def test_every_network_has_curves_and_layers(page: Page, two_classes: dict) -> None:
    for model in two_classes["models"]:
        title = f"Training and validation curves of {model['model']} by epoch"
        assert (title in page.text) == bool(model["history"])
    assert page.text.count("(batch, tokens, 128)") == 2


def test_optional_sections_are_there_only_with_results(page: Page, pages: dict[str, str]) -> None:
    full = Page(pages["full study"]).text
    for title in ("Width of the recurrent", "Labels that look wrong", "other data"):
        assert title not in page.text
        assert title in full
    assert "Wrong in every model" in full


def test_comparisons_say_which_model_is_better(pages: dict[str, str], two_classes: dict) -> None:
    full = Page(pages["full study"]).text
    assert "tree-tfidfworse thannb-tfidf−14.9−15.9 to −13.9" in full
    assert "bilstm-glovenot clearly different fromlogreg-tfidf+0.7" in full
    alone = two_classes | {
        "leaderboard": two_classes["leaderboard"][:1],
        "models": two_classes["models"][:1],
        "comparisons": [],
    }
    assert "Comparisons" not in Page(render_report(alone)).text


def test_several_seeds_are_one_section_a_model(pages: dict[str, str]) -> None:
    page = Page(pages["full study"])
    assert page.ids.count("model-bilstm-glove") == 1
    assert "seed 0, one of 3" in page.text
    assert "McNemar p (first seed)" in page.text


def test_the_winner_is_shown_by_the_seed_that_predicts(two_classes: dict) -> None:
    results = json.loads(json.dumps(two_classes))
    first = next(run for run in results["models"] if run["model"] == "bilstm-glove")
    second = json.loads(json.dumps(first)) | {"seed": 1}
    second["mistakes"][0]["text"] = "Only the second training gets this one wrong."
    results["models"].append(second)
    results["winner"]["seed"] = 1
    page = Page(render_report(results))
    assert "seed 1, one of 2" in page.text
    assert "Only the second training" in page.text


def test_the_winners_mistakes_come_before_the_models_and_once(page: Page) -> None:
    title = "Most confident mistakes of bilstm-glove"
    assert page.text.index(title) < page.text.index("Models, one by one")
    assert page.text.count("Most confident mistakes\n") == 5


def test_cost_stands_beside_quality(page: Page) -> None:
    text = page.text.replace("\u202f", " ")
    table = text[text.index("Fastest to train first") : text.index("Peak memory is that")]
    names = ("nb-counts", "nb-tfidf ◆", "logreg-tfidf ◆", "tree-tfidf", "rnn-64", "bilstm-glove ◆")
    places = [table.index(name) for name in names]
    assert places == sorted(places)
    for figure in ("62 s", "3,745 (3,600–3,802)", "812 MB", "1,580,258", "6.4 MB"):
        assert figure in table


def test_drivers_are_listed_by_class_and_not_among_the_facts(page: Page, pages: dict) -> None:
    words = page.text[page.text.index("Words that decide") : page.text.index("Models, one by one")]
    assert words.count("for negative") == words.count("for positive") == 3
    assert words.count("all classes") == 1
    assert words.count("word 02.500") == 3 * 2 + 1, "an n-gram and its weight"
    assert "drivers" not in page.text
    two_hundred = Page(pages["two hundred classes"]).text
    assert two_hundred.count("word 9") == 200
    assert "word 10" not in two_hundred


def test_an_ensemble_lists_its_members_by_weight(two_classes: dict) -> None:
    results = json.loads(json.dumps(two_classes))
    results["models"][0]["facts"] = {"weights": {"nb-tfidf-seed0": 0.25, "rnn-64-seed0": 0.75}}
    text = Page(render_report(results)).text.replace("\u202f", " ")
    assert "rnn-64-seed075.0 %nb-tfidf-seed025.0 %" in text


def test_a_training_that_several_workers_shared_says_so(two_classes: dict, page: Page) -> None:
    assert "workers2" not in page.text
    results = json.loads(json.dumps(two_classes))
    results["models"][0]["facts"]["workers"] = 2
    assert "workers2" in Page(render_report(results)).text


def test_a_width_that_nothing_chose_is_said_to_be_the_configurations(two_classes: dict) -> None:
    results = json.loads(json.dumps(two_classes))
    for run in results["models"]:
        if run["model"] in ("bilstm-glove", "rnn-64"):
            run["config"]["width_role"] = "follows"
    page = Page(render_report(results))
    assert "the width is the configuration's, 64 units in bilstm-glove, rnn-64." in page.text
    assert "width" in page.ids


def test_the_chosen_width_is_marked(audited: dict) -> None:
    results = json.loads(json.dumps(audited))
    for run in results["models"]:
        run["config"]["width_role"] = "follows"
        run["config"]["hidden"] = 64
    section = render_report(results).split('id="width"')[1].split("</section>")[0]
    assert section.count("<tr") == 3
    assert '<tr class="winner"><th scope="row" class="number">64</th>' in section


def test_line_breaks_of_html_are_read_as_such(page: Page) -> None:
    assert "of a film.\n\nNot bad" in page.text


def test_every_hyper_parameter_and_epoch_is_there(page: Page, two_classes: dict) -> None:
    run = next(run for run in two_classes["models"] if run["history"])
    assert "training.learning rate0.002" in page.text
    assert page.text.count("precisionbf16") == 2, "as each network was trained, once each"
    assert "precisionauto" not in page.text
    for record in run["history"]:
        assert f"{record['train_loss']:.3f}" in page.text
    assert "vectors cover words97.3" in page.text


def test_many_classes_are_a_picture(pages: dict[str, str]) -> None:
    many, few = pages["two hundred classes"], pages["twelve classes"]
    assert "data:image/png;base64" in many
    assert "Confusion matrix of bilstm-glove</title>" in many
    assert "data:image/png" not in few
    assert "macro means" in few


def test_figures_take_the_colours_of_the_page(pages: dict[str, str]) -> None:
    figures = re.findall(r"<svg.*?</svg>", pages["two classes"], flags=re.DOTALL)
    assert len(figures) == 2 * 2 + 2 + 2 * 6, "of screens and phones, curves, calibration and ROC"
    for figure in figures:
        assert re.findall(r"#[0-9a-f]{6}", figure) == []
        assert "currentColor" in figure


def test_pages_are_a_few_megabytes(pages: dict[str, str], pictures: dict) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1, 96, 96, 3), np.uint8)
    drawn = re.sub("data:image/png;base64,A+", exhibit(pixels, 0), json.dumps(pictures))
    of_pictures = render_report(json.loads(drawn))
    assert of_pictures.count("data:image/jpeg") > 60
    for page in (of_pictures, *pages.values()):
        assert len(page.encode()) < 5_000_000


def test_the_same_results_give_the_same_page(two_classes: dict, pages: dict[str, str]) -> None:
    assert render_report(two_classes) == pages["two classes"]


def test_write_report_is_whole_or_not_there(two_classes: dict, tmp_path: Path) -> None:
    write_report(two_classes, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").endswith("</html>")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*another folder"):
        write_report(two_classes, tmp_path / "file" / "report.html")


def test_mistakes_of_images_are_pictures_with_both_classes(
    pages: dict[str, str], pictures: dict
) -> None:
    page = pages["pictures"]
    for mistake in pictures["models"][0]["mistakes"]:
        assert page.count(f'src="{mistake["image"]}" alt="cat, predicted dog"') == 3
    assert 'alt="deer, predicted horse"' in page
    assert "Accuracy by length" not in page
    assert "5,000 test images" in Page(page).text


def test_an_autoencoder_shows_what_comes_back_of_every_epoch(
    pages: dict[str, str], pictures: dict
) -> None:
    page = pages["pictures"]
    (autoencoder,) = pictures["autoencoders"]
    for uris in autoencoder["examples"].values():
        assert all(f'src="{uri}"' in page for uri in uris)
    for record in autoencoder["history"]:
        assert page.count(f'src="{record["pictures"]["low_contrast"]}"') == 2
    assert "0.0123" in Page(page).text


def test_embeddings_are_judged_and_mapped(pages: dict[str, str], pictures: dict) -> None:
    page = pages["pictures"]
    section = page[page.index('id="embeddings"') : page.index('id="autoencoders"')]
    names = ["resnet18", "ae-conv-tuned", "ae-conv-frozen", "ae-conv"]
    assert re.findall(r'<th scope="row">([^<]+)</th>', section) == names
    assert section.count("t-SNE and PCA of 60 test images") == len(names)
    for name in pictures["classes"]:
        assert section.count(f">{name}<") >= len(names)


def test_top_five_and_contamination_are_told_where_they_matter(pages: dict[str, str]) -> None:
    text = Page(pages["pictures"]).text
    assert "Top 5" in text
    assert "95.0\u202f%" in text
    assert "resnet18 started from given weights. Those of torchvision" in text
    for name in ("two classes", "two hundred classes"):
        assert "Contaminated" not in pages[name]
    assert "Top 5" not in pages["two classes"]


def test_the_opening_words_of_a_mistake_are_hidden_only_where_its_text_is_open(
    pages: dict[str, str],
) -> None:
    style = pages["two classes"].partition("<style>")[2].partition("</style>")[0]
    screen, _, _ = style.partition("@media print")
    rules = re.findall(r"([^{}]*\.excerpt) \{ display: none; \}", screen)
    assert [rule.strip() for rule in rules] == ["[open] > summary > .excerpt"]


def test_memory_is_explained_by_the_models_there_are(two_classes: dict) -> None:
    def page(*kinds: str) -> str:
        board = [
            row | {"kind": kind}
            for row, kind in zip(two_classes["leaderboard"], kinds, strict=False)
        ]
        return Page(render_report(two_classes | {"leaderboard": board})).text

    networks, mixed = page("text-network", "linear"), page("tree", "linear", "ensemble")
    for text in (networks, mixed):
        assert "Peak memory is that of the whole process while a model trained in it." in text
    assert "ensemble’s training" not in networks
    assert "An ensemble’s training" in mixed
    assert "its memory is that of mixing alone" in mixed


def test_a_test_split_of_its_own_is_told(pictures: dict) -> None:
    dataset = pictures["dataset"]
    own = dataset | {"duplicates": {**dataset["duplicates"], "copies_left_out": 1200}}
    text = Page(render_report(pictures | {"dataset": own})).text
    assert "The test split is the data’s own; 1,200 images of earlier splits were left out" in text
    assert "the data’s own" not in Page(render_report(pictures)).text


def test_a_class_is_found_in_a_confusion_matrix_of_numbers(pages: dict[str, str]) -> None:
    assert (
        '<td class="number">199</td><th scope="row">class-199</th>' in pages["two hundred classes"]
    )
    assert '<td class="number">1</td><th scope="row">positive</th>' not in pages["two classes"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"dropout": 0.3, "training": {"label_smoothing": 0.1}},
            "say so, with dropout and label smoothing, so",
        ),
        ({"dropout": 0.0, "pictures": {"crop": 1.0}}, "change, so they"),
        ({"pictures": {"crop": 0.35}}, "say so, with pictures changed by chance, so"),
        ({"pictures": {"flip": True, "cutmix": 0.5}}, "chance and parts of other pictures, whose"),
        ({"pictures": {"growth": 0.75}}, "say so, with fewer pixels at first, so they"),
        ({"loss": "triplet"}, "say so, with triplets in the loss, so they"),
        ({"loss": "center", "disturbance": 0.1}, "say so, with embeddings disturbed as hurts most"),
    ],
)
def test_what_networks_learn_with_is_told_as_it_was(
    two_classes: dict, config: dict, said: str
) -> None:
    models = [run | {"config": config} for run in two_classes["models"]]
    assert said in Page(render_report(two_classes | {"models": models})).text


def test_a_page_says_which_run_it_is_of_and_how_to_repeat_it(two_classes: dict) -> None:
    page = render_report(two_classes)
    assert '<a href="#run">run 20261124-013000-sentiment-quick</a>' in page
    assert "<code>bakeoff run sentiment</code>" in page
    text = Page(page).text
    assert "groupsentiment-quick-1a2b3c4d" in text
    assert f"commit{'0123abcd' * 5}" in text
    on_a_cluster = {key: value for key, value in two_classes.items() if key != "run"}
    text = Page(render_report(on_a_cluster | {"commit": ""})).text
    assert "To repeat it" not in text
    assert "commitunknown" in text
    assert "groupsentiment-quick-1a2b3c4d" in text


def test_sections_without_content_are_neither_there_nor_in_the_navigation(
    two_classes: dict,
) -> None:
    results = json.loads(json.dumps(two_classes))
    for run in results["models"]:
        run["mistakes"] = run["history"] = []
        run["facts"] = {}
    page = Page(render_report(results))
    for name in ("errors", "curves", "words"):
        assert f"#{name}" not in page.links
        assert name not in page.ids
    assert [link[1:] for link in page.links if link.startswith("#")][1:6] == [
        *("leaderboard", "comparisons", "cost", "models", "data"),
    ]


def test_an_audit_that_doubts_no_label_says_so(audited: dict) -> None:
    noise = audited["dataset"]["label_noise"] | {"suspects": 0, "listed": []}
    results = audited | {"dataset": audited["dataset"] | {"label_noise": noise}}
    text = Page(render_report(results)).text
    assert "None of the 17,500 training labels contradicts" in text
    assert "most suspicious" not in text


def test_numbers_of_many_classes_have_one_key(pages: dict[str, str]) -> None:
    many = pages["two hundred classes"]
    key = many.partition('<ol class="key" id="class-numbers" start="0">')[2].partition("</ol>")[0]
    names = re.findall("<li>(.*?)</li>", key)
    assert names == [f"class-{number:03}" for number in range(200)]
    assert many.count('href="#class-numbers"') == 2, "one link a matrix"
    assert "class-numbers" not in pages["twelve classes"]


def test_headers_are_turned_only_where_they_are_long(two_classes: dict, pages: dict) -> None:
    assert "heat dense turned" in pages["twelve classes"]
    digits = json.loads(json.dumps(two_classes))
    digits["classes"] = [str(digit) for digit in range(10)]
    for run in digits["models"]:
        run["test"]["confusion"] = [[1] * 10] * 10
    page = render_report(digits)
    assert '<table class="heat dense">' in page
    assert "heat dense turned" not in page


def test_seeds_are_told_apart_in_the_curves(pages: dict[str, str]) -> None:
    legend = pages["full study"].partition("Training and validation curves of bilstm-glove by")[2]
    legend = legend.partition("</svg>")[0]
    for seed in range(3):
        assert legend.count(f">validation, seed {seed}</text>") == 1
    assert (
        len(set(re.findall(r"stroke: var\(--orange\); (?:stroke-opacity: [^;]+; )?", legend))) > 1
    )


def test_what_became_of_doubtful_labels_is_told_by_class(audited: dict) -> None:
    def told(**facts: object) -> str:
        noise = {**audited["dataset"]["label_noise"], **facts}
        return Page(render_report(audited | {"dataset": data | {"label_noise": noise}})).text

    data = audited["dataset"]
    by_class = {"negative": {"rows": 56, "suspects": 33, "left_out": 11}}
    text = told(dropped=True, suspects=33, left_out=11, classes=by_class)
    assert "11 were left out of training, no more than a fifth of a class" in text
    assert re.search(r"negative\s*56\s*33 58.9\s%\s*11", text)
    assert "they were left out of training" in told(dropped=True, left_out=210, classes={})
    assert "they were kept" in told()


def test_texts_and_pictures_say_what_preprocessing_did(audited: dict, pictures: dict) -> None:
    text = Page(render_report(audited | {"emptied_texts": {"report": 812}})).text
    assert "The preprocessing report left 812 of 17,500 training texts without a word." in text
    image = {"height": 8, "width": 8, "channels": 1, "range": [2304, 3297]}
    text = Page(render_report(pictures | {"dataset": pictures["dataset"] | {"image": image}})).text
    assert "16 bits a pixel: the values 2,304 to 3,297, which hold at least 99" in text
