"""Converts a velocity that a heuristic wants to the controls that come nearest to it."""

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.types import FloatArray

__all__ = ["goal_velocity_mps", "to_controls"]


def goal_velocity_mps(worlds: NavigateWorlds) -> NDArray[np.float64]:
    """(B, N, 2) world frame: straight to the goal, at a speed from which the UAV can still brake there.

    That speed is min(v_max, sqrt(2 a_max d)), d = distance to the goal.
    """
    state, physics = worlds.state, worlds.physics
    way_m = state.uav_goal_m.astype(np.float64) - state.uav_position_m
    distance_m = np.linalg.norm(way_m, axis=-1, keepdims=True)
    speed = np.minimum(physics.max_speed_mps, np.sqrt(2.0 * physics.max_acceleration_mps2 * distance_m))
    return way_m / np.maximum(distance_m, 1e-9) * speed


def to_controls(velocity_mps: NDArray[np.float64], worlds: NavigateWorlds) -> FloatArray:
    """Controls (B, N, 2) in [-1, 1] that take each UAV's velocity as near to the wanted one as one step allows.

    A unicycle turns towards it, and flies as fast as that way agrees with its heading: |v| max(0, cos(error)).

    Args:
        velocity_mps: (B, N, 2) world frame.
        worlds: The worlds of the UAVs.
    """
    state, physics = worlds.state, worlds.physics
    gain = physics.max_acceleration_mps2 * physics.step_s
    if not physics.is_unicycle:
        return np.clip((velocity_mps - state.uav_velocity_mps) / gain, -1.0, 1.0).astype(np.float32)
    cos, sin = state.uav_axis[..., 0].astype(np.float64), state.uav_axis[..., 1].astype(np.float64)
    ahead = velocity_mps[..., 0] * cos + velocity_mps[..., 1] * sin
    left = velocity_mps[..., 1] * cos - velocity_mps[..., 0] * sin
    error_rad = np.arctan2(left, ahead)
    turn = error_rad / (physics.max_turn_rate_radps * physics.step_s)
    thrust = (np.maximum(ahead, 0.0) - state.uav_speed_mps) / gain
    return np.clip(np.stack([thrust, turn], axis=-1), -1.0, 1.0).astype(np.float32)
