"""Settings that no kind of data owns, free of torch: the training loop's and the ensemble's."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bakeoff.dotted import Count, CountOrNone, NotNegative, Positive, Share, check

WHERE = "BAKEOFF_WHERE"
"""Variable: where networks train: `inline`, the default, on `ray`, or on a `rayjob`. It changes no
result."""
GPUS = "BAKEOFF_GPUS_PER_WORKER"
"""Variable: GPUs of each worker on Ray, 0 or 1; empty: 1 where Ray has any. It changes no more
than the device does."""
GROWS = "BAKEOFF_RAY_GROWS"
"""Variable: 1 on a Ray that was made for one training: its machines may come later than that, and
whoever made it tries again."""
CHECKPOINTS = "BAKEOFF_CHECKPOINTS"
"""Variable: the folder or s3:// address for checkpoints of interrupted networks, or `BESIDE`;
without it there are none."""
BESIDE = "beside-artifacts"
"""In Kubeflow's store beside what the step makes, if it is S3 and lets the step."""

Precision = Literal["auto", "fp32", "bf16"]
"""Of a network's forward pass."""
MOST_SEED = 2**32 - 1
"""The greatest seed of numpy's generators."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Every hyper-parameter of the training loop; saved with the model, W&B and the report."""

    epochs: Count = 4
    """Most epochs to train; early stopping may end sooner."""
    least_steps: CountOrNone = 500
    """Steps planned at least: a small data set is trained for more epochs; 0 where `epochs` is set
    by hand, and this is not."""
    batch_size: Count = 64
    """Examples a step."""
    optimizer: Literal["adamw", "adam"] = "adamw"
    """`adamw` (decoupled weight decay, Loshchilov & Hutter 2019) or `adam`; embeddings with sparse
    gradients take Adam's step for the words of a batch alone, without decay or clipping."""
    learning_rate: Positive = 2e-3
    """Peak learning rate."""
    weight_decay: NotNegative = 0.0
    """Decay of matrices (of `adam` an L2 penalty in the gradient); biases, norms and embeddings
    have none."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """`cosine` (to 1 % of the peak), `linear` or `constant`, each after the warm-up."""
    warmup: Share = 0.05
    """Share of all steps in which the rate rises linearly from 1 % of its peak."""
    clip_norm: NotNegative = 1.0
    """Gradients are scaled down to this total L2 norm; 0 leaves them."""
    patience: CountOrNone = 3
    """Epochs without a better one on validation before training stops; 0: never before the last."""
    metric: Literal["accuracy", "macro-f1", "balanced-accuracy", "log-loss", "auc"] = "accuracy"
    """The validation figure whose best epoch is kept: `accuracy`, `macro-f1`, `balanced-accuracy`,
    `log-loss` or `auc`; where it means nothing, as of autoencoders, the loss is."""
    label_smoothing: Share = 0.0
    """Share of the target spread evenly over the classes (Szegedy et al. 2016)."""

    def __post_init__(self) -> None:
        check(self)

    def planned_epochs(self, steps_per_epoch: int) -> int:
        """Most epochs of this many steps.

        >>> TrainingSettings(epochs=4, least_steps=500).planned_epochs(66)
        8
        """
        return max(self.epochs, -(-self.least_steps // steps_per_epoch))

    def resolved(self, steps_per_epoch: int) -> TrainingSettings:
        """The settings that training goes by, its planned epochs instead of a minimum of steps.

        >>> TrainingSettings(epochs=4, least_steps=500).resolved(66).epochs
        8
        """
        return replace(self, epochs=self.planned_epochs(steps_per_epoch), least_steps=0)


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """The mean of the probabilities of the models it takes part with, weighted on validation."""

    least_weight: Share = 0.02
    """Models that would get less are left out."""

    def __post_init__(self) -> None:
        check(self)


def to_dict(config: Any) -> dict[str, Any]:
    """A configuration (a dataclass) as JSON holds it; `type` names its class."""
    return {"type": type(config).__name__, **asdict(config)}
