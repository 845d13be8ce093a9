"""The observation of a batch of worlds of task `navigate`: rows of `features.py`, and who is near to whom.

`Observation` in `types.py` says what each array means. There are no targets (M = 0); candidates are *encounters*: the
entity indices of the bodies nearest to a UAV by gap. The kernel writes every element, so arrays may be used again.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.interface import Sizes
from rl_cluster.environment.navigate.features import (
    ENCOUNTER_FEATURES,
    OBSTACLE_FEATURES,
    UAV_FEATURES,
    write_encounter_row,
    write_uav_row,
    write_zone_row,
)
from rl_cluster.environment.navigate.physics import Physics
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.nearest import (
    MAX_NEIGHBOURS,
    MAX_RANKED,
    Nearest,
    insert_nearest,
    num_neighbour_slots,
    sort_nearest,
)
from rl_cluster.environment.obstacles import edge_point, gap_m
from rl_cluster.types import Observation

__all__ = ["empty_observation", "num_encounter_slots", "write_observation"]


_INSTANT_S = 1e-6
"""Keeps shares of time finite in rows that were never filled."""


def num_encounter_slots(sizes: Sizes, num_encounters: int) -> int:
    """C: as many encounters as are asked for and as there can be, at least 1."""
    return max(1, min(num_encounters, sizes.num_uavs - 1 + sizes.num_obstacles))


def empty_observation(num_worlds: int, sizes: Sizes, num_encounters: int) -> Observation[NDArray[np.generic]]:
    """Arrays for B worlds; what they hold has no meaning yet."""
    b, n, o, c = num_worlds, sizes.num_uavs, sizes.num_obstacles, num_encounter_slots(sizes, num_encounters)
    return Observation(
        uav=np.empty((b, n, UAV_FEATURES), dtype=np.float32),
        target=np.empty((b, 0, 0), dtype=np.float32),
        obstacle=np.empty((b, o, OBSTACLE_FEATURES), dtype=np.float32),
        position=np.empty((b, n + o, 2), dtype=np.float32),
        mask=np.empty((b, n + o), dtype=np.bool_),
        neighbours=np.empty((b, n, num_neighbour_slots(n, 0, o)), dtype=np.int16),
        candidates=np.empty((b, n, c), dtype=np.int16),
        pair=np.empty((b, n, c, ENCOUNTER_FEATURES), dtype=np.float32),
        action_mask=np.empty((b, n, 1 + c), dtype=np.bool_),
        decides=np.empty((b, n), dtype=np.bool_),
    )


@njit(cache=True, _nrt=False)
def write_observation(
    state: NavigateState,
    physics: Physics,
    found: Nearest,
    near_uavs: Nearest,
    near_zones: Nearest,
    observation: Observation[NDArray[np.generic]],
) -> None:
    """Fills the arrays of an observation; `found`, `near_uavs` and `near_zones` are scratch."""
    for b in range(state.time_s.shape[0]):
        _write_zones(state, b, physics, observation)
        arrived_share = _arrived_share(state, b)
        time_left_s = max(np.float64(state.time_limit_s[b]) - state.time_s[b], 0.0)
        time_left_share = time_left_s / max(np.float64(state.time_limit_s[b]), _INSTANT_S)
        time_left_m = time_left_s * physics.max_speed_mps
        for i in range(state.uav_exists.shape[1]):
            observation.mask[b, i] = state.uav_exists[b, i]
            observation.decides[b, i] = state.uav_exists[b, i] and not state.uav_arrived[b, i]
            for c in range(observation.action_mask.shape[2]):
                observation.action_mask[b, i, c] = c == 0 and state.uav_exists[b, i]
            if state.uav_exists[b, i]:
                _place(state, b, i, state.uav_position_m[b, i, 0], state.uav_position_m[b, i, 1], physics, observation)
                write_uav_row(state, b, i, arrived_share, time_left_share, time_left_m, physics, observation.uav[b, i])
                num_uavs = _find_uavs(state, b, i, observation, found, near_uavs)
                num_zones = _find_zones(state, b, i, observation, near_zones)
                _write_neighbours(state, b, i, num_uavs, num_zones, near_uavs, near_zones, observation)
                _write_encounters(state, b, i, num_uavs, num_zones, near_uavs, near_zones, physics, observation)
            else:
                _write_nothing(b, i, observation)


@njit(cache=True, _nrt=False, inline="always")
def _arrived_share(state, b):  # type: ignore[no-untyped-def]
    num_arrived, count = 0, 0
    for i in range(state.uav_exists.shape[1]):
        count += state.uav_exists[b, i]
        num_arrived += state.uav_arrived[b, i]
    return num_arrived / max(count, 1)


@njit(cache=True, _nrt=False, inline="always")
def _place(state, b, entity, x, y, physics, observation):  # type: ignore[no-untyped-def]
    """Places an entity relative to the area's centre."""
    observation.position[b, entity, 0] = (x - 0.5 * state.area_m[b, 0]) * physics.per_sensing_radius
    observation.position[b, entity, 1] = (y - 0.5 * state.area_m[b, 1]) * physics.per_sensing_radius


