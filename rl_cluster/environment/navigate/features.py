"""The features of one world of task `navigate`: rows for UAVs, zones and encounters.

All are relative and scale-free: lengths over the sensing radius, speeds over the highest speed, directions in the
UAV's body frame (x ahead, y left), times as shares. An *encounter* is one of the bodies nearest to a UAV, another UAV
or a zone. `columns.py` lists the columns.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.navigate.columns import EncounterColumn, UavColumn, ZoneColumn
from rl_cluster.environment.navigate.physics import Physics
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.navigate.surroundings import Surroundings
from rl_cluster.types import FloatArray

__all__ = ["write_encounter_row", "write_uav_row", "write_zone_row"]

_FORMATION_BEGIN, _FORMATION_END = int(UavColumn.IS_LEADER), int(UavColumn.IS_IN_FORMATION) + 1
"""The columns of a UAV that are 0 without a formation."""
_NEAR_M = 1e-6
"""Keeps directions finite if two points coincide."""


@njit(cache=True, _nrt=False, inline="always")
def write_uav_row(
    state: NavigateState,
    b: int,
    i: int,
    arrived_share: float,
    time_left_share: float,
    time_left_m: float,
    physics: Physics,
    row: FloatArray,
) -> None:
    """UAV i of world b: `UavColumn`."""
    cos, sin = np.float64(state.uav_axis[b, i, 0]), np.float64(state.uav_axis[b, i, 1])
    unit, inverse_speed = physics.per_sensing_radius, physics.per_max_speed
    x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
    dx, dy = state.uav_goal_m[b, i, 0] - x, state.uav_goal_m[b, i, 1] - y
    distance = np.float64(state.uav_goal_distance_m[b, i])
    scale = 1.0 / max(distance, _NEAR_M)
    row[UavColumn.GOAL_COS] = (dx * cos + dy * sin) * scale
    row[UavColumn.GOAL_SIN] = (dy * cos - dx * sin) * scale
    row[UavColumn.GOAL_DISTANCE] = min(distance * unit, 4.0)
    row[UavColumn.GOAL_NEARNESS] = physics.arrival_radius_m / (physics.arrival_radius_m + distance)
    vx, vy = np.float64(state.uav_velocity_mps[b, i, 0]), np.float64(state.uav_velocity_mps[b, i, 1])
    row[UavColumn.SPEED_AHEAD] = (vx * cos + vy * sin) * inverse_speed
    row[UavColumn.SPEED_LEFT] = (vy * cos - vx * sin) * inverse_speed
    row[UavColumn.TIME_LEFT] = time_left_share
    row[UavColumn.TIME_LEFT_WAY] = min(time_left_m * unit, 16.0) * 0.125
    row[UavColumn.IS_CONTROLLED] = 0.0 if state.uav_arrived[b, i] else 1.0
    row[UavColumn.ARRIVED_SHARE] = arrived_share
    row[UavColumn.IS_TOUCHING] = 1.0 if state.uav_touching[b, i] else 0.0
    speed = np.float64(state.uav_speed_mps[b, i])
    row[UavColumn.BRAKING_DISTANCE] = min(speed * speed * physics.braking_per_speed2, 4.0)
    row[UavColumn.TURN_RADIUS] = min(speed * physics.turning_per_speed, 4.0)
    for column in range(_FORMATION_BEGIN, _FORMATION_END):
        row[column] = 0.0
    if physics.formation_radius_m > 0.0:
        _write_leader(state, b, i, x, y, physics, row)


@njit(cache=True, _nrt=False, inline="always")
def _write_leader(state, b, i, x, y, physics, row):  # type: ignore[no-untyped-def]  # numba infers the types
    cos, sin = np.float64(state.uav_axis[b, i, 0]), np.float64(state.uav_axis[b, i, 1])
    dx, dy = state.uav_position_m[b, 0, 0] - x, state.uav_position_m[b, 0, 1] - y
    distance = math.sqrt(dx * dx + dy * dy)
    scale = 1.0 / max(distance, _NEAR_M)
    row[UavColumn.IS_LEADER] = 1.0 if i == 0 else 0.0
    row[UavColumn.LEADER_COS] = (dx * cos + dy * sin) * scale
    row[UavColumn.LEADER_SIN] = (dy * cos - dx * sin) * scale
    row[UavColumn.LEADER_DISTANCE] = min(distance / physics.sensing_radius_m, 4.0)
    row[UavColumn.IS_IN_FORMATION] = 1.0 if distance <= physics.formation_radius_m else 0.0


@njit(cache=True, _nrt=False, inline="always")
def write_zone_row(state: NavigateState, b: int, o: int, physics: Physics, row: FloatArray) -> None:
    """Zone o of world b: `ZoneColumn`."""
    row[ZoneColumn.RADIUS] = state.obstacle_radius_m[b, o] / physics.sensing_radius_m
    row[ZoneColumn.IS_POLYGON] = 1.0 if state.obstacle_num_vertices[b, o] > 0 else 0.0


@njit(cache=True, _nrt=False, inline="always")
def write_encounter_row(
    state: NavigateState, b: int, i: int, entity: int, around: Surroundings, physics: Physics, row: FloatArray
) -> None:
    """UAV i of world b, after `look_around`, and a body: `EncounterColumn`."""
    cos, sin = np.float64(state.uav_axis[b, i, 0]), np.float64(state.uav_axis[b, i, 1])
    dx, dy = around.way_m[entity, 0], around.way_m[entity, 1]
    wx = around.velocity_mps[entity, 0] - around.velocity_mps[i, 0]
    wy = around.velocity_mps[entity, 1] - around.velocity_mps[i, 1]
    distance_m, gap_m = around.distance_m[entity], around.gap_m[entity]
    inverse_speed = physics.per_max_speed
    # one division for two: 1 / x = y / (x y)
    to_body_m, speed2 = max(distance_m, _NEAR_M), max(wx * wx + wy * wy, _NEAR_M)
    inverse = 1.0 / (to_body_m * speed2)
    scale = speed2 * inverse
    row[EncounterColumn.BEARING_COS] = (dx * cos + dy * sin) * scale
    row[EncounterColumn.BEARING_SIN] = (dy * cos - dx * sin) * scale
    row[EncounterColumn.GAP] = max(min(gap_m * physics.per_sensing_radius, 4.0), -4.0)
    row[EncounterColumn.SPEED_AHEAD] = (wx * cos + wy * sin) * inverse_speed
    row[EncounterColumn.SPEED_LEFT] = (wy * cos - wx * sin) * inverse_speed
    approach = -(dx * wx + dy * wy)
    row[EncounterColumn.CLOSING_SPEED] = approach * scale * inverse_speed
    closest_s = min(max(approach, 0.0) * to_body_m * inverse, physics.horizon_s)
    row[EncounterColumn.CLOSEST_TIME] = closest_s * physics.per_horizon
    mx, my = dx + wx * closest_s, dy + wy * closest_s
    to_miss_m = physics.band_m + max(math.sqrt(np.float32(mx * mx + my * my)) - (distance_m - gap_m), 0.0)
    to_gap_m = physics.band_m + max(gap_m, 0.0)
    shared = physics.band_m / (to_gap_m * to_miss_m)
    row[EncounterColumn.NEARNESS] = to_miss_m * shared
    row[EncounterColumn.CLOSEST_NEARNESS] = to_gap_m * shared
    row[EncounterColumn.IS_ZONE] = 1.0 if entity >= state.uav_exists.shape[1] else 0.0
    row[EncounterColumn.ZONE_RADIUS] = around.radius[entity]
    row[EncounterColumn.HAS_ARRIVED] = around.is_parked[entity]
