"""Which UAV may serve which target: open targets, UAVs that can help and return, coalitions that can still form.

A target is *unmet* while something of its demand is left, and *open* once it has appeared, too. A UAV *could serve* an
open target if it flies, carries something that the target lacks, has not delivered to it before (capability only: what
it gave counts once), and has the range for the straight way there and, with a depot, straight on to that; a UAV that
is present at the target needs no range. Under coalition sync, the target must also be *coverable*: of every kind, all
UAVs that could serve it carry at least what remains. All functions act on one world of the state.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.depot import from_depot_m
from rl_cluster.environment.allocate.state import EPSILON, AllocateState

__all__ = [
    "all_closed",
    "could_serve",
    "distance_m",
    "has_appeared",
    "is_coverable",
    "is_legal",
    "is_one_to_come",
    "is_open",
    "is_stuck",
    "is_unmet",
]


@njit(cache=True, _nrt=False, inline="always")
def has_appeared(state: AllocateState, b: int, j: int) -> bool:
    """True = target j exists and has appeared; before that no UAV knows of it."""
    return state.target_exists[b, j] and state.target_appears_s[b, j] <= state.time_s[b]


@njit(cache=True, _nrt=False, inline="always")
def is_unmet(state: AllocateState, b: int, j: int) -> bool:
    """True = something of target j's demand is left."""
    for r in range(state.target_remaining.shape[2]):
        if state.target_remaining[b, j, r] > EPSILON:
            return True
    return False


@njit(cache=True, _nrt=False, inline="always")
def is_open(state: AllocateState, b: int, j: int) -> bool:
    """True = target j exists, has appeared, and something of its demand is left."""
    return has_appeared(state, b, j) and is_unmet(state, b, j)


@njit(cache=True, _nrt=False, inline="always")
def all_closed(state: AllocateState, b: int) -> bool:
    """True = no target of the world is unmet, and none is still to come."""
    for j in range(state.target_exists.shape[1]):
        if state.target_exists[b, j] and is_unmet(state, b, j):
            return False
    return True


@njit(cache=True, _nrt=False)
def is_one_to_come(state: AllocateState, b: int) -> bool:
    """True = some target has not appeared yet."""
    for j in range(state.target_exists.shape[1]):
        if state.target_exists[b, j] and not has_appeared(state, b, j):
            return True
    return False


@njit(cache=True, _nrt=False, inline="always")
def distance_m(state: AllocateState, b: int, i: int, j: int) -> float:
    """Straight distance from UAV i to target j, metres."""
    dx = state.target_position_m[b, j, 0] - state.uav_position_m[b, i, 0]
    dy = state.target_position_m[b, j, 1] - state.uav_position_m[b, i, 1]
    return math.sqrt(np.float64(dx) * dx + np.float64(dy) * dy)


@njit(cache=True, _nrt=False, inline="always")
def _can_help(state, b, i, j):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = it carries something of a kind that the target still lacks, and may (still) give it."""
    if state.is_capability[b] and state.involved[b, i, j]:
        return False
    for r in range(state.target_remaining.shape[2]):
        if min(state.uav_resources[b, i, r], state.target_remaining[b, j, r]) > EPSILON:
            return True
    return False


@njit(cache=True, _nrt=False, inline="always")
def _needed_m(state, b, i, j, distance):  # type: ignore[no-untyped-def]  # numba infers the types
    """The range needed to serve the target, and then to reach the UAV's depot if it has one."""
    if state.uav_present[b, i] and state.uav_choice[b, i] == j:
        return 0.0
    if state.uav_depot[b, i] > 0:
        return distance + from_depot_m(state, b, i, state.target_position_m[b, j, 0], state.target_position_m[b, j, 1])
    return distance


@njit(cache=True, _nrt=False, inline="always")
def could_serve(state: AllocateState, b: int, i: int, j: int, distance: float) -> bool:
    """True = UAV i could serve open target j, as the module defines it, at this distance in metres."""
    if not state.uav_exists[b, i] or state.uav_range_left_m[b, i] <= 0.0 or not _can_help(state, b, i, j):
        return False
    return _needed_m(state, b, i, j, distance) <= state.uav_range_left_m[b, i]


@njit(cache=True, _nrt=False)
def is_coverable(state: AllocateState, b: int, j: int) -> bool:
    """True = all UAVs that could serve open target j together carry what remains there of every kind."""
    for r in range(state.target_remaining.shape[2]):
        total = 0.0
        for i in range(state.uav_exists.shape[1]):
            if could_serve(state, b, i, j, distance_m(state, b, i, j)):
                total += state.uav_resources[b, i, r]
        if total < state.target_remaining[b, j, r] - EPSILON:
            return False
    return True


@njit(cache=True, _nrt=False)
def is_legal(state: AllocateState, b: int, i: int, j: int) -> bool:
    """True = UAV i may choose target j: it is open, the UAV could serve it, and under sync it is coverable."""
    if not is_open(state, b, j) or not could_serve(state, b, i, j, distance_m(state, b, i, j)):
        return False
    return not state.is_sync[b] or is_coverable(state, b, j)


@njit(cache=True, _nrt=False)
def _has_legal_target(state, b, i):  # type: ignore[no-untyped-def]  # numba infers the types
    for j in range(state.target_exists.shape[1]):
        if is_legal(state, b, i, j):
            return True
    return False


@njit(cache=True, _nrt=False)
def _is_held(state, b, i):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = under sync, the UAV waits for others at a target that it may still choose."""
    is_waiting = state.is_sync[b] and state.uav_present[b, i] and state.uav_service_ends_s[b, i] == np.inf
    return is_waiting and is_legal(state, b, i, state.uav_choice[b, i])


@njit(cache=True, _nrt=False)
def is_stuck(state: AllocateState, b: int, replan: bool) -> bool:
    """True = a deadlock in a world that has unmet targets: no UAV will ever do anything again.

    That is the case if no UAV has a legal target and no target is still to appear. If UAVs keep their targets (no
    replanning), those that wait there for others do not count; if only such UAVs fly, new targets do not help, either.
    """
    num_held, num_free = 0, 0
    for i in range(state.uav_exists.shape[1]):
        if not state.uav_exists[b, i] or state.uav_range_left_m[b, i] <= 0.0:
            continue
        if not replan and _is_held(state, b, i):
            num_held += 1
        elif _has_legal_target(state, b, i):
            return False
        else:
            num_free += 1
    return (num_held > 0 and num_free == 0) or not is_one_to_come(state, b)
