"""The features of one world: rows for UAVs, targets and obstacles, and rows for UAV-candidate pairs.

All features are relative and scale-free: lengths over the sensing radius, amounts over the mean UAV's initial
resources, directions in the UAV's body frame, times as shares. `Observation` in `types.py` gives the shapes; the four
writers below are the list of columns. R resource kinds come first in every row, group by group.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.depot import from_depot_m
from rl_cluster.environment.allocate.intent import Intent
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.types import FloatArray

__all__ = ["write_obstacle_row", "write_pair_row", "write_target_row", "write_uav_row"]


@njit(cache=True, _nrt=False)
def _ratio(a, b, limit):  # type: ignore[no-untyped-def]
    """min(a / b, limit), 0 where b is nothing."""
    return min(a / b, limit) if b > EPSILON else 0.0


@njit(cache=True, _nrt=False, inline="always")
def write_uav_row(
    state: AllocateState, b: int, i: int, intent: Intent, sensing_radius_m: float, row: FloatArray
) -> None:
    """UAV i of world b. Columns (4 R + 19):

    R carried / unit; R carried / initial; R supply over lack of the world; R uncovered demand of the choice / unit;
    range left / sensing radius (at most 8, over 4); range left / side (at most 3); share of the time gone; metres that
    the time left allows / sensing radius (over 8); has a choice; cos and sin of the bearing to it; distance to it
    (at most 4); cruise speed / mean; can fly; legal targets / open targets; open / all targets; flying / all UAVs;
    flying UAVs / open targets (at most 4, over 4); is present at its choice, to serve or to wait; there is a depot; cos
    and sin of the bearing to it; distance to it / sensing radius (at most 4).
    """
    num_kinds = intent.unit.shape[0]
    choice = state.uav_choice[b, i]
    for r in range(num_kinds):
        row[r] = state.uav_resources[b, i, r] / intent.unit[r]
        row[num_kinds + r] = _ratio(state.uav_resources[b, i, r], state.uav_initial_resources[b, i, r], 1.0)
        row[2 * num_kinds + r] = _ratio(intent.supply[r], intent.lack[r], 3.0)
        row[3 * num_kinds + r] = intent.uncovered[choice, r] / intent.unit[r] if choice >= 0 else 0.0
    flying, num_uavs, num_open, num_targets = intent.counts
    range_left = state.uav_range_left_m[b, i]
    side = math.sqrt(state.area_m[b, 0] * state.area_m[b, 1])
    c = 4 * num_kinds
    row[c] = min(range_left / sensing_radius_m, 8.0) / 4.0
    row[c + 1] = min(range_left / side, 3.0)
    row[c + 2] = state.time_s[b] / state.time_limit_s[b]
    time_left_s = max(state.time_limit_s[b] - state.time_s[b], 0.0)
    row[c + 3] = min(time_left_s * state.uav_cruise_mps[b, i] / sensing_radius_m, 16.0) / 8.0
    if choice >= 0:
        row[c + 4] = 1.0
        row[c + 5], row[c + 6] = _target_direction(state, b, i, choice, intent)
        row[c + 7] = min(intent.distance_m[i, choice] / sensing_radius_m, 4.0)
    else:
        row[c + 4], row[c + 5], row[c + 6], row[c + 7] = 0.0, 0.0, 0.0, 0.0
    row[c + 8] = state.uav_cruise_mps[b, i] / intent.means[0]
    row[c + 9] = 1.0 if range_left > 0.0 else 0.0
    row[c + 10] = _num_legal(intent, i) / max(num_open, 1.0)
    row[c + 11] = num_open / max(num_targets, 1.0)
    row[c + 12] = flying / num_uavs
    row[c + 13] = min(flying / max(num_open, 1.0), 4.0) / 4.0
    row[c + 14] = 1.0 if state.uav_present[b, i] else 0.0
    _write_depot(state, b, i, intent, sensing_radius_m, row[c + 15 :])


@njit(cache=True, _nrt=False, inline="always")
def _write_depot(state, b, i, intent, sensing_radius_m, row):  # type: ignore[no-untyped-def]
    if not state.has_depot[b]:
        row[0], row[1], row[2], row[3] = 0.0, 0.0, 0.0, 0.0
        return
    x, y = state.uav_position_m[b, i, 0], state.uav_position_m[b, i, 1]
    distance = from_depot_m(state, b, x, y)
    row[0], row[3] = 1.0, min(distance / sensing_radius_m, 4.0)
    dx, dy = np.float64(state.depot_m[b, 0]) - x, np.float64(state.depot_m[b, 1]) - y
    row[1], row[2] = _direction(intent, i, dx, dy, distance)


@njit(cache=True, _nrt=False, inline="always")
def _num_legal(intent, i):  # type: ignore[no-untyped-def]
    count = 0.0
    for j in range(intent.legal.shape[1]):
        count += intent.legal[i, j]
    return count


@njit(cache=True, _nrt=False, inline="always")
def _direction(intent, i, dx, dy, distance):  # type: ignore[no-untyped-def]
    """Cosine and sine of the bearing to what lies (dx, dy) metres away, in UAV i's body frame; ahead if it is there."""
    if distance <= 0.0:
        return 1.0, 0.0
    cos, sin = intent.axis[i, 0], intent.axis[i, 1]
    return (dx * cos + dy * sin) / distance, (dy * cos - dx * sin) / distance


