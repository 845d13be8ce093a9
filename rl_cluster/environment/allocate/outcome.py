"""Metrics of an episode, named as the field names them. They are read off the final state; nothing else decides them.

n_j counts the distinct UAVs that delivered to target j, or whose choice was j when it closed or at the end;
ideal_j = max over kinds of ceil(demand_jr / mean initial resource r), at least 1;
congestion = mean_j clip(n_j / ideal_j - 1, 0, 1); normalized_completion_score (NCS) = satisfied_rate (1 - congestion);
value_rate = value of the closed targets over that of all. Targets that have not appeared count in all of them.
"""

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.allocate.state import EPSILON, AllocateState

__all__ = ["METRICS", "episode_outcomes", "ideal_num_uavs"]

METRICS = (
    "normalized_completion_score",
    "satisfied_rate",
    "completion_rate",
    "value_rate",
    "congestion",
    "per_agent_reward",
    "efficiency_per_km",
    "makespan_s",
    "path_km_per_uav",
    "wasted_trips_per_uav",
    "waiting_s_per_uav",
    "collisions_per_uav",
    "success_rate",
    "timeout_rate",
    "deadlock_rate",
)
"""Names of the metrics; a rate of one episode is 0 or 1, or a share of its targets."""

FloatColumn = NDArray[np.float64]


def ideal_num_uavs(state: AllocateState) -> FloatColumn:
    """(B, M) how many mean UAVs it takes to serve each target; 1 where the target does not exist."""
    exists = state.uav_exists[..., None]
    count = np.maximum(state.uav_exists.sum(axis=1), 1)[:, None]
    mean_resource = _total(np.where(exists, state.uav_initial_resources, 0.0)) / count
    ratio = state.target_demand / np.maximum(mean_resource, EPSILON)[:, None, :]
    # float32 demands that are equal to a multiple of the mean must not round up to one UAV more
    ideal = np.ceil(ratio - 1e-4).max(axis=-1)
    return np.maximum(ideal, 1.0)


def _total(values: NDArray[np.generic]) -> FloatColumn:
    """(B, ...) sums over the second axis, term after term: zeros of padding behind the last term change no bit."""
    return np.add.accumulate(values, axis=1, dtype=np.float64)[:, -1]


def _mean_over_targets(values: FloatColumn, state: AllocateState) -> FloatColumn:
    count = np.maximum(state.target_exists.sum(axis=1), 1)
    return _total(np.where(state.target_exists, values, 0.0)) / count


def episode_outcomes(
    state: AllocateState, rows: NDArray[np.bool_], terminated: NDArray[np.bool_], deadlocked: NDArray[np.bool_]
) -> dict[str, FloatColumn]:
    """Metric name -> (E,) float64, for the E worlds that `rows` (B,) marks True, in their order.

    Args:
        terminated: (B,) True = the episode ended because it was done.
        deadlocked: (B,) True = it was cut because nobody could do anything more.
    """
    open_at_end = state.target_unmet
    chosen = np.zeros_like(state.involved)
    b, i = np.nonzero(state.uav_choice >= 0)
    chosen[b, i, state.uav_choice[b, i]] = True
    num_involved = (state.involved | chosen).sum(axis=1)
    congestion = _mean_over_targets(np.clip(num_involved / ideal_num_uavs(state) - 1.0, 0.0, 1.0), state)
    satisfied = _mean_over_targets((~open_at_end).astype(np.float64), state)
    demand = state.target_demand.sum(axis=-1, dtype=np.float64)
    met = 1.0 - state.target_remaining.sum(axis=-1, dtype=np.float64) / np.maximum(demand, EPSILON)
    num_uavs = np.maximum(state.uav_exists.sum(axis=1), 1)
    flown_km = _total(state.uav_flown_m) / 1000.0
    num_closed = (state.target_exists & ~open_at_end).sum(axis=1)
    value = np.where(state.target_exists, state.target_value, 0.0)
    outcomes = {
        "normalized_completion_score": satisfied * (1.0 - congestion),
        "satisfied_rate": satisfied,
        "completion_rate": _mean_over_targets(met, state),
        "value_rate": _total(np.where(open_at_end, 0.0, value)) / _total(value),
        "congestion": congestion,
        "per_agent_reward": state.return_sum / num_uavs,
        "efficiency_per_km": num_closed / np.maximum(flown_km, EPSILON),
        "makespan_s": state.time_s.astype(np.float64),
        "path_km_per_uav": flown_km / num_uavs,
        "wasted_trips_per_uav": state.uav_wasted_trips.sum(axis=1) / num_uavs,
        "waiting_s_per_uav": _total(state.uav_waited_s) / num_uavs,
        "collisions_per_uav": state.uav_collisions.sum(axis=1) / num_uavs,
        "success_rate": terminated.astype(np.float64),
        "timeout_rate": (~terminated & ~deadlocked).astype(np.float64),
        "deadlock_rate": deadlocked.astype(np.float64),
    }
    return {name: np.asarray(outcomes[name], dtype=np.float64)[rows] for name in METRICS}
