import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from bakeoff.errors import UserError
from bakeoff.text.classical.ngrams import NgramVocabulary, count_ngrams
from bakeoff.text.preprocessing import parse, preprocess_all

TEXTS = ["a b a b", "b a c", "", "a b"]


@pytest.fixture(scope="module")
def reviews(reviews_csv):
    return preprocess_all(pd.read_csv(reviews_csv)["review"], parse("default"))


def test_counts_by_hand():
    vocabulary, counts = count_ngrams(TEXTS, ngrams=2, min_count=2)
    assert vocabulary.ngrams().tolist() == ["a", "b", "a b", "b a"]
    assert counts.toarray().tolist() == [[2, 2, 2, 1], [1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]]
    assert vocabulary.documents.tolist() == [3, 3, 2, 2]
    assert vocabulary.lengths.tolist() == [1, 1, 2, 2]


def test_idf_by_hand():
    vocabulary, _ = count_ngrams(TEXTS, ngrams=2, min_count=2)
    assert vocabulary.idf == pytest.approx(np.log([5 / 4, 5 / 4, 5 / 3, 5 / 3]) + 1)


@pytest.mark.parametrize(("ngrams", "min_count"), [(1, 1), (2, 2), (3, 2), (4, 3)])
def test_counts_are_those_of_scikit_learn(reviews, ngrams, min_count):
    train, held_out = reviews[:400], reviews[400:]
    vectorizer = CountVectorizer(
        token_pattern=r"\S+", lowercase=False, ngram_range=(1, ngrams), min_df=min_count
    )
    expected = vectorizer.fit_transform(train)
    vocabulary, counts = count_ngrams(train, ngrams=ngrams, min_count=min_count)
    names = vocabulary.ngrams()
    assert set(names) == set(vectorizer.vocabulary_)
    order = [vectorizer.vocabulary_[name] for name in names]
    assert (counts != expected[:, order]).nnz == 0
    assert (vocabulary.transform(train) != counts).nnz == 0
    assert (vocabulary.transform(held_out) != vectorizer.transform(held_out)[:, order]).nnz == 0
    assert vocabulary.lengths.tolist() == [len(name.split()) for name in names]


def test_columns_do_not_depend_on_the_order_of_texts(reviews):
    vocabulary, counts = count_ngrams(reviews, ngrams=2, min_count=2)
    reverse, reverse_counts = count_ngrams(reviews[::-1], ngrams=2, min_count=2)
    assert reverse.words == vocabulary.words
    assert (reverse.keys == vocabulary.keys).all()
    assert (reverse_counts[::-1] != counts).nnz == 0


def test_selecting_columns_is_counting_fewer(reviews):
    vocabulary, counts = count_ngrams(reviews, ngrams=3, min_count=1)
    kept = (vocabulary.lengths <= 2) & (vocabulary.documents >= 4)
    fewer, fewer_counts = count_ngrams(reviews, ngrams=2, min_count=4)
    selected = vocabulary.select(kept)
    assert selected.ngrams().tolist() == fewer.ngrams().tolist()
    assert (selected.keys == fewer.keys).all()
    assert (counts[:, kept] != fewer_counts).nnz == 0


@pytest.mark.parametrize("ngrams", [1, 3])
def test_saved_vocabulary_counts_the_same(reviews, tmp_path, ngrams):
    vocabulary, counts = count_ngrams(reviews, ngrams=ngrams, min_count=2)
    vocabulary.save(tmp_path / "vocabulary.parquet")
    loaded = NgramVocabulary.load(tmp_path / "vocabulary.parquet")
    assert (loaded.transform(reviews) != counts).nnz == 0
    assert (loaded.idf == vocabulary.idf).all()
    frame = pd.read_parquet(tmp_path / "vocabulary.parquet")
    assert frame["ngram"].tolist() == vocabulary.ngrams().tolist()


def test_unknown_words_break_an_ngram():
    vocabulary, _ = count_ngrams(["a b", "a b"], ngrams=2, min_count=2)
    assert vocabulary.transform(["a x b", "x a b"]).toarray().tolist() == [[1, 1, 0], [1, 1, 1]]


def test_no_frequent_word_is_explained():
    with pytest.raises(UserError, match="no word is in 2 of the 2 training texts"):
        count_ngrams(["a", "b"], ngrams=2, min_count=2)


def test_ngrams_may_be_longer_than_any_text():
    vocabulary, _ = count_ngrams(["a b c", "a b d"], ngrams=10**9, min_count=2)
    assert vocabulary.ngrams().tolist() == ["a", "b", "a b"]


def test_ngrams_may_be_as_long_as_a_text():
    text = " ".join(f"{word:03}" for word in range(200))
    vocabulary, counts = count_ngrams([text, text], ngrams=200, min_count=2)
    assert vocabulary.lengths.max() == 200
    assert counts.toarray().tolist() == [[1] * (200 * 201 // 2)] * 2
    assert (vocabulary.transform([text]) != counts[:1]).nnz == 0
