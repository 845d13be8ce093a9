"""How many UAVs a target needs, how many are involved with it, and how excessive that is.

ideal_j = max over kinds r of ceil(demand_jr / mean initial resource r), at least 1; n_j counts the distinct UAVs that
delivered to target j, or whose choice it is (or was when it closed); crowding_j = clip(n_j / ideal_j - 1, 0, 1).
"""

import math

from numba import njit

from rl_cluster.environment.allocate.state import EPSILON, AllocateState

__all__ = ["crowding", "ideal_num_uavs", "is_involved", "num_involved"]


@njit(cache=True, _nrt=False, inline="always")
def ideal_num_uavs(state: AllocateState, b: int, j: int) -> float:
    """How many mean UAVs of world b it takes to serve target j."""
    ideal = 1.0
    for r in range(state.target_demand.shape[2]):
        total, count = 0.0, 0
        for i in range(state.uav_exists.shape[1]):
            if state.uav_exists[b, i]:
                total += state.uav_initial_resources[b, i, r]
                count += 1
        ratio = state.target_demand[b, j, r] / max(total / max(count, 1), EPSILON)
        # float32 demands that equal a multiple of the mean must not round up to one more UAV
        ideal = max(ideal, math.ceil(ratio - 1e-4))
    return ideal


@njit(cache=True, _nrt=False, inline="always")
def is_involved(state: AllocateState, b: int, i: int, j: int) -> bool:
    """True = UAV i counts for the crowding of target j."""
    return state.involved[b, i, j] or state.uav_choice[b, i] == j


@njit(cache=True, _nrt=False, inline="always")
def num_involved(state: AllocateState, b: int, j: int) -> int:
    """How many UAVs are involved with target j."""
    count = 0
    for i in range(state.involved.shape[1]):
        count += is_involved(state, b, i, j)
    return count


@njit(cache=True, _nrt=False, inline="always")
def crowding(state: AllocateState, b: int, j: int) -> float:
    """The crowding of target j of world b, in [0, 1]."""
    return min(1.0, max(0.0, num_involved(state, b, j) / ideal_num_uavs(state, b, j) - 1.0))
