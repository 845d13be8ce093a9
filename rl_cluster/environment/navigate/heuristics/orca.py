"""ORCA: each UAV takes half of the turn that avoids each other one (van den Berg, Guy, Lin, Manocha 2011).

"Reciprocal n-body collision avoidance", Robotics Research, STAR 70. For each encounter, the velocities that lead to a
collision within `HORIZON_S` form a truncated cone in the space of relative velocities; u is the smallest change that
takes the present relative velocity out of it, and the UAV must keep to the half-plane through v + u / 2 (v + u where
the other does not evade: zones, UAVs that have arrived) with normal u. Of the velocities in all half-planes and
within v_max it takes the nearest to the straight way to its goal; `half_planes.py` finds it.
"""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.navigate.heuristics.half_planes import nearest_velocity
from rl_cluster.environment.navigate.heuristics.tracking import goal_velocity_mps, to_controls
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.types import FloatArray, Observation

__all__ = ["Orca"]

HORIZON_S = 4.0
"""Time within which collisions are avoided."""
MARGIN = 0.5
"""Share of the warning band that is kept as a distance: a unicycle follows a wanted velocity late."""
ASIDE_RAD = 0.05
"""The wanted velocity is turned right by this angle, so that two UAVs that meet head on choose the same side."""


class Orca:
    """Zones are avoided as their bounding circles."""

    name = "orca"
    is_deterministic = True

    def act(self, worlds: NavigateWorlds, observation: Observation[NDArray[Any]]) -> FloatArray:
        """Controls (B, N, 2)."""
        cos, sin = math.cos(ASIDE_RAD), math.sin(ASIDE_RAD)
        wanted = goal_velocity_mps(worlds) @ np.array([[cos, -sin], [sin, cos]])
        planes = np.empty((observation.candidates.shape[2], 4))
        _avoid(worlds.state, observation.candidates, worlds.physics, planes, wanted)
        return to_controls(wanted, worlds)


@njit(cache=True, _nrt=False)
def _avoid(state, candidates, physics, planes, wanted):  # type: ignore[no-untyped-def]  # numba infers the types
    """Replaces each wanted velocity (B, N, 2) by the nearest one that keeps to the half-planes; `planes` is scratch."""
    for b in range(candidates.shape[0]):
        for i in range(candidates.shape[1]):
            if not state.uav_exists[b, i] or state.uav_arrived[b, i]:
                continue
            count = 0
            for c in range(candidates.shape[2]):
                if candidates[b, i, c] >= 0:
                    _write_plane(state, b, i, candidates[b, i, c], physics, planes[count])
                    count += 1
            vx, vy = nearest_velocity(planes, count, physics.max_speed_mps, wanted[b, i, 0], wanted[b, i, 1])
            wanted[b, i, 0], wanted[b, i, 1] = vx, vy


@njit(cache=True, _nrt=False)
def _write_plane(state, b, i, entity, physics, plane):  # type: ignore[no-untyped-def]  # numba infers the types
    """Writes a point of the half-plane's edge and its normal, which points to the velocities that are allowed."""
    x, y = np.float64(state.uav_position_m[b, i, 0]), np.float64(state.uav_position_m[b, i, 1])
    vx, vy = np.float64(state.uav_velocity_mps[b, i, 0]), np.float64(state.uav_velocity_mps[b, i, 1])
    num_uavs = state.uav_exists.shape[1]
    keep_m = physics.collision_distance_m + MARGIN * physics.band_m
    if entity < num_uavs:
        dx, dy = state.uav_position_m[b, entity, 0] - x, state.uav_position_m[b, entity, 1] - y
        wx, wy = vx - state.uav_velocity_mps[b, entity, 0], vy - state.uav_velocity_mps[b, entity, 1]
        radius, share = keep_m, 1.0 if state.uav_arrived[b, entity] else 0.5
    else:
        o = entity - num_uavs
        dx, dy = state.obstacle_center_m[b, o, 0] - x, state.obstacle_center_m[b, o, 1] - y
        wx, wy, share = vx, vy, 1.0
        radius = state.obstacle_radius_m[b, o] + keep_m - 0.5 * physics.collision_distance_m
    ux, uy, nx, ny = _smallest_change(dx, dy, wx, wy, radius, HORIZON_S, physics.step_s)
    plane[0], plane[1] = vx + share * ux, vy + share * uy
    plane[2], plane[3] = nx, ny


@njit(cache=True, _nrt=False)
def _smallest_change(dx, dy, wx, wy, radius, horizon_s, step_s):  # type: ignore[no-untyped-def]  # numba infers the types
    """The change (ux, uy) that takes the relative velocity w to the edge of the truncated cone, and the edge's normal.

    d is the way to the other body, r the sum of radii. The cone's legs touch the circle (d, r); it is cut off by the
    circle (d / tau, r / tau). Where the two overlap already, they must part within one step: tau = dt.
    """
    distance2 = dx * dx + dy * dy
    is_apart = distance2 > radius * radius
    tau = horizon_s if is_apart else step_s
    cx, cy = wx - dx / tau, wy - dy / tau
    length2 = cx * cx + cy * cy
    along = cx * dx + cy * dy
    if not is_apart or (along < 0.0 and along * along > radius * radius * length2):
        length = max(math.sqrt(length2), 1e-9)
        nx, ny = cx / length, cy / length
        change = radius / tau - length
        return change * nx, change * ny, nx, ny
    leg = math.sqrt(distance2 - radius * radius)
    if dx * cy - dy * cx > 0.0:
        tx, ty = (dx * leg - dy * radius) / distance2, (dx * radius + dy * leg) / distance2
        nx, ny = -ty, tx
    else:
        tx, ty = (dx * leg + dy * radius) / distance2, (dy * leg - dx * radius) / distance2
        nx, ny = ty, -tx
    forward = wx * tx + wy * ty
    return forward * tx - wx, forward * ty - wy, nx, ny
