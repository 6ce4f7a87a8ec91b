import numpy as np
import pytest

from bakeoff.data.near_copies import near_copies, united

LONG = (
    "the film begins slowly and then never stops; its two heroes run from one corner of the city "
    "to another, and nobody in the audience could have said why they did not take a bus instead"
)


def groups(texts):
    return near_copies(np.arange(len(texts)), texts).tolist()


@pytest.mark.parametrize(
    "copy",
    [
        LONG.upper() + "!!!",
        LONG.replace(",", " ").replace(";", " --"),
        f"@some_user {LONG} https://example.org/a?b=1",
        f"<p>{LONG}</p><br />",
        LONG.replace("city", "town"),
        f"RT Anna: {LONG}",
    ],
)
def test_texts_alike_but_for_links_names_and_marks_are_one_group(copy):
    other = "a quiet story of three sisters who inherit a farm and learn to hate the sea, alas"
    assert groups([LONG, other, copy]) == [0, 1, 0]


@pytest.mark.parametrize(
    "texts",
    [
        ["a good film", "a bad film"],
        ["film number 12", "film number 13"],
        ["...", "?!", "https://a.b", ""],
        ["这部电影很好看我很喜欢", "这家酒店很干净服务也好"],
        [LONG, " ".join(LONG.split()[:16])],
    ],
)
def test_other_texts_are_not(texts):
    assert groups(texts) == list(range(len(texts)))


def test_scripts_without_spaces_are_compared_by_their_characters():
    text = "这部电影真的非常好看，演员的表演也很自然，推荐大家去电影院看"
    assert groups([text, text.replace("，", "!") + "。", "昨天我们在酒店住了一个晚上"]) == [0, 0, 1]


def test_near_copies_of_near_copies_are_one_group_with_exact_copies():
    words = [f"w{n}" for n in range(40)]
    texts = [" ".join(words[start : start + 30]) for start in (0, 2, 4, 6)]
    # The first and the last share 24 of 36 words alone.
    assert groups(texts) == [0, 0, 0, 0]
    assert near_copies(np.array([0, 1, 1, 2]), ["x", "y", "y", "X!"]).tolist() == [0, 1, 1, 0]


def test_the_same_texts_give_the_same_groups_in_any_order():
    rng = np.random.default_rng(0)
    words = np.array([f"w{n}" for n in range(300)])
    texts = [" ".join(rng.choice(words, 40)) for _ in range(60)]
    texts += [f"{text} more" for text in texts[:20]]
    order = rng.permutation(len(texts))
    first, again = np.array(groups(texts)), np.array(groups([texts[n] for n in order]))
    assert len(set(first)) == len(set(again)) == 60
    assert len({*zip(first[order], again, strict=True)}) == 60


def test_pictures_that_look_the_same():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (6, 8, 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    noisy = (base[:2] + rng.normal(0, 6, base[:2].shape)).clip(0, 255)
    darker = base[2:3] * 0.6
    pixels = np.concatenate([base, noisy, darker]).astype("uint8")
    found = near_copies(np.arange(len(pixels)), pixels)
    assert found[:6].tolist() == list(range(6))
    assert found[6:].tolist() == [0, 1, 2]


def test_small_or_flat_pictures_are_told_apart_by_their_pixels_alone():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 9, (5, 8, 8, 1)).astype("uint8")
    assert near_copies(np.arange(5), small).tolist() == list(range(5))
    flat = np.arange(5, dtype="uint8")[:, None, None, None] * np.ones((1, 64, 64, 1), "uint8")
    assert near_copies(np.arange(5), flat).tolist() == list(range(5))


def test_groupings_are_united():
    found = united(np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 2, 3]))
    assert found.tolist() == [0, 0, 0, 1, 2]


def test_of_many_texts_on_one_template_only_near_copies_are_joined():
    """Any two share 30 of 45 words or so, more than hashes are made to look over one by one."""
    template = " ".join(f"word{n}" for n in range(30))
    texts = [f"{template} {' '.join(f'own{n}x{k}' for k in range(8))}" for n in range(400)]
    found = near_copies(np.arange(800), [*texts, *(f"{text.upper()}!" for text in texts)])
    assert len(set(found)) == 400
    assert (found[:400] == found[400:]).all()


def test_the_pictures_of_a_still_camera_are_one_group():
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 256, (1, 6, 6, 3)).repeat(8, axis=1).repeat(8, axis=2)
    pixels = (scene + rng.integers(-3, 4, (300, 48, 48, 3))).clip(0, 255).astype("uint8")
    assert not near_copies(np.arange(300), pixels).any()
