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
from rl_cluster.environment.shared.interface import EpisodeMetric

__all__ = ["METRICS", "NAMES", "episode_outcomes"]

METRICS = (
    EpisodeMetric("success_rate", "success", "1", 3, "share of episodes, or of UAVs, that came to their goal"),
    EpisodeMetric("reach_rate", "reached", "1", 3, "share of UAVs that reached their goal"),
    EpisodeMetric("safety_rate", "unharmed", "1", 3, "share of UAVs that never touched anything"),
    EpisodeMetric("all_reached_rate", "all reached", "1", 3, "share of episodes in which all UAVs reached their goals"),
    EpisodeMetric("collisions_per_uav", "collis./UAV", "1", 3, "contacts with no-fly zones or other UAVs"),
    EpisodeMetric(
        "mean_time_s", "mean time s", "s", 1, "mean time to the goal; the episode's length where a UAV did not arrive"
    ),
    EpisodeMetric("makespan_s", "makespan s", "s", 1, "time to the end of the episode's work"),
    EpisodeMetric("path_m_per_uav", "m/UAV", "m", 1, "path flown by a UAV"),
    EpisodeMetric("path_ratio", "path ratio", "1", 3, "path flown over straight distance, of UAVs that arrived"),
    EpisodeMetric("effort_s_per_uav", "effort s/UAV", "s", 2, "mean square of the controls, summed over time"),
    EpisodeMetric("formation_keeping_rate", "formation", "1", 3, "mean share of followers within the formation radius"),
    EpisodeMetric(
        "strict_formation_keeping_rate",
        "strict form.",
        "1",
        3,
        "share of time in which all followers are within the radius",
    ),
    EpisodeMetric("per_agent_reward", "reward/UAV", "reward", 2, "summed reward over active UAVs"),
    EpisodeMetric("timeout_rate", "out of time", "1", 3, "share of episodes ended by the time limit"),
)
"""A rate of one episode is 0 or 1, or a share of its UAVs or of its time."""
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
