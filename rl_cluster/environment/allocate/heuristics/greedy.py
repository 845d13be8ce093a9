"""Nearest target first, whatever the other UAVs do."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.heuristics.planning import IDLE, legal_distances, to_actions
from rl_cluster.environment.allocate.heuristics.whole_teams import gather_if_stuck
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import WAIT, IntArray, Observation

__all__ = ["Greedy"]


class Greedy:
    """Each UAV flies to its nearest legal target and sticks to it while it is legal; it waits only without any.

    It ignores the choices of other UAVs, so several of them meet at the same target and waste trips. Under coalition
    sync, when all of them wait for others, a team goes to one target (`whole_teams.py`).
    """

    name = "greedy"
    is_deterministic = True

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`."""
        distances = legal_distances(worlds.state, observation)
        targets = _nearest(distances, worlds.state.uav_choice)
        gather_if_stuck(worlds.state, distances, observation.action_mask[..., WAIT], targets)
        return to_actions(targets, observation)


@njit(cache=True)
def _nearest(distances: NDArray[np.float64], choices: IntArray) -> IntArray:
    num_worlds, num_uavs = choices.shape
    targets = np.full((num_worlds, num_uavs), IDLE, dtype=np.int16)
    for b in range(num_worlds):
        for i in range(num_uavs):
            choice, nearest = choices[b, i], np.argmin(distances[b, i])
            if choice >= 0 and distances[b, i, choice] < np.inf:
                targets[b, i] = choice
            elif distances[b, i, nearest] < np.inf:
                targets[b, i] = nearest
    return targets
