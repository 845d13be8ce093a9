"""Repeated optimal assignment: a round of the Hungarian method gives every target one UAV, at the least distance."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from rl_cluster.environment.allocate.heuristics.planning import IDLE, commit, commit_kept, legal_distances, to_actions
from rl_cluster.environment.allocate.state import EPSILON
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import WAIT, BoolArray, FloatArray, IntArray, Observation

__all__ = ["Hungarian"]

_FAR_M = 1e12
"""Cost of a pair that is not allowed: above the sum of any real distances, and finite, as the solver needs."""


class Hungarian:
    """Repeated linear assignment (Kuhn 1955, "The Hungarian method for the assignment problem"; scipy's solver).

    A round assigns free UAVs to targets, one each, with the most pairs and then the least total distance; a pair counts
    only if the UAV carries something that is still uncovered there. Then the assigned resources are subtracted, and
    rounds continue until no free UAV helps any more; the remaining UAVs wait. (Without the subtraction, UAVs crowd at
    covered targets, and the normalised completion score is lower.) The plan is made again at every decision.
    """

    name = "hungarian"

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`."""
        state = worlds.state
        distances = legal_distances(state, observation)
        may_wait = observation.action_mask[..., WAIT]
        targets = np.full(state.uav_choice.shape, IDLE, dtype=np.int16)
        # worlds that have ended need no plan, but their actions must be legal, too
        for b in np.flatnonzero(~state.ended | ~may_wait.all(axis=1)):
            uncovered = state.target_remaining[b].astype(np.float64)
            targets[b] = _plan(distances[b], may_wait[b], state.uav_resources[b], uncovered)
        return to_actions(targets, observation)


def _plan(
    distances: NDArray[np.float64], may_wait: BoolArray, supply: FloatArray, uncovered: NDArray[np.float64]
) -> IntArray:
    targets: IntArray = commit_kept(distances, may_wait, supply, uncovered)
    while True:
        useful = (np.minimum(supply[:, None, :], uncovered) > EPSILON).any(axis=-1)
        useful &= (targets == IDLE)[:, None] & np.isfinite(distances)
        if not useful.any():
            return targets
        uavs, chosen = linear_sum_assignment(np.where(useful, distances, _FAR_M))
        for i, j in zip(uavs, chosen, strict=True):
            if useful[i, j]:
                targets[i] = j
                commit(supply[i], uncovered[j])