@njit(cache=True, _nrt=False, inline="always")
def _target_direction(state, b, i, j, intent):  # type: ignore[no-untyped-def]
    """`_direction` of target j."""
    dx = np.float64(state.target_position_m[b, j, 0]) - state.uav_position_m[b, i, 0]
    dy = np.float64(state.target_position_m[b, j, 1]) - state.uav_position_m[b, i, 1]
    return _direction(intent, i, dx, dy, intent.distance_m[i, j])


@njit(cache=True, _nrt=False, inline="always")
def write_target_row(state: AllocateState, b: int, j: int, intent: Intent, interval_s: float, row: FloatArray) -> None:
    """Open target j of world b. Columns (6 R + 10):

    R remaining / unit; R remaining / demand; R committed / unit (at most 8); R uncovered / unit; R free supply over
    uncovered (at most 2; 2 where nothing is uncovered); R of those present / unit (at most 8); ideal number of UAVs
    (over 4); UAVs under way / ideal (at most 2); earliest arrival in decision intervals (over 10, at most 2; 2 without
    any); all covered by those under way; coverable by free UAVs; mean share of the demand that remains; is open; value
    / mean value of the targets that have appeared (at most 4, over 2); service time in decision intervals (at most 4);
    is in service.
    """
    num_kinds = intent.unit.shape[0]
    is_covered, is_coverable, remaining_share, kinds = True, True, 0.0, 0
    for r in range(num_kinds):
        unit, remaining = intent.unit[r], state.target_remaining[b, j, r]
        uncovered, free = intent.uncovered[j, r], intent.free_supply[j, r]
        row[r] = remaining / unit
        row[num_kinds + r] = _ratio(remaining, state.target_demand[b, j, r], 1.0)
        row[2 * num_kinds + r] = min(intent.committed[j, r] / unit, 8.0)
        row[3 * num_kinds + r] = uncovered / unit
        row[4 * num_kinds + r] = _ratio(free, uncovered, 2.0) if uncovered > EPSILON else 2.0
        row[5 * num_kinds + r] = min(intent.present[j, r] / unit, 8.0)
        is_covered &= uncovered <= EPSILON
        is_coverable &= free >= uncovered - EPSILON
        if state.target_demand[b, j, r] > EPSILON:
            remaining_share += remaining / state.target_demand[b, j, r]
            kinds += 1
    c = 6 * num_kinds
    row[c] = min(intent.ideal[j], 16.0) / 4.0
    row[c + 1] = min(intent.num_under_way[j] / intent.ideal[j], 2.0)
    row[c + 2] = min(intent.earliest_s[j] / (10.0 * interval_s), 2.0)
    row[c + 3] = 1.0 if is_covered else 0.0
    row[c + 4] = 1.0 if is_coverable else 0.0
    row[c + 5] = remaining_share / max(kinds, 1)
    row[c + 6] = 1.0
    row[c + 7] = min(state.target_value[b, j] / intent.means[1], 4.0) / 2.0
    row[c + 8] = min(state.target_service_s[b, j] / interval_s, 4.0)
    row[c + 9] = 1.0 if intent.is_in_service[j] else 0.0


@njit(cache=True, _nrt=False, inline="always")
def write_obstacle_row(
    state: AllocateState, b: int, o: int, clearance_m: float, sensing_radius_m: float, row: FloatArray
) -> None:
    """Obstacle o of world b. Columns (2): radius, and radius plus clearance, both / sensing radius."""
    row[0] = state.obstacle_radius_m[b, o] / sensing_radius_m
    row[1] = (state.obstacle_radius_m[b, o] + clearance_m) / sensing_radius_m