@njit(cache=True, _nrt=False, inline="always")
def _write_zones(state, b, physics, observation):  # type: ignore[no-untyped-def]
    first = state.uav_exists.shape[1]
    for o in range(state.obstacle_exists.shape[1]):
        observation.mask[b, first + o] = state.obstacle_exists[b, o]
        if state.obstacle_exists[b, o]:
            center_x, center_y = state.obstacle_center_m[b, o, 0], state.obstacle_center_m[b, o, 1]
            _place(state, b, first + o, center_x, center_y, physics, observation)
            write_zone_row(state, b, o, physics, observation.obstacle[b, o])
        else:
            observation.position[b, first + o, 0] = 0.0
            observation.position[b, first + o, 1] = 0.0
            for column in range(observation.obstacle.shape[2]):
                observation.obstacle[b, o, column] = 0.0


@njit(cache=True, _nrt=False, inline="always")
def _write_nothing(b, i, observation):  # type: ignore[no-untyped-def]
    """The rows of a UAV that does not exist."""
    observation.position[b, i, 0] = 0.0
    observation.position[b, i, 1] = 0.0
    for column in range(observation.uav.shape[2]):
        observation.uav[b, i, column] = 0.0
    for slot in range(observation.neighbours.shape[2]):
        observation.neighbours[b, i, slot] = -1
    for c in range(observation.candidates.shape[2]):
        _write_no_encounter(b, i, c, observation)


@njit(cache=True, _nrt=False, inline="always")
def _write_no_encounter(b, i, c, observation):  # type: ignore[no-untyped-def]
    observation.candidates[b, i, c] = -1
    for column in range(observation.pair.shape[3]):
        observation.pair[b, i, c, column] = 0.0


@njit(cache=True, _nrt=False, inline="always")
def _find_uavs(state, b, i, observation, found, nearest):  # type: ignore[no-untyped-def]
    """Lists the UAVs nearest to UAV i by squared distance: as many as neighbours or encounters can take."""
    x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
    num_uavs, count = state.uav_exists.shape[1], 0
    if num_uavs <= MAX_RANKED:
        for j in range(num_uavs):
            if j != i and state.uav_exists[b, j]:
                dx, dy = state.uav_position_m[b, j, 0] - x, state.uav_position_m[b, j, 1] - y
                found.distances_m[count] = dx * dx + dy * dy
                found.indices[count] = j
                count += 1
        sort_nearest(found, count, nearest)
        return count
    limit, worst = max(np.int64(state.k[b]), observation.candidates.shape[2]), np.inf
    for j in range(num_uavs):
        dx, dy = state.uav_position_m[b, j, 0] - x, state.uav_position_m[b, j, 1] - y
        distance2 = dx * dx + dy * dy
        if distance2 < worst and j != i and state.uav_exists[b, j]:
            count = insert_nearest(nearest, count, limit, distance2, j)
            worst = nearest.distances_m[limit - 1] if count == limit else np.inf
    return count


