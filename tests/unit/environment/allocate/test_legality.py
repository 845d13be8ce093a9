"""Who may serve what, one rule after the other, each at its edge."""

from typing import Any

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.legality import (
    all_closed,
    could_serve,
    distance_m,
    has_appeared,
    is_coverable,
    is_legal,
    is_open,
    is_stuck,
    is_unmet,
)
from rl_cluster.environment.allocate.state import AllocateState
from tests.unit.environment.allocate.given_world import given, target, uav


def one(config: Config, **rules: Any) -> AllocateState:
    """A UAV 1000 m west of a target that lacks what it carries."""
    return given(config, [uav(500.0, [50.0, 0.0])], [target(1500.0, [50.0, 20.0])], **rules).state


def test_distance__is_straight(quick_demo: Config) -> None:
    state = given(quick_demo, [uav(500.0, [1.0], y=600.0)], [target(800.0, [1.0], y=1000.0)]).state

    assert distance_m(state, 0, 0, 0) == 500.0


@pytest.mark.parametrize(("time_s", "is_there"), [(29.9, False), (30.0, True)])
def test_target__is_open_once_it_has_appeared(quick_demo: Config, time_s: float, is_there: bool) -> None:
    state = given(quick_demo, [uav(500.0, [1.0])], [target(1500.0, [1.0], appears_s=30.0)]).state
    state.time_s[0] = time_s

    assert (has_appeared(state, 0, 0), is_open(state, 0, 0), is_legal(state, 0, 0, 0)) == (is_there,) * 3
    assert is_unmet(state, 0, 0)
    assert not all_closed(state, 0)


def test_target__is_closed_without_remaining_demand(quick_demo: Config) -> None:
    state = one(quick_demo)
    state.target_remaining[0, 0] = [0.0, 1.0]
    assert is_open(state, 0, 0)
    state.target_remaining[0, 0] = [0.0, 1e-5]

    assert not is_open(state, 0, 0)
    assert all_closed(state, 0)


@pytest.mark.parametrize(("range_m", "is_enough"), [(1000.0, True), (999.0, False), (0.0, False)])
def test_service__takes_the_range_for_the_way(quick_demo: Config, range_m: float, is_enough: bool) -> None:
    state = one(quick_demo)
    state.uav_range_left_m[0, 0] = range_m

    assert is_legal(state, 0, 0, 0) == is_enough


@pytest.mark.parametrize(("range_m", "is_enough"), [(1500.0, True), (1499.0, False)])
def test_service__takes_the_range_to_the_depot_too(quick_demo: Config, range_m: float, is_enough: bool) -> None:
    state = one(quick_demo, depot_m=[1500.0, 1500.0])
    state.uav_range_left_m[0, 0] = range_m

    assert is_legal(state, 0, 0, 0) == is_enough


def test_service__takes_no_range_of_who_is_present(quick_demo: Config) -> None:
    state = one(quick_demo, depot_m=[1500.0, 1500.0])
    state.uav_range_left_m[0, 0] = 1.0
    state.uav_choice[0, 0], state.uav_present[0, 0] = 0, True

    assert could_serve(state, 0, 0, 0, 1000.0)


@pytest.mark.parametrize(
    ("carried", "helps"), [([1.0, 0.0], True), ([0.0, 1.0], False), ([1e-5, 9.0], False), ([0.0, 0.0], False)]
)
def test_service__takes_a_kind_that_is_lacking(quick_demo: Config, carried: list[float], helps: bool) -> None:
    state = one(quick_demo)
    state.target_remaining[0, 0] = [50.0, 0.0]
    state.uav_resources[0, 0] = carried

    assert could_serve(state, 0, 0, 0, 1000.0) == helps


@pytest.mark.parametrize("kind", ["consumed", "capability"])
def test_capability__helps_a_target_once(quick_demo: Config, kind: str) -> None:
    state = one(quick_demo, resource_kind=kind)
    state.involved[0, 0, 0] = True

    assert is_legal(state, 0, 0, 0) == (kind == "consumed")


@pytest.mark.parametrize("coalition", ["sum", "sync"])
@pytest.mark.parametrize(("second_kind", "is_covered"), [(19.0, False), (20.0, True)])
def test_sync__asks_for_a_team_that_covers_every_kind(
    quick_demo: Config, coalition: str, second_kind: float, is_covered: bool
) -> None:
    uavs = [uav(500.0, [50.0, 0.0]), uav(600.0, [0.0, second_kind])]
    state = given(quick_demo, uavs, [target(1500.0, [50.0, 20.0])], coalition=coalition).state

    assert is_coverable(state, 0, 0) == is_covered
    assert is_legal(state, 0, 0, 0) == (is_covered or coalition == "sum")
    # who has no range for the way is not in the team
    state.uav_range_left_m[0, 1] = 10.0
    assert not is_coverable(state, 0, 0)


@pytest.mark.parametrize(("appears_s", "is_hopeless"), [(0.0, True), (50.0, False)])
def test_stuck__is_a_world_without_legal_targets_now_or_later(
    quick_demo: Config, appears_s: float, is_hopeless: bool
) -> None:
    targets = [target(1500.0, [50.0, 20.0]), target(1600.0, [1.0, 0.0], appears_s=appears_s)]
    state = given(quick_demo, [uav(500.0, [50.0, 0.0])], targets).state
    assert not is_stuck(state, 0, True)
    state.uav_resources[0] = 0.0

    assert is_stuck(state, 0, True) == is_hopeless


@pytest.mark.parametrize("replan", [True, False])
def test_stuck__without_replanning_is_who_waits_for_nobody(quick_demo: Config, replan: bool) -> None:
    """Both wait under sync, each at a target that takes both."""
    targets = [target(1500.0, [80.0]), target(3000.0, [80.0])]
    state = given(quick_demo, [uav(1500.0, [50.0]), uav(3000.0, [50.0])], targets, coalition="sync").state
    state.uav_choice[0], state.uav_present[0] = [0, 1], True
    assert np.isinf(state.uav_service_ends_s[0]).all()

    assert is_stuck(state, 0, replan) == (not replan)
