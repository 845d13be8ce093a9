"""Makes no-fly zones: draws them for the generators, and converts polygons of scenarios to the kernels' form.

A polygon is stored by its corners, counter-clockwise, and by a circle that holds them; `obstacles.py` reads both.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from rl_cluster.environment.shared.keyed_random import uniform, uniform_int

__all__ = ["MAX_DRAWN_CORNERS", "NUM_ZONE_DRAWS", "Circle", "bounding_circle", "counter_clockwise", "draw_zone"]

MAX_DRAWN_CORNERS = 8
"""The most corners of a drawn polygon."""
NUM_ZONE_DRAWS = 16
"""The most counters that one zone uses."""

_JITTER = 0.4
"""Share of an even angle by which corners are shifted; below 0.5, a triangle holds the centre, as no gap reaches pi."""
_ROUNDING = 1e-6
"""A bounding circle is wider by this share of the largest coordinate: single precision moves a corner by less."""


class Circle(NamedTuple):
    """Where a zone is placed, and its largest radius; metres."""

    x: float
    y: float
    radius_m: float


@njit(cache=True, _nrt=False)
def draw_zone(
    state: Any, b: int, o: int, circle: Circle, polygon_share: float, episode_key: np.uint64, counter: int
) -> None:
    """Writes zone o of world b: the circle, or with probability `polygon_share` a convex polygon on it.

    A polygon has 3 to 8 corners on the circle: corner v of n is at angle 2 pi (v + start + 0.4 (u_v - 0.5)) / n,
    u_v and start in (0, 1). It holds the circle's centre. A share of 0 draws nothing.

    Args:
        counter: The first of NUM_ZONE_DRAWS draws of the key that belong to this zone.
    """
    x, y, radius_m = circle
    state.obstacle_exists[b, o] = True
    state.obstacle_center_m[b, o, 0], state.obstacle_center_m[b, o, 1] = x, y
    state.obstacle_radius_m[b, o] = radius_m
    state.obstacle_num_vertices[b, o] = 0
    if polygon_share <= 0.0 or uniform(episode_key, counter) >= polygon_share:
        return
    num_vertices = uniform_int(episode_key, counter + 1, 3, MAX_DRAWN_CORNERS)
    start = uniform(episode_key, counter + 2)
    for v in range(num_vertices):
        shift = _JITTER * (uniform(episode_key, counter + 3 + v) - 0.5)
        angle_rad = 2.0 * math.pi * (v + start + shift) / num_vertices
        state.obstacle_vertices_m[b, o, v, 0] = x + radius_m * math.cos(angle_rad)
        state.obstacle_vertices_m[b, o, v, 1] = y + radius_m * math.sin(angle_rad)
    state.obstacle_num_vertices[b, o] = num_vertices
    _write_bounding_circle(state, b, o)


@njit(cache=True, _nrt=False)
def _write_bounding_circle(state, b, o):  # type: ignore[no-untyped-def]  # numba infers the types
    """Writes the `bounding_circle` of the corners as they are stored."""
    low_x, low_y, high_x, high_y, largest, radius_m2 = np.inf, np.inf, -np.inf, -np.inf, 0.0, 0.0
    for v in range(state.obstacle_num_vertices[b, o]):
        x, y = np.float64(state.obstacle_vertices_m[b, o, v, 0]), np.float64(state.obstacle_vertices_m[b, o, v, 1])
        low_x, low_y, high_x, high_y = min(low_x, x), min(low_y, y), max(high_x, x), max(high_y, y)
        largest = max(largest, abs(x), abs(y))
    center_x, center_y = 0.5 * (low_x + high_x), 0.5 * (low_y + high_y)
    for v in range(state.obstacle_num_vertices[b, o]):
        dx = state.obstacle_vertices_m[b, o, v, 0] - center_x
        dy = state.obstacle_vertices_m[b, o, v, 1] - center_y
        radius_m2 = max(radius_m2, dx * dx + dy * dy)
    state.obstacle_center_m[b, o, 0], state.obstacle_center_m[b, o, 1] = center_x, center_y
    state.obstacle_radius_m[b, o] = math.sqrt(radius_m2) + _ROUNDING * largest


def counter_clockwise(vertices_m: ArrayLike) -> NDArray[np.float64]:
    """Corners (K, 2) of a simple polygon from its first one, reversed where they run clockwise."""
    corners = np.asarray(vertices_m, dtype=np.float64)
    following = np.roll(corners, -1, axis=0)
    # about the first corner, so that large coordinates do not drown the area
    (x, y), (next_x, next_y) = (corners - corners[0]).T, (following - corners[0]).T
    is_clockwise = (x * next_y - next_x * y).sum() < 0.0
    return np.roll(corners[::-1], 1, axis=0) if is_clockwise else corners


def bounding_circle(vertices_m: ArrayLike) -> tuple[NDArray[np.float64], float]:
    """Centre (2,) of the corners' bounding box, and the radius about it, metres, that holds all corners (K, 2)."""
    corners = np.asarray(vertices_m, dtype=np.float64)
    center = (corners.min(axis=0) + corners.max(axis=0)) / 2.0
    radius_m = np.sqrt(((corners - center) ** 2).sum(axis=1).max())
    return center, float(radius_m + _ROUNDING * np.abs(corners).max())
