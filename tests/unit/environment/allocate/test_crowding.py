"""How many UAVs a target takes and how many are too many, by hand."""

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.crowding import crowding, ideal_num_uavs, is_involved, num_involved
from tests.unit.environment.allocate.given_world import given, target, uav

MEAN_50 = [[20.0], [50.0], [80.0]]
"""What three UAVs carry: 50 in the mean."""


@pytest.mark.parametrize(("demand", "ideal"), [(1.0, 1), (50.0, 1), (50.1, 2), (100.0, 2), (149.0, 3), (500.0, 10)])
def test_ideal__is_the_demand_over_the_mean_resource_rounded_up(quick_demo: Config, demand: float, ideal: int) -> None:
    worlds = given(quick_demo, [uav(500.0, carried) for carried in MEAN_50], [target(2000.0, [demand])])

    assert ideal_num_uavs(worlds.state, 0, 0) == ideal


def test_ideal__is_that_of_the_kind_that_takes_most(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(500.0, [50.0, 10.0])] * 2, [target(2000.0, [60.0, 35.0])])

    # 60 / 50 rounds up to 2, 35 / 10 to 4
    assert ideal_num_uavs(worlds.state, 0, 0) == 4


def test_ideal__forgets_nothing_that_has_been_delivered(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(500.0, [50.0])], [target(2000.0, [100.0])])
    worlds.state.uav_resources[:] = 0.0
    worlds.state.target_remaining[:] = 1.0

    assert ideal_num_uavs(worlds.state, 0, 0) == 2


@pytest.mark.parametrize(
    ("num_delivered", "num_choosing", "expected"),
    [(0, 0, 0.0), (1, 0, 0.0), (2, 0, 0.0), (1, 1, 0.0), (2, 1, 0.5), (2, 2, 1.0), (0, 4, 1.0), (2, 3, 1.0)],
)
def test_crowding__counts_each_uav_once(
    quick_demo: Config, num_delivered: int, num_choosing: int, expected: float
) -> None:
    """Two UAVs are ideal: a third makes it 0.5, a fourth 1, and more change nothing."""
    worlds = given(quick_demo, [uav(500.0, [50.0])] * 5, [target(2000.0, [100.0]), target(3000.0, [100.0])])
    state = worlds.state
    state.involved[0, :num_delivered, 0] = True
    state.uav_choice[0, 5 - num_choosing :] = 0

    assert num_involved(state, 0, 0) == num_delivered + num_choosing
    assert crowding(state, 0, 0) == pytest.approx(expected)
    assert num_involved(state, 0, 1) == 0


def test_involved__is_who_delivered_and_who_is_under_way(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(500.0, [50.0])] * 3, [target(2000.0, [100.0])])
    state = worlds.state
    state.involved[0, 0, 0], state.uav_choice[0, 0], state.uav_choice[0, 1] = True, 0, 0

    assert [is_involved(state, 0, i, 0) for i in range(3)] == [True, True, False]
    assert num_involved(state, 0, 0) == 2
