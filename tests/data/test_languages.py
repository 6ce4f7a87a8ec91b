import pytest

from bakeoff.data.languages import UNCLEAR, languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The battery lasts two days and the screen is bright", "English"),
        ("La batería dura dos días y la pantalla es muy buena", "Spanish"),
        ("Der Akku hält zwei Tage und der Bildschirm ist hell", "German"),
        ("La batterie tient deux jours et l'écran est très clair", "French"),
        ("Батарея держит два дня, и экран очень яркий", "Russian"),
        ("电池可以用两天，屏幕很亮，我很喜欢", "Chinese"),
        ("電池は二日もちます。画面も明るいです", "Japanese"),
        ("배터리는 이틀 가고 화면은 밝습니다", "Korean"),
        ("البطارية تدوم يومين والشاشة ساطعة", "Arabic"),
        ("Pil iki gün dayanıyor ve ekran çok parlak", "Turkish"),
        ("12:30 …", UNCLEAR),
        ("", UNCLEAR),
    ],
)
def test_the_language_of_a_sentence(text, language):
    assert languages([text]) == {language: 1}


def test_the_commonest_first_what_is_unclear_last_and_a_sample_has_all_parts():
    texts = ["a very good film that I would see again"] * 5000
    texts += ["ein sehr guter Film, den ich wieder sehen würde"] * 2500 + ["!"] * 2500
    found = languages(texts)
    assert list(found) == ["English", "German", UNCLEAR]
    assert found == {"English": 0.5, "German": 0.25, UNCLEAR: 0.25}


def test_rows_of_a_real_set_are_in_its_language():
    from bakeoff.data.sources import read_source

    assert languages(read_source("rotten-tomatoes").frame["text"].tolist())["English"] > 0.94
