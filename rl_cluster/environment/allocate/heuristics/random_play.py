"""The weakest baseline that still goes somewhere: a random target, kept until it is no longer legal.

Redrawing at every decision would be a random walk whose score depends on the decision interval. Keeping the choice
avoids that.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.heuristics.planning import IDLE, legal_distances, to_actions
from rl_cluster.environment.allocate.heuristics.whole_teams import gather_if_stuck
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.keyed_random import HEURISTIC, key, uniform_int
from rl_cluster.types import WAIT, BoolArray, IntArray, Observation

__all__ = ["Random"]

_MAX_UAVS = 8192
"""Counters reserved for the UAVs of one decision, so that padding changes no draw."""


class Random:
    """Each UAV draws one of its legal targets uniformly and sticks to it while it is legal; it waits only without any.

    Under coalition sync, when all of them wait for others, a team goes to one target (`whole_teams.py`). A draw is
    keyed by (seed, world, episode, decision, UAV), so it does not depend on the batch size.
    """

    name = "random"
    is_deterministic = False

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`."""
        state, action_mask = worlds.state, observation.action_mask
        targets = _draw(state, self._seed, worlds.world_numbers, observation.candidates, action_mask)
        gather_if_stuck(state, legal_distances(state, observation), action_mask[..., WAIT], targets)
        return to_actions(targets, observation)


@njit(cache=True)
def _draw(
    state: AllocateState, seed: int, worlds: NDArray[np.int64], candidates: IntArray, action_mask: BoolArray
) -> IntArray:
    num_worlds, num_uavs = candidates.shape[:2]
    targets = np.full((num_worlds, num_uavs), IDLE, dtype=np.int16)
    for b in range(num_worlds):
        draws = key(seed, HEURISTIC, worlds[b], state.episode[b])
        for i in range(num_uavs):
            legal = np.flatnonzero(action_mask[b, i, 1:])
            if legal.size == 0:
                continue
            drawn = uniform_int(draws, state.decision[b] * _MAX_UAVS + i, 0, legal.size - 1)
            targets[b, i] = candidates[b, i, legal[drawn]]
            for c in legal:
                if candidates[b, i, c] == state.uav_choice[b, i]:
                    targets[b, i] = candidates[b, i, c]
    return targets
