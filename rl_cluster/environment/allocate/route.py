"""Ways round no-fly zones: a visibility graph of waypoints, planned once at the start of an episode.

Waypoints are the convex corners of every zone, pushed outwards by the clearance (of a circle: the corners of a polygon
about it). Dijkstra's algorithm gives the shortest way from each to every target and depot; the autopilot flies
by these lengths, and needs no memory. The way that hugs zones turns at such corners only (Lozano-Perez, Wesley 1979,
"An algorithm for planning collision-free paths among polyhedral obstacles").

With O zones of K corners, V = O max(K, 8): an episode costs O(V^2 O) for the graph and O(V^2) per target and depot.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.state import CIRCLE_CORNERS, AllocateState
from rl_cluster.environment.shared.obstacles import Zones, gap_m, is_zone_near, zones_of

__all__ = ["GUARD_M", "REACHED_SHARE", "can_see", "plan_routes", "standoff_m"]

GUARD_M = 0.1
"""The least distance in metres that UAVs keep from a zone, unless they are already nearer."""
REACHED_SHARE = 0.01
"""The distance, as a share of the standoff, at which a waypoint counts as reached."""

_LOWEST_STANDOFF_M = 1.0
_MOST_MITRE = 8.0
"""The most standoffs by which a sharp corner is pushed out."""
_NEARER = 0.999
"""An end within the margin lowers it to this share of its own gap, so that rounding hides nothing visible there."""


@njit(cache=True, _nrt=False)
def standoff_m(clearance_m: float) -> float:
    """The distance of waypoints from the zones, metres: the clearance, but more than 0."""
    return max(clearance_m, _LOWEST_STANDOFF_M)


@njit(cache=True, _nrt=False, inline="always")
def can_see(zones: Zones, b: int, x0: float, y0: float, x1: float, y1: float, margin_m: float) -> bool:
    """True = the straight way from point 0 to point 1, metres, keeps the margin to all zones.

    If one of the ends is nearer to a zone than the margin, its own gap is kept instead.
    """
    for o in range(zones.obstacle_exists.shape[1]):
        if zones.obstacle_exists[b, o] and is_zone_near(zones, b, o, x0, y0, x1, y1, margin_m):
            own_m = _NEARER * min(gap_m(zones, b, o, x0, y0), gap_m(zones, b, o, x1, y1))
            if own_m <= 0.0 or own_m >= margin_m or is_zone_near(zones, b, o, x0, y0, x1, y1, own_m):
                return False
    return True


def plan_routes(state: AllocateState, rows: NDArray[np.int64]) -> None:
    """Writes waypoints and their ways to targets and depots into the rows, whose episodes are at their start.

    Waypoints keep the world's clearance. If some UAV or waypoint has no way, it plans again, closer to the zones.
    """
    num_waypoints = state.waypoint_exists.shape[1]
    if num_waypoints == 0:
        return
    length_m = np.empty((num_waypoints, num_waypoints))
    _plan(state, rows, length_m, np.empty(num_waypoints), np.empty(num_waypoints, np.bool_))


@njit(cache=True, _nrt=False)
def _plan(state, rows, length_m, to_goal_m, is_done):  # type: ignore[no-untyped-def]  # numba infers the types
    for b in rows:
        if not _has_zone(state, b):
            continue
        standoff = standoff_m(state.clearance_m[b])
        for attempt in range(3):
            pushed_m = standoff if attempt == 0 else 0.25 * standoff
            margin_m = GUARD_M + 2.0 * REACHED_SHARE * standoff if attempt == 2 else 0.5 * pushed_m
            _place_waypoints(state, b, pushed_m, margin_m)
            _connect(state, b, margin_m, length_m)
            _reach_goals(state, b, margin_m, length_m, to_goal_m, is_done)
            if _has_all_ways(state, b, margin_m):
                break


@njit(cache=True, _nrt=False)
def _has_zone(state, b):  # type: ignore[no-untyped-def]  # numba infers the types
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            return True
    return False


@njit(cache=True, _nrt=False)
def _place_waypoints(state, b, pushed_m, margin_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """Slots o V / O onwards belong to zone o; a corner too near to a zone leaves its slot empty."""
    zones = zones_of(state)
    num_slots = state.waypoint_exists.shape[1] // state.obstacle_exists.shape[1]
    for o in range(state.obstacle_exists.shape[1]):
        num_vertices = state.obstacle_num_vertices[b, o]
        num_corners = num_vertices if num_vertices > 0 else CIRCLE_CORNERS
        for v in range(num_slots):
            slot = o * num_slots + v
            state.waypoint_exists[b, slot] = False
            if not state.obstacle_exists[b, o] or v >= num_corners:
                continue
            if num_vertices == 0:
                is_convex, x, y = _circle_corner(state, b, o, v, pushed_m)
            else:
                is_convex, x, y = _pushed_corner(state, b, o, v, pushed_m)
            state.waypoint_m[b, slot, 0], state.waypoint_m[b, slot, 1] = x, y
            state.waypoint_exists[b, slot] = is_convex and _keeps_off(
                zones, b, state.waypoint_m[b, slot, 0], state.waypoint_m[b, slot, 1], margin_m
            )


@njit(cache=True, _nrt=False)
def _circle_corner(state, b, o, v, pushed_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """Corner v of the regular polygon about the circle that is wider than the zone by the standoff."""
    radius = (state.obstacle_radius_m[b, o] + pushed_m) / math.cos(math.pi / CIRCLE_CORNERS)
    angle = 2.0 * math.pi * v / CIRCLE_CORNERS
    center = state.obstacle_center_m
    return True, center[b, o, 0] + radius * math.cos(angle), center[b, o, 1] + radius * math.sin(angle)


@njit(cache=True, _nrt=False)
def _edge(state, b, o, v, w):  # type: ignore[no-untyped-def]  # numba infers the types
    """Unit vector from corner v to corner w of a polygon."""
    dx = np.float64(state.obstacle_vertices_m[b, o, w, 0]) - state.obstacle_vertices_m[b, o, v, 0]
    dy = np.float64(state.obstacle_vertices_m[b, o, w, 1]) - state.obstacle_vertices_m[b, o, v, 1]
    length = max(math.hypot(dx, dy), 1e-9)
    return dx / length, dy / length


@njit(cache=True, _nrt=False)
def _pushed_corner(state, b, o, v, pushed_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """(is convex, x, y): the corner pushed along its bisector until both edges are at the standoff (a mitre)."""
    num_vertices = state.obstacle_num_vertices[b, o]
    ux, uy = _edge(state, b, o, (v + num_vertices - 1) % num_vertices, v)
    wx, wy = _edge(state, b, o, v, (v + 1) % num_vertices)
    x, y = np.float64(state.obstacle_vertices_m[b, o, v, 0]), np.float64(state.obstacle_vertices_m[b, o, v, 1])
    # The outward normals of the edges sum to the bisector; its length is twice the cosine of its angle to each.
    bx, by = uy + wy, -ux - wx
    length = math.hypot(bx, by)
    if ux * wy - uy * wx <= 1e-6 or length < 1e-9:
        return False, x, y
    mitre = min(_MOST_MITRE, 2.0 / length) * pushed_m / length
    return True, x + mitre * bx, y + mitre * by


@njit(cache=True, _nrt=False)
def _keeps_off(zones, b, x, y, margin_m):  # type: ignore[no-untyped-def]  # numba infers the types
    for o in range(zones.obstacle_exists.shape[1]):
        if zones.obstacle_exists[b, o] and is_zone_near(zones, b, o, x, y, x, y, margin_m):
            return False
    return True


@njit(cache=True, _nrt=False)
def _connect(state, b, margin_m, length_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """Lengths between waypoints that see each other; inf between those that do not."""
    num_waypoints, zones = state.waypoint_exists.shape[1], zones_of(state)
    for v in range(num_waypoints):
        for w in range(v):
            length_m[v, w] = np.inf
            if state.waypoint_exists[b, v] and state.waypoint_exists[b, w]:
                x0, y0 = np.float64(state.waypoint_m[b, v, 0]), np.float64(state.waypoint_m[b, v, 1])
                x1, y1 = np.float64(state.waypoint_m[b, w, 0]), np.float64(state.waypoint_m[b, w, 1])
                if can_see(zones, b, x0, y0, x1, y1, margin_m):
                    length_m[v, w] = math.hypot(x1 - x0, y1 - y0)
            length_m[w, v] = length_m[v, w]


@njit(cache=True, _nrt=False)
def _is_goal(state, b, j):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = target j exists, or (j = M + d) some UAV has depot d."""
    num_targets = state.target_exists.shape[1]
    if j < num_targets:
        return state.target_exists[b, j]
    for i in range(state.uav_exists.shape[1]):
        if state.uav_exists[b, i] and state.uav_depot[b, i] == 1 + j - num_targets:
            return True
    return False


