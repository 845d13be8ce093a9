"""Metrics of an episode, named as the field names them. They are read off the final state; nothing else decides them.

congestion = mean over targets of their crowding (`crowding.py`); normalized_completion_score (NCS) = satisfied_rate
(1 - congestion); value_rate = value of the closed targets over that of all. Targets that have not appeared count in all
of them. NaN says that a metric is not defined: the last service where no target was closed, the efficiency where
targets were closed and nobody flew.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.crowding import crowding
from rl_cluster.environment.allocate.legality import is_unmet
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.environment.shared.columns import MetricColumn
from rl_cluster.types import BoolArray

__all__ = ["METRICS", "NAMES", "Metric", "episode_outcomes"]


class Metric(MetricColumn):
    """The metrics, in the order of tables: what was served, when, at what distance, and then how well.

    A rate of one episode is 0 or 1, or a share of its targets.
    """

    SATISFIED_RATE = "satisfied", "1", 3, "share of targets closed"
    COMPLETION_RATE = "completion", "1", 3, "mean share of a target's demand that was met"
    VALUE_RATE = "value", "1", 3, "value of closed targets over that of all"
    LAST_SERVICE_S = "last service s", "s", 1, "time when the last of the targets that were closed was closed"
    MAKESPAN_S = "makespan s", "s", 1, "time to the end of the episode's work"
    PATH_KM_PER_UAV = "km/UAV", "km", 2, "path flown by a UAV"
    EFFICIENCY_PER_KM = "targets/km", "1/km", 3, "targets closed per kilometre flown"
    NORMALIZED_COMPLETION_SCORE = "NCS", "1", 3, "satisfied rate times (1 - congestion)"
    CONGESTION = "congestion", "1", 3, "mean crowding of targets: UAVs beyond those needed, 0 to 1"
    WASTED_TRIPS_PER_UAV = "wasted/UAV", "1", 3, "trips whose target closed on the way"
    WAITING_S_PER_UAV = "waiting s/UAV", "s", 1, "time that a UAV waited"
    COLLISIONS_PER_UAV = "collis./UAV", "1", 3, "contacts with no-fly zones or other UAVs"
    PER_AGENT_REWARD = "reward/UAV", "reward", 2, "summed reward over active UAVs"
    SUCCESS_RATE = "success", "1", 3, "share of episodes, or of UAVs, that came to their goal"
    TIMEOUT_RATE = "out of time", "1", 3, "share of episodes ended by the time limit"
    DEADLOCK_RATE = "deadlocked", "1", 3, "share of episodes in which nobody could do anything more"


METRICS = tuple(column.metric for column in Metric)
NAMES = tuple(metric.name for metric in METRICS)


def episode_outcomes(
    state: AllocateState, rows: NDArray[np.int64], terminated: BoolArray, deadlocked: BoolArray
) -> dict[str, NDArray[np.float64]]:
    """Metric name -> (E,) float64, for the E ended worlds `rows`.

    Args:
        terminated: (B,) True = the episode ended because it was done.
        deadlocked: (B,) True = it was cut because nobody could do anything more.
    """
    table = np.empty((len(METRICS), rows.size))
    if rows.size:
        _write_outcomes(state, rows, terminated, deadlocked, table)
    return dict(zip(NAMES, table, strict=True))


class _Targets(NamedTuple):
    """Sums over the targets of one world."""

    num: int
    """at least 1"""
    num_closed: int
    met: float
    """of the shares of demand met"""
    crowding: float
    value: float
    closed_value: float
    """of the closed ones alone"""
    last_s: float
    """when the last of the closed ones was closed; NaN without any"""


class _Uavs(NamedTuple):
    """Sums over the UAVs of one world."""

    num: int
    """at least 1"""
    flown_m: float
    waited_s: float
    num_wasted: int
    """trips"""
    num_collisions: int


@njit(cache=True, _nrt=False)
def _write_outcomes(state, rows, terminated, deadlocked, table):  # type: ignore[no-untyped-def]  # numba infers the types
    """Writes table (len(Metric), E)."""
    for e in range(rows.shape[0]):
        b = rows[e]
        targets, uavs = _sum_targets(state, b), _sum_uavs(state, b)
        satisfied, congestion = targets.num_closed / targets.num, targets.crowding / targets.num
        flown_km, no_efficiency = uavs.flown_m / 1000.0, np.nan if targets.num_closed > 0 else 0.0
        table[Metric.NORMALIZED_COMPLETION_SCORE, e] = satisfied * (1.0 - congestion)
        table[Metric.SATISFIED_RATE, e] = satisfied
        table[Metric.COMPLETION_RATE, e] = targets.met / targets.num
        # a drawn future may have no targets at all
        table[Metric.VALUE_RATE, e] = targets.closed_value / targets.value if targets.value > 0.0 else 0.0
        table[Metric.CONGESTION, e] = congestion
        table[Metric.PER_AGENT_REWARD, e] = state.return_sum[b] / uavs.num
        table[Metric.EFFICIENCY_PER_KM, e] = targets.num_closed / flown_km if flown_km > 0.0 else no_efficiency
        table[Metric.LAST_SERVICE_S, e] = targets.last_s
        table[Metric.MAKESPAN_S, e] = state.time_s[b]
        table[Metric.PATH_KM_PER_UAV, e] = flown_km / uavs.num
        table[Metric.WASTED_TRIPS_PER_UAV, e] = uavs.num_wasted / uavs.num
        table[Metric.WAITING_S_PER_UAV, e] = uavs.waited_s / uavs.num
        table[Metric.COLLISIONS_PER_UAV, e] = uavs.num_collisions / uavs.num
        table[Metric.SUCCESS_RATE, e] = terminated[b]
        table[Metric.TIMEOUT_RATE, e] = not terminated[b] and not deadlocked[b]
        table[Metric.DEADLOCK_RATE, e] = deadlocked[b]


@njit(cache=True, _nrt=False, inline="always")
def _sum_targets(state, b):  # type: ignore[no-untyped-def]  # numba infers the types
    count, num_closed, met, crowded, value, closed_value, last_s = 0, 0, 0.0, 0.0, 0.0, 0.0, -1.0
    for j in range(state.target_exists.shape[1]):
        if state.target_exists[b, j]:
            demand, remaining = 0.0, 0.0
            for r in range(state.target_demand.shape[2]):
                demand += state.target_demand[b, j, r]
                remaining += state.target_remaining[b, j, r]
            is_closed = not is_unmet(state, b, j)
            count += 1
            num_closed += is_closed
            met += 1.0 - remaining / max(demand, EPSILON)
            crowded += crowding(state, b, j)
            value += state.target_value[b, j]
            closed_value += state.target_value[b, j] if is_closed else 0.0
            # a target that demands nothing is closed without a service
            has_time = is_closed and state.target_closed_time_s[b, j] < np.inf
            last_s = max(last_s, state.target_closed_time_s[b, j] if has_time else -1.0)
    last_s = last_s if last_s >= 0.0 else np.nan
    return _Targets(max(count, 1), num_closed, met, crowded, value, closed_value, last_s)


@njit(cache=True, _nrt=False, inline="always")
def _sum_uavs(state, b):  # type: ignore[no-untyped-def]  # numba infers the types
    count, flown_m, waited_s, num_wasted, num_collisions = 0, 0.0, 0.0, 0, 0
    for i in range(state.uav_exists.shape[1]):
        if state.uav_exists[b, i]:
            count += 1
            flown_m += state.uav_flown_m[b, i]
            waited_s += state.uav_waited_s[b, i]
            num_wasted += state.uav_wasted_trips[b, i]
            num_collisions += state.uav_collisions[b, i]
    return _Uavs(max(count, 1), flown_m, waited_s, num_wasted, num_collisions)
