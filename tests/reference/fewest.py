"""The fewest UAVs that cover a demand, by trying all teams: the smallest first."""

import math
from collections.abc import Sequence
from itertools import combinations

__all__ = ["fewest_nearby", "fewest_that_cover"]

NOTHING, ROUNDING = 1e-4, 1e-6
NEAREST = 8


def fewest_nearby(
    carried: Sequence[Sequence[float]],
    starts_m: Sequence[tuple[float, float]],
    demand: Sequence[float],
    target_m: tuple[float, float],
) -> int:
    """The fewest of the eight UAVs that start nearest to the target; if these carry too little, of 16, 32, ..."""
    distances_m = [math.dist(start_m, target_m) for start_m in starts_m]
    count = NEAREST
    while count < len(carried):
        limit_m = sorted(distances_m)[count - 1] * (1.0 + ROUNDING)
        near = [own for own, distance_m in zip(carried, distances_m, strict=True) if distance_m <= limit_m]
        if all(
            sum(kind) >= need * (1.0 - ROUNDING) - NOTHING
            for kind, need in zip(zip(*near, strict=True), demand, strict=True)
        ):
            return fewest_that_cover(near, demand)
        count *= 2
    return fewest_that_cover(carried, demand)


def fewest_that_cover(carried: Sequence[Sequence[float]], demand: Sequence[float]) -> int:
    """The least number of UAVs that cover the demand together; all of them, if even all do not.

    Args:
        carried: Amounts of each kind that each UAV carries.
        demand: Amount of each kind.
    """
    needs = [need * (1.0 - ROUNDING) - NOTHING for need in demand]
    for size in range(1, len(carried)):
        for team in combinations(carried, size):
            if all(sum(amounts) >= need for amounts, need in zip(zip(*team, strict=True), needs, strict=True)):
                return size
    return len(carried)
