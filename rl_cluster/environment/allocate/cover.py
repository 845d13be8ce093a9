"""The fewest UAVs that together carry a demand of several kinds: a small covering problem (multidimensional knapsack).

A bound from below, a cover, and a search where they differ:

- Of each kind, so many UAVs as it takes when those that carry most of it go first. For one kind this is the answer.
- Greedy covers (Dobson 1982, "Worst-case analysis of greedy heuristics for integer programming with nonnegative data"):
  the UAV with the largest sum over kinds of min(carried, lacking) / scale goes next. The best of three scales counts.
- While the cover is larger than the bound, a depth-first branch and bound looks for one with a UAV less. It gives up
  after `MAX_NODES` nodes, and then the greedy cover counts, which is seldom more than one UAV too large.

A cover of k UAVs needs nobody to whom k others are *better*, that is, carry at least as much of every kind: one of them
can take the place. So only few UAVs are looked at, whatever the size of the fleet. The answer does not depend on the
order of the UAVs. Kernels of the start of an episode; they allocate.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.state import EPSILON

__all__ = ["Fleet", "covers", "fewest_uavs", "make_fleet"]

MAX_NODES = 2000
"""Nodes of one target's search: some 50 microseconds."""
_ROUNDING = 1e-6
"""Share of a demand that sums of float32 amounts may lack."""
_TINY = 1e-9
_NUM_SCALES = 3


class Fleet(NamedTuple):
    """The N UAVs of an episode, those with the fewest better ones first."""

    carried: NDArray[np.float64]
    """(N, R)"""
    num_better: NDArray[np.int64]
    """(N,) how many others carry at least as much of every kind; of equal UAVs, one is better than the next"""
    most: NDArray[np.float64]
    """(R, N + 1) what the k UAVs that carry most of a kind carry of it"""


@njit(cache=True)
def _sorted(carried):  # type: ignore[no-untyped-def]  # numba infers the types
    """The rows in falling lexicographic order: a better UAV comes before a worse one."""
    order = np.arange(carried.shape[0])
    for kind in range(carried.shape[1] - 1, -1, -1):
        order = order[np.argsort(-carried[order, kind], kind="mergesort")]
    return carried[order]


@njit(cache=True)
def _count_better(carried):  # type: ignore[no-untyped-def]  # numba infers the types
    """(N,) how many UAVs carry at least as much of every kind; the rows fall in lexicographic order."""
    num_uavs, num_kinds = carried.shape
    num_better = np.zeros(num_uavs, dtype=np.int64)
    for i in range(num_uavs):
        for other in range(i):
            is_better = True
            for r in range(num_kinds):
                if carried[other, r] < carried[i, r]:
                    is_better = False
                    break
            num_better[i] += is_better
    return num_better


@njit(cache=True)
def make_fleet(carried: NDArray[np.float64]) -> Fleet:
    """The fleet of UAVs that carry `carried` (N, R)."""
    rows = _sorted(carried)
    num_better = _count_better(rows)
    order = np.argsort(num_better, kind="mergesort")
    num_uavs, num_kinds = carried.shape
    most = np.zeros((num_kinds, num_uavs + 1))
    for r in range(num_kinds):
        falling = np.sort(carried[:, r])[::-1]
        for k in range(num_uavs):
            most[r, k + 1] = most[r, k] + falling[k]
    return Fleet(rows[order], num_better[order], most)


@njit(cache=True, inline="always")
def _need(amount: float) -> float:
    """What counts of a demand of one kind."""
    return max(0.0, amount * (1.0 - _ROUNDING) - EPSILON)


@njit(cache=True)
def covers(fleet: Fleet, demand: NDArray[np.float32]) -> bool:
    """True = all UAVs of the fleet together carry a demand (R,) of every kind."""
    for r in range(demand.shape[0]):
        if fleet.most[r, fleet.carried.shape[0]] < _need(demand[r]):
            return False
    return True


@njit(cache=True)
def fewest_uavs(fleet: Fleet, demand: NDArray[np.float32]) -> int:
    """How many UAVs of the fleet it takes to carry a demand (R,) of every kind, at least 1; N if all are too few.

    Exact for one kind, and wherever the search ends: always for 10 UAVs or fewer.
    """
    num_uavs, num_kinds = fleet.carried.shape
    if not covers(fleet, demand):
        return max(num_uavs, 1)
    need, fewest = np.empty(num_kinds), 1
    for r in range(num_kinds):
        need[r] = _need(demand[r])
        fewest = max(fewest, np.searchsorted(fleet.most[r], need[r]))
    if num_kinds == 1:
        return fewest
    cover = num_uavs
    for scale in range(_NUM_SCALES):
        if cover > fewest:
            cover = min(cover, max(1, _greedy_cover(fleet, need, scale)))
    num_nodes = 0
    while cover > fewest:
        is_smaller, num_nodes = _has_cover(fleet, need, cover - 1, num_nodes)
        if not is_smaller:
            break
        cover -= 1
    return cover


@njit(cache=True)
def _lacks(rest):  # type: ignore[no-untyped-def]  # numba infers the types
    for amount in rest:
        if amount > _TINY:
            return True
    return False


