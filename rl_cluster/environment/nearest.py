"""Lists of the nearest, and how many of them attention sees: what the neighbours of both tasks share.

Attention's k = min(max(4, ceil(N/4)), 16), N = UAVs of the episode (Yehudai et al. 2021, arXiv 2010.08853: local
structure must keep its statistics for a graph network to transfer across size). In training it varies per episode, so
that the policy meets the k of larger teams. Ties of distance go to the lower index.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.random import TRAINING, key, uniform, uniform_int
from rl_cluster.types import IntArray

__all__ = [
    "MAX_NEIGHBOURS",
    "MAX_RANKED",
    "Nearest",
    "adaptive_k",
    "draw_k",
    "insert_nearest",
    "num_neighbour_slots",
    "sort_nearest",
    "training_k",
]

MAX_NEIGHBOURS = 16
"""Most neighbours of one kind that a row attends to."""
_K_COUNTER = 1 << 40
"""Counter of the k draws: far from those of the generator, which uses the same key."""


MAX_RANKED = 16
"""Entries up to which `sort_nearest` is the faster way."""


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


@njit(cache=True, _nrt=False)
def sort_nearest(found: Nearest, count: int, nearest: Nearest) -> None:
    """Writes the `count` entries of `found`, which stand in order of their index, into `nearest` by rising distance.

    Each entry is put at its rank, the number of entries before it: no branch depends on a distance, so a processor
    cannot guess wrong. For up to `MAX_RANKED` entries this beats insertion.
    """
    for j in range(count):
        rank, distance = 0, found.distances_m[j]
        for i in range(j):
            rank += found.distances_m[i] <= distance
        for i in range(j + 1, count):
            rank += found.distances_m[i] < distance
        nearest.distances_m[rank] = distance
        nearest.indices[rank] = found.indices[j]


def num_neighbour_slots(num_uavs: int, num_targets: int, num_obstacles: int) -> int:
    """W: slots of a neighbour row, a group per kind of entity, each up to 16 wide."""
    return sum(min(MAX_NEIGHBOURS, count) for count in (num_uavs, num_targets, num_obstacles))


@njit(cache=True, _nrt=False)
def insert_nearest(nearest: Nearest, count: int, limit: int, distance: float, index: int) -> int:
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
