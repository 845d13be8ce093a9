"""The features of one world: rows for UAVs, targets and obstacles, and rows for UAV-candidate pairs.

All features are relative and scale-free: lengths over the sensing radius, amounts over the mean UAV's initial
resources, directions in the UAV's body frame, times as shares. `columns.py` lists the columns. Block b of a row holds
kind r of resource in column b R + r; single columns follow the blocks.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.columns import (
    ObstacleColumn,
    PairBlock,
    PairColumn,
    TargetBlock,
    TargetColumn,
    UavBlock,
    UavColumn,
)
from rl_cluster.environment.allocate.depot import from_depot_m
from rl_cluster.environment.allocate.intent import Figure, Intent
from rl_cluster.environment.allocate.preferences import as_feature
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.types import FloatArray

__all__ = ["write_obstacle_row", "write_pair_row", "write_target_row", "write_uav_row"]

_UAV_BLOCKS, _TARGET_BLOCKS, _PAIR_BLOCKS = len(UavBlock), len(TargetBlock), len(PairBlock)


@njit(cache=True, _nrt=False)
def _ratio(a, b, limit):  # type: ignore[no-untyped-def]  # numba infers the types
    """min(a / b, limit); 0 if b counts as nothing."""
    return min(a / b, limit) if b > EPSILON else 0.0


@njit(cache=True, _nrt=False, inline="always")
def write_uav_row(
    state: AllocateState, b: int, i: int, intent: Intent, sensing_radius_m: float, row: FloatArray
) -> None:
    """UAV i of world b: `UavBlock`, then `UavColumn`."""
    num_kinds = intent.unit.shape[0]
    choice = state.uav_choice[b, i]
    for r in range(num_kinds):
        uncovered = intent.uncovered[choice, r] / intent.unit[r] if choice >= 0 else 0.0
        carried_share = _ratio(state.uav_resources[b, i, r], state.uav_initial_resources[b, i, r], 1.0)
        row[UavBlock.CARRIED * num_kinds + r] = state.uav_resources[b, i, r] / intent.unit[r]
        row[UavBlock.CARRIED_SHARE * num_kinds + r] = carried_share
        row[UavBlock.SUPPLY * num_kinds + r] = _ratio(intent.supply[r], intent.lack[r], 3.0)
        row[UavBlock.CHOICE_UNCOVERED * num_kinds + r] = uncovered
    c = _UAV_BLOCKS * num_kinds
    _write_reach(state, b, i, sensing_radius_m, row, c)
    _write_choice(state, b, i, intent, sensing_radius_m, row, c)
    _write_team(state, b, i, intent, row, c)
    row[c + UavColumn.IS_PRESENT] = 1.0 if state.uav_present[b, i] else 0.0
    _write_depot(state, b, i, intent, sensing_radius_m, row, c)
    row[c + UavColumn.PREFER_CROWDING] = as_feature(state.preference[b, 0])
    row[c + UavColumn.PREFER_TIME] = as_feature(state.preference[b, 1])
    row[c + UavColumn.PREFER_DISTANCE] = as_feature(state.preference[b, 2])


@njit(cache=True, _nrt=False, inline="always")
def _write_reach(state, b, i, sensing_radius_m, row, c):  # type: ignore[no-untyped-def]  # numba infers the types
    """Columns for what range and time allow UAV i; c is the first single column."""
    range_left = state.uav_range_left_m[b, i]
    side = math.sqrt(state.area_m[b, 0] * state.area_m[b, 1])
    time_left_s = max(state.time_limit_s[b] - state.time_s[b], 0.0)
    row[c + UavColumn.RANGE_LEFT] = min(range_left / sensing_radius_m, 8.0) / 4.0
    row[c + UavColumn.RANGE_LEFT_OF_SIDE] = min(range_left / side, 3.0)
    row[c + UavColumn.TIME_GONE] = state.time_s[b] / state.time_limit_s[b]
    row[c + UavColumn.TIME_LEFT_WAY] = min(time_left_s * state.uav_cruise_mps[b, i] / sensing_radius_m, 16.0) / 8.0
    row[c + UavColumn.CAN_FLY] = 1.0 if range_left > 0.0 else 0.0


@njit(cache=True, _nrt=False, inline="always")
def _write_choice(state, b, i, intent, sensing_radius_m, row, c):  # type: ignore[no-untyped-def]  # numba infers the types
    choice = state.uav_choice[b, i]
    cos, sin, distance = 0.0, 0.0, 0.0
    if choice >= 0:
        cos, sin = _target_direction(state, b, i, choice, intent)
        distance = min(intent.distance_m[i, choice] / sensing_radius_m, 4.0)
    row[c + UavColumn.HAS_CHOICE] = 1.0 if choice >= 0 else 0.0
    row[c + UavColumn.CHOICE_COS] = cos
    row[c + UavColumn.CHOICE_SIN] = sin
    row[c + UavColumn.CHOICE_DISTANCE] = distance


@njit(cache=True, _nrt=False, inline="always")
def _write_team(state, b, i, intent, row, c):  # type: ignore[no-untyped-def]  # numba infers the types
    """Columns that compare UAV i with the others, and all UAVs with the targets."""
    flying, num_open = intent.figures[Figure.FLYING_UAVS], intent.figures[Figure.OPEN_TARGETS]
    row[c + UavColumn.CRUISE_SPEED] = state.uav_cruise_mps[b, i] / intent.figures[Figure.MEAN_CRUISE_MPS]
    row[c + UavColumn.LEGAL_TARGETS] = _num_legal(intent, i) / max(num_open, 1.0)
    row[c + UavColumn.OPEN_TARGETS] = num_open / max(intent.figures[Figure.TARGETS], 1.0)
    row[c + UavColumn.FLYING_UAVS] = flying / intent.figures[Figure.UAVS]
    row[c + UavColumn.FLYING_PER_TARGET] = min(flying / max(num_open, 1.0), 4.0) / 4.0


@njit(cache=True, _nrt=False, inline="always")
def _write_depot(state, b, i, intent, sensing_radius_m, row, c):  # type: ignore[no-untyped-def]  # numba infers the types
    cos, sin, distance = 0.0, 0.0, 0.0
    depot = state.uav_depot[b, i] - 1
    if depot >= 0:
        x, y = state.uav_position_m[b, i, 0], state.uav_position_m[b, i, 1]
        distance = from_depot_m(state, b, i, x, y)
        dx = np.float64(state.depot_position_m[b, depot, 0]) - x
        dy = np.float64(state.depot_position_m[b, depot, 1]) - y
        cos, sin = _direction(intent, i, dx, dy, distance)
        distance = min(distance / sensing_radius_m, 4.0)
    row[c + UavColumn.HAS_DEPOT] = 1.0 if depot >= 0 else 0.0
    row[c + UavColumn.DEPOT_COS] = cos
    row[c + UavColumn.DEPOT_SIN] = sin
    row[c + UavColumn.DEPOT_DISTANCE] = distance


@njit(cache=True, _nrt=False, inline="always")
def _num_legal(intent, i):  # type: ignore[no-untyped-def]  # numba infers the types
    count = 0.0
    for j in range(intent.legal.shape[1]):
        count += intent.legal[i, j]
    return count


@njit(cache=True, _nrt=False, inline="always")
def _direction(intent, i, dx, dy, distance):  # type: ignore[no-untyped-def]  # numba infers the types
    """Cosine and sine of the bearing to a point (dx, dy) metres away, in UAV i's body frame; ahead at distance 0."""
    if distance <= 0.0:
        return 1.0, 0.0
    cos, sin = intent.axis[i, 0], intent.axis[i, 1]
    return (dx * cos + dy * sin) / distance, (dy * cos - dx * sin) / distance


