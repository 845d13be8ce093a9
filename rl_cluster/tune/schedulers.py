"""A scheduler of trials that train in a curriculum: it reads their stages and never changes them.

Trials are compared only in equal stages, after equal numbers of rounds there. A trial that is held or diverges is given
up at once; so is one that is behind its peers. A trial that is given up is stopped, or (exploit) continues from the
checkpoint of the best trial, with the curriculum's state that comes with the weights, and with its own settings.
"""

import copy
import logging
import random
from collections.abc import Mapping
from typing import Any

from ray.train._internal.session import _TrainingResult
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from rl_cluster.config.study import StudyConfig
from rl_cluster.metrics.names import STAGE
from rl_cluster.schedulers.successive_halving import Rungs, is_rung
from rl_cluster.tune.trial import DIVERGED, HELD, SCORE, STAGE_ROUNDS

__all__ = ["StageScheduler"]

NUDGE = (0.8, 1.25)
"""Factors by which a setting of the better trial is changed for the trial that takes its place."""

logger = logging.getLogger(__name__)


class StageScheduler(FIFOScheduler):
    """Successive halving by stage.

    Args:
        study: `grace_rounds`, `reduction`, `exploit` and the ranges within which settings are changed.
        seed: Keys the changes.
    """

    def __init__(self, study: StudyConfig, seed: int) -> None:
        super().__init__()
        self._study, self._rungs = study, Rungs(study.reduction)
        self._generator = random.Random(seed)  # noqa: S311 - settings, not secrets
        self._standing: dict[str, tuple[float, float]] = {}
        """trial -> its last stage and score"""
        self._exploits = 0

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: Mapping[str, Any]) -> str:
        """Tune calls it after every round of a trial."""
        self._standing[trial.trial_id] = (result[STAGE], result[SCORE])
        why = self._why_given_up(trial.trial_id, result)
        if not why:
            action: str = TrialScheduler.CONTINUE
            return action
        better = self._better_trial(tune_controller, trial)
        if not better:
            logger.info("trial %s is stopped: %s", trial.trial_id, why)
            return str(TrialScheduler.STOP)
        logger.info("trial %s goes on from trial %s: %s", trial.trial_id, better.trial_id, why)
        self._take_over(tune_controller, trial, better)
        return str(TrialScheduler.NOOP)

    def recall(self, trial: str, result: Mapping[str, Any]) -> bool:
        """Records a result of an earlier process; True = the trial would have been stopped there."""
        self._standing[trial] = (result[STAGE], result[SCORE])
        return bool(self._why_given_up(trial, result)) and not self._study.exploit

    def _why_given_up(self, trial: str, result: Mapping[str, Any]) -> str | None:
        if result[HELD] or result[DIVERGED]:
            return "its curriculum is held" if result[HELD] else "it diverges"
        rounds, study = result[STAGE_ROUNDS], self._study
        if not is_rung(rounds, study.grace_rounds, study.reduction):
            return None
        rung = (result[STAGE], rounds)
        is_behind = self._rungs.is_behind(rung, trial, result[SCORE])
        return f"it is behind others after {rounds} rounds of stage {result[STAGE]:g}" if is_behind else None

    def _better_trial(self, tune_controller: Any, trial: Trial) -> Trial | None:
        """The furthest trial that trains and has a checkpoint, if it is further than this one."""
        if not self._study.exploit:
            return None
        others = [
            other
            for other in tune_controller.get_trials()
            if other.checkpoint
            and not (other.is_finished() or other.last_result.get("done"))
            and self._standing.get(other.trial_id, (0.0, 0.0)) > self._standing[trial.trial_id]
        ]
        return max(others, key=lambda other: self._standing[other.trial_id], default=None)

    def _take_over(self, tune_controller: Any, trial: Trial, better: Trial) -> None:
        """Pauses the trial, which will continue from the better trial's last checkpoint, as in Tune's own PBT."""
        tune_controller.pause_trial(trial, should_checkpoint=False)
        trial.set_config({**trial.config, **self._changed(better.config)})
        trial.run_metadata.checkpoint_manager._latest_checkpoint_result = _TrainingResult(  # noqa: SLF001 - Tune has no setter for it
            checkpoint=copy.copy(better.checkpoint), metrics=better.last_result
        )
        self._standing[trial.trial_id] = self._standing[better.trial_id]
        self._exploits += 1

    def _changed(self, settings: Mapping[str, Any]) -> dict[str, float]:
        """The searched settings of another trial, each moved by a factor up or down within its range."""
        changed = {}
        for dimension in self._study.space:
            value = settings[dimension.key] * self._generator.choice(NUDGE)
            changed[dimension.key] = min(max(value, dimension.low), dimension.high)
        return changed

    def debug_string(self) -> str:
        """A description for Tune's own log."""
        return f"Successive halving by stage: {self._exploits} trials went on from a better one"
