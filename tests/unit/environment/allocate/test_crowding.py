"""How many UAVs a target takes and how many are too many, by hand."""

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.crowding import (
    crowding,
    ideal_num_uavs,
    is_involved,
    num_involved,
    write_ideals,
)
from tests.unit.environment.allocate.given_world import given, target, uav


@pytest.mark.parametrize(("demand", "ideal"), [(1.0, 1), (80.0, 1), (80.1, 2), (130.0, 2), (149.0, 3), (500.0, 3)])
def test_ideal__is_the_fewest_uavs_that_could_cover_the_target(quick_demo: Config, demand: float, ideal: int) -> None:
    fleet = [uav(500.0, carried) for carried in ([20.0], [50.0], [80.0])]
    worlds = given(quick_demo, fleet, [target(2000.0, [demand]), target(3000.0, [1.0])])

    assert [ideal_num_uavs(worlds.state, 0, j) for j in range(2)] == [ideal, 1]


def test_ideal__of_specialists_is_one_of_each_kind(quick_demo: Config) -> None:
    """By the mean UAV, which carries 25 of each kind, it would take two and three."""
    fleet = [uav(500.0, [50.0, 0.0])] * 2 + [uav(500.0, [0.0, 50.0])] * 2
    worlds = given(quick_demo, fleet, [target(2000.0, [50.0, 0.0]), target(2000.0, [50.0, 50.0])])

    assert [ideal_num_uavs(worlds.state, 0, j) for j in range(2)] == [1, 2]


def test_ideal__forgets_nothing_that_has_been_delivered(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(500.0, [50.0])] * 3, [target(2000.0, [100.0])])
    worlds.state.uav_resources[:] = 0.0
    worlds.state.target_remaining[:] = 1.0

    assert ideal_num_uavs(worlds.state, 0, 0) == 2


def test_ideals__of_padded_worlds_are_those_of_their_own_fleets() -> None:
    """Amounts of UAVs that do not exist do not count, targets that do not exist have 1, other rows are not written."""
    exists = np.array([[True, False, True], [True, True, True], [True, True, True]])
    resources = np.full((3, 3, 1), 50.0, dtype=np.float32)
    demand = np.array([[[100.0], [150.0]], [[100.0], [0.0]], [[100.0], [100.0]]], dtype=np.float32)
    ideals = np.full((3, 2), 9, dtype=np.int16)

    somewhere = np.zeros((3, 3, 2), dtype=np.float32)
    write_ideals(np.array([0, 1]), exists, somewhere, resources, somewhere[:, :2], demand, ideals)

    assert ideals.tolist() == [[2, 2], [2, 1], [9, 9]]


FLEET = [([20.0], 1000.0)] * 9 + [([100.0], 9000.0)]
"""What nine UAVs near the target carry and one far away, and where they start."""


def _ideal_of(fleet: list[tuple[list[float], float]], demand: float) -> int:
    ideals = np.zeros((1, 1), dtype=np.int16)
    position_m = np.array([[[x_m, 0.0] for _, x_m in fleet]], dtype=np.float32)
    carried = np.array([[amounts for amounts, _ in fleet]], dtype=np.float32)
    exists, target_m = np.ones((1, len(fleet)), dtype=np.bool_), np.zeros((1, 1, 2), dtype=np.float32)
    write_ideals(np.array([0]), exists, position_m, carried, target_m, np.full((1, 1, 1), demand, np.float32), ideals)
    return int(ideals[0, 0])


@pytest.mark.parametrize(
    ("demand", "ideal"),
    [
        (15.0, 1),
        (40.0, 2),  # not the one from far away
        (180.0, 9),  # the ninth is as near as the eighth
        (181.0, 6),  # the nine carry too little: all ten, of whom the large one comes first
        (281.0, 10),  # all carry too little
    ],
)
def test_ideal__in_a_large_team_counts_those_nearby(demand: float, ideal: int) -> None:
    assert _ideal_of(FLEET, demand) == ideal
    assert _ideal_of(FLEET[::-1], demand) == ideal


def test_ideal__in_a_large_team_of_many_places_takes_the_eight_nearest() -> None:
    fleet = [([20.0 + 10.0 * i], 1000.0 + 100.0 * i) for i in range(12)]  # the farther, the more it carries

    assert _ideal_of(fleet, 90.0) == 1  # the eighth
    assert _ideal_of(fleet, 91.0) == 2  # the ninth would be enough alone


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
