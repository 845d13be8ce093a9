"""A greedy heuristic that counts what others have committed: the shortest useful pair first."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.heuristics.planning import (
    commit,
    commit_kept,
    helps,
    legal_distances,
    per_value,
    to_actions,
)
from rl_cluster.environment.allocate.heuristics.whole_teams import with_whole_teams
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import BoolArray, IntArray, Observation

__all__ = ["CommitmentAware"]


class CommitmentAware:
    """Goes through all UAV-target pairs in order of increasing distance, and takes a pair if a free UAV still helps.

    The UAV helps if it carries something that the earlier pairs leave uncovered; then its resources are subtracted.
    This is the sequential greedy assignment to which consensus-based auctions (CBBA; Choi, Brunet, How 2009) converge,
    with distance over the target's value as the bid. A UAV that helps nowhere waits. Under coalition sync it plans
    again without targets whose team could not begin (`whole_teams.py`). The plan is made again at every decision.
    """

    name = "commitment-aware"
    is_deterministic = True

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`."""
        state = worlds.state
        costs = per_value(state, legal_distances(state, observation))
        return to_actions(with_whole_teams(state, observation, costs, _plan), observation)


@njit(cache=True)
def _plan(state: AllocateState, costs: NDArray[np.float64], may_wait: BoolArray) -> IntArray:
    targets = np.empty_like(state.uav_choice)
    num_targets = costs.shape[2]
    for b in range(targets.shape[0]):
        supply, uncovered = state.uav_resources[b], state.target_remaining[b].astype(np.float64)
        targets[b] = commit_kept(costs[b], may_wait[b], supply, uncovered)
        for pair in np.argsort(costs[b].ravel(), kind="mergesort"):
            i, j = pair // num_targets, pair % num_targets
            if costs[b, i, j] == np.inf:
                break
            if targets[b, i] < 0 and helps(supply[i], uncovered[j]):
                targets[b, i] = j
                commit(supply[i], uncovered[j])
    return targets
