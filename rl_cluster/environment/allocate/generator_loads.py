"""Equips the UAVs and targets of a generated episode of task `allocate`: kernels of the generator.

UAVs get speeds, range and resources, targets their demands, values and service times. Appearances and failures come
last, with separate counters.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.generator_places import pad_of
from rl_cluster.environment.allocate.generator_ranges import EPISODE, RATIO, TARGET, UAV, between, between_logs
from rl_cluster.environment.allocate.state import EPSILON
from rl_cluster.environment.shared.keyed_random import uniform, uniform_int

__all__ = ["demand", "draw_failures", "draw_service", "equip"]

_EQUAL = EPISODE + 3


@njit(cache=True)
def equip(state, b, episode_key, num_uavs, start, side_m, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """Heading, speeds, range and resources of the UAVs. In an equal fleet all draw what the first one draws."""
    is_equal = uniform(episode_key, _EQUAL) < ranges.equal_share
    for i in range(num_uavs):
        first = UAV + (0 if is_equal else 32 * i)
        heading_draw = uniform(episode_key, UAV + 32 * pad_of(episode_key, i, start))
        state.uav_heading_rad[b, i] = math.pi * (2.0 * heading_draw - 1.0)
        cruise = between(episode_key, first + 1, ranges.cruise_mps)
        state.uav_cruise_mps[b, i] = cruise
        state.uav_speed_mps[b, i, 0] = cruise * ranges.speed_share[0]
        state.uav_speed_mps[b, i, 1] = cruise * ranges.speed_share[1]
        state.uav_range_left_m[b, i] = side_m * between(episode_key, first + 2, ranges.range_sides)
        missing, only = _skills(episode_key, first, ranges)
        for r in range(ranges.num_resources):
            if r != missing and (only < 0 or r == only):
                state.uav_resources[b, i, r] = between(episode_key, first + 5 + r, ranges.uav_resource)


@njit(cache=True)
def _skills(episode_key, first, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """The kind that a UAV lacks, and the only kind that it carries; -1 = no such kind.

    Args:
        first: The first counter of the UAV's draws.
    """
    last = ranges.num_resources - 1
    if last == 0:
        return -1, -1
    if uniform(episode_key, first + 13) < ranges.single_skill_share:
        return -1, uniform_int(episode_key, first + 14, 0, last)
    is_specialist = uniform(episode_key, first + 3) < ranges.specialist_share
    return (uniform_int(episode_key, first + 4, 0, last) if is_specialist else -1), -1


@njit(cache=True)
def demand(state, b, episode_key, num_targets, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """Demands: 1 +- spread per target and kind, scaled so that supply over demand is the ratio drawn for the kind."""
    for r in range(ranges.num_resources):
        if ranges.is_supply_log:
            ratio = between_logs(episode_key, RATIO + r, ranges.supply_demand_ratio)
        else:
            ratio = between(episode_key, RATIO + r, ranges.supply_demand_ratio)
        supply, total = 0.0, 0.0
        for i in range(state.uav_resources.shape[1]):
            supply += state.uav_resources[b, i, r]
        for j in range(num_targets):
            shape = 1.0 + ranges.demand_spread * (2.0 * uniform(episode_key, TARGET + 16 * j + r) - 1.0)
            state.target_demand[b, j, r] = shape
            total += shape
        for j in range(num_targets):
            amount = state.target_demand[b, j, r] * supply / (ratio * total)
            state.target_demand[b, j, r] = amount if amount > EPSILON else 0.0


@njit(cache=True)
def draw_service(state, b, episode_key, num_targets, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """Values and service times of the targets; some of them appear during the first half of the time limit."""
    for j in range(num_targets):
        first = TARGET + 16 * j + 8
        state.target_value[b, j] = between(episode_key, first, ranges.target_value)
        state.target_service_s[b, j] = between(episode_key, first + 1, ranges.service_time_s)
        if uniform(episode_key, first + 2) < ranges.appearing_share:
            state.target_appears_s[b, j] = 0.5 * state.time_limit_s[b] * uniform(episode_key, first + 3)


@njit(cache=True)
def draw_failures(state, b, episode_key, num_uavs, failing_share):  # type: ignore[no-untyped-def]  # numba infers the types
    """Some of the UAVs fail during the time limit."""
    for i in range(num_uavs):
        first = UAV + 32 * i + 16
        fails = uniform(episode_key, first) < failing_share
        state.uav_fails_s[b, i] = state.time_limit_s[b] * uniform(episode_key, first + 1) if fails else np.inf
