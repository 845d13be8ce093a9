"""Wanted velocities, and the controls that come nearest to them, by hand."""

import math

import numpy as np
import pytest

from rl_cluster.environment.navigate.heuristics.tracking import goal_velocity_mps, to_controls
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from tests.unit.environment.navigate.given_world import make_given


def one(dynamics: str = "unicycle", distance_m: float = 200.0, speed_mps: float = 0.0) -> NavigateWorlds:
    """Flies east, to a goal in the north. At most 20 m/s, 8 m/s^2 and 1.5 rad/s; a step takes 0.5 s."""
    worlds = make_given([(500.0, 500.0, 0.0, 500.0, 500.0 + distance_m)], world__dynamics=dynamics)
    worlds.state.uav_speed_mps[0, 0] = speed_mps
    worlds.state.uav_velocity_mps[0, 0] = speed_mps, 0.0
    return worlds


@pytest.mark.parametrize(("distance_m", "speed_mps"), [(200.0, 20.0), (25.0, 20.0), (16.0, 16.0), (9.0, 12.0)])
def test_goal_velocity__is_one_to_brake_from(distance_m: float, speed_mps: float) -> None:
    """sqrt(2 * 8 * 16) = 16 m/s."""
    velocity = goal_velocity_mps(one(distance_m=distance_m))[0, 0]

    assert velocity.tolist() == pytest.approx([0.0, speed_mps], abs=1e-6)


def test_goal_velocity__at_the_goal_is_none() -> None:
    worlds = one()
    worlds.state.uav_position_m[:] = worlds.state.uav_goal_m

    assert goal_velocity_mps(worlds)[0, 0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ((12.0, 0.0), [0.5, 0.0]),  # 2 of the 4 m/s that a step can add
        ((30.0, 0.0), [1.0, 0.0]),
        ((-5.0, 0.0), [-1.0, 1.0]),  # brakes, and turns round
        ((0.0, 10.0), [-1.0, 1.0]),
        ((10.0 * math.cos(0.3), 10.0 * math.sin(0.3)), [(10 * math.cos(0.3) - 10) / 4, 0.4]),  # 0.3 of 0.75 rad
    ],
)
def test_unicycle__turns_and_flies_as_fast_as_the_way_agrees(
    wanted: tuple[float, float], expected: list[float]
) -> None:
    controls = to_controls(np.array([[wanted]]), one(speed_mps=10.0))

    assert controls.dtype == np.float32
    assert controls[0, 0].tolist() == pytest.approx(expected, abs=1e-6)


def test_double_integrator__takes_the_difference() -> None:
    controls = to_controls(np.array([[(12.0, -1.0)]]), one("double_integrator", speed_mps=10.0))

    assert controls[0, 0].tolist() == pytest.approx([0.5, -0.25])


@pytest.mark.parametrize("dynamics", ["unicycle", "double_integrator"])
def test_controls__are_flown(dynamics: str) -> None:
    """Followed step by step, a velocity is reached."""
    worlds, wanted = one(dynamics), np.array([[(3.0, 4.0)]])

    for _ in range(8):
        worlds.advance(to_controls(wanted, worlds))

    assert worlds.state.uav_velocity_mps[0, 0].tolist() == pytest.approx([3.0, 4.0], abs=1e-4)
