"""Lists of the nearest entities, and how many of them attention sees: shared by the neighbours of both tasks.

Attention's k is a quarter of the UAVs of the episode, within bounds (Yehudai et al. 2021, arXiv 2010.08853: local
structure must keep its statistics for a graph network to transfer across size). In training it varies per episode, so
that the policy meets the k of larger teams. `types.py` has its range, and the slots that neighbours stand in. Ties of
distance go to the lower index.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.shared.keyed_random import TRAINING, key, uniform, uniform_int
from rl_cluster.types import MAX_NEIGHBOURS, MIN_NEIGHBOURS, neighbour_slots

__all__ = [
    "MAX_RANKED",
    "SMALL_TEAM_K",
    "UAVS_PER_NEIGHBOUR",
    "Ranking",
    "adaptive_k",
    "draw_k",
    "rank",
    "slots_of",
    "training_k",
]

SMALL_TEAM_K = 4
"""The least k, for teams of which a quarter is fewer."""
UAVS_PER_NEIGHBOUR = 4
_K_COUNTER = 1 << 40
"""Counter of the k draws: far from those of the generator, which uses the same key."""


MAX_RANKED = 128
"""Up to this many entities, ranking all of them beats insertion into a list of the nearest."""
_LANES = 16
"""The size of the groups in which keys are counted."""


slots_of = njit(_nrt=False, inline="always")(neighbour_slots)
"""`neighbour_slots` for kernels."""


class Ranking(NamedTuple):
    """Scratch arrays of `rank`: what was found, in order of index, and its order by key."""

    found: NDArray[np.int64]
    """(P,) entity indices"""
    keys: NDArray[np.float64]
    """(P,) metres, or another quantity to order by"""
    order: NDArray[np.int64]
    """(P,) entity indices in order of increasing key"""

    @classmethod
    def empty(cls, size: int) -> "Ranking":
        """Room for `size` entities."""
        padded = (size // _LANES + 1) * _LANES
        return cls(np.zeros(padded, dtype=np.int64), np.zeros(padded), np.zeros(padded, dtype=np.int64))


@njit(cache=True, _nrt=False)
def adaptive_k(num_uavs: int) -> int:
    """k in evaluation: ceil(N / UAVS_PER_NEIGHBOUR), at least that of small teams, at most the highest."""
    return min(max(SMALL_TEAM_K, math.ceil(num_uavs / UAVS_PER_NEIGHBOUR)), MAX_NEIGHBOURS)


@njit(cache=True, _nrt=False)
def training_k(num_uavs: int, seed: int, world: int, episode: int, jitter: int, wide_share: float) -> int:
    """k in training, keyed.

    k + U{-jitter..jitter} clipped to its range, or with probability `wide_share` uniform from that of small teams up.
    """
    episode_key = key(seed, TRAINING, world, episode)
    if uniform(episode_key, _K_COUNTER) < wide_share:
        return uniform_int(episode_key, _K_COUNTER + 1, SMALL_TEAM_K, MAX_NEIGHBOURS)
    shifted = adaptive_k(num_uavs) + uniform_int(episode_key, _K_COUNTER + 2, -jitter, jitter)
    return min(max(shifted, MIN_NEIGHBOURS), MAX_NEIGHBOURS)


@njit(cache=True)
def draw_k(  # type: ignore[no-untyped-def]  # numba infers the types
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


@njit(cache=True, _nrt=False, inline="always")
def rank(ranking: Ranking, count: int, limit: int) -> int:
    """Puts the first `count` of `found` into `order` by increasing key, at least the first `limit`; returns how many.

    Up to `MAX_RANKED` of them, each is put at its rank, the number of smaller keys: no branch depends on a key, so a
    processor cannot guess wrong, and the counting runs on its vector unit. Beyond, insertion does less.
    """
    if count > MAX_RANKED:
        num_ranked = _insert_all(ranking, count, limit)
    else:
        num_ranked = count
        _rank_all(ranking, count)
    for place in range(num_ranked):
        ranking.order[place] = ranking.found[ranking.order[place]]
    return num_ranked


@njit(cache=True, _nrt=False, inline="always")
def _rank_all(ranking, count):  # type: ignore[no-untyped-def]  # numba infers the types
    for j in range(count):
        ranking.order[j] = -1
    padded = count
    if count > _LANES // 2:
        padded = (count + _LANES - 1) // _LANES * _LANES
        for j in range(count, padded):
            ranking.keys[j] = np.inf
    for j in range(count):
        place, key = 0, ranking.keys[j]
        for i in range(padded):
            place += ranking.keys[i] < key
        while ranking.order[place] >= 0:  # equal keys: the lower index came first
            place += 1
        ranking.order[place] = j


@njit(cache=True, _nrt=False)
def _insert_all(ranking, count, limit):  # type: ignore[no-untyped-def]  # numba infers the types
    num_ranked = 0
    for j in range(count):
        key = ranking.keys[j]
        if num_ranked < limit or key < ranking.keys[ranking.order[num_ranked - 1]]:
            place = min(num_ranked, limit - 1)
            while place > 0 and ranking.keys[ranking.order[place - 1]] > key:
                ranking.order[place] = ranking.order[place - 1]
                place -= 1
            ranking.order[place] = j
            num_ranked = min(num_ranked + 1, limit)
    return num_ranked
