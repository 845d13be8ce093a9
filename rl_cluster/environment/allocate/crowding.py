"""How many UAVs a target needs, how many are involved with it, and how excessive that is.

ideal_j is the fewest UAVs of the episode that could cover target j together (`cover.py`): of every kind, what they
carry at the start is at least the demand. It is N if the whole fleet could not. n_j counts the distinct UAVs that
delivered to target j, or whose choice it is (or was when it closed); crowding_j = clip(n_j / ideal_j - 1, 0, 1).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.cover import fewest_uavs, make_fleet
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.types import BoolArray, FloatArray, IntArray

__all__ = ["crowding", "ideal_num_uavs", "is_involved", "num_involved", "write_ideals"]


@njit(cache=True)
def write_ideals(
    rows: NDArray[np.int64],
    uav_exists: BoolArray,
    initial_resources: FloatArray,
    target_demand: FloatArray,
    target_ideal: IntArray,
) -> None:
    """Writes the ideal number of UAVs (B, M) of every target of the rows; targets that do not exist have 1.

    Args:
        rows: Worlds, indices into B.
        uav_exists: (B, N)
        initial_resources: (B, N, R)
        target_demand: (B, M, R); 0 where the target does not exist.
        target_ideal: (B, M), written.
    """
    for b in rows:
        fleet = make_fleet(initial_resources[b][uav_exists[b]].astype(np.float64))
        for j in range(target_ideal.shape[1]):
            target_ideal[b, j] = fewest_uavs(fleet, target_demand[b, j])


@njit(cache=True, _nrt=False, inline="always")
def ideal_num_uavs(state: AllocateState, b: int, j: int) -> float:
    """The fewest UAVs of world b that could cover target j, at least 1."""
    return float(state.target_ideal[b, j])


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
