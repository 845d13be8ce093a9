"""The surroundings of one UAV: the way and the gap to every body of its world, and the bodies by increasing gap.

UAV j is entity j, zone o is entity N + o. The gap of two UAVs is the distance of their centres less the collision
distance; that of a UAV and a zone is the distance to the zone's edge less half of it. Ties go to the lower index.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.navigate.physics import Physics
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.nearest import Ranking, rank
from rl_cluster.environment.shared.obstacles import edge_way

__all__ = ["Surroundings", "look_around", "meet_world"]


class Surroundings(NamedTuple):
    """Scratch: the bodies of the world that `meet_world` read last, as the last UAV to look around sees them."""

    velocity_mps: NDArray[np.float64]
    """(N + O, 2) world frame; 0 of zones"""
    radius: NDArray[np.float64]
    """(N + O,) of a zone, over the sensing radius; 0 of UAVs"""
    is_parked: NDArray[np.float64]
    """(N + O,) 1 = a UAV that has arrived"""
    way_m: NDArray[np.float64]
    """(N + O, 2) from the UAV to the other one's centre, or to the nearest point of the zone's edge; world frame"""
    distance_m: NDArray[np.float64]
    """(N + O,) length of the way"""
    gap_m: NDArray[np.float64]
    """(N + O,) below 0 the two touch"""
    uavs: Ranking
    """The UAVs nearest to it"""
    zones: Ranking
    """The zones nearest to it"""

    @classmethod
    def empty(cls, sizes: Sizes) -> "Surroundings":
        """Room for a world of these sizes."""
        count = sizes.num_uavs + sizes.num_obstacles
        return cls(
            velocity_mps=np.zeros((count, 2)),
            radius=np.zeros(count),
            is_parked=np.zeros(count),
            way_m=np.zeros((count, 2)),
            distance_m=np.zeros(count),
            gap_m=np.zeros(count),
            uavs=Ranking.empty(sizes.num_uavs),
            zones=Ranking.empty(sizes.num_obstacles),
        )


@njit(cache=True, _nrt=False, inline="always")
def meet_world(state: NavigateState, b: int, physics: Physics, around: Surroundings) -> None:
    """Reads what is the same for every UAV that looks around."""
    num_uavs = state.uav_exists.shape[1]
    for j in range(num_uavs):
        around.velocity_mps[j, 0] = state.uav_velocity_mps[b, j, 0]
        around.velocity_mps[j, 1] = state.uav_velocity_mps[b, j, 1]
        around.is_parked[j] = 1.0 if state.uav_arrived[b, j] else 0.0
    for o in range(state.obstacle_exists.shape[1]):
        around.radius[num_uavs + o] = state.obstacle_radius_m[b, o] * physics.per_sensing_radius


@njit(cache=True, _nrt=False, inline="always")
def look_around(
    state: NavigateState, b: int, i: int, limit: int, physics: Physics, around: Surroundings
) -> tuple[int, int]:
    """Fills `around` for UAV i of world b; returns how many UAVs and how many zones are in order.

    These are all, or at least the `limit` nearest. Rows of entities that do not exist are meaningless.
    """
    x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
    num_uavs, count = state.uav_exists.shape[1], 0
    for j in range(num_uavs):
        dx, dy = state.uav_position_m[b, j, 0] - x, state.uav_position_m[b, j, 1] - y
        # roots in single precision, like the stored rows, take half the time
        distance = np.float64(math.sqrt(np.float32(dx * dx + dy * dy)))
        around.way_m[j, 0] = dx
        around.way_m[j, 1] = dy
        around.distance_m[j] = distance
        around.gap_m[j] = distance - physics.collision_distance_m
        around.uavs.keys[count] = distance
        around.uavs.found[count] = j
        count += state.uav_exists[b, j] and j != i
    num_near_uavs, num_near_zones = rank(around.uavs, count, limit), 0
    if state.obstacle_exists.shape[1] > 0:
        num_near_zones = rank(around.zones, _find_zones(state, b, x, y, physics, around), limit)
    return num_near_uavs, num_near_zones


@njit(cache=True, _nrt=False, inline="always")
def _find_zones(state, b, x, y, physics, around):  # type: ignore[no-untyped-def]  # numba infers the types
    num_uavs, count = state.uav_exists.shape[1], 0
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            entity = num_uavs + o
            dx, dy, gap = edge_way(state, b, o, x, y)
            around.way_m[entity, 0] = dx
            around.way_m[entity, 1] = dy
            around.distance_m[entity] = abs(gap)
            around.gap_m[entity] = gap - 0.5 * physics.collision_distance_m
            around.zones.keys[count] = gap
            around.zones.found[count] = entity
            count += 1
    return count
