"""What an episode's operator prefers: weights of crowding, time and distance against served targets, whose weight is 1.

Multi-objective reinforcement learning with one network (Abels et al. 2019, "Dynamic weights in multi-objective deep
reinforcement learning", arXiv 1809.07803): the weights are drawn for each training episode, multiply the terms of the
reward, and are features of every UAV, so that the network learns the best policy for each of them. Whoever plays it
chooses them (`told`). With weights of 1, which episodes for evaluation have, reward and features are what they are
without preferences.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.config.allocate_generator import AllocateGeneratorConfig
from rl_cluster.environment.allocate.columns import UavBlock, UavColumn
from rl_cluster.environment.allocate.reward import PREFERENCES
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.keyed_random import PREFERENCE, key, uniform
from rl_cluster.types import FloatArray, Observation

__all__ = ["as_feature", "draw_preferences", "preference_ranges", "told"]

_COLUMNS = (UavColumn.PREFER_CROWDING, UavColumn.PREFER_TIME, UavColumn.PREFER_DISTANCE)


def preference_ranges(config: AllocateGeneratorConfig) -> dict[str, tuple[float, float]]:
    """Preference -> lowest and highest weight in training, in the order of `PREFERENCES`."""
    ranges = {"crowding": config.prefer_crowding, "time": config.prefer_time, "distance": config.prefer_distance}
    assert list(ranges) == list(PREFERENCES)
    return ranges


def draw_preferences(
    state: AllocateState,
    rows: NDArray[np.int64],
    world_numbers: NDArray[np.int64],
    seed: int,
    ranges: Mapping[str, tuple[float, float]],
) -> None:
    """Draws the weights of the rows' episodes, log-uniform within their ranges, keyed by (seed, world, episode)."""
    _draw(state, rows, world_numbers, seed, np.log(list(ranges.values())))


@njit(cache=True)
def _draw(state, rows, world_numbers, seed, log_ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    for position, b in enumerate(rows):
        draws = key(seed, PREFERENCE, world_numbers[position], state.episode[b])
        for p in range(log_ranges.shape[0]):
            low, high = log_ranges[p]
            state.preference[b, p] = math.exp(low + (high - low) * uniform(draws, p))


def told(observation: Observation[NDArray[Any]], weights: FloatArray, num_resources: int) -> Observation[NDArray[Any]]:
    """The observation as if the episodes' operators preferred `weights` (len(PREFERENCES),), whatever they do."""
    uav = observation.uav.copy()
    exists = observation.mask[..., : uav.shape[-2]]
    for column, weight in zip(_COLUMNS, weights, strict=True):
        uav[..., len(UavBlock) * num_resources + column] = np.where(exists, as_feature(weight), 0.0)
    return observation._replace(uav=uav)


@njit(cache=True, inline="always")
def as_feature(weight: float) -> float:
    """log2 of the weight / 2, within +-3: 0 for the weight 1."""
    return min(max(0.5 * math.log2(max(weight, 1e-6)), -3.0), 3.0)
