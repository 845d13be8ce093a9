"""Metrics of an episode of task `navigate`, named as the field names them. They are read off the final state.

Success, reaching and safety are shares of UAVs, as of Zhang et al. 2024 (GCBF+, arXiv 2401.14554): a UAV is safe if
it never touched a UAV or zone, and succeeds if it reached its goal and was safe. The formation keeping rate is the
mean over time of the share of followers within the formation radius of the leader; its strict form the share of time
in which all are. NaN says that a metric is not defined: both of these without followers or without a formation.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.shared.columns import MetricColumn

__all__ = ["METRICS", "NAMES", "Metric", "episode_outcomes"]


class Metric(MetricColumn):
    """The metrics, in order; a rate of one episode is 0 or 1, or a share of its UAVs or of its time."""

    SUCCESS_RATE = "success", "1", 3, "share of episodes, or of UAVs, that came to their goal"
    REACH_RATE = "reached", "1", 3, "share of UAVs that reached their goal"
    SAFETY_RATE = "unharmed", "1", 3, "share of UAVs that never touched anything"
    ALL_REACHED_RATE = "all reached", "1", 3, "share of episodes in which all UAVs reached their goals"
    COLLISIONS_PER_UAV = "collis./UAV", "1", 3, "contacts with no-fly zones or other UAVs"
    MEAN_TIME_S = "mean time s", "s", 1, "mean time to the goal; the episode's length where a UAV did not arrive"
    MAKESPAN_S = "makespan s", "s", 1, "time to the end of the episode's work"
    PATH_M_PER_UAV = "m/UAV", "m", 1, "path flown by a UAV"
    PATH_RATIO = "path ratio", "1", 3, "path flown over straight distance, of UAVs that arrived"
    EFFORT_S_PER_UAV = "effort s/UAV", "s", 2, "mean square of the controls, summed over time"
    FORMATION_KEEPING_RATE = "formation", "1", 3, "mean share of followers within the formation radius"
    STRICT_FORMATION_KEEPING_RATE = "strict form.", "1", 3, "share of time in which all followers are within the radius"
    PER_AGENT_REWARD = "reward/UAV", "reward", 2, "summed reward over active UAVs"
    TIMEOUT_RATE = "out of time", "1", 3, "share of episodes ended by the time limit"


METRICS = tuple(column.metric for column in Metric)
NAMES = tuple(metric.name for metric in METRICS)

FloatColumn = NDArray[np.float64]


def episode_outcomes(state: NavigateState, rows: NDArray[np.int64], has_formation: bool) -> dict[str, FloatColumn]:
    """Metric name -> (E,) float64, for the E ended worlds `rows`.

    mean_time_s counts the end of the episode where a UAV did not arrive; path_ratio is the path flown by all UAVs that
    arrived over their straight distances from start to goal, NaN if none did; effort is the mean square of the
    controls, summed over time.
    """
    table = np.empty((len(METRICS), rows.size))
    if rows.size:
        _write_outcomes(state, rows, has_formation, table)
    return dict(zip(NAMES, table, strict=True))


class _Uavs(NamedTuple):
    """Sums over the UAVs of one world."""

    num: int
    num_arrived: int
    num_safe: int
    """that never touched anything"""
    num_good: int
    """that arrived and were safe"""
    num_collisions: int
    time_s: float
    """of arrival, or of the episode's end"""
    flown_m: float
    arrived_flown_m: float
    """of those that arrived"""
    straight_m: float
    """from the start to the goal, of those that arrived"""
    effort_s: float


@njit(cache=True, _nrt=False)
def _write_outcomes(state, rows, has_formation, table):  # type: ignore[no-untyped-def]  # numba infers the types
    """Writes table (len(Metric), E)."""
    for e in range(rows.shape[0]):
        b = rows[e]
        uavs = _sum_uavs(state, b)
        count, steps = max(uavs.num, 1), max(state.decision[b], 1)
        is_kept = has_formation and uavs.num > 1
        table[Metric.SUCCESS_RATE, e] = uavs.num_good / count
        table[Metric.REACH_RATE, e] = uavs.num_arrived / count
        table[Metric.SAFETY_RATE, e] = uavs.num_safe / count
        table[Metric.ALL_REACHED_RATE, e] = uavs.num_arrived == uavs.num
        table[Metric.COLLISIONS_PER_UAV, e] = uavs.num_collisions / count
        table[Metric.MEAN_TIME_S, e] = uavs.time_s / count
        table[Metric.MAKESPAN_S, e] = state.time_s[b]
        table[Metric.PATH_M_PER_UAV, e] = uavs.flown_m / count
        table[Metric.PATH_RATIO, e] = uavs.arrived_flown_m / uavs.straight_m if uavs.straight_m > 0.0 else np.nan
        table[Metric.EFFORT_S_PER_UAV, e] = uavs.effort_s / count
        table[Metric.FORMATION_KEEPING_RATE, e] = state.in_formation_sum[b] / steps if is_kept else np.nan
        table[Metric.STRICT_FORMATION_KEEPING_RATE, e] = state.all_in_formation[b] / steps if is_kept else np.nan
        table[Metric.PER_AGENT_REWARD, e] = state.return_sum[b] / count
        table[Metric.TIMEOUT_RATE, e] = uavs.num_arrived < uavs.num


@njit(cache=True, _nrt=False, inline="always")
def _sum_uavs(state, b):  # type: ignore[no-untyped-def]  # numba infers the types
    count, num_arrived, num_safe, num_good, num_collisions = 0, 0, 0, 0, 0
    time_s, flown_m, arrived_flown_m, straight_m, effort_s = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(state.uav_exists.shape[1]):
        if state.uav_exists[b, i]:
            is_safe = state.uav_collisions[b, i] == 0
            count += 1
            num_safe += is_safe
            num_collisions += state.uav_collisions[b, i]
            flown_m += state.uav_flown_m[b, i]
            effort_s += state.uav_effort_s[b, i]
            if state.uav_arrived[b, i]:
                num_arrived += 1
                num_good += is_safe
                time_s += state.uav_arrival_s[b, i]
                arrived_flown_m += state.uav_flown_m[b, i]
                straight_m += state.uav_straight_m[b, i]
            else:
                time_s += state.time_s[b]
    return _Uavs(
        count, num_arrived, num_safe, num_good, num_collisions, time_s, flown_m, arrived_flown_m, straight_m, effort_s
    )
