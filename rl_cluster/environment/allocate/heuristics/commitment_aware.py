"""A greedy heuristic that counts what others have committed: the shortest useful pair first."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.heuristics.planning import commit, commit_kept, helps, legal_distances, to_actions
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import WAIT, BoolArray, IntArray, Observation

__all__ = ["CommitmentAware"]


class CommitmentAware:
    """Goes through all UAV-target pairs in order of increasing distance, and takes a pair if a free UAV still helps.

    The UAV helps if it carries something that the earlier pairs leave uncovered; then its resources are subtracted.
    This is the sequential greedy assignment to which consensus-based auctions (CBBA; Choi, Brunet, How 2009) converge,
    with distance as the bid. A UAV that helps nowhere waits. The plan is made again at every decision.
    """

    name = "commitment-aware"

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`."""
        distances = legal_distances(worlds.state, observation)
        return to_actions(_plan(worlds.state, distances, observation.action_mask[..., WAIT]), observation)


@njit(cache=True)
def _plan(state: AllocateState, distances: NDArray[np.float64], may_wait: BoolArray) -> IntArray:
    targets = np.empty_like(state.uav_choice)
    num_targets = distances.shape[2]
    for b in range(targets.shape[0]):
        supply, uncovered = state.uav_resources[b], state.target_remaining[b].astype(np.float64)
        targets[b] = commit_kept(distances[b], may_wait[b], supply, uncovered)
        for pair in np.argsort(distances[b].ravel(), kind="mergesort"):
            i, j = pair // num_targets, pair % num_targets
            if distances[b, i, j] == np.inf:
                break
            if targets[b, i] < 0 and helps(supply[i], uncovered[j]):
                targets[b, i] = j
                commit(supply[i], uncovered[j])
    return targets
