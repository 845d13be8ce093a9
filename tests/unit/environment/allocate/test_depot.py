"""Who is home, by hand."""

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.depot import all_home, from_depot_m, is_away
from tests.unit.environment.allocate.given_world import given, target, uav

CAPTURE_M = 100.0


def test_from_depot__is_the_straight_distance(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(500.0, [1.0])], [target(900.0, [1.0])], depot_m=[300.0, 400.0])

    assert from_depot_m(worlds.state, 0, 0, 0.0, 0.0) == 500.0


@pytest.mark.parametrize(
    ("x", "range_m", "expected"), [(1100.0, 10.0, False), (1100.1, 10.0, True), (1100.1, 0.0, False)]
)
def test_away__is_who_flies_beyond_the_capture_radius(
    quick_demo: Config, x: float, range_m: float, expected: bool
) -> None:
    worlds = given(quick_demo, [uav(x, [1.0])] * 2, [target(4000.0, [1.0])], depot_m=[1000.0, 1000.0])
    state = worlds.state
    state.uav_range_left_m[0, 0] = range_m
    state.uav_position_m[0, 1] = 1000.0

    assert is_away(state, 0, 0, CAPTURE_M) == expected
    assert all_home(state, 0, CAPTURE_M) != expected


def test_home__is_wherever_there_is_no_depot(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(500.0, [1.0])], [target(900.0, [1.0])])

    assert all_home(worlds.state, 0, CAPTURE_M)


def test_away__is_nobody_who_does_not_exist(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(500.0, [1.0])], [target(900.0, [1.0])], depot_m=[1000.0, 1000.0])
    worlds.state.uav_exists[0, 0] = False

    assert all_home(worlds.state, 0, CAPTURE_M)
