"""Metrics of an episode of task `navigate`, named as the field names them. They are read off the final state.

Success, reaching and safety are shares of UAVs, as of Zhang et al. 2024 (GCBF+, arXiv 2401.14554): a UAV is safe if
it never touched a UAV or zone, and succeeds if it reached its goal and was safe. The formation keeping rate is the
mean over time of the share of followers within the formation radius of the leader; its strict form the share of time
in which all are. NaN says that a metric is not defined: both of these without followers or without a formation.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.navigate.state import NavigateState

__all__ = ["METRICS", "episode_outcomes"]

METRICS = (
    "success_rate",
    "reach_rate",
    "safety_rate",
    "all_reached_rate",
    "collisions_per_uav",
    "mean_time_s",
    "makespan_s",
    "path_m_per_uav",
    "path_ratio",
    "effort_s_per_uav",
    "formation_keeping_rate",
    "strict_formation_keeping_rate",
    "per_agent_reward",
    "timeout_rate",
)
"""Names of the metrics; a rate of one episode is 0 or 1, or a share of its UAVs or of its time."""

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
    return dict(zip(METRICS, table, strict=True))


@njit(cache=True, _nrt=False)
def _write_outcomes(state, rows, has_formation, table):  # type: ignore[no-untyped-def]
    """Writes table (len(METRICS), E), in the order of METRICS."""
    for e in range(rows.shape[0]):
        b = rows[e]
        num_uavs, num_arrived, num_safe, num_good, num_collisions = 0, 0, 0, 0, 0
        time_s, flown_m, effort_s, arrived_flown_m, straight_m = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(state.uav_exists.shape[1]):
            if state.uav_exists[b, i]:
                is_safe = state.uav_collisions[b, i] == 0
                num_uavs += 1
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
        count = max(num_uavs, 1)
        is_kept = has_formation and num_uavs > 1
        steps = max(state.decision[b], 1)
        table[0, e] = num_good / count
        table[1, e] = num_arrived / count
        table[2, e] = num_safe / count
        table[3, e] = num_arrived == num_uavs
        table[4, e] = num_collisions / count
        table[5, e] = time_s / count
        table[6, e] = state.time_s[b]
        table[7, e] = flown_m / count
        table[8, e] = arrived_flown_m / straight_m if straight_m > 0.0 else np.nan
        table[9, e] = effort_s / count
        table[10, e] = state.in_formation_sum[b] / steps if is_kept else np.nan
        table[11, e] = state.all_in_formation[b] / steps if is_kept else np.nan
        table[12, e] = state.return_sum[b] / count
        table[13, e] = num_arrived < num_uavs