@njit(cache=True)
def _scales(fleet, need, rest, scale):  # type: ignore[no-untyped-def]  # numba infers the types
    """(R,) divisors: the demand (0), what is lacking now (1), or the demand, with the scarcest kind first (2)."""
    divisors, scarcest = np.empty(need.shape[0]), 0
    for r in range(need.shape[0]):
        if rest[r] * fleet.most[scarcest, 1] > rest[scarcest] * fleet.most[r, 1]:
            scarcest = r
        divisors[r] = max(rest[r] if scale == 1 else need[r], _TINY)
    if scale == 2:
        divisors[scarcest] *= 1e-3
    return divisors


@njit(cache=True)
def _greedy_cover(fleet, need, scale):  # type: ignore[no-untyped-def]  # numba infers the types
    """The number of UAVs of a greedy cover."""
    num_uavs, num_kinds = fleet.carried.shape
    rest, is_taken, count = need.copy(), np.zeros(num_uavs, dtype=np.bool_), 0
    while count < num_uavs and _lacks(rest):
        divisors, best, largest = _scales(fleet, need, rest, scale), -1, 0.0
        for i in range(num_uavs):
            if fleet.num_better[i] > count:
                break
            gain = 0.0
            for r in range(num_kinds):
                gain += min(fleet.carried[i, r], rest[r]) / divisors[r]
            if not is_taken[i] and gain > largest:
                best, largest = i, gain
        if best < 0:
            return num_uavs
        is_taken[best] = True
        count += 1
        for r in range(num_kinds):
            rest[r] = max(0.0, rest[r] - fleet.carried[best, r])
    return count


class _Choice(NamedTuple):
    """The UAVs that a search looks at, those that carry most of the demand first, and what they can add to a team."""

    carried: NDArray[np.float64]
    """(C, R) what counts of it: at most the demand"""
    share: NDArray[np.float64]
    """(C + 1,) sum over the first c of them of carried / demand, summed over kinds"""
    largest: NDArray[np.float64]
    """(C, R) the largest amount of a kind from the c-th on"""


@njit(cache=True)
def _make_choice(fleet, need, size):  # type: ignore[no-untyped-def]  # numba infers the types
    num_kinds = need.shape[0]
    count = np.searchsorted(fleet.num_better, size)
    carried, weight = np.empty((count, num_kinds)), np.zeros(count)
    for c in range(count):
        for r in range(num_kinds):
            carried[c, r] = min(fleet.carried[c, r], need[r])
            weight[c] += carried[c, r] / max(need[r], _TINY)
    order = np.argsort(-weight, kind="mergesort")
    carried, share = carried[order], np.zeros(count + 1)
    largest = carried.copy()
    for c in range(count):
        share[c + 1] = share[c] + weight[order[c]]
    for c in range(count - 2, -1, -1):
        for r in range(num_kinds):
            largest[c, r] = max(largest[c, r], largest[c + 1, r])
    return _Choice(carried, share, largest)


@njit(cache=True)
def _may_cover(choice, fleet, need, rest, first, slots):  # type: ignore[no-untyped-def]  # numba infers the types
    """False = no `slots` of the UAVs from the first on carry the rest."""
    if first + slots > choice.carried.shape[0]:
        return False
    lacking = 0.0
    for r in range(rest.shape[0]):
        if min(slots * choice.largest[first, r], fleet.most[r, slots]) < rest[r] - _TINY:
            return False
        lacking += rest[r] / max(need[r], _TINY)
    return choice.share[first + slots] - choice.share[first] >= lacking - _TINY


@njit(cache=True)
def _is_repeated(choice, c):  # type: ignore[no-untyped-def]  # numba infers the types
    for r in range(choice.carried.shape[1]):
        if choice.carried[c, r] != choice.carried[c - 1, r]:
            return False
    return True


@njit(cache=True)
def _has_cover(fleet, need, size, num_nodes):  # type: ignore[no-untyped-def]  # numba infers the types
    """Whether a team of this size is found, and how many nodes the target's search has had by now.

    `rest[d]` is what d UAVs leave, `first[d]` the next UAV that is tried in their company.
    """
    choice = _make_choice(fleet, need, size)
    rest, first, depth = np.zeros((size + 1, need.shape[0])), np.zeros(size + 1, dtype=np.int64), 0
    rest[0] = need
    start = np.zeros(size + 1, dtype=np.int64)
    while depth >= 0 and num_nodes < MAX_NODES:
        c = first[depth]
        if not _may_cover(choice, fleet, need, rest[depth], c, size - depth):
            depth -= 1
            continue
        first[depth] += 1
        # an equal UAV has been tried in the same company, in vain
        if c > start[depth] and _is_repeated(choice, c):
            continue
        num_nodes += 1
        for r in range(need.shape[0]):
            rest[depth + 1, r] = max(0.0, rest[depth, r] - choice.carried[c, r])
        if not _lacks(rest[depth + 1]):
            return True, num_nodes
        if depth + 1 < size:
            depth += 1
            first[depth] = start[depth] = c + 1
    return False, num_nodes
