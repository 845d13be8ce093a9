"""Flight of one UAV over one substep: the autopilot of task `allocate`.

A unicycle at constant altitude: theta' = wrap(theta + clip(bearing error, -w_max dt, w_max dt)), then
p' = p + v dt (cos theta', sin theta'). It flies at cruise speed, and slower (never below its lowest speed) where its
turn radius v / w_max is too wide: near a target, so that it cannot circle it for ever, and beside no-fly zones.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.obstacles import bearing_around, is_inside

__all__ = ["fly", "wrap"]


@njit(cache=True, _nrt=False)
def wrap(angle_rad: float) -> float:
    """The angle in (-pi, pi]."""
    return math.pi - (math.pi - angle_rad) % (2.0 * math.pi)


@njit(cache=True, _nrt=False)
def _speed_mps(state, b, i, distance_m, error_rad, is_blocked, capture_radius_m):  # type: ignore[no-untyped-def]
    """Cruise speed, or the speed whose turn radius is the capture radius where a wide turn would miss."""
    cruise, turn_rate = state.uav_cruise_mps[b, i], state.uav_max_turn_rate_radps[b, i]
    turn_radius_m = cruise / turn_rate
    is_near = turn_radius_m > capture_radius_m and distance_m < 2.0 * turn_radius_m
    is_turning_at_zone = is_blocked and abs(error_rad) > 0.3
    if is_near or is_turning_at_zone:
        return max(
            state.uav_speed_mps[b, i, 0], min(cruise, turn_rate * capture_radius_m * (0.5 if is_blocked else 1.0))
        )
    return cruise


@njit(cache=True, _nrt=False)
def fly(
    state: AllocateState, b: int, i: int, j: int, substep_s: float, capture_radius_m: float, clearance_m: float
) -> tuple[float, bool]:
    """Flies UAV i of world b towards target j for one substep. Returns metres flown, and True if it entered a zone."""
    # In doubles: where a way just grazes a zone, the tangent's bearing magnifies the rounding of single precision.
    x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
    gx, gy = np.float64(state.target_position_m[b, j, 0]), np.float64(state.target_position_m[b, j, 1])
    heading = np.float64(state.uav_heading_rad[b, i])
    bearing, is_blocked = bearing_around(state, b, x, y, gx, gy, heading, clearance_m)
    error = wrap(bearing - heading)
    speed = _speed_mps(state, b, i, math.hypot(gx - x, gy - y), error, is_blocked, capture_radius_m)
    turn = state.uav_max_turn_rate_radps[b, i] * substep_s
    heading = wrap(heading + max(-turn, min(turn, error)))
    flown_m = min(speed * substep_s, state.uav_range_left_m[b, i])
    x += flown_m * math.cos(heading)
    y += flown_m * math.sin(heading)
    was_inside = state.uav_inside_obstacle[b, i]
    now_inside = is_inside(state, b, x, y)
    state.uav_position_m[b, i, 0] = x
    state.uav_position_m[b, i, 1] = y
    state.uav_heading_rad[b, i] = heading
    state.uav_range_left_m[b, i] -= flown_m
    state.uav_flown_m[b, i] += flown_m
    state.uav_inside_obstacle[b, i] = now_inside
    return flown_m, now_inside and not was_inside
