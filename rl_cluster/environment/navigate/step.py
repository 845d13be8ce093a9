"""One step of a batch of worlds of task `navigate`: UAVs move, arrive, touch and get rewards; the episode may end.

Terminated: all UAVs have arrived. Truncated: the time limit. All UAVs move at once, then contacts are found.
"""

import math

import numpy as np
from numba import njit

from rl_cluster.environment.navigate.contact import Contacts, find_contacts
from rl_cluster.environment.navigate.motion import move, stop
from rl_cluster.environment.navigate.physics import Physics
from rl_cluster.environment.navigate.reward import (
    RewardWeights,
    arrival,
    collision,
    effort,
    formation,
    progress,
    time,
    warning,
)
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.shared.credit import mixed
from rl_cluster.environment.shared.interface import StepResult
from rl_cluster.types import FloatArray

__all__ = ["checked_controls", "step_worlds"]


def checked_controls(state: NavigateState, actions: FloatArray) -> FloatArray:
    """The controls in the kernels' form.

    Raises ValueError if their shape is not (B, N, 2), or if those of a UAV that decides are not within [-1, 1].
    """
    expected = state.uav_goal_m.shape
    if actions.shape != expected:
        raise ValueError(f"controls have shape {actions.shape}, but these worlds take {expected}")
    controls = np.ascontiguousarray(actions, dtype=np.float32)
    # a few arrays: passing the whole state would take longer than the check
    b, i = _find_illegal(state.ended, state.uav_exists, state.uav_arrived, controls)
    if b >= 0:
        raise ValueError(f"controls {controls[b, i]} of UAV {i} in world {b} are not in [-1, 1]; clip them")
    return controls


@njit(cache=True, _nrt=False)
def _find_illegal(ended, exists, arrived, controls):  # type: ignore[no-untyped-def]  # numba infers the types
    """(world, UAV) of the first UAV that decides whose controls are not within [-1, 1]; else (-1, -1)."""
    for b in range(controls.shape[0]):
        if not ended[b]:
            for i in range(controls.shape[1]):
                is_legal = abs(controls[b, i, 0]) <= 1.0 and abs(controls[b, i, 1]) <= 1.0  # false for NaN, too
                if not is_legal and exists[b, i] and not arrived[b, i]:
                    return b, i
    return -1, -1


@njit(cache=True, _nrt=False, inline="always")
def _fly(state, b, controls, physics, weights, reward):  # type: ignore[no-untyped-def]  # numba infers the types
    """Moves the UAVs that have not arrived, and pays for progress, arrival, effort and time."""
    for i in range(state.uav_exists.shape[1]):
        if not state.uav_exists[b, i] or state.uav_arrived[b, i]:
            continue
        u0, u1 = np.float64(controls[b, i, 0]), np.float64(controls[b, i, 1])
        move(state, b, i, u0, u1, physics)
        dx = np.float64(state.uav_goal_m[b, i, 0]) - state.uav_position_m[b, i, 0]
        dy = np.float64(state.uav_goal_m[b, i, 1]) - state.uav_position_m[b, i, 1]
        distance = math.sqrt(dx * dx + dy * dy)
        own = progress(weights.progress, state.uav_goal_distance_m[b, i], distance, physics.per_sensing_radius)
        own += (time(weights.time) + effort(weights.effort, u0, u1)) * physics.step_s
        state.uav_goal_distance_m[b, i] = distance
        if distance <= physics.arrival_radius_m:
            own += arrival(weights.arrival)
            state.uav_arrived[b, i] = True
            state.uav_arrival_s[b, i] = state.time_s[b] + physics.step_s
        reward[b, i] = own


@njit(cache=True, _nrt=False, inline="always")
def _settle_contacts(state, b, physics, weights, contacts, reward):  # type: ignore[no-untyped-def]  # numba infers the types
    """Counts collisions, charges for them and for the warning band, and stops UAVs that have arrived."""
    for i in range(state.uav_exists.shape[1]):
        depth = contacts.depth[i]
        is_new = contacts.touches[i] and not state.uav_touching[b, i]
        state.uav_touching[b, i] = contacts.touches[i]
        state.uav_collisions[b, i] += is_new
        was_under_way = not state.uav_arrived[b, i] or state.uav_arrival_s[b, i] > state.time_s[b]
        if depth > 0.0 and was_under_way:
            reward[b, i] += warning(weights.warning, physics.step_s, depth) + collision(weights.collision, is_new)
        if state.uav_arrived[b, i]:
            stop(state, b, i)


@njit(cache=True, _nrt=False, inline="always")
def _keep_formation(state, b, physics, weights, reward):  # type: ignore[no-untyped-def]  # numba infers the types
    """Counts followers within the formation radius of UAV 0, and charges those outside that have not arrived."""
    num_followers, num_in = 0, 0
    for i in range(1, state.uav_exists.shape[1]):
        if state.uav_exists[b, i]:
            dx = np.float64(state.uav_position_m[b, 0, 0]) - state.uav_position_m[b, i, 0]
            dy = np.float64(state.uav_position_m[b, 0, 1]) - state.uav_position_m[b, i, 1]
            excess_m = math.sqrt(dx * dx + dy * dy) - physics.formation_radius_m
            num_followers += 1
            num_in += excess_m <= 0.0
            if excess_m > 0.0 and not state.uav_arrived[b, i]:
                reward[b, i] += formation(weights.formation, physics.step_s, excess_m, physics.sensing_radius_m)
    if num_followers > 0:
        state.in_formation_sum[b] += num_in / num_followers
    state.all_in_formation[b] += num_in == num_followers


@njit(cache=True, _nrt=False, inline="always")
def _mix(state, b, own_weight, reward):  # type: ignore[no-untyped-def]  # numba infers the types
    """Turns own amounts into rewards. Returns True if all UAVs have arrived."""
    total, count, num_arrived = 0.0, 0, 0
    for i in range(state.uav_exists.shape[1]):
        if state.uav_exists[b, i]:
            total += reward[b, i]
            count += 1
            num_arrived += state.uav_arrived[b, i]
    mean = total / max(count, 1)
    for i in range(state.uav_exists.shape[1]):
        if state.uav_exists[b, i]:
            reward[b, i] = mixed(reward[b, i], mean, own_weight)
            state.return_sum[b] += reward[b, i]
    return num_arrived == count


@njit(cache=True, _nrt=False)
def step_worlds(
    state: NavigateState,
    controls: FloatArray,
    physics: Physics,
    weights: RewardWeights,
    contacts: Contacts,
    result: StepResult,
) -> None:
    """Steps every world that has not ended.

    Args:
        controls: (B, N, 2) in [-1, 1]: acceleration and turn rate, or acceleration east and north, over their limits.
        contacts: Scratch.
        result: Zeroed; rewards and ends of episodes are written.
    """
    reward = result.reward
    for b in range(state.time_s.shape[0]):
        if state.ended[b]:
            continue
        _fly(state, b, controls, physics, weights, reward)
        find_contacts(state, b, physics, contacts)
        _settle_contacts(state, b, physics, weights, contacts, reward)
        if physics.formation_radius_m > 0.0:
            _keep_formation(state, b, physics, weights, reward)
        state.time_s[b] += physics.step_s
        state.decision[b] += 1
        result.terminated[b] = _mix(state, b, weights.own_weight, reward)
        result.truncated[b] = not result.terminated[b] and state.time_s[b] >= state.time_limit_s[b]
        state.ended[b] = result.terminated[b] or result.truncated[b]
