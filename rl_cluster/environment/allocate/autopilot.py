"""Flight of one UAV over one substep: the autopilot of task `allocate`.

A unicycle at constant altitude: theta' = wrap(theta + clip(bearing error, -w_max dt, w_max dt)), then
p' = p + v dt (cos theta', sin theta'). The UAV aims at its goal if the straight way is clear of no-fly zones, else at
the visible waypoint (`route.py`) with the shortest way; it needs no memory, so any turn will do.

It flies at cruise speed. It flies slower (never below its lowest speed) if its turn radius v / w_max is too wide to
meet its aim. It can also hover: if it is still too fast for a waypoint, or if its flight in this substep would enter a
no-fly zone, it turns on the spot instead. So it never enters a zone, however wide its turns are.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.route import GUARD_M, REACHED_SHARE, can_see, standoff_m
from rl_cluster.environment.allocate.rules import Rules
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.obstacles import Zones, gap_m, is_inside, is_zone_near, to_segment_m2, zones_of
from rl_cluster.types import BoolArray, FloatArray

__all__ = ["fly", "wrap"]

_GOAL, _NO_WAY = -1, -2
"""The values of `_aim` that are not waypoints."""
_HALVINGS = 5
"""How often a way that is not free is tried: whole, then halved."""


@njit(cache=True, _nrt=False)
def wrap(angle_rad: float) -> float:
    """The angle in (-pi, pi]."""
    return math.pi - (math.pi - angle_rad) % (2.0 * math.pi)


class Ways(NamedTuple):
    """The arrays of the state that lead round zones: calling a kernel that is not inlined is faster with few arrays."""

    zones: Zones
    waypoint_exists: BoolArray
    waypoint_m: FloatArray
    waypoint_to_goal_m: FloatArray


@njit(cache=True, _nrt=False)
def _aim(ways, b, j, here, goal, standoff, margin_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """The visible waypoint with the shortest way to goal j, or _GOAL, or _NO_WAY."""
    zones, (x, y) = ways.zones, here
    if can_see(zones, b, x, y, goal[0], goal[1], margin_m):
        return _GOAL
    best, best_m = _NO_WAY, np.inf
    for v in range(ways.waypoint_exists.shape[1]):
        if not ways.waypoint_exists[b, v]:
            continue
        wx, wy = np.float64(ways.waypoint_m[b, v, 0]), np.float64(ways.waypoint_m[b, v, 1])
        distance = math.hypot(wx - x, wy - y)
        length = distance + ways.waypoint_to_goal_m[b, j, v]
        is_ahead = distance > REACHED_SHARE * standoff
        if length < best_m and is_ahead and can_see(zones, b, x, y, wx, wy, margin_m):
            best, best_m = v, length
    return best


@njit(cache=True, _nrt=False, inline="always")
def _goal_speed_mps(state, b, i, distance_m, capture_radius_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """Cruise speed; if a wide turn would miss, the speed whose turn radius v / w_max is the capture radius."""
    cruise, turn_rate = state.uav_cruise_mps[b, i], state.uav_max_turn_rate_radps[b, i]
    if cruise > turn_rate * capture_radius_m and turn_rate * distance_m < 2.0 * cruise:
        return max(state.uav_speed_mps[b, i, 0], min(cruise, turn_rate * capture_radius_m))
    return cruise


@njit(cache=True, _nrt=False, inline="always")
def _waypoint_speed_mps(state, b, i, distance_m, error_rad):  # type: ignore[no-untyped-def]  # numba infers the types
    """The highest speed, up to cruise, at which the waypoint is not inside the turn circle; 0 below the lowest speed.

    A point at distance d and bearing error e is inside the turn circle of radius R if d < 2 R sin |e|.
    """
    cruise = np.float64(state.uav_cruise_mps[b, i])
    across = 2.0 * math.sin(min(abs(error_rad), 0.5 * math.pi))
    speed = min(cruise, state.uav_max_turn_rate_radps[b, i] * distance_m / max(across, 1e-9))
    return speed if speed >= state.uav_speed_mps[b, i, 0] else 0.0


@njit(cache=True, _nrt=False)
def _may_fly(zones, b, x, y, new_x, new_y):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = this piece of the way enters no zone, and keeps the guard (or half of the gap that it has) to all."""
    for o in range(zones.obstacle_exists.shape[1]):
        if zones.obstacle_exists[b, o] and is_zone_near(zones, b, o, x, y, new_x, new_y, GUARD_M):
            own_m = 0.5 * gap_m(zones, b, o, x, y)
            if own_m <= 0.0 or own_m >= GUARD_M or is_zone_near(zones, b, o, x, y, new_x, new_y, own_m):
                return False
    return True


