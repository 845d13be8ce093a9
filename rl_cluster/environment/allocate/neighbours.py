"""Which entity attends to which, and which targets a UAV may choose: nearest-first lists of task `allocate`.

`environment/shared/nearest.py` says how many neighbours there are, `neighbour_slots` in `types.py` which slots they
take. Ties of distance go to the lower index.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.intent import Intent
from rl_cluster.environment.allocate.legality import is_open
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.nearest import Ranking, rank, slots_of
from rl_cluster.types import IntArray

__all__ = ["find_candidates", "find_neighbours"]


@njit(cache=True, _nrt=False, inline="always")
def _find_uavs(state, b, x, y, skip, ranking):  # type: ignore[no-untyped-def]  # numba infers the types
    """All UAVs but one, by the square of their distance; returns how many."""
    count = 0
    for i in range(state.uav_exists.shape[1]):
        if i != skip and state.uav_exists[b, i]:
            dx, dy = state.uav_position_m[b, i, 0] - x, state.uav_position_m[b, i, 1] - y
            ranking.found[count], ranking.keys[count] = i, dx * dx + dy * dy
            count += 1
    return count


@njit(cache=True, _nrt=False, inline="always")
def _find_targets(state, b, x, y, ranking):  # type: ignore[no-untyped-def]  # numba infers the types
    """All open targets, by the square of their distance; returns how many."""
    count = 0
    for j in range(state.target_exists.shape[1]):
        if is_open(state, b, j):
            dx, dy = state.target_position_m[b, j, 0] - x, state.target_position_m[b, j, 1] - y
            ranking.found[count], ranking.keys[count] = j, dx * dx + dy * dy
            count += 1
    return count


@njit(cache=True, _nrt=False, inline="always")
def _find_obstacles(state, b, x, y, ranking):  # type: ignore[no-untyped-def]  # numba infers the types
    """All zones, by the distance to their bounding circle; returns how many."""
    count = 0
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            dx, dy = state.obstacle_center_m[b, o, 0] - x, state.obstacle_center_m[b, o, 1] - y
            ranking.found[count] = o
            ranking.keys[count] = math.sqrt(dx * dx + dy * dy) - state.obstacle_radius_m[b, o]
            count += 1
    return count


@njit(cache=True, _nrt=False, inline="always")
def _write_nearest(ranking, count, k, offset, row):  # type: ignore[no-untyped-def]  # numba infers the types
    """The first k of what was found, as entity indices."""
    num_ranked = rank(ranking, count, k)
    for slot in range(min(num_ranked, k)):
        row[slot] = ranking.order[slot] + offset


@njit(cache=True, _nrt=False, inline="always")
def find_neighbours(state: AllocateState, b: int, ranking: Ranking, neighbours: IntArray) -> None:
    """Writes neighbours[b] (N + M, W) of entity indices into an array that holds -1: see `Observation.neighbours`."""
    num_uavs, num_targets = state.uav_exists.shape[1], state.target_exists.shape[1]
    k, slots = state.k[b], slots_of(num_uavs, num_targets, state.obstacle_exists.shape[1])
    for i in range(num_uavs):
        if not state.uav_exists[b, i]:
            continue
        x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
        row = neighbours[b, i]
        _write_nearest(ranking, _find_uavs(state, b, x, y, i, ranking), k, 0, row)
        _write_nearest(ranking, _find_targets(state, b, x, y, ranking), k, num_uavs, row[slots.targets :])
        count = _find_obstacles(state, b, x, y, ranking)
        _write_nearest(ranking, count, k, num_uavs + num_targets, row[slots.obstacles :])
    for j in range(num_targets):
        if is_open(state, b, j):
            x, y = np.float64(state.target_position_m[b, j, 0]), np.float64(state.target_position_m[b, j, 1])
            _write_nearest(ranking, _find_uavs(state, b, x, y, -1, ranking), k, 0, neighbours[b, num_uavs + j])


@njit(cache=True, _nrt=False, inline="always")
def find_candidates(state: AllocateState, b: int, intent: Intent, ranking: Ranking, candidates: IntArray) -> None:
    """Writes candidates[b] (N, C), an array that holds -1: the nearest legal targets (from the intent) by distance.

    The current choice, while legal, is always among them; if it is not near enough, it takes the last slot.
    """
    limit = candidates.shape[2]
    for i in range(state.uav_exists.shape[1]):
        count, choice, has_choice = 0, state.uav_choice[b, i], False
        for j in range(state.target_exists.shape[1]):
            if intent.legal[i, j]:
                ranking.found[count], ranking.keys[count] = j, intent.distance_m[i, j]
                count += 1
        _write_nearest(ranking, count, limit, 0, candidates[b, i])
        for slot in range(min(count, limit)):
            has_choice |= candidates[b, i, slot] == choice
        if choice >= 0 and not has_choice and intent.legal[i, choice]:
            candidates[b, i, limit - 1] = choice
