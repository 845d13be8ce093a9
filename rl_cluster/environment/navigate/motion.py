"""Motion of one UAV over one step of task `navigate`, under its controls.

unicycle:           v' = clip(v + a_max u0 dt, v_min, v_max), theta' = wrap(theta + w_max u1 dt),
                    p' = p + v' dt (cos theta', sin theta')
double integrator:  v' = v + a_max u dt, cut to the length v_max, p' = p + v' dt
"""

import math
from typing import Any

import numpy as np
from numba import njit

from rl_cluster.environment.navigate.physics import Physics
from rl_cluster.environment.navigate.state import NavigateState

__all__ = ["move", "stop"]


@njit(cache=True, _nrt=False, inline="always")
def move(state: NavigateState, b: int, i: int, u0: float, u1: float, physics: Physics) -> None:
    """Moves UAV i of world b by controls in [-1, 1]; adds the metres flown and the effort to its counts."""
    if physics.is_unicycle:
        vx, vy, speed = _steer(state, b, i, u0, u1, physics)
    else:
        vx, vy, speed = _accelerate(state, b, i, u0, u1, physics)
    state.uav_velocity_mps[b, i, 0] = vx
    state.uav_velocity_mps[b, i, 1] = vy
    state.uav_position_m[b, i, 0] += vx * physics.step_s
    state.uav_position_m[b, i, 1] += vy * physics.step_s
    state.uav_flown_m[b, i] += speed * physics.step_s
    state.uav_effort_s[b, i] += 0.5 * (u0 * u0 + u1 * u1) * physics.step_s


@njit(cache=True, _nrt=False, inline="always")
def _steer(state: Any, b, i, u0, u1, physics):  # type: ignore[no-untyped-def]  # numba infers the types
    """New velocity and speed of a unicycle."""
    speed = state.uav_speed_mps[b, i] + physics.max_acceleration_mps2 * u0 * physics.step_s
    speed = min(max(speed, physics.min_speed_mps), physics.max_speed_mps)
    heading = state.uav_heading_rad[b, i] + physics.max_turn_rate_radps * u1 * physics.step_s
    if heading > math.pi or heading <= -math.pi:
        heading = math.pi - (math.pi - heading) % (2.0 * math.pi)
    # as it is stored: in single precision the two take 2 ns instead of 12
    cos, sin = math.cos(np.float32(heading)), math.sin(np.float32(heading))
    state.uav_speed_mps[b, i] = speed
    state.uav_heading_rad[b, i] = heading
    state.uav_axis[b, i, 0] = cos
    state.uav_axis[b, i, 1] = sin
    return speed * cos, speed * sin, speed


@njit(cache=True, _nrt=False, inline="always")
def _accelerate(state: Any, b, i, u0, u1, physics):  # type: ignore[no-untyped-def]  # numba infers the types
    """New velocity and speed of a double integrator."""
    gain = physics.max_acceleration_mps2 * physics.step_s
    vx = np.float64(state.uav_velocity_mps[b, i, 0]) + gain * u0
    vy = np.float64(state.uav_velocity_mps[b, i, 1]) + gain * u1
    speed = math.sqrt(vx * vx + vy * vy)
    if speed > physics.max_speed_mps:
        vx, vy = vx * physics.max_speed_mps / speed, vy * physics.max_speed_mps / speed
        speed = physics.max_speed_mps
    state.uav_speed_mps[b, i] = speed
    return vx, vy, speed


@njit(cache=True, _nrt=False, inline="always")
def stop(state: NavigateState, b: int, i: int) -> None:
    """The UAV hovers."""
    state.uav_speed_mps[b, i] = 0.0
    state.uav_velocity_mps[b, i, 0] = 0.0
    state.uav_velocity_mps[b, i, 1] = 0.0
