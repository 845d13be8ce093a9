"""One decision interval of a batch of worlds: UAVs follow their choices and deliver, and the episode may end.

Terminated: every target is closed (also those that have appeared late), and with depots, all UAVs that can fly have
returned to theirs. Truncated: the time limit, or a deadlock (`is_stuck` in `legality.py`, and `idleness.py`).

In a substep all UAVs fly, time advances, UAVs fail, those whose service is over deliver, and UAVs out of range drop
their choice.
"""

from numba import njit

from rl_cluster.environment.allocate.autopilot import fly
from rl_cluster.environment.allocate.delivery import charge_crowding, deliver
from rl_cluster.environment.allocate.depot import all_home, has_depots, is_away
from rl_cluster.environment.allocate.idleness import count_idle, is_idle
from rl_cluster.environment.allocate.legality import all_closed, distance_m, is_open, is_stuck
from rl_cluster.environment.allocate.reward import all_done, approach, collision, path, term_index, time
from rl_cluster.environment.allocate.rules import Shared, rules_in
from rl_cluster.environment.allocate.service import drop_out, fail, is_in_service
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.interface import StepResult
from rl_cluster.types import FloatArray

__all__ = ["fly_interval"]

_PATH = term_index("path")
_TIME = term_index("time")
_APPROACH = term_index("approach")
_COLLISION = term_index("collision")
_ALL_DONE = term_index("all_done")


@njit(cache=True, _nrt=False, inline="always")
def _add_potential(state, b, terms, sign, sensing_radius_m):  # type: ignore[no-untyped-def]  # numba infers the types
    for i in range(state.uav_exists.shape[1]):
        choice = state.uav_choice[b, i]
        if choice >= 0:
            terms[b, i, _APPROACH] += approach(sign, distance_m(state, b, i, choice), sensing_radius_m)


@njit(cache=True, _nrt=False, inline="always")
def _fly_all(state, b, terms, rules):  # type: ignore[no-untyped-def]  # numba infers the types
    """Flies UAVs towards their choices, or to their depots when all is done. UAVs at their targets stay there."""
    num_targets = state.target_exists.shape[1]
    is_returning = has_depots(state, b) and all_closed(state, b)
    for i in range(state.uav_exists.shape[1]):
        goal = state.uav_choice[b, i]
        if is_returning and is_away(state, b, i, rules.capture_radius_m):
            goal = num_targets + state.uav_depot[b, i] - 1
        if goal < 0:
            continue
        if state.uav_present[b, i]:
            if not is_in_service(state, b, i):
                state.uav_waited_s[b, i] += rules.substep_s
            continue
        flown_m, has_entered = fly(state, b, i, goal, rules)
        terms[b, i, _PATH] += path(flown_m, rules.sensing_radius_m)
        if has_entered:
            terms[b, i, _COLLISION] += collision()
            state.uav_collisions[b, i] += 1


@njit(cache=True, _nrt=False, inline="always")
def _ground_empty(state, b):  # type: ignore[no-untyped-def]  # numba infers the types
    """Stops UAVs out of range and clears their choices, after they had the chance to deliver."""
    for i in range(state.uav_exists.shape[1]):
        if state.uav_choice[b, i] >= 0 and state.uav_range_left_m[b, i] <= 0.0:
            drop_out(state, b, i)


@njit(cache=True, _nrt=False)
def _pay_all_done(state, b, terms):  # type: ignore[no-untyped-def]  # numba infers the types
    count = 0
    for i in range(state.uav_exists.shape[1]):
        count += state.uav_exists[b, i]
    for i in range(state.uav_exists.shape[1]):
        terms[b, i, _ALL_DONE] += all_done(count)


@njit(cache=True, _nrt=False)
def _charge_open_targets(state, b, terms):  # type: ignore[no-untyped-def]  # numba infers the types
    for j in range(state.target_exists.shape[1]):
        if is_open(state, b, j):
            charge_crowding(state, b, j, terms)


@njit(cache=True, _nrt=False, inline="always")
def _is_done(state, b, capture_radius_m):  # type: ignore[no-untyped-def]  # numba infers the types
    return all_closed(state, b) and all_home(state, b, capture_radius_m)


@njit(cache=True, _nrt=False, inline="always")
def _is_deadlocked(state, b, was_idle, began_s, rules):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = the episode ends in a deadlock; asked only if it is neither done nor out of time."""
    num_idle = count_idle(state, b, was_idle, began_s)
    if all_closed(state, b):
        return False
    return 0 < rules.idle_decisions <= num_idle or is_stuck(state, b, rules.replan)


@njit(cache=True, _nrt=False)
def _settle(state, b, terms, is_terminated, sensing_radius_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """Adds the terms that depend on whether the episode continues, and on how it ended."""
    if not state.ended[b]:
        _add_potential(state, b, terms, 1.0, sensing_radius_m)
        return
    _charge_open_targets(state, b, terms)
    if is_terminated:
        _pay_all_done(state, b, terms)


@njit(cache=True, _nrt=False)
def fly_interval(state: AllocateState, terms: FloatArray, result: StepResult, shared: Shared) -> None:
    """Flies every world that has not ended for one interval, or until its episode ends.

    Args:
        terms: (B, N, len(TERMS)) amounts of the reward's terms, zeroed and written.
        result: Zeroed; the ends of episodes are written.
        shared: The settings of all worlds; each world has its own clock and rules beside them.
    """
    terms[:] = 0.0
    for b in range(state.time_s.shape[0]):
        if state.ended[b]:
            continue
        rules = rules_in(state, b, shared)
        _add_potential(state, b, terms, -1.0, rules.sensing_radius_m)
        was_idle, began_s = is_idle(state, b), state.time_s[b]
        for _ in range(rules.num_substeps):
            _fly_all(state, b, terms, rules)
            state.time_s[b] += rules.substep_s
            fail(state, b)
            deliver(state, b, terms, rules.capture_radius_m, state.time_s[b])
            _ground_empty(state, b)
            if _is_done(state, b, rules.capture_radius_m) or state.time_s[b] >= state.time_limit_s[b]:
                break
        for i in range(state.uav_exists.shape[1]):
            terms[b, i, _TIME] += time()
        state.decision[b] += 1
        is_done = _is_done(state, b, rules.capture_radius_m)
        is_timeout = state.time_s[b] >= state.time_limit_s[b]
        is_deadlock = not is_timeout and _is_deadlocked(state, b, was_idle, began_s, rules)
        result.terminated[b] = is_done
        result.truncated[b] = not is_done and (is_timeout or is_deadlock)
        result.deadlocked[b] = is_deadlock
        state.ended[b] = is_done or result.truncated[b]
        _settle(state, b, terms, is_done, rules.sensing_radius_m)
