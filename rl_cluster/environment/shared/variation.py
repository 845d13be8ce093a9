"""Variations of a given episode: draws that are keyed like every other, and places that are moved but stay free.

Placement never loops on rejection: a shift that ends where nothing may stand is halved a few times, and then left out.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.shared.keyed_random import EVALUATION, TRAINING, key, uniform, uniform_int
from rl_cluster.environment.shared.obstacles import Zones, gap_m
from rl_cluster.types import FloatArray

__all__ = ["Draws", "draws_of", "moved", "zones_of_row"]

_BESIDE_M = 1.0
"""Metres that a moved place keeps from zones."""
_HALVINGS = 8


class Draws(NamedTuple):
    """All draws of one episode."""

    key: np.uint64

    def uniform(self, first: int, num: int) -> NDArray[np.float64]:
        """(num,) the draws of the counters from `first` on, in (0, 1)."""
        return _uniform(self.key, first, num)

    def between_logs(self, first: int, num: int, low_high: tuple[float, float]) -> NDArray[np.float64]:
        """(num,) log-uniform between low and high."""
        low, high = np.log(low_high)
        return np.exp(low + (high - low) * self.uniform(first, num))

    def whole(self, counter: int, low_high: tuple[int, int]) -> int:
        """A whole number from low to high, both included."""
        return int(uniform_int(self.key, counter, *low_high))


def draws_of(seed: int, world: int, episode: int, *, is_training: bool) -> Draws:
    """The draws of an episode; those of training and of evaluation have nothing in common."""
    return Draws(np.uint64(key(seed, TRAINING if is_training else EVALUATION, world, episode)))


@njit(cache=True)
def _uniform(episode_key, first, num):  # type: ignore[no-untyped-def]  # numba infers the types
    values = np.empty(num, dtype=np.float64)
    for position in range(num):
        values[position] = uniform(episode_key, first + position)
    return values


def zones_of_row(state: Any, row: int) -> Zones:
    """The zones of one world of a task's state."""
    return Zones(*(getattr(state, name)[row : row + 1] for name in Zones._fields))


def moved(
    at_m: FloatArray, reach_m: float, draws: Draws, first: int, zones: Zones, area_m: FloatArray, apart_m: float = 0.0
) -> FloatArray:
    """Places (K, 2), each moved uniformly in a disc; it stays where it is if no shorter shift of it is free either.

    Args:
        at_m: As they are given.
        reach_m: The disc's radius.
        draws: Of the episode.
        first: The first of 2 K counters.
        zones: Of one world, from which a moved place keeps a metre.
        area_m: (2,) within which it stays.
        apart_m: The least distance to the other places.
    """
    new_m = at_m.copy()
    if reach_m > 0.0 and len(at_m) > 0:
        drawn = draws.uniform(first, 2 * len(at_m)).reshape(-1, 2)
        length_m, angle_rad = reach_m * np.sqrt(drawn[:, 0]), 2.0 * math.pi * drawn[:, 1]
        shift_m = np.stack([length_m * np.cos(angle_rad), length_m * np.sin(angle_rad)], axis=1)
        _move(new_m, shift_m, zones, area_m, apart_m)
    return new_m


@njit(cache=True)
def _move(at_m, shift_m, zones, area_m, apart_m):  # type: ignore[no-untyped-def]  # numba infers the types
    for k in range(at_m.shape[0]):
        share = 1.0
        for _ in range(_HALVINGS):
            x = np.float32(at_m[k, 0] + share * shift_m[k, 0])
            y = np.float32(at_m[k, 1] + share * shift_m[k, 1])
            if _is_free(at_m, k, x, y, zones, area_m, apart_m):
                at_m[k, 0], at_m[k, 1] = x, y
                break
            share *= 0.5


@njit(cache=True)
def _is_free(at_m, k, x, y, zones, area_m, apart_m):  # type: ignore[no-untyped-def]  # numba infers the types
    if not (0.0 <= x <= area_m[0] and 0.0 <= y <= area_m[1]):
        return False
    for o in range(zones.obstacle_exists.shape[1]):
        if zones.obstacle_exists[0, o] and gap_m(zones, 0, o, np.float64(x), np.float64(y)) < _BESIDE_M:
            return False
    if apart_m > 0.0:
        for i in range(at_m.shape[0]):
            if i != k and math.hypot(at_m[i, 0] - x, at_m[i, 1] - y) < apart_m:
                return False
    return True
