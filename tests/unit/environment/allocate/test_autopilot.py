"""Flight: hand-computed steps, no zone entered, no target circled for ever."""

import math

import numpy as np
import pytest

from rl_cluster.environment.allocate.autopilot import fly, wrap
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.interface import Sizes


def _one_uav(num_obstacles: int = 0, cruise_mps: float = 25.0, turn_rate_radps: float = 0.3) -> AllocateState:
    state = AllocateState.empty(1, Sizes(1, 1, num_obstacles, 1))
    state.uav_exists[0, 0] = True
    state.uav_cruise_mps[0, 0] = cruise_mps
    state.uav_speed_mps[0, 0] = 0.5 * cruise_mps, 1.5 * cruise_mps
    state.uav_max_turn_rate_radps[0, 0] = turn_rate_radps
    state.uav_range_left_m[0, 0] = 1e6
    return state


def _fly_until_captured(state: AllocateState, num_steps: int = 2000) -> tuple[np.ndarray, int]:
    path, entered = [state.uav_position_m[0, 0].copy()], 0
    for _ in range(num_steps):
        entered += fly(state, 0, 0, 0, 1.0, 100.0, 50.0)[1]
        path.append(state.uav_position_m[0, 0].copy())
        if np.linalg.norm(path[-1] - state.target_position_m[0, 0]) <= 100.0:
            return np.array(path), entered
    raise AssertionError("the target was never reached")


def test_fly__turns_at_most_the_turn_rate() -> None:
    state = _one_uav()
    state.target_position_m[0, 0] = 0.0, 5000.0

    flown_m, _ = fly(state, 0, 0, 0, 1.0, 100.0, 50.0)

    # heading 0 to +90 degrees wanted, 0.3 rad allowed; then 25 m along the new heading
    assert flown_m == 25.0
    assert state.uav_heading_rad[0, 0] == pytest.approx(0.3, abs=1e-6)
    assert state.uav_position_m[0, 0] == pytest.approx([25 * math.cos(0.3), 25 * math.sin(0.3)], abs=1e-4)


def test_fly__stops_where_the_range_ends() -> None:
    state = _one_uav()
    state.target_position_m[0, 0] = 5000.0, 0.0
    state.uav_range_left_m[0, 0] = 10.0

    flown_m, _ = fly(state, 0, 0, 0, 1.0, 100.0, 50.0)

    assert flown_m == 10.0
    assert state.uav_range_left_m[0, 0] == 0.0
    assert state.uav_flown_m[0, 0] == 10.0


@pytest.mark.parametrize("bearing_rad", np.linspace(0.0, 2 * math.pi, 9)[:-1])
@pytest.mark.parametrize("distance_m", [110.0, 150.0, 260.0, 900.0])
def test_fly__reaches_a_target_inside_its_turn_circle(bearing_rad: float, distance_m: float) -> None:
    state = _one_uav(cruise_mps=60.0)  # turn radius 200 m at cruise, 100 m at the lowest speed
    state.target_position_m[0, 0] = distance_m * math.cos(bearing_rad), distance_m * math.sin(bearing_rad)

    path, _ = _fly_until_captured(state, 200)

    assert len(path) > 1


def test_fly__never_enters_a_zone() -> None:
    generator = np.random.default_rng(0)
    entered, closest_m = 0, np.inf
    for _ in range(200):
        state = _one_uav(num_obstacles=3)
        state.obstacle_exists[0] = True
        shift_m = generator.uniform(-150, 150, (3, 2))
        state.obstacle_center_m[0] = np.array([[1000, 0], [1900, 450], [1900, -450]]) + shift_m
        state.obstacle_radius_m[0] = generator.uniform(100, 250, 3)
        state.uav_position_m[0, 0] = generator.uniform([-400, -700], [500, 700])
        state.uav_heading_rad[0, 0] = generator.uniform(-math.pi, math.pi)
        state.target_position_m[0, 0] = generator.uniform([2500, -700], [3000, 700])
        path, times = _fly_until_captured(state)
        entered += times
        gap_m = np.linalg.norm(path[:, None] - state.obstacle_center_m[0], axis=-1) - state.obstacle_radius_m[0]
        closest_m = min(closest_m, gap_m.min())

    assert entered == 0
    assert closest_m > 0.0


@pytest.mark.parametrize(
    ("angle", "wrapped"), [(0.0, 0.0), (math.pi, math.pi), (-math.pi, math.pi), (7.0, 7.0 - 2 * math.pi)]
)
def test_wrap__lies_above_minus_pi_up_to_pi(angle: float, wrapped: float) -> None:
    assert wrap(angle) == pytest.approx(wrapped, abs=1e-12)
