import gzip

import numpy as np
import pytest

from bakeoff.errors import UserError
from bakeoff.text.networks.vectors import load_vectors

GLOVE = "the 1 0 0\nfilm 0.5 -1 2\n. 9 9 9\nnaïve 7 8 9\n"
WORDS = ["film", "zyzzyva", "naïve"]
EXPECTED = [[0.5, -1, 2], [0, 0, 0], [7, 8, 9]]


def binary(words, newline=b""):
    """word2vec's binary format; some writers end vectors with a line break, some do not."""
    content = f"{len(words)} 3\n".encode()
    for word, vector in words:
        content += word.encode() + b" " + np.array(vector, "<f4").tobytes() + newline
    return content


BINARY = binary([("the", [1, 0, 0]), ("film", [0.5, -1, 2]), ("naïve", [7, 8, 9])])


def read(path, words=WORDS):
    return load_vectors(str(path), words, [], dim=8, seed=0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("glove.txt", GLOVE.encode()),
        ("glove.txt.gz", gzip.compress(GLOVE.encode(), mtime=0)),
        ("fasttext.vec", f"4 3\n{GLOVE}".encode()),
        ("spaces.txt", f". . . 1 1 1\nfilm at imdb.com 2 2 2\n{GLOVE}film 1990 3 3 3\n".encode()),
        ("spaces.vec", f"7 3\n. 5 . 1 1 1\nfilm . 2 2 2\n{GLOVE}film at 3 3 3\n".encode()),
        ("news.bin", BINARY),
        (
            "lines.bin",
            binary([("film", [0.5, -1, 2]), ("naïve", [7, 8, 9]), ("a", [0, 0, 1])], b"\n"),
        ),
        ("news.bin.gz", gzip.compress(BINARY, mtime=0)),
    ],
)
def test_formats(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    vectors, found = read(tmp_path / name)
    assert vectors.tolist() == EXPECTED
    assert vectors.dtype == np.float32
    assert found.tolist() == [True, False, True]


def test_a_word_may_hold_spaces(tmp_path):
    (tmp_path / "glove.txt").write_text(f"{GLOVE}film at imdb.com 3 4 5\n")
    vectors, found = read(tmp_path / "glove.txt", ["film at imdb.com", "film"])
    assert vectors.tolist() == [[3, 4, 5], [0.5, -1, 2]]
    assert found.all()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "is empty"),
        ("none.txt", b"other 1 2 3\n", "has a vector for no word of the training texts"),
        ("word.txt", b"the 1 0 0\nfilm 1 two 3\n", "line 2 holds something that is no number"),
        ("prose.txt", b"film by film\nand so on\n", "no line of it is a word and numbers"),
        ("short.txt", b"film 1 2 3\nna\xc3\xafve 1 2\n", "line 2 has 2 numbers instead of 3"),
        ("cut.bin", BINARY[:-5], "ends after 2 of 3 words"),
        ("text.bin", GLOVE.encode(), "does not start with the number of words"),
        (
            "cut.txt.gz",
            gzip.compress(GLOVE.encode(), mtime=0)[:-12],
            "cannot read word vectors from",
        ),
    ],
)
def test_damaged_files_are_explained(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path / name)
    assert name in str(caught.value)


def test_a_missing_file_is_explained():
    with pytest.raises(UserError, match=r"no such file of word vectors: /none/glove\.txt"):
        read("/none/glove.txt")


def test_the_packaged_glove_has_the_published_values():
    vectors, found = load_vectors("glove-6b-50d", ["the", "qqqqzzzz", "king"], [], dim=8, seed=0)
    assert vectors.shape == (3, 50)
    assert found.tolist() == [True, False, True]
    # First numbers of glove.6B.50d.txt.
    assert vectors[0, :3] == pytest.approx([0.418, 0.24968, -0.41242])
    assert vectors[2, :3] == pytest.approx([0.50451, 0.68607, -0.59517])


def test_word2vec_learns_from_the_training_texts_alone_and_repeats():
    texts = ["good fine film", "bad poor film", "good fine story", "once"] * 20 + ["rare"]
    words = ["good", "film", "rare", "unseen"]
    vectors, found = load_vectors("word2vec", words, texts, dim=8, seed=3)
    again, _ = load_vectors("word2vec", words, texts, dim=8, seed=3)
    other, _ = load_vectors("word2vec", words, texts, dim=8, seed=4)
    assert found.tolist() == [True, True, False, False]
    assert vectors.shape == (4, 8)
    assert np.array_equal(vectors, again)
    assert not np.array_equal(vectors, other)