@njit(cache=True, _nrt=False)
def _reach_goals(state, b, margin_m, length_m, to_goal_m, is_done):  # type: ignore[no-untyped-def]  # numba infers the types
    num_targets = state.target_exists.shape[1]
    for j in range(state.waypoint_to_goal_m.shape[1]):
        if not _is_goal(state, b, j):
            continue
        if j < num_targets:
            x, y = state.target_position_m[b, j, 0], state.target_position_m[b, j, 1]
        else:
            x, y = state.depot_position_m[b, j - num_targets, 0], state.depot_position_m[b, j - num_targets, 1]
        _shortest_ways(state, b, np.float64(x), np.float64(y), margin_m, length_m, to_goal_m, is_done)
        for v in range(to_goal_m.shape[0]):
            state.waypoint_to_goal_m[b, j, v] = to_goal_m[v]


@njit(cache=True, _nrt=False)
def _shortest_ways(state, b, gx, gy, margin_m, length_m, to_goal_m, is_done):  # type: ignore[no-untyped-def]  # numba infers the types
    """Dijkstra's algorithm from the goal to all waypoints, on the dense graph; inf = no way."""
    num_waypoints, zones = to_goal_m.shape[0], zones_of(state)
    for v in range(num_waypoints):
        x, y = np.float64(state.waypoint_m[b, v, 0]), np.float64(state.waypoint_m[b, v, 1])
        is_seen = state.waypoint_exists[b, v] and can_see(zones, b, x, y, gx, gy, margin_m)
        to_goal_m[v] = math.hypot(gx - x, gy - y) if is_seen else np.inf
        is_done[v] = False
    for _ in range(num_waypoints):
        nearest, nearest_m = -1, np.inf
        for v in range(num_waypoints):
            if not is_done[v] and to_goal_m[v] < nearest_m:
                nearest, nearest_m = v, to_goal_m[v]
        if nearest < 0:
            return
        is_done[nearest] = True
        for v in range(num_waypoints):
            if v != nearest and not is_done[v]:
                to_goal_m[v] = min(to_goal_m[v], nearest_m + length_m[nearest, v])


@njit(cache=True, _nrt=False)
def _has_all_ways(state, b, margin_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = every waypoint has a way to every goal, and every UAV sees a waypoint."""
    for j in range(state.waypoint_to_goal_m.shape[1]):
        is_goal = _is_goal(state, b, j)
        for v in range(state.waypoint_exists.shape[1]):
            if is_goal and state.waypoint_exists[b, v] and state.waypoint_to_goal_m[b, j, v] == np.inf:
                return False
    for i in range(state.uav_exists.shape[1]):
        x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
        if state.uav_exists[b, i] and not _sees_waypoint(state, b, x, y, margin_m):
            return False
    return True


@njit(cache=True, _nrt=False)
def _sees_waypoint(state, b, x, y, margin_m):  # type: ignore[no-untyped-def]  # numba infers the types
    zones = zones_of(state)
    for v in range(state.waypoint_exists.shape[1]):
        wx, wy = np.float64(state.waypoint_m[b, v, 0]), np.float64(state.waypoint_m[b, v, 1])
        if state.waypoint_exists[b, v] and can_see(zones, b, x, y, wx, wy, margin_m):
            return True
    return False
