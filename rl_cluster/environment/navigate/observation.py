"""The observation of a batch of worlds of task `navigate`: rows of `features.py`, and lists of near bodies.

`Observation` in `types.py` says what each array means. There are no targets (M = 0); candidates are *encounters*: the
entity indices of the bodies nearest to a UAV by gap. The kernel writes every element, so arrays may be used again.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.navigate.columns import FEATURES
from rl_cluster.environment.navigate.features import write_encounter_row, write_uav_row, write_zone_row
from rl_cluster.environment.navigate.physics import Physics
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.navigate.surroundings import Surroundings, look_around, meet_world
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.nearest import slots_of
from rl_cluster.types import Observation, neighbour_slots

__all__ = ["empty_observation", "num_encounter_slots", "write_observation"]


_INSTANT_S = 1e-6
"""Keeps shares of time finite in rows that were never filled."""


def num_encounter_slots(sizes: Sizes, num_encounters: int) -> int:
    """C: the requested number of encounters, but no more than there can be, and at least 1."""
    return max(1, min(num_encounters, sizes.num_uavs - 1 + sizes.num_obstacles))


def empty_observation(num_worlds: int, sizes: Sizes, num_encounters: int) -> Observation[NDArray[np.generic]]:
    """Arrays for B worlds; their content is meaningless until they are filled."""
    (n, m, o, r, *_), b, c = sizes, num_worlds, num_encounter_slots(sizes, num_encounters)
    return Observation(
        uav=np.empty((b, n, FEATURES.uav.width(r)), dtype=np.float32),
        target=np.empty((b, m, FEATURES.target.width(r)), dtype=np.float32),
        obstacle=np.empty((b, o, FEATURES.obstacle.width(r)), dtype=np.float32),
        position=np.empty((b, n + o, 2), dtype=np.float32),
        mask=np.empty((b, n + o), dtype=np.bool_),
        neighbours=np.empty((b, n, neighbour_slots(n, m, o).width), dtype=np.int16),
        candidates=np.empty((b, n, c), dtype=np.int16),
        pair=np.empty((b, n, c, FEATURES.pair.width(r)), dtype=np.float32),
        action_mask=np.empty((b, n, 1 + c), dtype=np.bool_),
        decides=np.empty((b, n), dtype=np.bool_),
    )


@njit(cache=True, _nrt=False)
def write_observation(
    state: NavigateState,
    physics: Physics,
    around: Surroundings,
    observation: Observation[NDArray[np.generic]],
) -> None:
    """Fills the arrays of an observation; `around` is scratch."""
    for b in range(state.time_s.shape[0]):
        meet_world(state, b, physics, around)
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
                limit = max(np.int64(state.k[b]), observation.candidates.shape[2])
                num_uavs, num_zones = look_around(state, b, i, limit, physics, around)
                _write_neighbours(state, b, i, num_uavs, num_zones, around, observation)
                _write_encounters(state, b, i, num_uavs, num_zones, around, physics, observation)
            else:
                _write_nothing(b, i, observation)


@njit(cache=True, _nrt=False, inline="always")
def _arrived_share(state, b):  # type: ignore[no-untyped-def]  # numba infers the types
    num_arrived, count = 0, 0
    for i in range(state.uav_exists.shape[1]):
        count += state.uav_exists[b, i]
        num_arrived += state.uav_arrived[b, i]
    return num_arrived / max(count, 1)


@njit(cache=True, _nrt=False, inline="always")
def _place(state, b, entity, x, y, physics, observation):  # type: ignore[no-untyped-def]  # numba infers the types
    """Places an entity relative to the area's centre."""
    observation.position[b, entity, 0] = (x - 0.5 * state.area_m[b, 0]) * physics.per_sensing_radius
    observation.position[b, entity, 1] = (y - 0.5 * state.area_m[b, 1]) * physics.per_sensing_radius


@njit(cache=True, _nrt=False, inline="always")
def _write_zones(state, b, physics, observation):  # type: ignore[no-untyped-def]  # numba infers the types
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
def _write_nothing(b, i, observation):  # type: ignore[no-untyped-def]  # numba infers the types
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
def _write_no_encounter(b, i, c, observation):  # type: ignore[no-untyped-def]  # numba infers the types
    observation.candidates[b, i, c] = -1
    for column in range(observation.pair.shape[3]):
        observation.pair[b, i, c, column] = 0.0


@njit(cache=True, _nrt=False, inline="always")
def _write_neighbours(state, b, i, num_uavs, num_zones, around, observation):  # type: ignore[no-untyped-def]  # numba infers the types
    """The k nearest UAVs and the k nearest zones, each in the slots of their kind; -1 in the others."""
    slots = slots_of(state.uav_exists.shape[1], 0, state.obstacle_exists.shape[1])
    row, k = observation.neighbours[b, i], np.int64(state.k[b])
    for slot in range(slots.obstacles):
        row[slot] = -1
    for slot in range(min(k, num_uavs)):
        row[slot] = around.uavs.order[slot]
    for slot in range(slots.obstacles, slots.width):
        row[slot] = -1
    for slot in range(min(k, num_zones)):
        row[slots.obstacles + slot] = around.zones.order[slot]


@njit(cache=True, _nrt=False, inline="always")
def _write_encounters(state, b, i, num_uavs, num_zones, around, physics, observation):  # type: ignore[no-untyped-def]  # numba infers the types
    """Merges the two lists by gap, and writes a row for each body."""
    next_uav, next_zone, num_slots = 0, 0, observation.candidates.shape[2]
    count = min(num_slots, num_uavs + num_zones)
    for c in range(count):
        is_zone = next_zone < num_zones and (
            next_uav == num_uavs
            or around.gap_m[around.zones.order[next_zone]] < around.gap_m[around.uavs.order[next_uav]]
        )
        entity = around.zones.order[next_zone] if is_zone else around.uavs.order[next_uav]
        next_zone += is_zone
        next_uav += not is_zone
        observation.candidates[b, i, c] = entity
        write_encounter_row(state, b, i, entity, around, physics, observation.pair[b, i, c])
    for c in range(count, num_slots):
        _write_no_encounter(b, i, c, observation)
