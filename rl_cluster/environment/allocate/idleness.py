"""Worlds in which nobody does anything, and how long that has lasted. All functions act on one world of the state.

A decision is *idle* if from its start to its end every UAV that flies hovers, or waits at its target for others, while
targets are unmet, none is in service and none is still to appear. Nothing changes in it but the time. A policy that
looks at nothing else will do the same again; one that draws, or that looks at the time, may still set out. So a
stand-off counts as a deadlock only after a number of idle decisions in a row (the setting `idle_decisions`), unless
nobody may do anything else, which `is_stuck` of `legality.py` tells at once.
"""

from numba import njit

from rl_cluster.environment.allocate.legality import all_closed, is_one_to_come
from rl_cluster.environment.allocate.service import is_in_service
from rl_cluster.environment.allocate.state import AllocateState

__all__ = ["count_idle", "is_idle"]

_MOST = 30_000
"""The count stops here, within int16."""


@njit(cache=True, _nrt=False)
def is_idle(state: AllocateState, b: int) -> bool:
    """True = every UAV that flies hovers or waits for others, targets are unmet, and none is still to appear."""
    for i in range(state.uav_exists.shape[1]):
        has_goal = state.uav_exists[b, i] and state.uav_range_left_m[b, i] > 0.0 and state.uav_choice[b, i] >= 0
        if has_goal and (not state.uav_present[b, i] or is_in_service(state, b, i)):
            return False
    return not all_closed(state, b) and not is_one_to_come(state, b)


@njit(cache=True, _nrt=False)
def _has_closed_since(state, b, time_s):  # type: ignore[no-untyped-def]  # numba infers the types
    for j in range(state.target_exists.shape[1]):
        if state.target_exists[b, j] and time_s < state.target_closed_time_s[b, j] <= state.time_s[b]:
            return True
    return False


@njit(cache=True, _nrt=False)
def count_idle(state: AllocateState, b: int, was_idle: bool, began_s: float) -> int:
    """Counts the decision that ends now, if it was idle, and forgets the earlier ones otherwise; returns the count.

    Args:
        was_idle: `is_idle` at its start, after all have chosen.
        began_s: When it began. Those left of a team whose service has broken off may serve again without moving.
    """
    if was_idle and is_idle(state, b) and not _has_closed_since(state, b, began_s):
        state.idle_decisions[b] = min(state.idle_decisions[b] + 1, _MOST)
    else:
        state.idle_decisions[b] = 0
    return state.idle_decisions[b]