@njit(cache=True, _nrt=False, inline="always")
def _target_direction(state, b, i, j, intent):  # type: ignore[no-untyped-def]  # numba infers the types
    """`_direction` of target j."""
    dx = np.float64(state.target_position_m[b, j, 0]) - state.uav_position_m[b, i, 0]
    dy = np.float64(state.target_position_m[b, j, 1]) - state.uav_position_m[b, i, 1]
    return _direction(intent, i, dx, dy, intent.distance_m[i, j])


@njit(cache=True, _nrt=False, inline="always")
def write_target_row(state: AllocateState, b: int, j: int, intent: Intent, interval_s: float, row: FloatArray) -> None:
    """Open target j of world b: `TargetBlock`, then `TargetColumn`."""
    num_kinds = intent.unit.shape[0]
    is_covered, is_coverable, remaining_share, kinds = True, True, 0.0, 0
    for r in range(num_kinds):
        unit, remaining = intent.unit[r], state.target_remaining[b, j, r]
        uncovered, free = intent.uncovered[j, r], intent.free_supply[j, r]
        row[TargetBlock.REMAINING * num_kinds + r] = remaining / unit
        row[TargetBlock.REMAINING_SHARE * num_kinds + r] = _ratio(remaining, state.target_demand[b, j, r], 1.0)
        row[TargetBlock.COMMITTED * num_kinds + r] = min(intent.committed[j, r] / unit, 8.0)
        row[TargetBlock.UNCOVERED * num_kinds + r] = uncovered / unit
        row[TargetBlock.FREE_SUPPLY * num_kinds + r] = _ratio(free, uncovered, 2.0) if uncovered > EPSILON else 2.0
        row[TargetBlock.PRESENT * num_kinds + r] = min(intent.present[j, r] / unit, 8.0)
        is_covered &= uncovered <= EPSILON
        is_coverable &= free >= uncovered - EPSILON
        if state.target_demand[b, j, r] > EPSILON:
            remaining_share += remaining / state.target_demand[b, j, r]
            kinds += 1
    mean_value, c = intent.figures[Figure.MEAN_VALUE], _TARGET_BLOCKS * num_kinds
    row[c + TargetColumn.IDEAL] = min(intent.ideal[j], 16.0) / 4.0
    row[c + TargetColumn.UNDER_WAY] = min(intent.num_under_way[j] / intent.ideal[j], 2.0)
    row[c + TargetColumn.EARLIEST_ARRIVAL] = min(intent.earliest_s[j] / (10.0 * interval_s), 2.0)
    row[c + TargetColumn.IS_COVERED] = 1.0 if is_covered else 0.0
    row[c + TargetColumn.IS_COVERABLE] = 1.0 if is_coverable else 0.0
    row[c + TargetColumn.MEAN_REMAINING_SHARE] = remaining_share / max(kinds, 1)
    row[c + TargetColumn.IS_OPEN] = 1.0
    row[c + TargetColumn.VALUE] = min(state.target_value[b, j] / mean_value, 4.0) / 2.0
    row[c + TargetColumn.SERVICE_TIME] = min(state.target_service_s[b, j] / interval_s, 4.0)
    row[c + TargetColumn.IS_IN_SERVICE] = 1.0 if intent.is_in_service[j] else 0.0


