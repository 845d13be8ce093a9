"""Which search and which scheduler a study asks for, in Tune's terms."""

from typing import Any

import optuna
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, PopulationBasedTraining, TrialScheduler
from ray.tune.schedulers.pb2 import PB2
from ray.tune.search import BasicVariantGenerator, Searcher
from ray.tune.search.optuna import OptunaSearch

from rl_cluster.config.schema import Config
from rl_cluster.config.study import StudyConfig
from rl_cluster.tune.schedulers import StageScheduler
from rl_cluster.tune.search_space import linear_bounds, study_of, tune_space
from rl_cluster.tune.trial import SCORE

__all__ = ["make_scheduler", "make_search"]

ROUNDS = "training_iteration"
"""Tune's own count of a trial's steps."""
STARTUP_TRIALS = 10
"""Drawn at random before TPE or a Gaussian process has enough to go by."""
QUANTILE = 0.25
"""Share of a population that is given up, and that is copied, at each of its turns."""


def make_search(study: StudyConfig, seed: int) -> Searcher | BasicVariantGenerator:
    """Who proposes settings; populations begin at random."""
    if study.search in {"tpe", "gp"}:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        return OptunaSearch(metric=SCORE, mode="max", sampler=_sampler(study, seed))
    return BasicVariantGenerator(random_state=seed, max_concurrent=study.max_concurrent)


def _sampler(study: StudyConfig, seed: int) -> BaseSampler:
    """Both know of trials that are under way: TPE takes them for bad ones, so that none is proposed twice."""
    startup = min(STARTUP_TRIALS, max(2, study.num_trials // 4))
    if study.search == "gp":
        return GPSampler(seed=seed, n_startup_trials=startup, deterministic_objective=False)
    return TPESampler(seed=seed, n_startup_trials=startup, multivariate=True, constant_liar=True)


def make_scheduler(config: Config) -> TrialScheduler:
    """Who ends trials, or changes them."""
    study = study_of(config)
    judged: dict[str, Any] = {"time_attr": ROUNDS, "metric": SCORE, "mode": "max"}
    turns = {"perturbation_interval": study.grace_rounds, "quantile_fraction": QUANTILE, "log_config": False}
    if study.search == "pbt":
        return PopulationBasedTraining(
            **judged, **turns, hyperparam_mutations=tune_space(config), custom_explore_fn=_Clip(study)
        )
    if study.search == "pb2":
        return PB2(**judged, **turns, hyperparam_bounds=linear_bounds(config))
    if study.scheduler == "asha":
        rounds = config.training.iterations // config.training.evaluate_every
        return ASHAScheduler(**judged, max_t=rounds, grace_period=study.grace_rounds, reduction_factor=study.reduction)
    return StageScheduler(study, config.seed) if study.scheduler == "stages" else FIFOScheduler()


class _Clip:
    """Keeps what PBT has changed within the ranges."""

    def __init__(self, study: StudyConfig) -> None:
        self._space = study.space

    def __call__(self, settings: dict[str, Any]) -> dict[str, Any]:
        ranges = {dimension.key: (dimension.low, dimension.high) for dimension in self._space}
        clipped = {key: min(max(settings[key], low), high) for key, (low, high) in ranges.items()}
        return {**settings, **clipped}
