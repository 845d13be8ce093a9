"""The way home: once all targets are closed, every UAV that flies returns to the depot by itself.

Without a depot an episode is done with the last target; with one, when all UAVs that can still fly are home.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.state import AllocateState

__all__ = ["all_home", "from_depot_m", "is_away"]


@njit(cache=True, _nrt=False, inline="always")
def from_depot_m(state: AllocateState, b: int, x: float, y: float) -> float:
    """Straight distance from a point to the depot, metres."""
    return math.hypot(np.float64(state.depot_m[b, 0]) - x, np.float64(state.depot_m[b, 1]) - y)


@njit(cache=True, _nrt=False, inline="always")
def is_away(state: AllocateState, b: int, i: int, capture_radius_m: float) -> bool:
    """True = UAV i can fly, and is not within the capture radius of the depot."""
    if not state.uav_exists[b, i] or state.uav_range_left_m[b, i] <= 0.0:
        return False
    return from_depot_m(state, b, state.uav_position_m[b, i, 0], state.uav_position_m[b, i, 1]) > capture_radius_m


@njit(cache=True, _nrt=False, inline="always")
def all_home(state: AllocateState, b: int, capture_radius_m: float) -> bool:
    """True = no UAV is away, or there is no depot."""
    if not state.has_depot[b]:
        return True
    for i in range(state.uav_exists.shape[1]):
        if is_away(state, b, i, capture_radius_m):
            return False
    return True
