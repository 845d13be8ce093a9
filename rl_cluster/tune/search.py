"""Searches that propose samples: random, or by Optuna. They get all earlier trials, so they save no state."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import Trial, TrialState, create_trial

from rl_cluster.config.study import Dimension, StudyConfig

__all__ = ["Search", "make_search"]

STARTUP_TRIALS = 10
"""Samples that are drawn at random before TPE or a Gaussian process has enough data."""


class Search(Protocol):
    """Proposes samples: key -> value within the ranges of the study."""

    def ask(self, number: int) -> dict[str, float]:
        """The sample of a new trial, which trains until `tell` is called."""

    def recall(self, number: int, sample: Mapping[str, float], score: float | None) -> None:
        """Takes a trial that the search proposed in an earlier process, and its score; None = it still trains."""

    def tell(self, number: int, score: float | None) -> None:
        """Takes the score of a trial that has ended; None = it failed."""


def make_search(study: StudyConfig, seed: int, num_known: int = 0) -> Search:
    """The search that a study asks for; populations begin at random.

    Args:
        study: What to search, and how.
        seed: Keys all draws.
        num_known: Number of trials that `recall` will give. Later draws differ from those of a new search.
    """
    if study.search in {"tpe", "gp"}:
        return _OptunaSearch(study.space, _sampler(study, seed, num_known))
    return _RandomSearch(study.space, seed)


def _sampler(study: StudyConfig, seed: int, num_known: int) -> BaseSampler:
    """Optuna's sampler. Both kinds know the trials under way. TPE takes them for bad, so it proposes none twice."""
    startup = min(STARTUP_TRIALS, max(2, study.num_trials // 4))
    if study.search == "gp":
        return GPSampler(seed=seed + num_known, n_startup_trials=startup, deterministic_objective=False)
    return TPESampler(seed=seed + num_known, n_startup_trials=startup, multivariate=True, constant_liar=True)


class _RandomSearch:
    """Draws each sample from its number alone, so that a resumed study proposes what it would have proposed."""

    def __init__(self, space: Sequence[Dimension], seed: int) -> None:
        self._space, self._seed = space, seed

    def ask(self, number: int) -> dict[str, float]:
        generator = np.random.default_rng([self._seed, number])
        return {one.key: _at(one, generator.random()) for one in self._space}

    def recall(self, number: int, sample: Mapping[str, float], score: float | None) -> None:
        pass

    def tell(self, number: int, score: float | None) -> None:
        pass


def _at(dimension: Dimension, share: float) -> float:
    """The value at a share of the way from the low end to the high one."""
    if dimension.log:
        value = dimension.low * (dimension.high / dimension.low) ** share
    else:
        value = dimension.low + (dimension.high - dimension.low) * share
    return min(max(value, dimension.low), dimension.high)


class _OptunaSearch:
    def __init__(self, space: Sequence[Dimension], sampler: BaseSampler) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space: dict[str, BaseDistribution] = {
            one.key: FloatDistribution(one.low, one.high, log=one.log) for one in space
        }
        self._study = optuna.create_study(sampler=sampler, direction="maximize")
        self._asked: dict[int, Trial] = {}

    def ask(self, number: int) -> dict[str, float]:
        self._asked[number] = self._study.ask(self._space)
        return dict(self._asked[number].params)

    def recall(self, number: int, sample: Mapping[str, float], score: float | None) -> None:
        if score is None:
            self._study.enqueue_trial(dict(sample))
            self.ask(number)
        else:
            self._study.add_trial(create_trial(params=dict(sample), distributions=self._space, value=score))

    def tell(self, number: int, score: float | None) -> None:
        trial = self._asked.pop(number)
        if score is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, score)
