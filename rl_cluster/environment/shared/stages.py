"""Which stage of a curriculum a world plays, and so from which ranges its episodes are drawn.

A world stays in its stage until the mixture changes. Every world makes as many steps as any other, so shares of worlds
are shares of steps. If stages were drawn for every episode, those of long episodes would get more than their share.
Neighbouring worlds take the points of a Weyl sequence (world number times the golden ratio, modulo 1) from a keyed
start. So any block of worlds, such as one env runner's, has nearly the requested shares, whatever its size.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.shared.keyed_random import STAGE, key, uniform
from rl_cluster.types import StageMix

__all__ = ["StageRanges", "stages_of_worlds"]

GOLDEN = 0.6180339887498949


@njit(cache=True, _nrt=False)
def _start(seed: int, draw: int) -> float:
    """Where the sequence begins, in (0, 1)."""
    return uniform(key(seed, STAGE, draw, 0), 0)


def stages_of_worlds(mix: StageMix, seed: int, worlds: NDArray[np.int64]) -> NDArray[np.int64]:
    """The stage, from 1, that each of these worlds plays; earlier stages share the rest of the worlds equally."""
    point = (_start(seed, mix.draw) + worlds * GOLDEN) % 1.0
    if mix.stage == 1:
        return np.ones_like(worlds)
    beyond = (point - mix.current_share) / max(1.0 - mix.current_share, 1e-9)
    earlier = 1 + np.minimum((beyond * (mix.stage - 1)).astype(np.int64), mix.stage - 2)
    return np.where(point < mix.current_share, mix.stage, earlier)


class StageRanges:
    """Ranges of counts by stage, and the mixture that decides which of them a world draws from.

    Args:
        ranges: S stages of K ranges [low, high], both ends included; without a curriculum the generator's alone.
        seed: The run's seed.
    """

    def __init__(self, ranges: Sequence[Sequence[tuple[int, int]]], seed: int) -> None:
        self._ranges_SK2 = np.array(ranges, dtype=np.int64)
        self._seed = seed
        self._mix = StageMix()

    def set_mix(self, mix: StageMix) -> None:
        """From now on episodes are drawn from another mixture. Raises ValueError if there is no such stage."""
        if not 1 <= mix.stage <= len(self._ranges_SK2):
            raise ValueError(f"stage {mix.stage} is not one of the {len(self._ranges_SK2)} stages")
        self._mix = mix

    def of_worlds(self, worlds: NDArray[np.int64]) -> NDArray[np.int64]:
        """(R, K, 2) ranges for R worlds."""
        ranges: NDArray[np.int64] = self._ranges_SK2[stages_of_worlds(self._mix, self._seed, worlds) - 1]
        return ranges
