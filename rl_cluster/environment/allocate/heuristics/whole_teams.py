"""Teams that can begin, for heuristics under coalition sync: UAVs wait until those present cover all that remains.

Two faults of plans leave UAVs waiting for ever. A plan may send fewer UAVs to a target than cover it: it is made again
by `with_whole_teams`. UAVs that regard nobody else may each wait at another target; `gather_if_stuck` sends a team of
them to one. Worlds of coalition sum are left as they are.
"""

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.heuristics.planning import commit_kept, nearest_team
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.types import WAIT, BoolArray, FloatArray, IntArray, Observation

__all__ = ["gather_if_stuck", "with_whole_teams"]

BARRED_SHARE = 0.25
"""The share of the targets without a covering team that are barred before the next plan; at least one is."""

Plan = Callable[[AllocateState, NDArray[np.float64], BoolArray], IntArray]
"""From the state, legal distances (B, N, M) and (B, N) True = may wait, to targets (B, N)."""


def with_whole_teams(
    state: AllocateState,
    observation: Observation[NDArray[np.generic]],
    distances: NDArray[np.float64],
    plan: Plan,
) -> IntArray:
    """Targets (B, N) of a plan, made again under coalition sync until each team covers its target.

    A team that covers the target that it has chosen goes on: else UAVs that meet could turn round at every decision.
    For the others, before each new plan the targets of which the teams would cover the least are barred: their
    distances (B, N, M) become inf for all UAVs that may wait. A UAV that waits at a barred target goes elsewhere, or
    hovers.
    """
    may_wait = observation.action_mask[..., WAIT].astype(np.bool_)
    if state.is_sync.any():
        _keep_teams(state, may_wait, distances)
    targets = plan(state, distances, may_wait)
    is_barred = np.zeros(state.target_exists.shape, dtype=np.bool_)
    while state.is_sync.any() and _bar(state, may_wait, targets, is_barred, distances):
        targets = plan(state, distances, may_wait)
    return targets


@njit(cache=True)
def _keep_teams(state, may_wait, distances):  # type: ignore[no-untyped-def]  # numba infers the types
    """Leaves to the members of a team that covers its target no other one, and to nobody else that one."""
    for b in range(may_wait.shape[0]):
        if not state.is_sync[b]:
            continue
        choices = _legal_choices(state.uav_choice[b], distances[b])
        shares = _covered_shares(state.uav_resources[b], state.target_remaining[b], choices)
        is_kept = np.zeros(shares.shape[0] + 1, dtype=np.bool_)  # the last one is that of UAVs without a choice
        for i in range(choices.shape[0]):
            is_kept[choices[i]] = choices[i] >= 0 and shares[choices[i]] == np.inf
        for i in range(choices.shape[0]):
            for j in range(shares.shape[0]):
                if may_wait[b, i] and choices[i] != j and (is_kept[choices[i]] or is_kept[j]):
                    distances[b, i, j] = np.inf


@njit(cache=True)
def _legal_choices(choices: IntArray, distances: NDArray[np.float64]) -> IntArray:
    """The choices (N,) of UAVs, -1 where they are not legal any more."""
    legal = choices.copy()
    for i in range(choices.shape[0]):
        if choices[i] >= 0 and distances[i, choices[i]] == np.inf:
            legal[i] = -1
    return legal


@njit(cache=True)
def _bar(state, may_wait, targets, is_barred, distances):  # type: ignore[no-untyped-def]  # numba infers the types
    """Bars targets of teams that could not begin; True = some were."""
    has_barred = False
    for b in range(targets.shape[0]):
        if not state.is_sync[b]:
            continue
        share = _covered_shares(state.uav_resources[b], state.target_remaining[b], targets[b])
        share[is_barred[b]] = np.inf
        num_left = np.int64(np.ceil(BARRED_SHARE * (share < np.inf).sum()))
        for j in np.argsort(share, kind="mergesort")[:num_left]:
            has_barred, is_barred[b, j] = True, True
            for i in range(targets.shape[1]):
                if may_wait[b, i]:
                    distances[b, i, j] = np.inf
    return has_barred


@njit(cache=True)
def _covered_shares(supply: FloatArray, remaining: FloatArray, targets: IntArray) -> NDArray[np.float64]:
    """(M,) share of what remains that the target's team carries; inf if that is all of it, or if there is no team."""
    shares = np.full(remaining.shape[0], np.inf)
    for j in range(remaining.shape[0]):
        offered, has_team = np.zeros(remaining.shape[1]), False
        for i in range(targets.shape[0]):
            if targets[i] == j:
                has_team = True
                offered += supply[i]
        if has_team and (offered < remaining[j] - EPSILON).any():
            shares[j] = np.minimum(offered, remaining[j]).sum() / remaining[j].sum()
    return shares


@njit(cache=True)
def gather_if_stuck(
    state: AllocateState, distances: NDArray[np.float64], may_wait: BoolArray, targets: IntArray
) -> None:
    """Where all UAVs of a world that fly would wait for others, sends a team to the target that it covers soonest.

    The team is the nearest one, and of all targets that with the least total distance. The others keep waiting.
    `targets` (B, N) is changed in place.
    """
    for b in range(targets.shape[0]):
        if not state.is_sync[b] or not _is_stuck(state, b, targets[b]):
            continue
        supply, uncovered = state.uav_resources[b], state.target_remaining[b].astype(np.float64)
        free = commit_kept(distances[b], may_wait[b], supply, uncovered)
        team, best_team = np.empty_like(free), np.empty_like(free)
        best, best_size, least_m = -1, 0, np.inf
        for j in range(uncovered.shape[0]):
            if uncovered[j].max() > EPSILON:
                size, total_m = nearest_team(distances[b, :, j], supply, uncovered[j], free, team)
                if total_m < least_m:
                    best, best_size, least_m = j, size, total_m
                    best_team[:size] = team[:size]
        for member in best_team[:best_size]:
            targets[b, member] = best


@njit(cache=True)
def _is_stuck(state, b, targets):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = each UAV that has a target already waits there, and none is in service."""
    for i in range(targets.shape[0]):
        if targets[i] >= 0:
            stays = state.uav_present[b, i] and state.uav_choice[b, i] == targets[i]
            if not stays or state.uav_service_ends_s[b, i] < np.inf:
                return False
    return True
