"""One step of one UAV, by hand, and what holds whatever the controls."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.environment.navigate.motion import move, stop
from rl_cluster.environment.navigate.physics import physics_of
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from tests.unit.environment.navigate.given_world import make_given

NORTH = math.pi / 2
CONTROLS = st.floats(-1.0, 1.0)


def one(dynamics: str, heading_rad: float = 0.0, speed_mps: float = 10.0) -> NavigateWorlds:
    """A UAV at (500, 500). A step takes 0.5 s; at most 8 m/s^2, 1.5 rad/s and 20 m/s."""
    worlds = make_given([(500.0, 500.0, heading_rad, 900.0, 500.0)], world__dynamics=dynamics)
    state = worlds.state
    state.uav_speed_mps[0, 0] = speed_mps
    state.uav_velocity_mps[0, 0] = speed_mps * math.cos(heading_rad), speed_mps * math.sin(heading_rad)
    return worlds


def moved(worlds: NavigateWorlds, *controls: float) -> list[float]:
    """Position relative to the start, and speed, after a step."""
    move(worlds.state, 0, 0, *controls, physics_of(worlds.world))
    return [*(worlds.state.uav_position_m[0, 0] - 500.0).tolist(), float(worlds.state.uav_speed_mps[0, 0])]


@pytest.mark.parametrize(
    ("heading_rad", "controls", "expected"),
    [
        (0.0, (0.0, 0.0), [5.0, 0.0, 10.0]),
        (NORTH, (0.0, 0.0), [0.0, 5.0, 10.0]),
        (0.0, (1.0, 0.0), [7.0, 0.0, 14.0]),  # 10 + 8 * 0.5 = 14 m/s
        (0.0, (-0.5, 0.0), [4.0, 0.0, 8.0]),
        (0.0, (0.0, 1.0), [5.0 * math.cos(0.75), 5.0 * math.sin(0.75), 10.0]),
    ],
)
def test_unicycle__by_hand(heading_rad: float, controls: tuple[float, float], expected: list[float]) -> None:
    assert moved(one("unicycle", heading_rad), *controls) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("speed_mps", "thrust", "expected"), [(18.0, 1.0, 20.0), (2.0, -1.0, 0.0)])
def test_unicycle__keeps_to_its_speeds(speed_mps: float, thrust: float, expected: float) -> None:
    assert moved(one("unicycle", speed_mps=speed_mps), thrust, 0.0)[2] == expected


@pytest.mark.parametrize(("heading_rad", "turn", "expected"), [(3.0, 1.0, 3.75 - 2 * math.pi), (-3.0, -1.0, 2.533185)])
def test_unicycle__wraps_its_heading(heading_rad: float, turn: float, expected: float) -> None:
    worlds = one("unicycle", heading_rad)

    moved(worlds, 0.0, turn)

    heading = float(worlds.state.uav_heading_rad[0, 0])
    assert heading == pytest.approx(expected, abs=1e-5)
    assert worlds.state.uav_axis[0, 0].tolist() == pytest.approx([math.cos(heading), math.sin(heading)], abs=1e-6)


def test_double_integrator__by_hand() -> None:
    # (10, 0) + 4 (-0.5, 1) = (8, 4) m/s for 0.5 s
    assert moved(one("double_integrator"), -0.5, 1.0) == pytest.approx([4.0, 2.0, math.sqrt(80.0)], abs=1e-4)


def test_double_integrator__is_cut_to_the_highest_speed_on_its_way() -> None:
    worlds = one("double_integrator", speed_mps=20.0)

    # (20, 0) + (0, 4): as long as 20 again, in the same direction
    east, north, speed = moved(worlds, 0.0, 1.0)

    assert speed == pytest.approx(20.0, abs=1e-5)
    assert north / east == pytest.approx(0.2, abs=1e-4)


@pytest.mark.parametrize("dynamics", ["unicycle", "double_integrator"])
@given(heading=st.floats(-math.pi, math.pi), speed=st.floats(0.0, 20.0), u0=CONTROLS, u1=CONTROLS)
def test_move__adds_up_what_it_flies_and_takes(
    dynamics: str, heading: float, speed: float, u0: float, u1: float
) -> None:
    worlds = one(dynamics, heading, speed)

    way_m = moved(worlds, u0, u1)

    state = worlds.state
    assert math.hypot(*way_m[:2]) == pytest.approx(float(state.uav_flown_m[0, 0]), abs=1e-3)
    assert state.uav_flown_m[0, 0] == pytest.approx(0.5 * way_m[2], abs=1e-3)
    assert state.uav_effort_s[0, 0] == pytest.approx(0.25 * (u0**2 + u1**2), abs=1e-6)
    assert np.linalg.norm(state.uav_velocity_mps[0, 0]) <= 20.0 + 1e-4


def test_stop__leaves_it_where_it_is() -> None:
    worlds = one("unicycle")

    stop(worlds.state, 0, 0)

    assert moved(worlds, 0.0, 0.0) == [0.0, 0.0, 0.0]
