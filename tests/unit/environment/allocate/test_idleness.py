"""Decisions in which nobody does anything, by hand: what is idle, how it is counted, and when it is a deadlock."""

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.idleness import count_idle, is_idle
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from tests.unit.environment.allocate.given_world import fly, given, target, uav


def stand_off(config: Config, idle_decisions: int = 3, time_limit_s: float = 1000.0) -> AllocateWorlds:
    """Two UAVs, and two targets each of which takes both."""
    uavs = [uav(1000, [40.0]), uav(1000, [40.0], y=3000.0)]
    targets = [target(1300, [80.0]), target(1300, [80.0], y=3000.0)]
    return given(config, uavs, targets, coalition="sync", time_limit_s=time_limit_s, idle_decisions=idle_decisions)


def decisions_until_the_end(worlds: AllocateWorlds, choices: list[int], most: int = 20) -> int:
    for count in range(1, most + 1):
        fly(worlds, choices)
        if worlds.state.ended[0]:
            return count
    return most + 1


@pytest.mark.parametrize("choices", [[0, 1], [-1, -1], [0, -1]])
@pytest.mark.parametrize("num_decisions", [1, 3])
def test_episode__ends_where_nobody_does_anything(quick_demo: Config, choices: list[int], num_decisions: int) -> None:
    """Who flies to its target needs one decision for the way, and then waits for the other."""
    worlds = stand_off(quick_demo, idle_decisions=num_decisions)

    assert decisions_until_the_end(worlds, choices) == num_decisions + (choices != [-1, -1])
    outcomes = worlds.outcomes(worlds.state.ended)
    rates = ("satisfied_rate", "success_rate", "timeout_rate", "deadlock_rate")
    assert [outcomes[name][0] for name in rates] == [0.0, 0.0, 0.0, 1.0]
    assert np.isnan(outcomes["last_service_s"][0])


def test_episode__goes_on_to_its_time_limit_without_the_setting(quick_demo: Config) -> None:
    worlds = stand_off(quick_demo, idle_decisions=0, time_limit_s=200.0)

    assert decisions_until_the_end(worlds, [0, 1]) == 10
    assert worlds.outcomes(worlds.state.ended)["timeout_rate"].tolist() == [1.0]


def test_count__begins_anew_when_somebody_sets_out(quick_demo: Config) -> None:
    worlds = stand_off(quick_demo, idle_decisions=3)
    counts = []
    for choices in ([-1, -1], [-1, -1], [0, -1], [0, -1], [0, -1], [0, 0]):
        fly(worlds, choices)
        counts.append(int(worlds.state.idle_decisions[0]))

    assert counts == [1, 2, 0, 1, 2, 0]


def test_count__begins_anew_with_the_episode(quick_demo: Config) -> None:
    worlds = stand_off(quick_demo, idle_decisions=2)
    decisions_until_the_end(worlds, [-1, -1])
    assert worlds.state.idle_decisions.tolist() == [2]

    worlds.reset_ended()

    assert worlds.state.idle_decisions.tolist() == [0]


def test_service__is_not_idle(quick_demo: Config) -> None:
    """The only UAV that flies serves for five decisions, and does not move."""
    worlds = given(quick_demo, [uav(1310, [40.0])], [target(1300, [80.0], service_time_s=100.0)], idle_decisions=1)

    assert decisions_until_the_end(worlds, [0]) == 6
    assert worlds.state.target_remaining.tolist() == [[[40.0]]]


def test_target_to_come__is_waited_for(quick_demo: Config) -> None:
    targets = [target(1400, [40.0]), target(1500, [40.0], appears_s=90.0)]
    worlds = given(quick_demo, [uav(1000, [40.0])], targets, idle_decisions=2)

    # It appears within the fifth decision; the sixth and seventh are idle.
    assert decisions_until_the_end(worlds, [-1]) == 7


def test_way_home__is_not_idle(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [50.0])], [target(1400, [50.0])], depot_m=[3900.0, 1000.0], idle_decisions=1)
    fly(worlds, [0])
    assert worlds.state.target_closed_time_s[0, 0] == 12.0

    decisions_until_the_end(worlds, [-1])

    assert worlds.outcomes(worlds.state.ended)["success_rate"].tolist() == [1.0]


@pytest.mark.parametrize("range_m", [100.0, 9000.0])
def test_idle__is_what_those_that_fly_do(quick_demo: Config, range_m: float) -> None:
    """A UAV that is grounded has no say."""
    state = stand_off(quick_demo).state
    assert is_idle(state, 0)
    state.uav_choice[0, 0] = 0
    assert not is_idle(state, 0)
    state.uav_present[0, 0] = True
    assert is_idle(state, 0)
    state.uav_service_ends_s[0, 0] = 50.0
    assert not is_idle(state, 0)
    state.uav_range_left_m[0, 0] = 0.0
    state.uav_range_left_m[0, 1] = range_m
    assert is_idle(state, 0)


def test_decision__in_which_a_target_closed_is_not_idle(quick_demo: Config) -> None:
    """Those left of a team whose service broke off began anew where they stood, and delivered."""
    state = stand_off(quick_demo).state
    state.time_s[0] = 40.0
    state.target_remaining[0, 0], state.target_closed_time_s[0, 0] = 0.0, 33.0

    assert count_idle(state, 0, True, 20.0) == 0
    assert count_idle(state, 0, True, 33.0) == 1
    assert count_idle(state, 0, False, 33.0) == 0
