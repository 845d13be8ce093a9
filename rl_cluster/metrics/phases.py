"""How the wall time of an iteration divides into phases, seen from the process that waits for all others.

The slowest env runner and the slowest Learner stand for all, because the others wait for them. Their busy time counts
as their phases; the rest of the time until their answers is transfer. If env runners sampled ahead while Learners
updated, only the part that was waited for counts, in proportion.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rl_cluster.metrics.names import phase_key

__all__ = ["PHASES", "IterationTimes", "phase_shares"]

PHASES = ("env", "inference", "connector", "transfer", "update", "exchange", "sync", "idle")

Seconds = Mapping[str, float]


class IterationTimes(NamedTuple):
    """Wall seconds of an iteration, in the process that waits."""

    wall_s: float
    """seconds of the whole iteration"""
    sync_s: float
    """seconds until the weights were on their way"""
    sampling_s: float
    """seconds until all fragments had arrived"""
    learning_s: float
    """seconds until all Learners had answered"""


def phase_shares(times: IterationTimes, runners: Sequence[Seconds], learners: Sequence[Seconds]) -> dict[str, float]:
    """Key -> share of the wall time, for all of `PHASES`.

    Args:
        times: Times in the process that waits.
        runners: Phase -> busy seconds of each env runner.
        learners: Phase -> busy seconds of each Learner.
    """
    waits = (_waited(times.sampling_s, _slowest(runners)), _waited(times.learning_s, _slowest(learners)))
    seconds = {phase: sum(wait.get(phase, 0.0) for wait in waits) for phase in PHASES}
    seconds["sync"] += times.sync_s
    seconds["idle"] = max(0.0, times.wall_s - times.sync_s - times.sampling_s - times.learning_s)
    return {phase_key(phase): value / times.wall_s for phase, value in seconds.items()}


def _slowest(busy: Sequence[Seconds]) -> Seconds:
    return max(busy, key=lambda seconds: sum(seconds.values()), default={})


def _waited(wait_s: float, busy: Seconds) -> dict[str, float]:
    """Phase -> seconds; together they fill the wait."""
    total_s = sum(busy.values())
    exposed = min(1.0, wait_s / total_s) if total_s else 0.0
    return {**{phase: exposed * value for phase, value in busy.items()}, "transfer": max(0.0, wait_s - total_s)}
