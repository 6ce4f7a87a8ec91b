import pytest

from bakeoff.data.scripts import scripts


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("What a film!", "Latin"),
        ("Ça, c’était très… 好", "Latin"),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "Latin"),
        ("𝐛𝐨𝐥𝐝", "Latin"),
        ("Хороший film", "Cyrillic"),
        ("這部電影很好看 OK", "Han"),
        ("映画が好きです", "Kana"),
        ("カメラ", "Kana"),
        ("영화", "Hangul"),
        ("फ़िल्म", "Devanagari"),
        ("ฟิล์ม", "Thai"),
        ("فيلم رائع", "Arabic"),
        ("סרט", "Hebrew"),
        ("ταινία", "Greek"),
        ("12:30 😀 …", "no letters"),
        ("", "no letters"),
    ],
)
def test_the_script_of_most_letters(text, script):
    assert scripts([text]) == {script: 1}


def test_the_commonest_first_and_texts_without_letters_last():
    texts = ["a", "b", "!", "?", "…", "да"]
    assert list(scripts(texts).items()) == [("Latin", 2), ("Cyrillic", 1), ("no letters", 3)]