@njit(cache=True, _nrt=False, inline="always")
def write_pair_row(
    state: AllocateState, b: int, i: int, j: int, intent: Intent, sensing_radius_m: float, row: FloatArray
) -> None:
    """UAV i and its candidate j. Here *uncovered* leaves out the UAV's own commitment. Columns (5 R + 15):

    R what the UAV can give / unit; R what of that is uncovered / unit; R what it can give / remaining;
    R uncovered / unit; R uncovered after all nearer free UAVs / unit; distance (at most 8, over 2); cos and sin of the
    bearing; is its current choice; distance / range left (at most 1); completes what remains alone; completes it given
    those under way; own share of what remains; own share of what is uncovered; UAVs under way that are nearer / ideal;
    UAVs under way / ideal (both at most 2); nearer free UAVs (over 4, at most 2); distance less that of the nearest
    other free UAV (in [-2, 2]); free UAVs with it can cover all; flight time / time left (at most 2).
    """
    num_kinds = intent.unit.shape[0]
    distance = intent.distance_m[i, j]
    is_current = state.uav_choice[b, i] == j
    nearer_under_way, nearer_free, nearest_free_m = _read_rivals(state, b, i, j, intent)
    alone, given_others, with_free = True, True, True
    gives, lacks, gives_uncovered, lacks_uncovered = 0.0, 0.0, 0.0, 0.0
    for r in range(num_kinds):
        unit, own = intent.unit[r], state.uav_resources[b, i, r]
        remaining = state.target_remaining[b, j, r]
        committed = intent.committed[j, r] - (own if is_current else 0.0)
        uncovered = max(0.0, remaining - committed)
        free = intent.free_supply[j, r] + (own if state.uav_choice[b, i] >= 0 else 0.0)
        row[r] = min(own, remaining) / unit
        row[num_kinds + r] = min(own, uncovered) / unit
        row[2 * num_kinds + r] = _ratio(min(own, remaining), remaining, 1.0)
        row[3 * num_kinds + r] = uncovered / unit
        row[4 * num_kinds + r] = max(0.0, uncovered - intent.nearer_free[r]) / unit
        alone &= own >= remaining - EPSILON
        given_others &= own >= uncovered - EPSILON
        with_free &= free >= uncovered - EPSILON
        gives += min(own, remaining) / unit
        lacks += remaining / unit
        gives_uncovered += min(own, uncovered) / unit
        lacks_uncovered += uncovered / unit
    others_under_way = intent.num_under_way[j] - (1.0 if is_current else 0.0)
    time_left_s = max(state.time_limit_s[b] - state.time_s[b], 1.0)
    c = 5 * num_kinds
    row[c] = min(distance / sensing_radius_m, 8.0) / 2.0
    row[c + 1], row[c + 2] = _target_direction(state, b, i, j, intent)
    row[c + 3] = 1.0 if is_current else 0.0
    row[c + 4] = min(distance / state.uav_range_left_m[b, i], 1.0)
    row[c + 5] = 1.0 if alone else 0.0
    row[c + 6] = 1.0 if given_others else 0.0
    row[c + 7] = _ratio(gives, lacks, 1.0)
    row[c + 8] = _ratio(gives_uncovered, lacks_uncovered, 1.0)
    row[c + 9] = min(nearer_under_way / intent.ideal[j], 2.0)
    row[c + 10] = min(others_under_way / intent.ideal[j], 2.0)
    row[c + 11] = min(nearer_free / 4.0, 2.0)
    row[c + 12] = max(-2.0, min(2.0, (distance - nearest_free_m) / sensing_radius_m))
    row[c + 13] = 1.0 if with_free else 0.0
    row[c + 14] = min(distance / state.uav_cruise_mps[b, i] / time_left_s, 2.0)


@njit(cache=True, _nrt=False, inline="always")
def _read_rivals(state, b, i, j, intent):  # type: ignore[no-untyped-def]
    """Nearer UAVs under way to target j, nearer free UAVs, and the distance of the nearest other free UAV.

    Writes `intent.nearer_free`, what those nearer free UAVs carry.
    """
    under_way, free, nearest_m = 0.0, 0.0, math.inf
    intent.nearer_free[:] = 0.0
    for other in range(state.uav_exists.shape[1]):
        if other == i or not intent.legal[other, j]:
            continue
        is_nearer = intent.distance_m[other, j] < intent.distance_m[i, j]
        choice = state.uav_choice[b, other]
        if choice == j:
            under_way += is_nearer
        elif choice < 0:
            nearest_m = min(nearest_m, intent.distance_m[other, j])
            if is_nearer:
                free += 1.0
                for r in range(intent.nearer_free.shape[0]):
                    intent.nearer_free[r] += state.uav_resources[b, other, r]
    return under_way, free, nearest_m
