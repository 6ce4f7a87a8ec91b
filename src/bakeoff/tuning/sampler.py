"""Optuna's searcher, with a chance of its own for each trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

STARTUP_TRIALS = 6
"""Trials drawn at random, before the others tell where to look."""


class SeededByTrial(BaseSampler):
    """Tree-structured Parzen estimators (Bergstra et al. 2011; multivariate, Falkner et al. 2018).
    What is suggested depends on the seed, the number of the trial and what is known by then: a
    search that goes on after an interruption suggests what it would have.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._sampler: BaseSampler = TPESampler()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        state = np.random.SeedSequence([self._seed, trial.number]).generate_state(1)
        self._sampler = TPESampler(
            seed=int(state[0]), multivariate=True, n_startup_trials=STARTUP_TRIALS
        )
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self._sampler.after_trial(study, trial, state, values)
