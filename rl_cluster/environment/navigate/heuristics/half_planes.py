"""The velocity nearest to a wanted one within half-planes and a disc: a linear programme in two dimensions.

Incremental, plane after plane (de Berg et al., "Computational Geometry", chapter 4; Seidel 1991). A half-plane is a row
(point x, point y, normal x, normal y) and holds the velocities v with (v - point) . normal >= 0.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["nearest_velocity"]

_SLACK = 1e-9
"""The largest violation that counts as rounding."""
_NUM_HALVINGS = 30
"""Halvings in the search for the least violation: 2^-30 of twice the highest speed is below float32's rounding."""


@njit(cache=True, _nrt=False)
def nearest_velocity(
    planes: NDArray[np.float64], count: int, max_speed_mps: float, wanted_x: float, wanted_y: float
) -> tuple[float, float]:
    """The velocity within the disc and the first `count` planes (., 4) that is nearest to the wanted one.

    If there is none, all planes are shifted outwards by the same least speed that leaves one.
    """
    is_found, vx, vy = _solve(planes, count, 0.0, max_speed_mps, wanted_x, wanted_y)
    if is_found:
        return vx, vy
    low, high = 0.0, 4.0 * max_speed_mps
    for c in range(count):
        reach = abs(planes[c, 0] * planes[c, 2] + planes[c, 1] * planes[c, 3])
        high = max(high, reach + max_speed_mps)
    for _ in range(_NUM_HALVINGS):
        middle = 0.5 * (low + high)
        is_found, _, _ = _solve(planes, count, middle, max_speed_mps, wanted_x, wanted_y)
        if is_found:
            high = middle
        else:
            low = middle
    _, vx, vy = _solve(planes, count, high, max_speed_mps, wanted_x, wanted_y)
    return vx, vy


@njit(cache=True, _nrt=False)
def _solve(planes, count, shift, max_speed, wanted_x, wanted_y):  # type: ignore[no-untyped-def]  # numba infers the types
    """(True, vx, vy), or False first if nothing is in all planes, each shifted outwards by `shift`, and in the disc."""
    speed = math.sqrt(wanted_x * wanted_x + wanted_y * wanted_y)
    scale = min(1.0, max_speed / max(speed, 1e-12))
    vx, vy = wanted_x * scale, wanted_y * scale
    for c in range(count):
        px, py = planes[c, 0] - shift * planes[c, 2], planes[c, 1] - shift * planes[c, 3]
        if (vx - px) * planes[c, 2] + (vy - py) * planes[c, 3] < -_SLACK:
            is_found, vx, vy = _solve_on_edge(planes, c, shift, max_speed, wanted_x, wanted_y)
            if not is_found:
                return False, 0.0, 0.0
    return True, vx, vy


@njit(cache=True, _nrt=False)
def _solve_on_edge(planes, c, shift, max_speed, wanted_x, wanted_y):  # type: ignore[no-untyped-def]  # numba infers the types
    """Does the work of `_solve` on the edge of plane c, for the planes before it."""
    nx, ny = planes[c, 2], planes[c, 3]
    px, py = planes[c, 0] - shift * nx, planes[c, 1] - shift * ny
    tx, ty = ny, -nx
    middle = -(px * tx + py * ty)
    half2 = max_speed * max_speed - (px * nx + py * ny) ** 2
    if half2 < 0.0:
        return False, 0.0, 0.0
    low, high = middle - math.sqrt(half2), middle + math.sqrt(half2)
    for other in range(c):
        ox, oy = planes[other, 2], planes[other, 3]
        slope = tx * ox + ty * oy
        qx, qy = planes[other, 0] - shift * ox, planes[other, 1] - shift * oy
        offset = (qx - px) * ox + (qy - py) * oy
        if abs(slope) < 1e-9:
            if offset > _SLACK:
                return False, 0.0, 0.0
        elif slope > 0.0:
            low = max(low, offset / slope)
        else:
            high = min(high, offset / slope)
    if low > high:
        return False, 0.0, 0.0
    along = min(max((wanted_x - px) * tx + (wanted_y - py) * ty, low), high)
    return True, px + along * tx, py + along * ty
