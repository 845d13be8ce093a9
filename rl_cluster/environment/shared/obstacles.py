"""Geometry of no-fly zones, circles and simple polygons: whether a point is inside, how far away, and what they block.

The kernels take `Zones`, or any state with these fields (of `allocate` or `navigate`); float64 inside. A polygon's
bounding circle settles most questions; its edges are checked only near it. `zones.py` makes zones.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from rl_cluster.types import BoolArray, FloatArray, IntArray

__all__ = ["Zones", "edge_way", "gap_m", "is_inside", "is_zone_near", "to_segment_m2", "zones_of"]

_TOUCH_M = 1e-6
"""A way this near to an edge touches it: a way through two corners of a polygon crosses none of its edges properly."""


class Zones(NamedTuple):
    """The arrays of a state that describe zones: calling a kernel that is not inlined is faster with few arrays."""

    obstacle_exists: BoolArray
    obstacle_center_m: FloatArray
    obstacle_radius_m: FloatArray
    obstacle_num_vertices: IntArray
    obstacle_vertices_m: FloatArray


@njit(cache=True, _nrt=False, inline="always")
def zones_of(state: Any) -> Zones:
    """The zones of any state."""
    return Zones(
        state.obstacle_exists,
        state.obstacle_center_m,
        state.obstacle_radius_m,
        state.obstacle_num_vertices,
        state.obstacle_vertices_m,
    )


@njit(cache=True, _nrt=False)
def to_segment_m2(x: float, y: float, x0: float, y0: float, x1: float, y1: float) -> float:
    """Squared distance, square metres, from a point to the segment from point 0 to point 1."""
    dx, dy = x1 - x0, y1 - y0
    length2 = dx * dx + dy * dy
    along = ((x - x0) * dx + (y - y0) * dy) / length2 if length2 > 0.0 else 0.0
    along = min(1.0, max(0.0, along))
    ex, ey = x0 + along * dx - x, y0 + along * dy - y
    return ex * ex + ey * ey


@njit(cache=True, _nrt=False, inline="always")
def _corner(state, b, o, v):  # type: ignore[no-untyped-def]  # numba infers the types
    """Corner v of polygon o, in doubles."""
    return np.float64(state.obstacle_vertices_m[b, o, v, 0]), np.float64(state.obstacle_vertices_m[b, o, v, 1])


@njit(cache=True, _nrt=False, inline="always")
def _center(state, b, o):  # type: ignore[no-untyped-def]  # numba infers the types
    return np.float64(state.obstacle_center_m[b, o, 0]), np.float64(state.obstacle_center_m[b, o, 1])


@njit(cache=True, _nrt=False)
def _is_in_polygon(state, b, o, x, y):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = a ray from the point crosses the polygon's edges an odd number of times."""
    num_vertices = state.obstacle_num_vertices[b, o]
    is_odd = False
    x0, y0 = _corner(state, b, o, num_vertices - 1)
    for v in range(num_vertices):
        x1, y1 = _corner(state, b, o, v)
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            is_odd = not is_odd
        x0, y0 = x1, y1
    return is_odd


@njit(cache=True, _nrt=False)
def is_inside(state: Any, b: int, x: float, y: float) -> bool:
    """True = point (x, y), metres, lies strictly inside a no-fly zone of world b."""
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            cx, cy = _center(state, b, o)
            radius = np.float64(state.obstacle_radius_m[b, o])
            is_in_circle = (cx - x) * (cx - x) + (cy - y) * (cy - y) < radius * radius
            if is_in_circle and (state.obstacle_num_vertices[b, o] == 0 or _is_in_polygon(state, b, o, x, y)):
                return True
    return False


@njit(cache=True, _nrt=False)
def gap_m(state: Any, b: int, o: int, x: float, y: float) -> float:
    """Distance, metres, from point (x, y) to the edge of zone o of world b; negative inside."""
    num_vertices = state.obstacle_num_vertices[b, o]
    if num_vertices == 0:
        cx, cy = _center(state, b, o)
        return math.sqrt((cx - x) * (cx - x) + (cy - y) * (cy - y)) - state.obstacle_radius_m[b, o]
    nearest = np.inf
    x0, y0 = _corner(state, b, o, num_vertices - 1)
    for v in range(num_vertices):
        x1, y1 = _corner(state, b, o, v)
        nearest = min(nearest, to_segment_m2(x, y, x0, y0, x1, y1))
        x0, y0 = x1, y1
    return -math.sqrt(nearest) if _is_in_polygon(state, b, o, x, y) else math.sqrt(nearest)


