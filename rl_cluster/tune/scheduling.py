"""Makes the scheduler that a study asks for, in Tune's terms, and tells it about earlier processes."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ray import tune
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, PopulationBasedTraining, TrialScheduler
from ray.tune.schedulers.pb2 import PB2

from rl_cluster.config.schema import Config
from rl_cluster.config.study import StudyConfig
from rl_cluster.metrics.names import STAGE
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.journal import num_rounds
from rl_cluster.tune.schedulers import StageScheduler
from rl_cluster.tune.search_space import linear_bounds, study_of
from rl_cluster.tune.trial import DIVERGED, HELD, ROUNDS, SCORE, STAGE_ROUNDS

__all__ = ["make_scheduler", "recall"]

QUANTILE = 0.25
"""Share of a population that is given up at each turn; as large a share is copied."""


def make_scheduler(config: Config) -> TrialScheduler:
    """Makes the scheduler that ends or changes trials."""
    study = study_of(config)
    judged: dict[str, Any] = {"time_attr": ROUNDS, "metric": SCORE, "mode": "max"}
    turns = {"perturbation_interval": study.grace_rounds, "quantile_fraction": QUANTILE, "log_config": False}
    if study.search == "pbt":
        space = {
            dimension.key: (tune.loguniform if dimension.log else tune.uniform)(dimension.low, dimension.high)
            for dimension in study.space
        }
        return PopulationBasedTraining(**judged, **turns, hyperparam_mutations=space, custom_explore_fn=_Clip(study))
    if study.search == "pb2":
        return PB2(**judged, **turns, hyperparam_bounds=linear_bounds(config))
    if study.scheduler == "asha":
        return _HalvingScheduler(
            **judged, max_t=num_rounds(config), grace_period=study.grace_rounds, reduction_factor=study.reduction
        )
    return StageScheduler(study, config.seed) if study.scheduler == "stages" else FIFOScheduler()


def recall(scheduler: TrialScheduler, entries: Iterable[Entry]) -> set[str]:
    """Tells a scheduler the scores of trials in earlier processes; returns the trials that it would have ended.

    A population has no past: each of its trials continues from its own last round, with its own sample.
    """
    ended: set[str] = set()
    if isinstance(scheduler, StageScheduler | _HalvingScheduler):
        for entry in entries:
            if entry.status == "trains" and entry.rounds and scheduler.recall(entry.trial, _result(entry)):
                ended.add(entry.trial)
    return ended


def _result(entry: Entry) -> dict[str, Any]:
    return {
        ROUNDS: entry.rounds,
        SCORE: entry.score,
        STAGE: entry.stage,
        STAGE_ROUNDS: entry.stage_rounds,
        HELD: entry.held,
        DIVERGED: entry.diverged,
    }


class _Past(NamedTuple):
    """The part of an earlier process's trial that the scheduler uses."""

    trial_id: str


class _HalvingScheduler(ASHAScheduler):
    """Tune's own scheduler, extended by a memory of earlier processes."""

    def recall(self, trial: str, result: Mapping[str, Any]) -> bool:
        """Records the result of a trial at its rung; True = the trial would have been ended there."""
        past: Any = _Past(trial)
        if trial not in self._trial_info:
            self.on_trial_add(None, past)
        return bool(self.on_trial_result(None, past, dict(result)) == TrialScheduler.STOP)


class _Clip:
    """Keeps values that PBT has changed within their ranges."""

    def __init__(self, study: StudyConfig) -> None:
        self._space = study.space

    def __call__(self, settings: dict[str, Any]) -> dict[str, Any]:
        ranges = {dimension.key: (dimension.low, dimension.high) for dimension in self._space}
        clipped = {key: min(max(settings[key], low), high) for key, (low, high) in ranges.items()}
        return {**settings, **clipped}
