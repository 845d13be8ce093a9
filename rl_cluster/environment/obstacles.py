"""Circular no-fly zones: who is inside one, and which way round leads to a goal.

The autopilot steers along the tangent of the first zone in its way, at a clearance from the edge. It plans from where
it stands, without memory, so it holds under any turn-rate limit and from any start.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.state import AllocateState

__all__ = ["bearing_around", "is_inside"]


@njit(cache=True, _nrt=False)
def is_inside(state: AllocateState, b: int, x: float, y: float) -> bool:
    """True = point (x, y), metres, lies strictly inside a no-fly zone of world b."""
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            dx = state.obstacle_center_m[b, o, 0] - x
            dy = state.obstacle_center_m[b, o, 1] - y
            if dx * dx + dy * dy < state.obstacle_radius_m[b, o] ** 2:
                return True
    return False


@njit(cache=True, _nrt=False)
def _first_in_the_way(state, b, x, y, gx, gy, clearance_m):  # type: ignore[no-untyped-def]
    """Index of the zone that the straight way to the goal enters first (its widened circle), or -1."""
    length = math.hypot(gx - x, gy - y)
    if length < 1e-6:
        return -1
    ux, uy = (gx - x) / length, (gy - y) / length
    first, first_along = -1, np.inf
    for o in range(state.obstacle_exists.shape[1]):
        if not state.obstacle_exists[b, o]:
            continue
        cx, cy = state.obstacle_center_m[b, o, 0] - x, state.obstacle_center_m[b, o, 1] - y
        along = cx * ux + cy * uy
        radius = _widened_m(state, b, o, gx, gy, clearance_m)
        if along <= 0.0 or along - radius >= length:
            continue
        nearest = min(along, length)
        if math.hypot(cx - nearest * ux, cy - nearest * uy) < radius - 1e-3 and along < first_along:
            first, first_along = o, along
    return first


@njit(cache=True, _nrt=False)
def _widened_m(state, b, o, gx, gy, clearance_m):  # type: ignore[no-untyped-def]
    """Radius plus clearance, but never so wide that the goal itself would lie inside (goals are outside zones)."""
    radius = state.obstacle_radius_m[b, o]
    to_goal = math.hypot(state.obstacle_center_m[b, o, 0] - gx, state.obstacle_center_m[b, o, 1] - gy)
    return max(radius, min(radius + clearance_m, to_goal))


@njit(cache=True, _nrt=False)
def bearing_around(
    state: AllocateState, b: int, x: float, y: float, gx: float, gy: float, heading_rad: float, clearance_m: float
) -> tuple[float, bool]:
    """Bearing (rad, world frame) to fly from (x, y) to reach (gx, gy), and whether a zone is in the way.

    In the way: the bearing is the tangent on the side nearer to the goal. Within the clearance already: the tangent on
    the side that the UAV is heading to, turned outwards the more the deeper it is.
    """
    goal_bearing = math.atan2(gy - y, gx - x)
    o = _first_in_the_way(state, b, x, y, gx, gy, clearance_m)
    if o < 0:
        return goal_bearing, False
    dx, dy = state.obstacle_center_m[b, o, 0] - x, state.obstacle_center_m[b, o, 1] - y
    distance = math.hypot(dx, dy)
    center_bearing = math.atan2(dy, dx)
    radius = _widened_m(state, b, o, gx, gy, clearance_m)
    if distance > radius:
        half_angle = math.asin(radius / distance)
        side = 1.0 if math.sin(goal_bearing - center_bearing) >= 0.0 else -1.0
        return center_bearing + side * half_angle, True
    depth = (radius - distance) / max(clearance_m, 1.0)
    side = 1.0 if math.sin(heading_rad - center_bearing) >= 0.0 else -1.0
    return center_bearing + side * (0.5 * math.pi + min(1.0, depth) * 0.25 * math.pi), True
