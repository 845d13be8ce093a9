"""Shared parts of all heuristics: distances of legal pairs, commitments, and actions.

A heuristic sees the same `Observation` as a learned policy, so it can choose only legal targets, and reads amounts and
positions from the worlds' state. The heuristics' own files decide which UAV gets which target.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.legality import distance_m
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.types import WAIT, BoolArray, FloatArray, IntArray, Observation

__all__ = ["IDLE", "commit", "commit_kept", "helps", "legal_distances", "nearest_team", "per_value", "to_actions"]

IDLE = -1
"""Stands for a target index: the UAV hovers."""


def legal_distances(state: AllocateState, observation: Observation[NDArray[np.generic]]) -> NDArray[np.float64]:
    """(B, N, M) straight distance in metres from each UAV to each target that it may choose now; inf for the others."""
    distances = np.full(state.involved.shape, np.inf)
    _write_distances(state, observation.candidates, observation.action_mask, distances)
    return distances


@njit(cache=True)
def _write_distances(state, candidates, action_mask, distances):  # type: ignore[no-untyped-def]  # numba infers the types
    num_worlds, num_uavs, num_candidates = candidates.shape
    for b in range(num_worlds):
        for i in range(num_uavs):
            for c in range(num_candidates):
                if action_mask[b, i, c + 1]:
                    j = candidates[b, i, c]
                    distances[b, i, j] = distance_m(state, b, i, j)


def per_value(state: AllocateState, distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances (B, N, M) over the targets' values: what a plan pays for a unit of value."""
    value = np.where(state.target_exists, state.target_value, 1.0).astype(np.float64)
    priced: NDArray[np.float64] = distances / value[:, None]
    return priced


@njit(cache=True)
def helps(supply: FloatArray, uncovered: NDArray[np.float64]) -> bool:
    """True = for some kind, there is both supply (R,) and uncovered demand (R,)."""
    for r in range(supply.shape[0]):
        if min(supply[r], uncovered[r]) > EPSILON:
            return True
    return False


@njit(cache=True)
def commit(supply: FloatArray, uncovered: NDArray[np.float64]) -> None:
    """Subtracts a UAV's supply (R,) from its target's uncovered demand (R,), in place."""
    for r in range(supply.shape[0]):
        uncovered[r] = max(0.0, uncovered[r] - supply[r])


@njit(cache=True)
def commit_kept(
    distances: NDArray[np.float64], may_wait: BoolArray, supply: FloatArray, uncovered: NDArray[np.float64]
) -> IntArray:
    """Starts a world's plan: targets (N,) with UAVs that must keep theirs committed to it, and all others `IDLE`.

    Args:
        distances: (N, M) as in `legal_distances`.
        may_wait: (N,) True = waiting is legal; a UAV that may not has exactly one legal target.
        supply: (N, R) carried by the UAVs.
        uncovered: (M, R) lacking at the targets; reduced in place.
    """
    targets = np.full(distances.shape[0], IDLE, dtype=np.int16)
    for i in range(distances.shape[0]):
        if not may_wait[i]:
            targets[i] = np.argmin(distances[i])
            commit(supply[i], uncovered[targets[i]])
    return targets


@njit(cache=True)
def nearest_team(
    distances: NDArray[np.float64],
    supply: FloatArray,
    uncovered: NDArray[np.float64],
    targets: IntArray,
    team: IntArray,
) -> tuple[int, float]:
    """Writes into team the free UAVs, nearest first, that cover one target; returns their number and total distance.

    UAVs that help with nothing that nearer ones leave uncovered are passed over. The distance is inf if all free UAVs
    together do not cover the target.

    Args:
        distances: (N,) to the target, inf = not legal.
        supply: (N, R) carried by the UAVs.
        uncovered: (R,) lacking at the target.
        targets: (N,) of the UAVs; those with `IDLE` are free.
        team: (N,) written.
    """
    lacking = uncovered.copy()
    size, total_m = 0, 0.0
    legal = np.flatnonzero(distances < np.inf)
    for i in legal[np.argsort(distances[legal], kind="mergesort")]:
        if targets[i] < 0 and helps(supply[i], lacking):
            team[size] = i
            size += 1
            total_m += distances[i]
            commit(supply[i], lacking)
            if lacking.max() <= EPSILON:
                return size, total_m
    return 0, np.inf


def to_actions(targets: IntArray, observation: Observation[NDArray[np.generic]]) -> IntArray:
    """Actions (B, N) that fly to the given targets (B, N), index or `IDLE`; each must be legal for its UAV."""
    actions = np.full(targets.shape, WAIT, dtype=np.int16)
    _write_actions(targets, observation.candidates, observation.action_mask, actions)
    return actions


@njit(cache=True)
def _write_actions(targets, candidates, action_mask, actions):  # type: ignore[no-untyped-def]  # numba infers the types
    num_worlds, num_uavs, num_candidates = candidates.shape
    for b in range(num_worlds):
        for i in range(num_uavs):
            for c in range(num_candidates):
                if targets[b, i] >= 0 and candidates[b, i, c] == targets[b, i]:
                    actions[b, i] = c + 1
            assert action_mask[b, i, actions[b, i]]
