"""What UAVs can know of each other's plans in one world: who is under way to what, and what that leaves to do.

Without intent, UAVs that choose together cannot tell themselves apart from rivals. *Committed* are the resources of
UAVs under way to a target; *uncovered* is what remains of its demand after them; *free* is a UAV that can fly and has
no choice.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.delivery import distance_m, is_legal
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.environment.interface import Sizes
from rl_cluster.types import BoolArray, FloatArray

__all__ = ["Intent", "read_intent"]


class Intent(NamedTuple):
    """Plans in one world, float64."""

    unit: FloatArray
    """(R,) mean initial resource of the world's UAVs, or the largest demand of a kind that none of them carries: the
    unit of all amounts that the policy sees"""
    distance_m: FloatArray
    """(N, M) straight distances"""
    legal: BoolArray
    """(N, M) True = the UAV may choose the target"""
    committed: FloatArray
    """(M, R) resources under way to the target, useful or not"""
    uncovered: FloatArray
    """(M, R) max(0, remaining - committed)"""
    free_supply: FloatArray
    """(M, R) resources of free UAVs that may choose the target"""
    num_under_way: FloatArray
    """(M,) UAVs under way to the target"""
    earliest_s: FloatArray
    """(M,) seconds until the first of them arrives (straight, at cruise speed); inf without any"""
    ideal: FloatArray
    """(M,) max over kinds of ceil(demand / unit), at least 1"""

    @classmethod
    def empty(cls, sizes: Sizes) -> "Intent":
        """Room for the plans of one world; `read_intent` fills it."""
        n, m, _, r, _ = sizes
        shapes = ((r,), (n, m), (n, m), (m, r), (m, r), (m, r), (m,), (m,), (m,))
        return cls(*(np.zeros(shape, dtype=np.bool_ if i == 2 else np.float64) for i, shape in enumerate(shapes)))


@njit(cache=True, _nrt=False)
def _largest_demand(state, b, r):  # type: ignore[no-untyped-def]
    largest = EPSILON
    for j in range(state.target_demand.shape[1]):
        largest = max(largest, state.target_demand[b, j, r])
    return largest


@njit(cache=True, _nrt=False)
def _read_units(state, b, unit, ideal):  # type: ignore[no-untyped-def]
    ideal[:] = 1.0
    for r in range(unit.shape[0]):
        total, count = 0.0, 0
        for i in range(state.uav_exists.shape[1]):
            if state.uav_exists[b, i]:
                total += state.uav_initial_resources[b, i, r]
                count += 1
        mean = max(total / max(count, 1), EPSILON)
        # a kind that nobody carries has no mean UAV to measure it by
        unit[r] = mean if mean > EPSILON else _largest_demand(state, b, r)
        for j in range(ideal.shape[0]):
            ideal[j] = max(ideal[j], np.ceil(state.target_demand[b, j, r] / mean - 1e-4))


@njit(cache=True, _nrt=False)
def _add_plan(state, b, i, j, intent):  # type: ignore[no-untyped-def]
    """Adds what UAV i means to target j: under way to it, or free to choose it."""
    choice = state.uav_choice[b, i]
    if choice == j:
        intent.num_under_way[j] += 1.0
        arrival_s = intent.distance_m[i, j] / state.uav_cruise_mps[b, i]
        intent.earliest_s[j] = min(intent.earliest_s[j], arrival_s)
        for r in range(intent.unit.shape[0]):
            intent.committed[j, r] += state.uav_resources[b, i, r]
    elif choice < 0 and intent.legal[i, j]:
        for r in range(intent.unit.shape[0]):
            intent.free_supply[j, r] += state.uav_resources[b, i, r]


@njit(cache=True, _nrt=False)
def read_intent(state: AllocateState, b: int, intent: Intent) -> None:
    """Fills `intent` with the plans in world b."""
    _read_units(state, b, intent.unit, intent.ideal)
    intent.legal[:] = False
    intent.committed[:] = 0.0
    intent.free_supply[:] = 0.0
    intent.num_under_way[:] = 0.0
    intent.earliest_s[:] = np.inf
    for i in range(state.uav_exists.shape[1]):
        if state.uav_exists[b, i]:
            for j in range(state.target_exists.shape[1]):
                intent.distance_m[i, j] = distance_m(state, b, i, j)
                intent.legal[i, j] = is_legal(state, b, i, j)
                _add_plan(state, b, i, j, intent)
    for j in range(state.target_exists.shape[1]):
        for r in range(intent.unit.shape[0]):
            intent.uncovered[j, r] = max(state.target_remaining[b, j, r] - intent.committed[j, r], 0.0)
