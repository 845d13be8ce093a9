"""Where the entities of a scenario stand in a world: as its file says, in single precision, and off the edges of zones.

A place exactly on the edge of a no-fly zone is not inside it, but no way that keeps off zones begins or ends there, and
single precision may move it inside. So it is put a centimetre beside the zone, or some roundings where those are wider.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.obstacles import Zones, gap_m
from rl_cluster.errors import ScenarioError
from rl_cluster.types import FloatArray

__all__ = ["Places", "places_of"]

_TOUCH_M = 2e-6
"""A place this near to an edge lies on it: `obstacles.py` sees no gap."""
_BESIDE_M = 0.01
_ROUNDINGS = 8.0
_DIRECTIONS = 64


class Places(NamedTuple):
    """Metres."""

    uav_m: FloatArray
    """(N, 2)"""
    target_m: FloatArray
    """(M, 2)"""
    depot_m: FloatArray
    """(D, 2)"""


def places_of(scenario: Scenario) -> Places:
    """The places of a scenario in a world.

    Raises:
        ScenarioError: A place on the edge of one no-fly zone has no free place beside it, because others are too near.
    """
    given = {
        "uavs": scenario.uav_position_m,
        "targets": scenario.target_position_m,
        "depots": scenario.depots[0],
    }
    zones, area_m = _zones_of(scenario), _single(scenario.area_m)
    placed = [_placed(scenario.name, kind, _single(at_m), zones, area_m) for kind, at_m in given.items()]
    return Places(*placed)


def _single(values: ArrayLike) -> FloatArray:
    return np.asarray(values).astype(np.float32)


def _zones_of(scenario: Scenario) -> Zones:
    """The zones as a world of their own stores them."""
    return Zones(
        np.ones((1, len(scenario.obstacle_radius_m)), dtype=np.bool_),
        _single(scenario.obstacle_center_m)[None],
        _single(scenario.obstacle_radius_m)[None],
        scenario.obstacle_num_vertices[None],
        _single(scenario.obstacle_vertices_m)[None],
    )


def _placed(name: str, kind: str, at_m: FloatArray, zones: Zones, area_m: FloatArray) -> FloatArray:
    hemmed = _leave_edges(zones, area_m, at_m) if zones.obstacle_exists.size else -1
    if hemmed >= 0:
        what = "it is on the edge of a no-fly zone, and there is no free place beside it"
        raise ScenarioError(f"{name}: {kind}.{hemmed}", what, "move it, or one of the zones")
    return at_m


@njit(cache=True)
def _leave_edges(zones: Zones, area_m: FloatArray, at_m: FloatArray) -> int:
    """Moves the places (K, 2) that lie on an edge; returns the first that has no free place beside it, or -1."""
    for k in range(at_m.shape[0]):
        x, y = np.float64(at_m[k, 0]), np.float64(at_m[k, 1])
        if _least_gap_m(zones, x, y) > _TOUCH_M:
            continue
        beside_m = max(_BESIDE_M, _ROUNDINGS * np.float64(np.finfo(np.float32).eps) * max(abs(x), abs(y)))
        widest_m = _TOUCH_M
        for direction in range(_DIRECTIONS):
            angle = 2.0 * math.pi * direction / _DIRECTIONS
            new_x, new_y = np.float32(x + beside_m * math.cos(angle)), np.float32(y + beside_m * math.sin(angle))
            if not (0.0 <= new_x <= area_m[0] and 0.0 <= new_y <= area_m[1]):
                continue
            gap = _least_gap_m(zones, np.float64(new_x), np.float64(new_y))
            if gap > widest_m:
                widest_m, at_m[k, 0], at_m[k, 1] = gap, new_x, new_y
        if widest_m == _TOUCH_M:
            return k
    return -1


@njit(cache=True)
def _least_gap_m(zones, x, y):  # type: ignore[no-untyped-def]  # numba infers the types
    """Distance to the nearest edge; negative inside a zone."""
    least = np.inf
    for o in range(zones.obstacle_exists.shape[1]):
        least = min(least, gap_m(zones, 0, o, x, y))
    return least