@njit(cache=True, _nrt=False, inline="always")
def write_obstacle_row(
    state: AllocateState, b: int, o: int, clearance_m: float, sensing_radius_m: float, row: FloatArray
) -> None:
    """Obstacle o of world b: `ObstacleColumn`."""
    row[ObstacleColumn.RADIUS] = state.obstacle_radius_m[b, o] / sensing_radius_m
    row[ObstacleColumn.KEPT_RADIUS] = (state.obstacle_radius_m[b, o] + clearance_m) / sensing_radius_m


@njit(cache=True, _nrt=False, inline="always")
def write_pair_row(
    state: AllocateState, b: int, i: int, j: int, intent: Intent, sensing_radius_m: float, row: FloatArray
) -> None:
    """UAV i and its candidate j: `PairBlock`, then `PairColumn`."""
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
        row[PairBlock.GIVES * num_kinds + r] = min(own, remaining) / unit
        row[PairBlock.GIVES_UNCOVERED * num_kinds + r] = min(own, uncovered) / unit
        row[PairBlock.GIVES_SHARE * num_kinds + r] = _ratio(min(own, remaining), remaining, 1.0)
        row[PairBlock.UNCOVERED * num_kinds + r] = uncovered / unit
        row[PairBlock.UNCOVERED_AFTER_NEARER * num_kinds + r] = max(0.0, uncovered - intent.nearer_free[r]) / unit
        alone &= own >= remaining - EPSILON
        given_others &= own >= uncovered - EPSILON
        with_free &= free >= uncovered - EPSILON
        gives += min(own, remaining) / unit
        lacks += remaining / unit
        gives_uncovered += min(own, uncovered) / unit
        lacks_uncovered += uncovered / unit
    others_under_way = intent.num_under_way[j] - (1.0 if is_current else 0.0)
    time_left_s = max(state.time_limit_s[b] - state.time_s[b], 1.0)
    cos, sin = _target_direction(state, b, i, j, intent)
    c = _PAIR_BLOCKS * num_kinds
    row[c + PairColumn.DISTANCE] = min(distance / sensing_radius_m, 8.0) / 2.0
    row[c + PairColumn.BEARING_COS] = cos
    row[c + PairColumn.BEARING_SIN] = sin
    row[c + PairColumn.IS_CHOICE] = 1.0 if is_current else 0.0
    row[c + PairColumn.RANGE_SHARE] = min(distance / state.uav_range_left_m[b, i], 1.0)
    row[c + PairColumn.COMPLETES_ALONE] = 1.0 if alone else 0.0
    row[c + PairColumn.COMPLETES_UNCOVERED] = 1.0 if given_others else 0.0
    row[c + PairColumn.SHARE_OF_REMAINING] = _ratio(gives, lacks, 1.0)
    row[c + PairColumn.SHARE_OF_UNCOVERED] = _ratio(gives_uncovered, lacks_uncovered, 1.0)
    row[c + PairColumn.NEARER_UNDER_WAY] = min(nearer_under_way / intent.ideal[j], 2.0)
    row[c + PairColumn.OTHERS_UNDER_WAY] = min(others_under_way / intent.ideal[j], 2.0)
    row[c + PairColumn.NEARER_FREE] = min(nearer_free / 4.0, 2.0)
    row[c + PairColumn.BEHIND_NEAREST_FREE] = max(-2.0, min(2.0, (distance - nearest_free_m) / sensing_radius_m))
    row[c + PairColumn.COVERABLE_WITH_FREE] = 1.0 if with_free else 0.0
    row[c + PairColumn.FLIGHT_TIME] = min(distance / state.uav_cruise_mps[b, i] / time_left_s, 2.0)


@njit(cache=True, _nrt=False, inline="always")
def _read_rivals(state, b, i, j, intent):  # type: ignore[no-untyped-def]  # numba infers the types
    """Nearer UAVs under way to target j, nearer free UAVs, and the distance of the nearest other free UAV.

    Writes `intent.nearer_free`, the resources of those nearer free UAVs.
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
