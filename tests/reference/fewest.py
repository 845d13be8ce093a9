"""The fewest UAVs that cover a demand, by trying all teams: the smallest first."""

from collections.abc import Sequence
from itertools import combinations

__all__ = ["fewest_that_cover"]

NOTHING, ROUNDING = 1e-4, 1e-6


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
