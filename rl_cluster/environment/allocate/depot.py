"""The way home: once all targets are closed, every UAV that has a depot and flies returns to it by itself.

UAVs may share a depot, or have their own. Without depots an episode is done with the last target; with them, when all
UAVs that can still fly and have one are home.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.state import AllocateState

__all__ = ["all_home", "from_depot_m", "has_depots", "is_away"]


@njit(cache=True, _nrt=False, inline="always")
def from_depot_m(state: AllocateState, b: int, i: int, x: float, y: float) -> float:
    """Straight distance from a point to the depot that UAV i has, metres."""
    depot = state.uav_depot[b, i] - 1
    position_m = state.depot_position_m
    return math.hypot(np.float64(position_m[b, depot, 0]) - x, np.float64(position_m[b, depot, 1]) - y)


@njit(cache=True, _nrt=False, inline="always")
def has_depots(state: AllocateState, b: int) -> bool:
    """True = some UAV of world b must return to a depot."""
    for i in range(state.uav_exists.shape[1]):
        if state.uav_depot[b, i] > 0 and state.uav_exists[b, i]:
            return True
    return False


@njit(cache=True, _nrt=False, inline="always")
def is_away(state: AllocateState, b: int, i: int, capture_radius_m: float) -> bool:
    """True = UAV i has a depot, can fly, and is not within the capture radius of the depot."""
    if state.uav_depot[b, i] == 0 or not state.uav_exists[b, i] or state.uav_range_left_m[b, i] <= 0.0:
        return False
    return from_depot_m(state, b, i, state.uav_position_m[b, i, 0], state.uav_position_m[b, i, 1]) > capture_radius_m


@njit(cache=True, _nrt=False, inline="always")
def all_home(state: AllocateState, b: int, capture_radius_m: float) -> bool:
    """True = no UAV is away."""
    for i in range(state.uav_exists.shape[1]):
        if is_away(state, b, i, capture_radius_m):
            return False
    return True