@njit(cache=True, _nrt=False)
def _free_m(zones, b, x, y, heading_rad, length_m, is_aligned):  # type: ignore[no-untyped-def]  # numba infers the types
    """How far it may fly ahead: the whole length, or nothing; if it points at its aim, also half of the length."""
    for _ in range(_HALVINGS):
        # The end is tested as it will be stored: rounded to single precision.
        new_x = np.float64(np.float32(x + length_m * math.cos(heading_rad)))
        new_y = np.float64(np.float32(y + length_m * math.sin(heading_rad)))
        if _may_fly(zones, b, x, y, new_x, new_y):
            return length_m
        if not is_aligned:
            return 0.0
        length_m *= 0.5
    return 0.0


@njit(cache=True, _nrt=False, inline="always")
def _goal(state, b, j):  # type: ignore[no-untyped-def]  # numba infers the types
    depot = j - state.target_position_m.shape[1]
    if depot >= 0:
        return np.float64(state.depot_position_m[b, depot, 0]), np.float64(state.depot_position_m[b, depot, 1])
    return np.float64(state.target_position_m[b, j, 0]), np.float64(state.target_position_m[b, j, 1])


@njit(cache=True, _nrt=False, inline="always")
def _is_free_of_zones(state, b, x, y, gx, gy, standoff, within_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = no zone's bounding circle is near the straight way to the goal, or within this margin, metres.

    It is inlined, and saves most substeps the calls that pass the whole state.
    """
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            cx, cy = np.float64(state.obstacle_center_m[b, o, 0]), np.float64(state.obstacle_center_m[b, o, 1])
            radius = np.float64(state.obstacle_radius_m[b, o])
            if to_segment_m2(cx, cy, x, y, gx, gy) < (radius + 0.25 * standoff) ** 2:
                return False
            if (cx - x) ** 2 + (cy - y) ** 2 < (radius + within_m) ** 2:
                return False
    return True


@njit(cache=True, _nrt=False)
def _is_caught(zones, b, x, y):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = the point is inside a zone or exactly on an edge, from where no way is visible."""
    for o in range(zones.obstacle_exists.shape[1]):
        if zones.obstacle_exists[b, o] and gap_m(zones, b, o, x, y) <= 0.0:
            return True
    return False


@njit(cache=True, _nrt=False)
def _aim_with_fallback(ways, b, j, here, goal, clearance_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """Aims with a margin of a quarter of the standoff to all zones; without a way, as near as the guard."""
    standoff = standoff_m(clearance_m)
    aim = _aim(ways, b, j, here, goal, standoff, 0.25 * standoff)
    return aim if aim != _NO_WAY else _aim(ways, b, j, here, goal, standoff, GUARD_M)


@njit(cache=True, _nrt=False, inline="always")
def _turned(state, b, i, heading_rad, error_rad, substep_s):  # type: ignore[no-untyped-def]  # numba infers the types
    """The heading after a substep of turning towards the aim."""
    turn = state.uav_max_turn_rate_radps[b, i] * substep_s
    return wrap(heading_rad + max(-turn, min(turn, error_rad)))


@njit(cache=True, _nrt=False, inline="always")
def _fly_round(state, b, i, j, here, goal, heading, rules):  # type: ignore[no-untyped-def]  # numba infers the types
    """Flight where a zone may be in the way: (new heading, metres to fly, True = it flies out of a zone it is in)."""
    zones, (x, y) = zones_of(state), here
    ways = Ways(zones, state.waypoint_exists, state.waypoint_m, state.waypoint_to_goal_m)
    aim = _aim_with_fallback(ways, b, j, here, goal, rules.clearance_m)
    is_escaping = aim == _NO_WAY and _is_caught(zones, b, x, y)
    if aim == _NO_WAY and not is_escaping:
        return heading, 0.0, False
    ax, ay = goal
    if aim >= 0:
        ax, ay = np.float64(state.waypoint_m[b, aim, 0]), np.float64(state.waypoint_m[b, aim, 1])
    distance, error = math.hypot(ax - x, ay - y), wrap(math.atan2(ay - y, ax - x) - heading)
    if aim < 0:
        speed = _goal_speed_mps(state, b, i, distance, rules.capture_radius_m)
    else:
        speed = _waypoint_speed_mps(state, b, i, distance, error)
    heading = _turned(state, b, i, heading, error, rules.substep_s)
    # No further than the aim: a place behind a waypoint may not see the next one.
    flown_m = min(speed * rules.substep_s, distance, state.uav_range_left_m[b, i])
    if not is_escaping:
        is_aligned = abs(error) <= state.uav_max_turn_rate_radps[b, i] * rules.substep_s
        flown_m = _free_m(zones, b, x, y, heading, flown_m, is_aligned)
    return heading, flown_m, is_escaping


@njit(cache=True, _nrt=False, inline="always")
def fly(state: AllocateState, b: int, i: int, j: int, rules: Rules) -> tuple[float, bool]:
    """Flies UAV i of world b towards target j (depot d if j = M + d) for one substep, but never beyond it.

    Without any way it hovers. Only a UAV that starts inside a zone is ever in one; it flies straight ahead, out of it.

    Returns:
        Metres flown, and True if the UAV is found inside a zone for the first time.
    """
    x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
    gx, gy = _goal(state, b, j)
    heading, is_escaping = np.float64(state.uav_heading_rad[b, i]), False
    distance, is_on_course = math.sqrt((gx - x) ** 2 + (gy - y) ** 2), state.uav_course[b, i] == 1 + j
    # a UAV that flies straight at its goal need not check its sides
    within_m = 0.0 if is_on_course else state.uav_cruise_mps[b, i] * rules.substep_s + GUARD_M
    if _is_free_of_zones(state, b, x, y, gx, gy, standoff_m(rules.clearance_m), within_m):
        speed = _goal_speed_mps(state, b, i, distance, rules.capture_radius_m)
        flown_m = min(speed * rules.substep_s, distance, state.uav_range_left_m[b, i])
        if not is_on_course:
            error = wrap(math.atan2(gy - y, gx - x) - heading)
            heading = _turned(state, b, i, heading, error, rules.substep_s)
            is_on_course = abs(error) <= state.uav_max_turn_rate_radps[b, i] * rules.substep_s
    else:
        heading, flown_m, is_escaping = _fly_round(state, b, i, j, (x, y), (gx, gy), heading, rules)
        is_on_course = False
    state.uav_course[b, i] = 1 + j if is_on_course else 0
    if is_on_course:
        share = flown_m / max(distance, 1e-9)
        x, y = x + (gx - x) * share, y + (gy - y) * share
    else:
        x, y = x + flown_m * math.cos(heading), y + flown_m * math.sin(heading)
    was_inside = state.uav_inside_obstacle[b, i]
    now_inside = is_escaping and is_inside(zones_of(state), b, x, y)
    state.uav_position_m[b, i, 0] = x
    state.uav_position_m[b, i, 1] = y
    state.uav_heading_rad[b, i] = heading
    state.uav_range_left_m[b, i] -= flown_m
    state.uav_flown_m[b, i] += flown_m
    state.uav_inside_obstacle[b, i] = now_inside
    return flown_m, now_inside and not was_inside
