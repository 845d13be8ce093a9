"""The learning rate and the entropy weight: linear over the run, warmed up, and moved when the score stops rising.

A plateau is a test of significance, not a threshold in units of the score: the mean of a window of rounds is compared
with that of the best window before it, by Welch's z. If it is not better by `SIGNIFICANT` standard errors, training no
longer pays. Windows do not overlap, so no plateau follows another before a whole window has been measured.
"""

import math
from statistics import fmean, variance
from typing import Annotated, NamedTuple

from pydantic import Field

from rl_cluster.config.controllers import ControllersConfig
from rl_cluster.config.schema import PPOConfig
from rl_cluster.types import Controls

__all__ = ["PlateauState", "note_score", "schedule", "warmup"]

SIGNIFICANT = 2.0
"""The least improvement that counts, in standard errors."""


_Score = Annotated[float, Field(ge=-1e15, le=1e15)]


class PlateauState(NamedTuple):
    """The state of the test."""

    window: tuple[_Score, ...] = ()
    """scores of the window that is being filled"""
    best: tuple[_Score, ...] = ()
    """scores of the best window so far"""


def schedule(ppo: PPOConfig, progress: float) -> Controls:
    """The scheduled values for an iteration that begins at `progress`, in [0, 1], of the run."""
    return Controls(_interpolate(ppo.lr, progress), _interpolate(ppo.entropy_weight, progress), kl_weight=0.0)


def warmup(config: ControllersConfig, done: int) -> float:
    """The learning rate's factor (t + 1) / W, at most 1, in iteration t = `done` of a warm-up of W."""
    return min(1.0, (done + 1) / config.warmup_iterations) if config.warmup_iterations else 1.0


def _interpolate(first_last: tuple[float, float], progress: float) -> float:
    first, last = first_last
    return first + progress * (last - first)


def note_score(config: ControllersConfig, state: PlateauState, score: float) -> tuple[PlateauState, bool]:
    """The state after a round, and whether it has completed a window that is a plateau. NaN is ignored."""
    if not math.isfinite(score):
        return state, False
    window = (*state.window, score)
    if len(window) < config.plateau_rounds:
        return state._replace(window=window), False
    if not state.best or _is_better(window, state.best):
        return PlateauState(best=window), False
    return PlateauState(best=state.best), True


def _is_better(window: tuple[float, ...], best: tuple[float, ...]) -> bool:
    gain = fmean(window) - fmean(best)
    error = math.sqrt(variance(window) / len(window) + variance(best) / len(best))
    return gain > SIGNIFICANT * error
