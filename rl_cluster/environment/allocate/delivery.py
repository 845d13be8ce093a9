"""Who may serve what, and what happens where UAVs have arrived: sharing, closing, wasted trips, congestion.

UAVs inside the capture radius of their target in the same substep share what remains of each kind r:
c_ir = res_ir * min(1, remaining_r / sum_i res_ir). A target whose demand is met closes, and every UAV that was under
way to it has wasted its trip. All functions act on one world of the state.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.reward import term_index
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.types import FloatArray

__all__ = [
    "all_closed",
    "can_help",
    "charge_crowding",
    "deliver",
    "distance_m",
    "has_legal_choice",
    "is_legal",
    "is_open",
]

_COMPLETION = term_index("completion")
_SHARE = term_index("share")
_WASTE = term_index("waste")
_CONGESTION = term_index("congestion")


@njit(cache=True, _nrt=False)
def is_open(state: AllocateState, b: int, j: int) -> bool:
    """True = target j exists and something of its demand is left."""
    if not state.target_exists[b, j]:
        return False
    for r in range(state.target_remaining.shape[2]):
        if state.target_remaining[b, j, r] > EPSILON:
            return True
    return False


@njit(cache=True, _nrt=False)
def all_closed(state: AllocateState, b: int) -> bool:
    """True = no target of the world is open."""
    for j in range(state.target_exists.shape[1]):
        if is_open(state, b, j):
            return False
    return True


@njit(cache=True, _nrt=False)
def can_help(state: AllocateState, b: int, i: int, j: int) -> bool:
    """True = UAV i carries something of a kind that target j still lacks."""
    for r in range(state.target_remaining.shape[2]):
        if min(state.uav_resources[b, i, r], state.target_remaining[b, j, r]) > EPSILON:
            return True
    return False


@njit(cache=True, _nrt=False)
def distance_m(state: AllocateState, b: int, i: int, j: int) -> float:
    """Straight distance from UAV i to target j, metres."""
    dx = state.target_position_m[b, j, 0] - state.uav_position_m[b, i, 0]
    dy = state.target_position_m[b, j, 1] - state.uav_position_m[b, i, 1]
    return math.sqrt(np.float64(dx) * dx + np.float64(dy) * dy)


@njit(cache=True, _nrt=False)
def is_legal(state: AllocateState, b: int, i: int, j: int) -> bool:
    """True = UAV i may choose target j: it flies, the target is open, the UAV can help, and it is in range."""
    if not state.uav_exists[b, i] or state.uav_range_left_m[b, i] <= 0.0:
        return False
    if not is_open(state, b, j) or not can_help(state, b, i, j):
        return False
    return distance_m(state, b, i, j) <= state.uav_range_left_m[b, i]


@njit(cache=True, _nrt=False)
def has_legal_choice(state: AllocateState, b: int) -> bool:
    """True = at least one UAV has a legal target."""
    for i in range(state.uav_exists.shape[1]):
        for j in range(state.target_exists.shape[1]):
            if is_legal(state, b, i, j):
                return True
    return False


@njit(cache=True, _nrt=False)
def _ideal_num_uavs(state, b, j):  # type: ignore[no-untyped-def]
    """max over kinds of ceil(demand / mean initial resource), at least 1 (as in `outcome.py`)."""
    ideal = 1.0
    for r in range(state.target_demand.shape[2]):
        total, count = 0.0, 0
        for i in range(state.uav_exists.shape[1]):
            if state.uav_exists[b, i]:
                total += state.uav_initial_resources[b, i, r]
                count += 1
        ratio = state.target_demand[b, j, r] / max(total / max(count, 1), EPSILON)
        ideal = max(ideal, math.ceil(ratio - 1e-4))
    return ideal


@njit(cache=True, _nrt=False)
def _has_arrived(state, b, i, j, capture_radius_m):  # type: ignore[no-untyped-def]
    return state.uav_choice[b, i] == j and distance_m(state, b, i, j) <= capture_radius_m


@njit(cache=True, _nrt=False)
def _offered(state, b, r, arrived):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(state.uav_resources.shape[1]):
        if arrived[i]:
            total += state.uav_resources[b, i, r]
    return total


@njit(cache=True, _nrt=False)
def _share_out(state, b, j, terms, arrived):  # type: ignore[no-untyped-def]
    """Moves resources of the arrived UAVs to target j, and releases those UAVs from their choice."""
    num_uavs, num_kinds = state.uav_resources.shape[1:]
    demand = 0.0
    for r in range(num_kinds):
        demand += state.target_demand[b, j, r]
    for r in range(num_kinds):
        offered = _offered(state, b, r, arrived)
        remaining = np.float64(state.target_remaining[b, j, r])
        if offered <= EPSILON or remaining <= EPSILON:
            continue
        scale = min(1.0, remaining / offered)
        for i in range(num_uavs):
            amount = state.uav_resources[b, i, r] * scale if arrived[i] else 0.0
            state.uav_resources[b, i, r] -= amount
            state.delivered[b, i, j, r] += amount
            terms[b, i, _SHARE] += amount / demand
            state.involved[b, i, j] |= amount > EPSILON
        state.target_remaining[b, j, r] = max(0.0, remaining - scale * offered)
    for i in range(num_uavs):
        if arrived[i]:
            state.uav_choice[b, i] = -1


@njit(cache=True, _nrt=False)
def charge_crowding(state: AllocateState, b: int, j: int, terms: FloatArray) -> None:
    """Books clip(n_j / ideal_j - 1, 0, 1) of target j, in equal parts on the UAVs that are involved with it."""
    num_involved = 0
    for i in range(state.involved.shape[1]):
        num_involved += state.involved[b, i, j] or state.uav_choice[b, i] == j
    crowding = min(1.0, max(0.0, num_involved / _ideal_num_uavs(state, b, j) - 1.0))
    for i in range(state.involved.shape[1]):
        if state.involved[b, i, j] or state.uav_choice[b, i] == j:
            terms[b, i, _CONGESTION] -= crowding / num_involved


@njit(cache=True, _nrt=False)
def _close(state, b, j, terms, time_s):  # type: ignore[no-untyped-def]
    """Books the closing of target j: completion shares, wasted trips, crowding."""
    num_uavs, num_kinds = state.uav_resources.shape[1:]
    state.target_closed_time_s[b, j] = time_s
    total = 0.0
    for r in range(num_kinds):
        state.target_remaining[b, j, r] = 0.0
        for i in range(num_uavs):
            total += state.delivered[b, i, j, r]
    for i in range(num_uavs):
        own = 0.0
        for r in range(num_kinds):
            own += state.delivered[b, i, j, r]
        terms[b, i, _COMPLETION] += own / max(total, EPSILON)
        if state.uav_choice[b, i] == j:
            terms[b, i, _WASTE] -= 1.0
            state.uav_wasted_trips[b, i] += 1
            state.involved[b, i, j] = True
            state.uav_choice[b, i] = -1
    charge_crowding(state, b, j, terms)


@njit(cache=True, _nrt=False)
def deliver(state: AllocateState, b: int, terms: FloatArray, capture_radius_m: float, time_s: float) -> None:
    """Lets every UAV of world b that has arrived deliver, and closes the targets whose demand is met.

    Args:
        terms: (B, N, len(TERMS)) raw reward terms, added to.
        time_s: Time at the end of this substep.
    """
    num_uavs = state.uav_exists.shape[1]
    arrived = state.arrived[b]
    for j in range(state.target_exists.shape[1]):
        if not is_open(state, b, j):
            continue
        num_arrived = 0
        for i in range(num_uavs):
            arrived[i] = _has_arrived(state, b, i, j, capture_radius_m)
            num_arrived += arrived[i]
        if num_arrived > 0:
            _share_out(state, b, j, terms, arrived)
            if not is_open(state, b, j):
                _close(state, b, j, terms, time_s)
