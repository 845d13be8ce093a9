"""The strongest heuristics: finish whole targets, the cheapest first, before any resource goes into a fragment."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.heuristics.planning import (
    commit,
    commit_kept,
    helps,
    legal_distances,
    nearest_team,
    per_value,
    to_actions,
)
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import WAIT, BoolArray, FloatArray, IntArray, Observation

__all__ = ["CompleteFirst", "CompleteOnly"]


class CompleteFirst:
    """Repeatedly takes the target that free UAVs can cover wholly at the least total distance, and sends them there.

    A target's team is built nearest UAV first, skipping UAVs that help with nothing that is still uncovered. When no
    target can be covered wholly any more, each remaining UAV goes to the nearest target where it helps with something
    uncovered, or waits. It is the greedy coalition formation of Shehory and Kraus (1998, "Methods for task allocation
    via agent coalition formation") with total distance over the target's value as a coalition's cost. The plan is made
    again at every decision.

    Under coalition sync and where resources are a capability, members that the rest of the team makes needless are left
    out: there each of them costs time that it could spend elsewhere. Under sync the cheapest team always covers its
    target, so it begins; the remaining UAVs fly ahead to where they wait for a later team. Distances, not times, count:
    with times it serves as many targets sooner, but with more UAVs at each. Service times, late targets and failures do
    not count, since they change no team that could be sent now; what has changed counts in the next plan.
    """

    name = "complete-first"
    is_deterministic = True

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`."""
        state = worlds.state
        return _act(state, observation, state.is_sync | state.is_capability, has_fragments=True)


class CompleteOnly:
    """As `CompleteFirst`, but with the fewest UAVs, and without fragments: a UAV of no team waits.

    In every world, members that the rest of the team makes needless are left out, and resources are kept for targets
    that they help to cover wholly. It crowds least of all heuristics, and meets none of the demand of targets that it
    cannot close.
    """

    name = "complete-only"
    is_deterministic = True

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`."""
        return _act(worlds.state, observation, np.ones_like(worlds.state.ended), has_fragments=False)


def _act(
    state: AllocateState, observation: Observation[NDArray[np.generic]], is_lean: BoolArray, has_fragments: bool
) -> IntArray:
    """Actions (B, N); `is_lean` (B,) True = members that a team does not need are left out."""
    costs = per_value(state, legal_distances(state, observation))
    targets = _plan(state, costs, observation.action_mask[..., WAIT], is_lean, has_fragments)
    return to_actions(targets, observation)


@njit(cache=True)
def _plan(
    state: AllocateState, costs: NDArray[np.float64], may_wait: BoolArray, is_lean: BoolArray, has_fragments: bool
) -> IntArray:
    targets = np.empty_like(state.uav_choice)
    for b in range(targets.shape[0]):
        supply, uncovered = state.uav_resources[b], state.target_remaining[b].astype(np.float64)
        targets[b] = commit_kept(costs[b], may_wait[b], supply, uncovered)
        _cover_wholly(costs[b], supply, uncovered, targets[b], is_lean[b])
        if has_fragments:
            _use_leftovers(costs[b], supply, uncovered, targets[b])
    return targets


@njit(cache=True)
def _cover_wholly(costs, supply, uncovered, targets, is_lean):  # type: ignore[no-untyped-def]  # numba infers the types
    """Commits teams to targets, cheapest first, until no target can be covered by the UAVs that are free.

    A team is formed again only after one of its members has been committed: fewer free UAVs change no other.
    """
    num_uavs, num_targets = costs.shape
    size, total = np.zeros(num_targets, dtype=np.int64), np.full(num_targets, np.inf)
    team, is_stale = np.empty((num_targets, num_uavs), dtype=targets.dtype), np.ones(num_targets, dtype=np.bool_)
    while num_targets > 0:
        for j in range(num_targets):
            if is_stale[j]:
                size[j], total[j] = _cheapest_team(costs[:, j], supply, uncovered[j], targets, team[j], is_lean)
                is_stale[j] = False
        best = np.argmin(total)
        if total[best] == np.inf:
            return
        for member in team[best, : size[best]]:
            targets[member] = best
            commit(supply[member], uncovered[best])
        for j in range(num_targets):
            for member in team[j, : size[j]]:
                is_stale[j] |= targets[member] >= 0


@njit(cache=True)
def _cheapest_team(costs, supply, uncovered, targets, team, is_lean):  # type: ignore[no-untyped-def]  # numba infers the types
    """Writes a target's team into `team`; returns its size and total cost, 0 and inf without one."""
    if uncovered.max() <= EPSILON:
        return 0, np.inf
    size, total = nearest_team(costs, supply, uncovered, targets, team)
    if is_lean and size > 1:
        size, total = _without_needless(costs, supply, uncovered, team, size)
    return size, total


@njit(cache=True)
def _without_needless(
    costs: NDArray[np.float64], supply: FloatArray, uncovered: NDArray[np.float64], team: IntArray, size: int
) -> tuple[int, float]:
    """Drops from the first `size` of a team that covers a target those without whom it does so, too, farthest first.

    Returns the number of the members left, which stand first in `team` (N,), and their total cost.
    """
    total = 0.0
    for member in range(size - 1, -1, -1):
        lacking = uncovered.copy()
        for other in range(size):
            if other != member:
                commit(supply[team[other]], lacking)
        if lacking.max() <= EPSILON:
            team[member : size - 1] = team[member + 1 : size].copy()
            size -= 1
    for member in range(size):
        total += costs[team[member]]
    return size, total


@njit(cache=True)
def _use_leftovers(costs, supply, uncovered, targets):  # type: ignore[no-untyped-def]  # numba infers the types
    """Sends each free UAV, in order of its number, to the cheapest target where it helps with something uncovered."""
    for i in range(targets.shape[0]):
        least = np.inf
        if targets[i] < 0:
            for j in range(costs.shape[1]):
                if costs[i, j] < least and helps(supply[i], uncovered[j]):
                    least, targets[i] = costs[i, j], j
            if targets[i] >= 0:
                commit(supply[i], uncovered[targets[i]])
