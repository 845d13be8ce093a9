"""Who attends to whom, and which targets a UAV may choose: nearest-first lists.

Attention's k = min(max(4, ceil(N/4)), 16), N = UAVs of the episode (Yehudai et al. 2021, arXiv 2010.08853: local
structure must keep its statistics for a graph network to transfer across size). In training it varies per episode, so
that the policy meets the k of larger teams. Ties of distance go to the lower index.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.delivery import distance_m, is_legal, is_open
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.random import TRAINING, key, uniform, uniform_int
from rl_cluster.types import IntArray

__all__ = [
    "MAX_NEIGHBOURS",
    "Nearest",
    "adaptive_k",
    "draw_k",
    "find_candidates",
    "find_neighbours",
    "num_neighbour_slots",
    "training_k",
]

MAX_NEIGHBOURS = 16
"""Most neighbours of one kind that a row attends to."""
_K_COUNTER = 1 << 40
"""Counter of the k draws: far from those of the generator, which uses the same key."""


class Nearest(NamedTuple):
    """Scratch of the searches: the nearest so far, by rising distance."""

    distances_m: NDArray[np.float64]
    """(64,)"""
    indices: IntArray
    """(64,)"""

    @classmethod
    def empty(cls) -> "Nearest":
        """Room for the longest list that the config allows."""
        return cls(np.zeros(64, dtype=np.float64), np.zeros(64, dtype=np.int16))


@njit(cache=True, _nrt=False)
def adaptive_k(num_uavs: int) -> int:
    """k = min(max(4, ceil(N / 4)), 16)."""
    return min(max(4, math.ceil(num_uavs / 4)), MAX_NEIGHBOURS)


@njit(cache=True, _nrt=False)
def training_k(num_uavs: int, seed: int, world: int, episode: int, jitter: int, wide_share: float) -> int:
    """k + U{-jitter..jitter} clipped to [1, 16], or with probability `wide_share` uniform in [4, 16]; keyed."""
    episode_key = key(seed, TRAINING, world, episode)
    if uniform(episode_key, _K_COUNTER) < wide_share:
        return uniform_int(episode_key, _K_COUNTER + 1, 4, MAX_NEIGHBOURS)
    shifted = adaptive_k(num_uavs) + uniform_int(episode_key, _K_COUNTER + 2, -jitter, jitter)
    return min(max(shifted, 1), MAX_NEIGHBOURS)


@njit(cache=True)
def draw_k(  # type: ignore[no-untyped-def]
    state, rows, first_world: int, seed: int, is_training: bool, jitter: int, wide_share: float
) -> None:
    """Writes state.k of the rows: `training_k` in training, else `adaptive_k`."""
    for row in rows:
        num_uavs = state.uav_exists[row].sum()
        if is_training:
            world, episode = first_world + row, state.episode[row]
            state.k[row] = training_k(num_uavs, seed, world, episode, jitter, wide_share)
        else:
            state.k[row] = adaptive_k(num_uavs)


def num_neighbour_slots(num_uavs: int, num_targets: int, num_obstacles: int) -> int:
    """W: slots of a neighbour row, a group per kind of entity, each up to 16 wide."""
    return sum(min(MAX_NEIGHBOURS, count) for count in (num_uavs, num_targets, num_obstacles))


@njit(cache=True, _nrt=False)
def _insert(nearest, count, limit, distance, index):  # type: ignore[no-untyped-def]
    """Insertion into a list of the `limit` nearest, kept sorted; returns the new count."""
    if count == limit and distance >= nearest.distances_m[count - 1]:
        return count
    slot = min(count, limit - 1)
    while slot > 0 and nearest.distances_m[slot - 1] > distance:
        nearest.distances_m[slot] = nearest.distances_m[slot - 1]
        nearest.indices[slot] = nearest.indices[slot - 1]
        slot -= 1
    nearest.distances_m[slot] = distance
    nearest.indices[slot] = index
    return min(count + 1, limit)


@njit(cache=True, _nrt=False)
def _nearest_uavs(state, b, x, y, skip, k, nearest):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(state.uav_exists.shape[1]):
        if i != skip and state.uav_exists[b, i]:
            d = math.hypot(state.uav_position_m[b, i, 0] - x, state.uav_position_m[b, i, 1] - y)
            count = _insert(nearest, count, k, d, i)
    return count


@njit(cache=True, _nrt=False)
def _nearest_targets(state, b, x, y, k, nearest):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(state.target_exists.shape[1]):
        if is_open(state, b, j):
            d = math.hypot(state.target_position_m[b, j, 0] - x, state.target_position_m[b, j, 1] - y)
            count = _insert(nearest, count, k, d, j)
    return count


@njit(cache=True, _nrt=False)
def _nearest_obstacles(state, b, x, y, k, nearest):  # type: ignore[no-untyped-def]
    count = 0
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            center = state.obstacle_center_m[b, o]
            d = math.hypot(center[0] - x, center[1] - y) - state.obstacle_radius_m[b, o]
            count = _insert(nearest, count, k, d, o)
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
def find_candidates(state: AllocateState, b: int, nearest: Nearest, candidates: IntArray) -> None:
    """Writes candidates[b] (N, C), an array that holds -1: the nearest legal targets by rising distance.

    The current choice, while legal, is always among them: where it is not near enough, it takes the last slot.
    """
    limit = candidates.shape[2]
    for i in range(state.uav_exists.shape[1]):
        count, choice, has_choice = 0, state.uav_choice[b, i], False
        for j in range(state.target_exists.shape[1]):
            if is_legal(state, b, i, j):
                count = _insert(nearest, count, limit, distance_m(state, b, i, j), j)
        for slot in range(count):
            candidates[b, i, slot] = nearest.indices[slot]
            has_choice |= nearest.indices[slot] == choice
        if choice >= 0 and not has_choice and is_legal(state, b, i, choice):
            candidates[b, i, limit - 1] = choice
