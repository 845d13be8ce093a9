"""Draws futures for the search at decision time: targets that may still appear, and UAVs that may still fail.

What a future holds follows from what can be seen and from the generator's settings alone, never from what will happen:

- Of M targets in all, the share `appearing_share` appears at times drawn from the first half of the time limit. So m
  targets that have appeared by time t mean M = m / (1 - share (1 - t / half)), and M - m are expected to come, as far
  as there is room. Each is at a place drawn from the area, and has demand, value and service time of a target that has
  appeared, drawn among all of them.
- Each UAV that flies fails with the probability that one does that has not failed by time t, at a time drawn from the
  rest of the time limit.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.route import plan_routes
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.keyed_random import uniform, uniform_int

__all__ = ["redraw"]

_FAILURES = 1 << 20
"""First counter of the draws of failures."""
_PER_TARGET = 8
"""Draws reserved for a target."""
_LEAST_SHARE = 0.05
"""The lowest share of targets that the search assumes to have appeared; it keeps the expected number finite."""


def redraw(state: AllocateState, shares: NDArray[np.float64], keys: NDArray[np.int64]) -> None:
    """Replaces what nobody can know yet in all B worlds.

    Args:
        state: Of the worlds.
        shares: (B, 2) share of targets that appear, and of UAVs that fail, in episodes like each of these.
        keys: (B,) key the draws.
    """
    _redraw(state, shares, keys)
    rows = np.flatnonzero(~state.ended & (shares[:, 0] > 0.0))
    if rows.size:
        plan_routes(state, rows)


@njit(cache=True)
def _redraw(state, shares, keys):  # type: ignore[no-untyped-def]  # numba infers the types
    for b in range(keys.shape[0]):
        draws = np.uint64(keys[b])
        _redraw_targets(state, b, shares[b, 0], draws)
        _redraw_failures(state, b, shares[b, 1], draws)


@njit(cache=True)
def _redraw_targets(state, b, share, draws):  # type: ignore[no-untyped-def]  # numba infers the types
    has_appeared = state.target_exists[b] & (state.target_appears_s[b] <= state.time_s[b])
    seen, half_s = np.flatnonzero(has_appeared), 0.5 * state.time_limit_s[b]
    left = max(1.0 - state.time_s[b] / half_s, 0.0)
    room = has_appeared.size - seen.size
    total = seen.size / max(1.0 - share * left, _LEAST_SHARE)
    probability = min((total - seen.size) / max(room, 1), 1.0)
    for j in range(has_appeared.size):
        if not has_appeared[j]:
            _remove_target(state, b, j)
            first = j * _PER_TARGET
            if uniform(draws, first) < probability:
                like = seen[uniform_int(draws, first + 1, 0, seen.size - 1)]
                _add_target(state, b, j, like, state.time_s[b] + left * half_s * uniform(draws, first + 2))
                for axis in range(2):
                    place = uniform(draws, first + 3 + axis)
                    state.target_position_m[b, j, axis] = place * state.area_m[b, axis]


@njit(cache=True)
def _remove_target(state, b, j):  # type: ignore[no-untyped-def]  # numba infers the types
    state.target_exists[b, j] = False
    state.target_position_m[b, j] = 0.0
    state.target_demand[b, j] = 0.0
    state.target_remaining[b, j] = 0.0
    state.target_value[b, j] = 0.0
    state.target_service_s[b, j] = 0.0
    state.target_appears_s[b, j] = 0.0
    state.target_closed_time_s[b, j] = np.inf
    state.target_ideal[b, j] = 1


@njit(cache=True)
def _add_target(state, b, j, like, appears_s):  # type: ignore[no-untyped-def]  # numba infers the types
    """Target j becomes one like another, which has appeared."""
    state.target_exists[b, j] = True
    state.target_demand[b, j] = state.target_demand[b, like]
    state.target_remaining[b, j] = state.target_demand[b, like]
    state.target_value[b, j] = state.target_value[b, like]
    state.target_service_s[b, j] = state.target_service_s[b, like]
    state.target_appears_s[b, j] = appears_s
    state.target_ideal[b, j] = state.target_ideal[b, like]


@njit(cache=True)
def _redraw_failures(state, b, share, draws):  # type: ignore[no-untyped-def]  # numba infers the types
    left = max(1.0 - state.time_s[b] / state.time_limit_s[b], 0.0)
    probability = share * left / max(1.0 - share * (1.0 - left), 1e-9)
    for i in range(state.uav_exists.shape[1]):
        if state.uav_exists[b, i] and state.uav_range_left_m[b, i] > 0.0:
            state.uav_fails_s[b, i] = np.inf
            if uniform(draws, _FAILURES + 2 * i) < probability:
                rest_s = left * state.time_limit_s[b] * uniform(draws, _FAILURES + 2 * i + 1)
                state.uav_fails_s[b, i] = state.time_s[b] + rest_s
