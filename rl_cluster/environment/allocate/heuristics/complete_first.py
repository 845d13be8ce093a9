"""The strongest heuristic: finish whole targets, the cheapest first, before any resource goes into a fragment."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.heuristics.planning import commit, commit_kept, helps, legal_distances, to_actions
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import WAIT, BoolArray, FloatArray, IntArray, Observation

__all__ = ["CompleteFirst"]


class CompleteFirst:
    """Repeatedly takes the target that free UAVs can cover wholly at the least total distance, and sends them there.

    A target's team is built nearest UAV first, skipping UAVs that help with nothing that is still uncovered. When no
    target can be covered wholly any more, each remaining UAV goes to the nearest target where it helps with something
    uncovered, or waits. It is the greedy coalition formation of Shehory and Kraus (1998, "Methods for task allocation
    via agent coalition formation") with total distance as a coalition's cost. The plan is made again at every decision.
    """

    name = "complete-first"

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`."""
        distances = legal_distances(worlds.state, observation)
        return to_actions(_plan(worlds.state, distances, observation.action_mask[..., WAIT]), observation)


@njit(cache=True)
def _plan(state: AllocateState, distances: NDArray[np.float64], may_wait: BoolArray) -> IntArray:
    targets = np.empty_like(state.uav_choice)
    for b in range(targets.shape[0]):
        supply, uncovered = state.uav_resources[b], state.target_remaining[b].astype(np.float64)
        targets[b] = commit_kept(distances[b], may_wait[b], supply, uncovered)
        _cover_wholly(distances[b], supply, uncovered, targets[b])
        _use_leftovers(distances[b], supply, uncovered, targets[b])
    return targets


@njit(cache=True)
def _cover_wholly(distances, supply, uncovered, targets):  # type: ignore[no-untyped-def]  # numba infers the types
    """Commits teams to targets, cheapest first, until no target can be covered by the UAVs that are free."""
    num_targets = distances.shape[1]
    team, best_team = np.empty_like(targets), np.empty_like(targets)
    while True:
        best, best_size, least_m = -1, 0, np.inf
        for j in range(num_targets):
            if uncovered[j].max() > EPSILON:
                size, total_m = _nearest_team(distances[:, j], supply, uncovered[j], targets, team)
                if total_m < least_m:
                    best, best_size, least_m = j, size, total_m
                    best_team[:size] = team[:size]
        if best < 0:
            return
        for member in best_team[:best_size]:
            targets[member] = best
            commit(supply[member], uncovered[best])


@njit(cache=True)
def _nearest_team(
    distances: NDArray[np.float64],
    supply: FloatArray,
    uncovered: NDArray[np.float64],
    targets: IntArray,
    team: IntArray,
) -> tuple[int, float]:
    """Writes into team the free UAVs, nearest first, that cover one target; returns their number and total distance.

    The distance is inf if all free UAVs together do not cover it.
    """
    lacking = uncovered.copy()
    size, total_m = 0, 0.0
    for i in np.argsort(distances, kind="mergesort"):
        if distances[i] == np.inf:
            break
        if targets[i] < 0 and helps(supply[i], lacking):
            team[size] = i
            size += 1
            total_m += distances[i]
            commit(supply[i], lacking)
            if lacking.max() <= EPSILON:
                return size, total_m
    return 0, np.inf


@njit(cache=True)
def _use_leftovers(distances, supply, uncovered, targets):  # type: ignore[no-untyped-def]  # numba infers the types
    """Sends each free UAV, in order of its number, to the nearest target where it helps with something uncovered."""
    for i in range(targets.shape[0]):
        nearest_m = np.inf
        if targets[i] < 0:
            for j in range(distances.shape[1]):
                if distances[i, j] < nearest_m and helps(supply[i], uncovered[j]):
                    nearest_m, targets[i] = distances[i, j], j
            if targets[i] >= 0:
                commit(supply[i], uncovered[targets[i]])
