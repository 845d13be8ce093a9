"""The features of one world of task `navigate`: rows for UAVs, zones and encounters.

All are relative and scale-free: lengths over the sensing radius R, speeds over the highest speed, directions in the
UAV's body frame (x ahead, y left), times as shares. An *encounter* is one of the bodies nearest to a UAV, another UAV
or a zone. The three writers below are the list of columns.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.navigate.physics import Physics
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.navigate.surroundings import Surroundings
from rl_cluster.types import FloatArray

__all__ = [
    "ENCOUNTER_FEATURES",
    "OBSTACLE_FEATURES",
    "UAV_FEATURES",
    "write_encounter_row",
    "write_uav_row",
    "write_zone_row",
]

UAV_FEATURES = 18
ENCOUNTER_FEATURES = 12
OBSTACLE_FEATURES = 2

_NEAR_M = 1e-6
"""Keeps directions finite where two points coincide."""


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
    """UAV i of world b. Columns (18):

    cos and sin of the bearing to the goal; distance d to it (at most 4); nearness a / (a + d), a = arrival radius;
    speed ahead and to the left; time left / time limit; metres that the time left allows at the highest speed (at
    most 16, over 8); is under control; share of the UAVs that have arrived; touches something; braking distance v^2 /
    (2 a_max); turn radius v / w_max (both at most 4); then, 0 without a formation: is the leader; cos and sin of the
    bearing to the leader; distance to it (at most 4); is in formation.
    """
    cos, sin = np.float64(state.uav_axis[b, i, 0]), np.float64(state.uav_axis[b, i, 1])
    unit, inverse_speed = physics.per_sensing_radius, physics.per_max_speed
    x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
    dx, dy = state.uav_goal_m[b, i, 0] - x, state.uav_goal_m[b, i, 1] - y
    distance = np.float64(state.uav_goal_distance_m[b, i])
    scale = 1.0 / max(distance, _NEAR_M)
    row[0] = (dx * cos + dy * sin) * scale
    row[1] = (dy * cos - dx * sin) * scale
    row[2] = min(distance * unit, 4.0)
    row[3] = physics.arrival_radius_m / (physics.arrival_radius_m + distance)
    vx, vy = np.float64(state.uav_velocity_mps[b, i, 0]), np.float64(state.uav_velocity_mps[b, i, 1])
    row[4] = (vx * cos + vy * sin) * inverse_speed
    row[5] = (vy * cos - vx * sin) * inverse_speed
    row[6] = time_left_share
    row[7] = min(time_left_m * unit, 16.0) * 0.125
    row[8] = 0.0 if state.uav_arrived[b, i] else 1.0
    row[9] = arrived_share
    row[10] = 1.0 if state.uav_touching[b, i] else 0.0
    speed = np.float64(state.uav_speed_mps[b, i])
    row[11] = min(speed * speed * physics.braking_per_speed2, 4.0)
    row[12] = min(speed * physics.turning_per_speed, 4.0)
    for column in range(13, 18):
        row[column] = 0.0
    if physics.formation_radius_m > 0.0:
        _write_leader(state, b, i, x, y, physics, row)


@njit(cache=True, _nrt=False, inline="always")
def _write_leader(state, b, i, x, y, physics, row):  # type: ignore[no-untyped-def]
    cos, sin = np.float64(state.uav_axis[b, i, 0]), np.float64(state.uav_axis[b, i, 1])
    dx, dy = state.uav_position_m[b, 0, 0] - x, state.uav_position_m[b, 0, 1] - y
    distance = math.sqrt(dx * dx + dy * dy)
    scale = 1.0 / max(distance, _NEAR_M)
    row[13] = 1.0 if i == 0 else 0.0
    row[14] = (dx * cos + dy * sin) * scale
    row[15] = (dy * cos - dx * sin) * scale
    row[16] = min(distance / physics.sensing_radius_m, 4.0)
    row[17] = 1.0 if distance <= physics.formation_radius_m else 0.0


@njit(cache=True, _nrt=False, inline="always")
def write_zone_row(state: NavigateState, b: int, o: int, physics: Physics, row: FloatArray) -> None:
    """Zone o of world b. Columns (2): radius of its (bounding) circle; is a polygon."""
    row[0] = state.obstacle_radius_m[b, o] / physics.sensing_radius_m
    row[1] = 1.0 if state.obstacle_num_vertices[b, o] > 0 else 0.0


@njit(cache=True, _nrt=False, inline="always")
def write_encounter_row(
    state: NavigateState, b: int, i: int, entity: int, around: Surroundings, physics: Physics, row: FloatArray
) -> None:
    """UAV i of world b, which has looked around, and a body. Columns (12):

    cos and sin of the bearing to it; gap (at most 4); nearness: warning band / (band + gap), 1 in touch; relative
    velocity ahead and to the left; closing speed (all over the highest speed); time to the closest approach / (R over
    the highest speed) (at most 2, over 2); nearness at the closest approach; is a zone; radius of the zone; is a UAV
    that has arrived. Of a zone, what counts is the nearest point of its edge.
    """
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
    row[0] = (dx * cos + dy * sin) * scale
    row[1] = (dy * cos - dx * sin) * scale
    row[2] = max(min(gap_m * physics.per_sensing_radius, 4.0), -4.0)
    row[4] = (wx * cos + wy * sin) * inverse_speed
    row[5] = (wy * cos - wx * sin) * inverse_speed
    approach = -(dx * wx + dy * wy)
    row[6] = approach * scale * inverse_speed
    closest_s = min(max(approach, 0.0) * to_body_m * inverse, physics.horizon_s)
    row[7] = closest_s * physics.per_horizon
    mx, my = dx + wx * closest_s, dy + wy * closest_s
    to_miss_m = physics.band_m + max(math.sqrt(np.float32(mx * mx + my * my)) - (distance_m - gap_m), 0.0)
    to_gap_m = physics.band_m + max(gap_m, 0.0)
    shared = physics.band_m / (to_gap_m * to_miss_m)
    row[3] = to_miss_m * shared
    row[8] = to_gap_m * shared
    row[9] = 1.0 if entity >= state.uav_exists.shape[1] else 0.0
    row[10] = around.radius[entity]
    row[11] = around.is_parked[entity]