@njit(cache=True, _nrt=False, inline="always")
def _find_zones(state, b, i, observation, nearest):  # type: ignore[no-untyped-def]
    """Lists the zones nearest to UAV i by the distance to their edge."""
    x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
    limit = max(np.int64(state.k[b]), observation.candidates.shape[2])
    count = 0
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            count = insert_nearest(nearest, count, limit, gap_m(state, b, o, x, y), o)
    return count


@njit(cache=True, _nrt=False, inline="always")
def _write_neighbours(state, b, i, num_uavs, num_zones, near_uavs, near_zones, observation):  # type: ignore[no-untyped-def]
    """The k nearest UAVs, and behind their group of slots the k nearest zones."""
    first = state.uav_exists.shape[1]
    num_slots = min(MAX_NEIGHBOURS, first)
    k = np.int64(state.k[b])
    for slot in range(num_slots):
        observation.neighbours[b, i, slot] = near_uavs.indices[slot] if slot < min(k, num_uavs) else -1
    for slot in range(observation.neighbours.shape[2] - num_slots):
        entity = first + near_zones.indices[slot] if slot < min(k, num_zones) else -1
        observation.neighbours[b, i, num_slots + slot] = entity


@njit(cache=True, _nrt=False, inline="always")
def _write_encounters(state, b, i, num_uavs, num_zones, near_uavs, near_zones, physics, observation):  # type: ignore[no-untyped-def]
    """Merges the two lists by gap, and writes a row for each body."""
    next_uav, next_zone = 0, 0
    for c in range(observation.candidates.shape[2]):
        uav_gap = zone_gap = distance = np.inf
        if next_uav < num_uavs:
            distance = math.sqrt(near_uavs.distances_m[next_uav])
            uav_gap = distance - physics.collision_distance_m
        if next_zone < num_zones:
            zone_gap = near_zones.distances_m[next_zone] - 0.5 * physics.collision_distance_m
        if uav_gap == np.inf and zone_gap == np.inf:
            _write_no_encounter(b, i, c, observation)
        elif uav_gap <= zone_gap:
            _meet_uav(state, b, i, near_uavs.indices[next_uav], distance, uav_gap, physics, c, observation)
            next_uav += 1
        else:
            _meet_zone(state, b, i, near_zones.indices[next_zone], zone_gap, physics, c, observation)
            next_zone += 1


@njit(cache=True, _nrt=False, inline="always")
def _meet_uav(state, b, i, j, distance, gap, physics, c, observation):  # type: ignore[no-untyped-def]
    dx = np.float64(state.uav_position_m[b, j, 0]) - state.uav_position_m[b, i, 0]
    dy = np.float64(state.uav_position_m[b, j, 1]) - state.uav_position_m[b, i, 1]
    wx = np.float64(state.uav_velocity_mps[b, j, 0]) - state.uav_velocity_mps[b, i, 0]
    wy = np.float64(state.uav_velocity_mps[b, j, 1]) - state.uav_velocity_mps[b, i, 1]
    observation.candidates[b, i, c] = j
    write_encounter_row(
        state,
        b,
        i,
        dx,
        dy,
        wx,
        wy,
        distance,
        gap,
        0.0,
        False,
        state.uav_arrived[b, j],
        physics,
        observation.pair[b, i, c],
    )


@njit(cache=True, _nrt=False, inline="always")
def _meet_zone(state, b, i, o, gap, physics, c, observation):  # type: ignore[no-untyped-def]
    x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
    edge_x, edge_y = edge_point(state, b, o, x, y)
    wx, wy = -np.float64(state.uav_velocity_mps[b, i, 0]), -np.float64(state.uav_velocity_mps[b, i, 1])
    radius_m = np.float64(state.obstacle_radius_m[b, o])
    distance = abs(gap + 0.5 * physics.collision_distance_m)
    observation.candidates[b, i, c] = state.uav_exists.shape[1] + o
    write_encounter_row(
        state,
        b,
        i,
        edge_x - x,
        edge_y - y,
        wx,
        wy,
        distance,
        gap,
        radius_m,
        True,
        False,
        physics,
        observation.pair[b, i, c],
    )
