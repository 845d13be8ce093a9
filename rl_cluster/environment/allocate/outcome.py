"""Metrics of an episode, named as the field names them. They are read off the final state; nothing else decides them.

congestion = mean over targets of their crowding (`crowding.py`); normalized_completion_score (NCS) = satisfied_rate
(1 - congestion); value_rate = value of the closed targets over that of all. Targets that have not appeared count in all
of them. NaN says that a metric is not defined: the efficiency where targets were closed and nobody flew.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.crowding import crowding
from rl_cluster.environment.allocate.legality import is_unmet
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.types import BoolArray

__all__ = ["METRICS", "NAMES", "episode_outcomes"]

METRICS = (
    EpisodeMetric("normalized_completion_score", "NCS", "1", 3, "satisfied rate times (1 - congestion)"),
    EpisodeMetric("satisfied_rate", "satisfied", "1", 3, "share of targets closed"),
    EpisodeMetric("completion_rate", "completion", "1", 3, "mean share of a target's demand that was met"),
    EpisodeMetric("value_rate", "value", "1", 3, "value of closed targets over that of all"),
    EpisodeMetric("congestion", "congestion", "1", 3, "mean crowding of targets: UAVs beyond those needed, 0 to 1"),
    EpisodeMetric("per_agent_reward", "reward/UAV", "reward", 2, "summed reward over active UAVs"),
    EpisodeMetric("efficiency_per_km", "targets/km", "1/km", 3, "targets closed per kilometre flown"),
    EpisodeMetric("makespan_s", "makespan s", "s", 1, "time to the end of the episode's work"),
    EpisodeMetric("path_km_per_uav", "km/UAV", "km", 2, "path flown by a UAV"),
    EpisodeMetric("wasted_trips_per_uav", "wasted/UAV", "1", 3, "trips whose target closed on the way"),
    EpisodeMetric("waiting_s_per_uav", "waiting s/UAV", "s", 1, "time that a UAV waited"),
    EpisodeMetric("collisions_per_uav", "collis./UAV", "1", 3, "contacts with no-fly zones or other UAVs"),
    EpisodeMetric("success_rate", "success", "1", 3, "share of episodes, or of UAVs, that came to their goal"),
    EpisodeMetric("timeout_rate", "out of time", "1", 3, "share of episodes ended by the time limit"),
    EpisodeMetric("deadlock_rate", "deadlocked", "1", 3, "share of episodes in which nobody could do anything more"),
)
"""A rate of one episode is 0 or 1, or a share of its targets."""
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


@njit(cache=True, _nrt=False)
def _write_outcomes(state, rows, terminated, deadlocked, table):  # type: ignore[no-untyped-def]
    """Writes table (len(METRICS), E), in the order of METRICS."""
    for e in range(rows.shape[0]):
        b = rows[e]
        num_targets, num_closed, met, crowded, value, closed_value = _sum_targets(state, b)
        num_uavs, flown_m, waited_s, num_wasted, num_collisions = _sum_uavs(state, b)
        satisfied, congestion, flown_km = num_closed / num_targets, crowded / num_targets, flown_m / 1000.0
        table[0, e] = satisfied * (1.0 - congestion)
        table[1, e] = satisfied
        table[2, e] = met / num_targets
        table[3, e] = closed_value / value
        table[4, e] = congestion
        table[5, e] = state.return_sum[b] / num_uavs
        table[6, e] = num_closed / flown_km if flown_km > 0.0 else (np.nan if num_closed > 0 else 0.0)
        table[7, e] = state.time_s[b]
        table[8, e] = flown_km / num_uavs
        table[9, e] = num_wasted / num_uavs
        table[10, e] = waited_s / num_uavs
        table[11, e] = num_collisions / num_uavs
        table[12, e] = terminated[b]
        table[13, e] = not terminated[b] and not deadlocked[b]
        table[14, e] = deadlocked[b]


@njit(cache=True, _nrt=False, inline="always")
def _sum_targets(state, b):  # type: ignore[no-untyped-def]
    """Targets, closed ones, sum of the shares of demand met, of crowding, of values, of the values of closed ones."""
    count, num_closed, met, crowded, value, closed_value = 0, 0, 0.0, 0.0, 0.0, 0.0
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
    return max(count, 1), num_closed, met, crowded, value, closed_value


@njit(cache=True, _nrt=False, inline="always")
def _sum_uavs(state, b):  # type: ignore[no-untyped-def]
    """UAVs, metres flown, seconds waited, wasted trips, collisions."""
    count, flown_m, waited_s, num_wasted, num_collisions = 0, 0.0, 0.0, 0, 0
    for i in range(state.uav_exists.shape[1]):
        if state.uav_exists[b, i]:
            count += 1
            flown_m += state.uav_flown_m[b, i]
            waited_s += state.uav_waited_s[b, i]
            num_wasted += state.uav_wasted_trips[b, i]
            num_collisions += state.uav_collisions[b, i]
    return max(count, 1), flown_m, waited_s, num_wasted, num_collisions
