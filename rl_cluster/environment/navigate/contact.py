"""Contacts and warnings: gaps between bodies of one world after all UAVs have moved.

The gap of two UAVs is the distance of their centres less the collision distance; that of a UAV and a zone is the
distance to the zone's edge less half of it. Below 0 they touch. Within the warning band the depth is 1 - gap / band.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from rl_cluster.environment.navigate.physics import Physics
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.shared.obstacles import gap_m
from rl_cluster.types import BoolArray, FloatArray

__all__ = ["Contacts", "find_contacts"]


class Contacts(NamedTuple):
    """The contacts in one world: scratch that `find_contacts` fills."""

    touches: BoolArray
    """(N,) True = the UAV touches another UAV or a zone"""
    depth: FloatArray
    """(N,) its depth in the warning band of the nearest body, in [0, 1]"""

    @classmethod
    def empty(cls, num_uavs: int) -> "Contacts":
        """Room for one world."""
        return cls(np.zeros(num_uavs, dtype=np.bool_), np.zeros(num_uavs, dtype=np.float32))


@njit(cache=True, _nrt=False, inline="always")
def _note(i, gap, band_m, contacts):  # type: ignore[no-untyped-def]  # numba infers the types
    """Adds a gap within the band to the contacts of UAV i."""
    if gap < 0.0:
        contacts.touches[i] = True
        contacts.depth[i] = 1.0
    else:
        contacts.depth[i] = max(contacts.depth[i], 1.0 - gap / band_m)


@njit(cache=True, _nrt=False, inline="always")
def find_contacts(state: NavigateState, b: int, physics: Physics, contacts: Contacts) -> None:
    """Writes the contacts of world b."""
    num_uavs = state.uav_exists.shape[1]
    reach = physics.collision_distance_m + physics.band_m
    for i in range(num_uavs):
        contacts.touches[i] = False
        contacts.depth[i] = 0.0
    for i in range(num_uavs):
        if state.uav_exists[b, i]:
            x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
            for j in range(i):
                dx, dy = state.uav_position_m[b, j, 0] - x, state.uav_position_m[b, j, 1] - y
                distance2 = dx * dx + dy * dy
                if distance2 < reach * reach and state.uav_exists[b, j]:
                    gap = math.sqrt(distance2) - physics.collision_distance_m
                    _note(i, gap, physics.band_m, contacts)
                    _note(j, gap, physics.band_m, contacts)
            _find_zone_contacts(state, b, i, x, y, physics, contacts)


@njit(cache=True, _nrt=False, inline="always")
def _find_zone_contacts(state, b, i, x, y, physics, contacts):  # type: ignore[no-untyped-def]  # numba infers the types
    body = 0.5 * physics.collision_distance_m
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            reach = state.obstacle_radius_m[b, o] + body + physics.band_m
            dx, dy = state.obstacle_center_m[b, o, 0] - x, state.obstacle_center_m[b, o, 1] - y
            if dx * dx + dy * dy < reach * reach:
                gap = gap_m(state, b, o, x, y) - body
                if gap < physics.band_m:
                    _note(i, gap, physics.band_m, contacts)
