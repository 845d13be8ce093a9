"""Which part of a generator's mixture an episode is drawn from.

The episodes of neighbouring worlds, and those of one world, take the points of a Weyl sequence in two indices (world
times one irrational plus episode times another, modulo 1) from a keyed start. So any block of worlds and episodes, such
as one env runner's or an evaluation's, has nearly the requested shares, whatever its size.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.shared.keyed_random import MIXTURE, key, uniform

__all__ = ["parts_of_episodes"]

OF_WORLD, OF_EPISODE = 0.6180339887498949, 0.4142135623730951
"""The golden ratio's and the silver ratio's fractions: no sum of whole multiples is whole."""


@njit(cache=True, _nrt=False)
def _start(seed: int, stream: int) -> float:
    """Where the sequence begins, in (0, 1)."""
    return uniform(key(seed, MIXTURE, stream, 0), 0)


def parts_of_episodes(
    shares: Sequence[float], seed: int, stream: int, worlds: NDArray[np.int64], episodes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The part, from 0, that each of these episodes is drawn from.

    Args:
        shares: Of the episodes, by part; 1 together.
        seed: The run's seed.
        stream: Tells the episodes of training from those of evaluation.
        worlds: (E,) numbers of worlds.
        episodes: (E,) numbers of episodes within their worlds.
    """
    points = (_start(seed, stream) + worlds * OF_WORLD + episodes * OF_EPISODE) % 1.0
    return np.minimum(np.searchsorted(np.cumsum(shares), points, side="right"), len(shares) - 1)
