"""How many UAVs a target needs, how many are involved with it, and how excessive that is.

ideal_j is the fewest UAVs that could cover target j together (`cover.py`) of the eight that are nearest to it at the
start: of every kind, what they carry is at least the demand. Where eight carry too little, it is the fewest of the
sixteen nearest, and so on; it is N if the whole fleet carries too little. So in teams of more than eight, too, a number
says what those around a target can do: in the whole of a large fleet there is nearly always one that carries enough for
any target, but it would have to come from the other end of the area.

n_j counts the distinct UAVs that delivered to target j, or whose choice it is (or was when it closed);
crowding_j = clip(n_j / ideal_j - 1, 0, 1).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.cover import covers, fewest_uavs, make_fleet
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.types import BoolArray, FloatArray, IntArray

__all__ = ["crowding", "ideal_num_uavs", "is_involved", "num_involved", "write_ideals"]

NEAREST = 8
"""UAVs among which a team for a target is looked for first."""
_ROUNDING = 1e-6
"""By which share distances may differ that count as equal."""


@njit(cache=True)
def write_ideals(
    rows: NDArray[np.int64],
    uav_exists: BoolArray,
    uav_position_m: FloatArray,
    initial_resources: FloatArray,
    target_position_m: FloatArray,
    target_demand: FloatArray,
    target_ideal: IntArray,
) -> None:
    """Writes the ideal number of UAVs (B, M) of every target of the rows; targets that do not exist have 1.

    Args:
        rows: Worlds, indices into B.
        uav_exists: (B, N)
        uav_position_m: (B, N, 2) at the start of the episode.
        initial_resources: (B, N, R)
        target_position_m: (B, M, 2)
        target_demand: (B, M, R); 0 where the target does not exist.
        target_ideal: (B, M), written.
    """
    for b in rows:
        carried = initial_resources[b][uav_exists[b]].astype(np.float64)
        position_m = uav_position_m[b][uav_exists[b]].astype(np.float64)
        fleet = make_fleet(carried)
        for j in range(target_ideal.shape[1]):
            near = fleet
            if carried.shape[0] > NEAREST:
                near = _nearest_that_cover(carried, position_m, target_position_m[b, j], target_demand[b, j], fleet)
            target_ideal[b, j] = fewest_uavs(near, target_demand[b, j])


@njit(cache=True)
def _nearest_that_cover(carried, position_m, target_m, demand, fleet):  # type: ignore[no-untyped-def]  # numba infers the types
    """The target's nearest UAVs, or twice as many, and so on, until they carry the demand; else the fleet.

    UAVs that are as far away as the last of them belong to them, too.
    """
    distance_m = np.hypot(position_m[:, 0] - target_m[0], position_m[:, 1] - target_m[1])
    rising_m, count = np.sort(distance_m), NEAREST
    while count < rising_m.size:
        near = make_fleet(carried[distance_m <= rising_m[count - 1] * (1.0 + _ROUNDING)])
        if covers(near, demand):
            return near
        count *= 2
    return fleet


@njit(cache=True, _nrt=False, inline="always")
def ideal_num_uavs(state: AllocateState, b: int, j: int) -> float:
    """The fewest UAVs near target j of world b that could cover it, at least 1."""
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