@njit(cache=True, _nrt=False, inline="always")
def edge_way(state: Any, b: int, o: int, x: float, y: float) -> tuple[float, float, float]:
    """(dx, dy), metres, from point (x, y) to the nearest point of the edge of zone o of world b, and `gap_m`."""
    cx, cy = _center(state, b, o)
    radius = np.float64(state.obstacle_radius_m[b, o])
    dx, dy = cx - x, cy - y
    distance2 = dx * dx + dy * dy
    num_vertices = state.obstacle_num_vertices[b, o]
    if num_vertices == 0:
        distance = math.sqrt(distance2)
        scale = (distance - radius) / max(distance, _TOUCH_M)
        return dx * scale, dy * scale, distance - radius
    nearest = np.inf
    x0, y0 = _corner(state, b, o, num_vertices - 1)
    for v in range(num_vertices):
        x1, y1 = _corner(state, b, o, v)
        ex, ey = x1 - x0, y1 - y0
        along = ((x - x0) * ex + (y - y0) * ey) / max(ex * ex + ey * ey, _TOUCH_M)
        along = min(1.0, max(0.0, along))
        wx, wy = x0 + along * ex - x, y0 + along * ey - y
        length2 = wx * wx + wy * wy
        if length2 < nearest:
            nearest, dx, dy = length2, wx, wy
        x0, y0 = x1, y1
    is_inside_zone = distance2 < radius * radius and _is_in_polygon(state, b, o, x, y)
    return dx, dy, -math.sqrt(nearest) if is_inside_zone else math.sqrt(nearest)


@njit(cache=True, _nrt=False)
def _side(x0, y0, x1, y1, x, y):  # type: ignore[no-untyped-def]  # numba infers the types
    """Above 0 = the point lies to the left of the way from 0 to 1."""
    return (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)


@njit(cache=True, _nrt=False)
def _is_edge_near(way, edge, margin_m2):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = the way and the edge, each (x, y, x, y), cross or come nearer than the margin (squared) to each other."""
    x0, y0, x1, y1 = way
    x2, y2, x3, y3 = edge
    if _side(x0, y0, x1, y1, x2, y2) * _side(x0, y0, x1, y1, x3, y3) < 0.0 and (
        _side(x2, y2, x3, y3, x0, y0) * _side(x2, y2, x3, y3, x1, y1) < 0.0
    ):
        return True
    if to_segment_m2(x0, y0, x2, y2, x3, y3) < margin_m2 or to_segment_m2(x1, y1, x2, y2, x3, y3) < margin_m2:
        return True
    return to_segment_m2(x2, y2, x0, y0, x1, y1) < margin_m2 or to_segment_m2(x3, y3, x0, y0, x1, y1) < margin_m2


@njit(cache=True, _nrt=False)
def is_zone_near(state: Any, b: int, o: int, x0: float, y0: float, x1: float, y1: float, margin_m: float) -> bool:
    """True = the straight way from point 0 to point 1, metres, enters zone o or comes nearer than the margin to it.

    For a polygon, touching an edge counts as near at any margin.
    """
    cx, cy = _center(state, b, o)
    reach = np.float64(state.obstacle_radius_m[b, o]) + margin_m
    if to_segment_m2(cx, cy, x0, y0, x1, y1) >= reach * reach:
        return False
    num_vertices = state.obstacle_num_vertices[b, o]
    if num_vertices == 0 or _is_in_polygon(state, b, o, x0, y0):
        return True
    margin_m2 = max(margin_m, _TOUCH_M) ** 2
    x2, y2 = _corner(state, b, o, num_vertices - 1)
    for v in range(num_vertices):
        x3, y3 = _corner(state, b, o, v)
        if _is_edge_near((x0, y0, x1, y1), (x2, y2, x3, y3), margin_m2):
            return True
        x2, y2 = x3, y3
    return False
