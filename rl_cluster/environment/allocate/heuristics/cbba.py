"""CBBA for coalitions: rounds of the consensus-based bundle algorithm, each for what earlier rounds left uncovered."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.heuristics.auction import NOBODY, Tasks, assign
from rl_cluster.environment.allocate.heuristics.planning import IDLE, commit_kept, legal_distances, to_actions
from rl_cluster.environment.allocate.heuristics.whole_teams import with_whole_teams
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import BoolArray, IntArray, Observation

__all__ = ["CBBA"]

MAX_TASKS = 3
"""Targets in a UAV's bundle; it is made again at every decision, so a longer one is hardly ever flown."""


class CBBA:
    """Choi, Brunet, How 2009 (`auction.py`), all UAVs within hearing of each other.

    The algorithm gives a task to one agent, but a target here may need several UAVs. So it runs in rounds: a target
    is worth to a UAV the share of its uncovered demand that the UAV can give, times its value, discounted by
    exp(-t / T). t is the time at which the UAV arrives, T the mean flight time over the world's legal pairs. The
    winners' resources are committed along their paths, and UAVs that won nothing bid in the next round for what is
    still uncovered. Each flies to the first target of its path. Under coalition sync it plans again without targets
    whose team could not begin (`whole_teams.py`).
    """

    name = "cbba"
    is_deterministic = True

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`."""
        state = worlds.state
        distances = legal_distances(state, observation)
        return to_actions(with_whole_teams(state, observation, distances, _plan), observation)


@njit(cache=True)
def _plan(state: AllocateState, distances: NDArray[np.float64], may_wait: BoolArray) -> IntArray:
    targets = np.empty_like(state.uav_choice)
    for b in range(targets.shape[0]):
        supply, uncovered = state.uav_resources[b].astype(np.float64), state.target_remaining[b].astype(np.float64)
        targets[b] = commit_kept(distances[b], may_wait[b], state.uav_resources[b], uncovered)
        start, speed = _times(state, b, distances[b])
        for _ in range(targets.shape[1]):
            score = _scores(distances[b], state.target_value[b], supply, uncovered, targets[b])
            path = assign(Tasks(score, start, state.target_position_m[b].astype(np.float64), speed), MAX_TASKS)
            if (path[:, 0] == NOBODY).all():
                break
            for i in range(targets.shape[1]):
                if path[i, 0] != NOBODY:
                    targets[b, i] = path[i, 0]
                    _commit_along(path[i], supply[i], uncovered)
    return targets


@njit(cache=True)
def _times(state, b, distances):  # type: ignore[no-untyped-def]  # numba infers the types
    """Flight times (N, M) and speeds (N,); the unit of time is the mean flight time of the legal pairs."""
    num_uavs, num_targets = distances.shape
    start, speed = np.zeros((num_uavs, num_targets)), np.zeros(num_uavs)
    total, count = 0.0, 0
    for i in range(num_uavs):
        speed[i] = max(np.float64(state.uav_cruise_mps[b, i]), EPSILON)
        for j in range(num_targets):
            if distances[i, j] < np.inf:
                start[i, j] = distances[i, j] / speed[i]
                total += start[i, j]
                count += 1
    unit_s = max(total / max(count, 1), EPSILON)
    return start / unit_s, speed * unit_s


@njit(cache=True)
def _scores(distances, value, supply, uncovered, targets):  # type: ignore[no-untyped-def]  # numba infers the types
    """(N, M) value times the share of what is uncovered that a UAV without a target can give; 0 if it may not go."""
    score = np.zeros(distances.shape)
    for i in range(distances.shape[0]):
        for j in range(distances.shape[1]):
            if targets[i] == IDLE and distances[i, j] < np.inf:
                given = np.minimum(supply[i], uncovered[j])
                if given.max() > EPSILON:
                    score[i, j] = np.float64(value[j]) * (given.sum() / uncovered[j].sum())
    return score


@njit(cache=True)
def _commit_along(path, supply, uncovered):  # type: ignore[no-untyped-def]  # numba infers the types
    """Subtracts what the UAV would give along its path from its supply (R,) and from the uncovered demand (M, R)."""
    for j in path:
        if j != NOBODY:
            for r in range(supply.shape[0]):
                given = min(supply[r], uncovered[j, r])
                supply[r] -= given
                uncovered[j, r] -= given
