import numpy as np
import pytest

from bakeoff.errors import UserError
from bakeoff.text.networks.batches import batch_of, sorted_rows, steps_per_epoch, training_rows
from bakeoff.text.networks.vocabulary import PADDING, UNKNOWN, Encoded, Vocabulary

WORDS = Vocabulary(["film", "good", "bad"])


def test_a_vocabulary_ranks_words_by_count_and_then_by_alphabet():
    texts = ["b a c", "c b", "c d"]
    assert Vocabulary.build(texts, most=10, min_count=1).words == ["c", "b", "a", "d"]
    assert Vocabulary.build(texts, most=10, min_count=2).words == ["c", "b"]
    assert Vocabulary.build(reversed(texts), most=3, min_count=1).words == ["c", "b", "a"]


def test_a_vocabulary_without_words_is_explained():
    with pytest.raises(UserError, match="no word occurs 2 times"):
        Vocabulary.build(["a b c"], most=10, min_count=2)


def test_words_get_indices_after_padding_and_unknown():
    encoded = WORDS.encode(["good film", "unheard film", ""], 10, "head+tail")
    assert encoded.indices.tolist() == [3, 2, UNKNOWN, 2, UNKNOWN]
    assert encoded.lengths.tolist() == [2, 2, 1]
    assert encoded.starts.tolist() == [0, 2, 4]
    assert len(WORDS) == 5


@pytest.mark.parametrize(
    ("keep", "most", "kept"),
    [
        ("head", 3, [2, 3, 4]),
        ("head+tail", 4, [2, 3, 5, 6]),
        ("head+tail", 3, [2, 3, 6]),
        ("head+tail", 1, [2]),
        ("head+tail", 5, [2, 3, 4, 5, 6]),
    ],
)
def test_long_texts_keep_what_they_are_told_to(keep, most, kept):
    letters = Vocabulary(["a", "b", "c", "d", "e"])
    assert letters.encode(["a b c d e"], most, keep).indices.tolist() == kept


def test_a_vocabulary_is_saved_in_order(tmp_path):
    words = ["the", "naïve", "null", "nan", "1"]
    Vocabulary(words).save(tmp_path / "vocabulary.parquet")
    assert Vocabulary.load(tmp_path / "vocabulary.parquet").words == words


def test_a_batch_is_as_long_as_its_longest_text():
    encoded = Encoded(np.array([5, 6, 7, 8, 9, 3], dtype=np.int32), np.array([3, 1, 2]))
    batch = batch_of(encoded, np.array([2, 1]), np.array([0, 1, 0]))
    assert batch.tokens.tolist() == [[9, 3], [8, PADDING]]
    assert batch.lengths.tolist() == [2, 1]
    assert batch.labels.tolist() == [0, 1]


def test_an_epoch_holds_every_text_once_in_batches_of_similar_length():
    lengths = np.random.default_rng(0).integers(1, 257, 2500)
    rows = training_rows(lengths, 64, np.random.default_rng(1))
    assert sorted(np.concatenate(rows)) == list(range(2500))
    assert len(rows) == steps_per_epoch(2500, 64) == 40
    padded = sum(lengths[batch].max() * len(batch) for batch in rows)
    assert padded / lengths.sum() < 1.1


def test_the_order_of_an_epoch_depends_on_its_seed_alone():
    lengths = np.arange(1, 300)
    first, again, other = (
        np.concatenate(training_rows(lengths, 32, np.random.default_rng(seed)))
        for seed in ([0, 1], [0, 1], [0, 2])
    )
    assert first.tolist() == again.tolist() != other.tolist()


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 32 * 64, 32 * 64 + 1])
def test_no_batch_is_empty(rows):
    lengths = np.ones(rows, dtype=np.int64)
    made = training_rows(lengths, 64, np.random.default_rng(0))
    assert len(made) == steps_per_epoch(rows, 64)
    assert all(len(batch) for batch in [*made, *sorted_rows(lengths, 64)])
