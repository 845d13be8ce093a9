"""Delivery: sharing, closing, wasted trips, congestion.

UAVs whose service at a target ends in the same substep (`service.py`) share what remains of each kind r:
c_ir = res_ir * min(1, remaining_r / sum_i res_ir). It is taken off what they carry, unless resources are a capability.
A target whose demand is met closes, and every UAV that was under way to it, or waited or served there, has wasted its
trip. All functions act on one world of the state.
"""

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.crowding import crowding, is_involved, num_involved
from rl_cluster.environment.allocate.legality import is_open
from rl_cluster.environment.allocate.reward import completion, congestion, share, term_index, waste
from rl_cluster.environment.allocate.service import choose, gather, has_anyone_arrived
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.types import FloatArray

__all__ = ["charge_crowding", "deliver"]

_COMPLETION = term_index("completion")
_SHARE = term_index("share")
_WASTE = term_index("waste")
_CONGESTION = term_index("congestion")


@njit(cache=True, _nrt=False, inline="always")
def _offered(state, b, r, arrived):  # type: ignore[no-untyped-def]  # numba infers the types
    total = 0.0
    for i in range(state.uav_resources.shape[1]):
        if arrived[i]:
            total += state.uav_resources[b, i, r]
    return total


@njit(cache=True, _nrt=False, inline="always")
def _share_out(state, b, j, terms, arrived):  # type: ignore[no-untyped-def]  # numba infers the types
    """Lets the arrived UAVs deliver to target j, and clears their choices."""
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
            if not state.is_capability[b]:
                state.uav_resources[b, i, r] -= amount
            state.delivered[b, i, j, r] += amount
            terms[b, i, _SHARE] += share(amount, demand)
            state.involved[b, i, j] |= amount > EPSILON
        state.target_remaining[b, j, r] = max(0.0, remaining - scale * offered)
    for i in range(num_uavs):
        if arrived[i]:
            choose(state, b, i, -1)


@njit(cache=True, _nrt=False)
def charge_crowding(state: AllocateState, b: int, j: int, terms: FloatArray) -> None:
    """Books the crowding of target j, in equal parts on the UAVs that are involved with it."""
    charge = congestion(crowding(state, b, j), num_involved(state, b, j))
    for i in range(state.involved.shape[1]):
        if is_involved(state, b, i, j):
            terms[b, i, _CONGESTION] += charge


@njit(cache=True, _nrt=False)
def _mean_value(state, b):  # type: ignore[no-untyped-def]  # numba infers the types
    """Mean value of the world's targets, whether or not they have appeared."""
    total, count = 0.0, 0
    for j in range(state.target_exists.shape[1]):
        if state.target_exists[b, j]:
            total += state.target_value[b, j]
            count += 1
    return total / count


@njit(cache=True, _nrt=False)
def _close(state, b, j, terms, time_s):  # type: ignore[no-untyped-def]  # numba infers the types
    """Books the closing of target j: completion, wasted trips, crowding."""
    num_uavs, num_kinds = state.uav_resources.shape[1:]
    state.target_closed_time_s[b, j] = time_s
    total = 0.0
    for r in range(num_kinds):
        state.target_remaining[b, j, r] = 0.0
        for i in range(num_uavs):
            total += state.delivered[b, i, j, r]
    value, mean_value = state.target_value[b, j], _mean_value(state, b)
    for i in range(num_uavs):
        own = 0.0
        for r in range(num_kinds):
            own += state.delivered[b, i, j, r]
        terms[b, i, _COMPLETION] += completion(own, total, value, mean_value)
        if state.uav_choice[b, i] == j:
            terms[b, i, _WASTE] += waste()
            state.uav_wasted_trips[b, i] += 1
            state.involved[b, i, j] = True
            choose(state, b, i, -1)
    charge_crowding(state, b, j, terms)


@njit(cache=True, _nrt=False, inline="always")
def deliver(state: AllocateState, b: int, terms: FloatArray, capture_radius_m: float, time_s: float) -> None:
    """Lets every UAV of world b whose service is over deliver, and closes the targets whose demand is met.

    Args:
        terms: (B, N, len(TERMS)) raw reward terms, added to.
        time_s: Time at the end of this substep.
    """
    if not has_anyone_arrived(state, b, capture_radius_m):
        return
    for j in range(state.target_exists.shape[1]):
        if is_open(state, b, j) and gather(state, b, j, capture_radius_m, time_s) > 0:
            _share_out(state, b, j, terms, state.arrived[b])
            if not is_open(state, b, j):
                _close(state, b, j, terms, time_s)
