import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.characters import alike, composed, normalised, written


@given(st.text())
def test_all_spellings_of_a_text_become_one(text):
    assert len({normalised(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}) == 1
    assert normalised(normalised(text)) == normalised(text)


def test_what_normalising_keeps():
    assert normalised(" Cafe\u0301  \ufb01ne\n") == "Caf\u00e9  \ufb01ne"
    assert composed(" e\u0301 ") == " \u00e9 "


def test_names_that_read_alike():
    assert alike("Not  Spam ") == alike("notspam") == alike("\uff2eot spam")
    assert alike("\ufeffspam") == alike("sp\u00adam") == alike("spam\u200b") == alike("spam")
    assert alike("spam") != alike("scam")


def test_a_whole_number_is_one_label_however_it_was_read():
    assert [written(value) for value in (1, 1.0, "1", " 1")] == ["1"] * 4
    assert [written(value) for value in (1.5, True, "1.0", float("inf"))] == [
        *("1.5", "True", "1.0", "inf")
    ]
