"""The kinds of text models: one small configuration each. Names for them are in registry.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bakeoff.dotted import Count, CountOrNone, NotNegative, Positive, Share, check
from bakeoff.errors import UserError
from bakeoff.training.settings import Ensemble, Precision, TrainingSettings


@dataclass(frozen=True, kw_only=True)
class LinearText:
    """A linear model over word n-grams."""

    method: Literal["naive-bayes", "logistic-regression", "svm", "nbsvm"]
    """`naive-bayes` (multinomial, McCallum & Nigam 1998), `logistic-regression`, `svm` (squared
    hinge, calibrated on validation) or `nbsvm` (Wang & Manning 2012)."""
    weighting: Literal["counts", "binary", "tfidf"]
    """`counts` (raw), `binary` (present or not) or `tfidf` (sublinear tf, smoothed idf, L2)."""
    ngrams: Count = 2
    """Longest n-gram, in words; shorter ones are included."""
    min_count: Count = 2
    """Documents of the training split an n-gram must be in."""
    strength: Positive = 1.0
    """Additive smoothing of naive Bayes; inverse regularisation (C) of the others."""
    interpolation: Share = 0.25
    """nbsvm only: weight of the SVM against its mean (β of Wang & Manning 2012, eq. 4)."""
    preprocessing: str = "default"
    """A named preprocessing, with steps added or left out: "report,-drop-stop-words"."""

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class TreeText:
    """A decision tree over TF-IDF weights (CART, Breiman et al. 1984)."""

    max_depth: Count = 30
    """Longest path from root to leaf."""
    min_samples_leaf: Count = 50
    """Training reviews in a leaf at least."""
    max_features: Count = 5_000
    """Most frequent n-grams the tree may split on."""
    ngrams: Count = 1
    """Longest n-gram, in words."""
    min_count: Count = 5
    """Documents of the training split an n-gram must be in."""
    preprocessing: str = "default"
    """As for the linear models."""

    def __post_init__(self) -> None:
        check(self)


HEADS = 4
"""Of a transformer's attention."""


@dataclass(frozen=True, kw_only=True)
class TextNetwork:
    """A neural network over word indices: embedding, encoder, pooling, dense head."""

    encoder: Literal["rnn", "lstm", "cnn", "bag", "transformer"]
    """`rnn` (Elman, tanh), `lstm`, `cnn` (Kim 2014), `bag` (fastText: mean of word and bigram
    embeddings, Joulin et al. 2017) or `transformer` (pre-norm encoder)."""
    hidden: Count = 64
    """Width of the recurrent state each way, of a CNN's filters of one size, of a transformer."""
    width_role: Literal["", "decides", "follows"] = ""
    """`decides`: its validation result takes part in the choice of a width; `follows`: its `hidden`
    is the chosen one wherever there is a choice."""
    layers: Count = 1
    """Recurrent or transformer layers; each further LSTM layer is half as wide as the one below."""
    bidirectional: bool = False
    """Read from both ends."""
    embedding_dim: Count = 64
    """Width of learned word embeddings; pretrained vectors bring their own."""
    vectors: str = ""
    """Pretrained word vectors: "" learns them, `glove-6b-50d`, `word2vec` (trained by gensim on
    the training split alone), `google-news`, or the path of a GloVe text or word2vec binary."""
    freeze_vectors: bool = False
    """Keep pretrained vectors as they are."""
    pooling: Literal["max+mean", "mean", "last"] = "max+mean"
    """How states become one vector: `max+mean` or `mean` over real tokens, or the `last` state of
    each direction."""
    dense: CountOrNone = 0
    """Width of a hidden dense layer with ReLU before the output; 0 leaves it out."""
    word_dropout: Share = 0.1
    """Share of words whose whole embedding is dropped in training."""
    dropout: Share = 0.3
    """Share dropped before each layer of the head."""
    disturbance: NotNegative = 0.0
    """Adversarial training (Miyato et al. 2017): half of the loss is taken where the embeddings of
    a text are moved by this share of their norm the way the loss rises fastest; twice the time."""
    max_tokens: Count = 256
    """Longer reviews keep their head and their tail, half each (Sun et al. 2019, §5.3.1)."""
    keep: Literal["head+tail", "head"] = "head+tail"
    """Which tokens of a longer review stay: `head+tail` or `head`."""
    max_vocabulary: Count = 30_000
    """Most frequent words of the training split that get an index of their own."""
    min_count: Count = 2
    """Occurrences in the training split that a word needs."""
    preprocessing: str = "default"
    """As for the linear models."""
    precision: Precision = "auto"
    """Of the encoder: `fp32`, `bf16`, or `auto`: bf16 on GPUs that compute in it, but for recurrent
    layers, which are no faster; fp32 elsewhere."""
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        check(self)
        if self.encoder == "transformer" and self.hidden % HEADS:
            raise UserError(f"hidden={self.hidden}: must be a multiple of {HEADS}, the heads")
        if not self.widths[-1]:
            raise UserError(
                f"hidden={self.hidden} leaves nothing of the last of {self.layers} layers, each "
                "half as wide as the one below: raise it, or lower layers"
            )

    @property
    def widths(self) -> list[int]:
        """Of the states of each layer, one way."""
        halved = self.encoder == "lstm"
        return [self.hidden >> layer * halved for layer in range(self.layers)]


TextConfig = LinearText | TreeText | TextNetwork | Ensemble
_TYPES: dict[str, Any] = {
    cls.__name__: cls for cls in (LinearText, TreeText, TextNetwork, Ensemble)
}


def from_dict(config: Mapping[str, Any]) -> TextConfig:
    """The configuration that `bakeoff.training.settings.to_dict` wrote."""
    fields = dict(config)
    cls = _TYPES[fields.pop("type")]
    if "training" in fields:
        fields["training"] = TrainingSettings(**fields["training"])
    return cls(**fields)
