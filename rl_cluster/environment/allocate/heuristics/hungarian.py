"""Repeated optimal assignment: a round of the Hungarian method gives every target one UAV, at the least distance."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from rl_cluster.environment.allocate.heuristics.planning import (
    IDLE,
    commit,
    commit_kept,
    legal_distances,
    per_value,
    to_actions,
)
from rl_cluster.environment.allocate.heuristics.whole_teams import with_whole_teams
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import BoolArray, FloatArray, IntArray, Observation

__all__ = ["Hungarian"]

_FAR = 1e12
"""Cost of a pair that is not allowed: above the sum of any real costs, and finite, as the solver needs."""


class Hungarian:
    """Repeated linear assignment (Kuhn 1955, "The Hungarian method for the assignment problem"; scipy's solver).

    A round assigns free UAVs to targets, one each, with the most pairs and then the least total distance, each over the
    target's value; a pair counts only if the UAV carries something that is still uncovered there. Then the assigned
    resources are subtracted, and rounds continue until no free UAV helps any more; the remaining UAVs wait. (Without
    the subtraction, UAVs crowd at covered targets, and the normalised completion score is lower.) Under coalition sync
    it plans again without targets whose team could not begin (`whole_teams.py`). The plan is made again at every
    decision.
    """

    name = "hungarian"
    is_deterministic = True

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`."""
        state = worlds.state
        costs = per_value(state, legal_distances(state, observation))
        return to_actions(with_whole_teams(state, observation, costs, _plan_all), observation)


def _plan_all(state: AllocateState, costs: NDArray[np.float64], may_wait: BoolArray) -> IntArray:
    """Targets (B, N)."""
    targets = np.full(state.uav_choice.shape, IDLE, dtype=np.int16)
    # worlds that have ended need no plan, but their actions must be legal, too
    for b in np.flatnonzero(~state.ended | ~may_wait.all(axis=1)):
        uncovered = state.target_remaining[b].astype(np.float64)
        targets[b] = _plan(costs[b], may_wait[b], state.uav_resources[b], uncovered)
    return targets


def _plan(
    costs: NDArray[np.float64], may_wait: BoolArray, supply: FloatArray, uncovered: NDArray[np.float64]
) -> IntArray:
    targets: IntArray = commit_kept(costs, may_wait, supply, uncovered)
    while True:
        useful = (np.minimum(supply[:, None, :], uncovered) > EPSILON).any(axis=-1)
        useful &= (targets == IDLE)[:, None] & np.isfinite(costs)
        if not useful.any():
            return targets
        uavs, chosen = linear_sum_assignment(np.where(useful, costs, _FAR))
        for i, j in zip(uavs, chosen, strict=True):
            if useful[i, j]:
                targets[i] = j
                commit(supply[i], uncovered[j])
