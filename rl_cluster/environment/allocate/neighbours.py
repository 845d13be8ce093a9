"""Who attends to whom, and which targets a UAV may choose: nearest-first lists of task `allocate`.

`environment/nearest.py` says how many neighbours there are. Ties of distance go to the lower index.
"""

import math

from numba import njit

from rl_cluster.environment.allocate.intent import Intent
from rl_cluster.environment.allocate.legality import is_open
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.nearest import MAX_NEIGHBOURS, Nearest, insert_nearest
from rl_cluster.types import IntArray

__all__ = ["find_candidates", "find_neighbours"]


@njit(cache=True, _nrt=False)
def _nearest_uavs(state, b, x, y, skip, k, nearest):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(state.uav_exists.shape[1]):
        if i != skip and state.uav_exists[b, i]:
            d = math.hypot(state.uav_position_m[b, i, 0] - x, state.uav_position_m[b, i, 1] - y)
            count = insert_nearest(nearest, count, k, d, i)
    return count


@njit(cache=True, _nrt=False)
def _nearest_targets(state, b, x, y, k, nearest):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(state.target_exists.shape[1]):
        if is_open(state, b, j):
            d = math.hypot(state.target_position_m[b, j, 0] - x, state.target_position_m[b, j, 1] - y)
            count = insert_nearest(nearest, count, k, d, j)
    return count


@njit(cache=True, _nrt=False)
def _nearest_obstacles(state, b, x, y, k, nearest):  # type: ignore[no-untyped-def]
    count = 0
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            center = state.obstacle_center_m[b, o]
            d = math.hypot(center[0] - x, center[1] - y) - state.obstacle_radius_m[b, o]
            count = insert_nearest(nearest, count, k, d, o)
    return count


@njit(cache=True, _nrt=False)
def _copy(nearest, count, offset, row):  # type: ignore[no-untyped-def]
    for slot in range(count):
        row[slot] = nearest.indices[slot] + offset


@njit(cache=True, _nrt=False)
def find_neighbours(state: AllocateState, b: int, nearest: Nearest, neighbours: IntArray) -> None:
    """Writes neighbours[b] (N + M, W) of entity indices into an array that holds -1: see `Observation.neighbours`."""
    num_uavs, num_targets = state.uav_exists.shape[1], state.target_exists.shape[1]
    num_obstacles = state.obstacle_exists.shape[1]
    k = state.k[b]
    target_slot = min(MAX_NEIGHBOURS, num_uavs)
    obstacle_slot = target_slot + min(MAX_NEIGHBOURS, num_targets)
    for i in range(num_uavs):
        if not state.uav_exists[b, i]:
            continue
        x, y = state.uav_position_m[b, i, 0], state.uav_position_m[b, i, 1]
        row = neighbours[b, i]
        _copy(nearest, _nearest_uavs(state, b, x, y, i, min(k, num_uavs), nearest), 0, row)
        count = _nearest_targets(state, b, x, y, min(k, num_targets), nearest)
        _copy(nearest, count, num_uavs, row[target_slot:])
        if num_obstacles > 0:
            count = _nearest_obstacles(state, b, x, y, min(k, num_obstacles), nearest)
            _copy(nearest, count, num_uavs + num_targets, row[obstacle_slot:])
    for j in range(num_targets):
        if is_open(state, b, j):
            x, y = state.target_position_m[b, j, 0], state.target_position_m[b, j, 1]
            count = _nearest_uavs(state, b, x, y, -1, min(k, num_uavs), nearest)
            _copy(nearest, count, 0, neighbours[b, num_uavs + j])


@njit(cache=True, _nrt=False)
def find_candidates(state: AllocateState, b: int, intent: Intent, nearest: Nearest, candidates: IntArray) -> None:
    """Writes candidates[b] (N, C), an array that holds -1: the nearest legal targets (as of the intent) by distance.

    The current choice, while legal, is always among them: where it is not near enough, it takes the last slot.
    """
    limit = candidates.shape[2]
    for i in range(state.uav_exists.shape[1]):
        count, choice, has_choice = 0, state.uav_choice[b, i], False
        for j in range(state.target_exists.shape[1]):
            if intent.legal[i, j]:
                count = insert_nearest(nearest, count, limit, intent.distance_m[i, j], j)
        for slot in range(count):
            candidates[b, i, slot] = nearest.indices[slot]
            has_choice |= nearest.indices[slot] == choice
        if choice >= 0 and not has_choice and intent.legal[i, choice]:
            candidates[b, i, limit - 1] = choice
