"""Service times, coalitions, capabilities, values, late targets, failures and the depot, calculated by hand.

UAVs fly east at 25 m/s and reach a target 100 m before it; an interval has 20 s.
"""

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from tests.unit.environment.allocate.given_world import fly, given, target, uav


def test_service__takes_its_time_in_the_air_beside_the_target(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [50.0])], [target(1400, [50.0], service_time_s=30.0)])

    fly(worlds, [0])

    # It arrives after 12 s, at 1300 m, and stays; it delivers after 42 s.
    state = worlds.state
    assert (state.uav_present[0, 0], state.uav_service_ends_s[0, 0], state.uav_choice[0, 0]) == (True, 42.0, 0)
    np.testing.assert_allclose(state.uav_position_m[0, 0], [1300.0, 1000.0])
    assert state.uav_resources[0, 0, 0] == 50.0
    fly(worlds, [0])
    fly(worlds, [0])
    assert (state.target_closed_time_s[0, 0], state.uav_flown_m[0, 0], state.uav_present[0, 0]) == (42.0, 300.0, False)
    assert worlds.outcomes(state.ended)["waiting_s_per_uav"].tolist() == [0.0]


def test_service__is_lost_by_another_choice(quick_demo: Config) -> None:
    targets = [target(1400, [50.0], service_time_s=30.0), target(4000, [50.0])]
    worlds = given(quick_demo, [uav(1000, [100.0])], targets)

    for choice in (0, -1, 0):
        fly(worlds, [choice])

    # Back at its choice after 40 s, it flies one more substep before it is present again.
    assert worlds.state.uav_service_ends_s[0, 0] == 41.0 + 30.0
    np.testing.assert_allclose(worlds.state.uav_position_m[0, 0], [1325.0, 1000.0])


def test_service__of_each_begins_with_its_own_arrival(quick_demo: Config) -> None:
    uavs = [uav(1000, [40.0]), uav(900, [40.0]), uav(900, [10.0])]
    worlds = given(quick_demo, uavs, [target(1400, [65.0], service_time_s=10.0), target(4000, [9.0])])

    fly(worlds, [0, 0, 0])
    fly(worlds, [0, 0, 0])

    # The first gives 40 after 12 + 10 s; the others share the missing 25 after 16 + 10 s, 40 to 10.
    np.testing.assert_allclose(worlds.state.uav_resources[0, :, 0], [0.0, 20.0, 5.0], rtol=1e-6)
    assert worlds.state.target_closed_time_s[0, 0] == 26.0


def test_sync__waits_for_a_coalition_that_covers_and_serves_together(quick_demo: Config) -> None:
    uavs = [uav(1000, [40.0]), uav(900, [40.0]), uav(850, [40.0])]
    targets = [target(1400, [60.0], service_time_s=10.0), target(4000, [20.0])]
    worlds = given(quick_demo, uavs, targets, coalition="sync", weights={"waste": 1.0})

    fly(worlds, [0, 0, 0])

    # Arrivals after 12, 16 and 18 s: the first two cover 60 from 16 s on, and are locked until 26 s.
    state, observation = worlds.state, worlds.observe()
    assert state.uav_present[0].tolist() == [True, True, True]
    assert state.uav_service_ends_s[0].tolist() == [26.0, 26.0, np.inf]
    assert observation.decides[0].tolist() == [False, False, True]
    assert [np.flatnonzero(mask).tolist() for mask in observation.action_mask[0, :2]] == [[1], [1]]
    reward = fly(worlds, [0, 0, 0])
    assert state.target_closed_time_s[0, 0] == 26.0
    np.testing.assert_allclose(state.uav_resources[0, :, 0], [10.0, 10.0, 40.0])
    # The third came too late to be part of it.
    assert reward.tolist() == [0.0, 0.0, -1.0]
    assert state.uav_waited_s[0].tolist() == [4.0, 0.0, 8.0]


def test_sync__masks_what_nobody_can_cover(quick_demo: Config) -> None:
    uavs = [uav(1000, [40.0]), uav(900, [40.0], range_m=2000.0)]
    targets = [target(1400, [80.0]), target(1400, [81.0]), target(3000, [80.0]), target(3000, [40.0])]

    candidates = given(quick_demo, uavs, targets, coalition="sync").observe().candidates[0]

    # At 3000 m, the second UAV is out of range.
    assert candidates[0, :3].tolist() == [0, 3, -1]
    assert candidates[1, :2].tolist() == [0, -1]


def test_sync__breaks_off_when_one_of_those_that_serve_fails(quick_demo: Config) -> None:
    uavs = [uav(1000, [40.0]), uav(900, [40.0], fails_s=19.0), uav(850, [40.0])]
    worlds = given(quick_demo, uavs, [target(1400, [60.0], service_time_s=10.0)], coalition="sync")

    fly(worlds, [0, 0, 0])

    # In service from 16 s on, without the third; that takes the place of the one that fails, and it begins anew.
    assert worlds.state.uav_service_ends_s[0].tolist() == [29.0, np.inf, 29.0]
    fly(worlds, [0, -1, 0])
    assert worlds.state.target_closed_time_s[0, 0] == 29.0
    np.testing.assert_allclose(worlds.state.uav_resources[0, :, 0], [10.0, 0.0, 10.0])
    outcomes = worlds.outcomes(worlds.state.ended)
    # The first waited from 12 to 16 s, the third from 18 to 19 s.
    np.testing.assert_allclose(outcomes["waiting_s_per_uav"], 5.0 / 3.0)


@pytest.mark.parametrize("replan", [True, False])
def test_sync__stand_off_is_a_deadlock_where_nobody_may_leave(quick_demo: Config, replan: bool) -> None:
    uavs = [uav(1000, [40.0]), uav(1000, [40.0], y=3000.0)]
    targets = [target(1300, [80.0]), target(1400, [80.0], y=3000.0), target(4000, [1.0], appears_s=900.0)]
    worlds = given(quick_demo, uavs, targets, coalition="sync", replan=replan)

    fly(worlds, [0, 1])

    assert worlds.state.ended.tolist() == [not replan]
    if not replan:
        outcomes = worlds.outcomes(worlds.state.ended)
        assert outcomes["deadlock_rate"].tolist() == [1.0]
        # Arrivals after 8 and 12 s of 20 s.
        assert outcomes["waiting_s_per_uav"].tolist() == [10.0]


def test_sync__is_no_stand_off_while_somebody_is_under_way(quick_demo: Config) -> None:
    uavs = [uav(1000, [40.0]), uav(400, [40.0])]
    worlds = given(quick_demo, uavs, [target(1400, [80.0])], coalition="sync", replan=False)

    fly(worlds, [0, 0])
    assert not worlds.state.ended[0]
    fly(worlds, [0, 0])

    # The second arrives after 900 / 25 = 36 s.
    assert worlds.outcomes(worlds.state.ended)["makespan_s"].tolist() == [36.0]


def test_capability__serves_again_but_each_target_once(quick_demo: Config) -> None:
    uavs = [uav(1000, [40.0]), uav(400, [20.0])]
    targets = [target(1400, [60.0]), target(1700, [40.0])]
    worlds = given(quick_demo, uavs, targets, resource_kind="capability")

    fly(worlds, [0, 0])

    state = worlds.state
    assert (state.uav_resources[0, 0, 0], state.target_remaining[0, 0, 0]) == (40.0, 20.0)
    assert worlds.observe().candidates[0, 0, :2].tolist() == [1, -1]
    fly(worlds, [1, 0])
    # 300 m to the first target; from there at 20 s 300 m to the second; the other UAV arrives after 900 / 25 s.
    assert state.target_closed_time_s[0].tolist() == [36.0, 32.0]
    assert state.uav_resources[0, :, 0].tolist() == [40.0, 20.0]
    assert worlds.outcomes(state.ended)["success_rate"].tolist() == [1.0]


def test_value__pays_its_share_of_the_mean(quick_demo: Config) -> None:
    targets = [target(1400, [40.0], value=3.0), target(4900, [40.0], value=1.0)]
    worlds = given(quick_demo, [uav(1000, [40.0])], targets, weights={"completion": 2.0})

    reward = fly(worlds, [0])

    # Twice 3 over the mean of 2; nothing is left for the other target.
    np.testing.assert_allclose(reward, [3.0])
    assert worlds.outcomes(worlds.state.ended)["value_rate"].tolist() == [0.75]


def test_appearing_target__is_not_there_before_its_time(quick_demo: Config) -> None:
    targets = [target(1400, [50.0]), target(1500, [50.0], appears_s=30.0)]
    worlds = given(quick_demo, [uav(1000, [100.0])], targets)

    assert worlds.observe().candidates[0, 0, :2].tolist() == [0, -1]
    fly(worlds, [0])
    seen = worlds.observe()
    # All that is known is closed after 12 s, but the episode goes on.
    assert (seen.candidates[0, 0, 0], seen.mask[0, 1:3].tolist()) == (-1, [False, False])
    fly(worlds, [-1])
    assert worlds.observe().mask[0, 1:3].tolist() == [False, True]
    fly(worlds, [1])

    # It waited at 1300 m, and flies 100 m from 40 s on.
    outcomes = worlds.outcomes(worlds.state.ended)
    assert (outcomes["makespan_s"][0], outcomes["success_rate"][0]) == (44.0, 1.0)


def test_appearing_target__counts_even_if_its_time_does_not_come(quick_demo: Config) -> None:
    targets = [target(1400, [50.0]), target(1500, [50.0], appears_s=30.0)]
    worlds = given(quick_demo, [uav(1000, [100.0])], targets, time_limit_s=20.0)

    fly(worlds, [0])

    outcomes = worlds.outcomes(worlds.state.ended)
    assert [outcomes[name][0] for name in ("satisfied_rate", "completion_rate", "value_rate")] == [0.5, 0.5, 0.5]
    assert outcomes["timeout_rate"].tolist() == [1.0]


def test_failing_uav__stays_where_it_is_with_nothing(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [50.0], fails_s=8.0)], [target(1400, [50.0])])

    fly(worlds, [0])

    state = worlds.state
    np.testing.assert_allclose(state.uav_position_m[0, 0], [1200.0, 1000.0])
    assert (state.uav_range_left_m[0, 0], state.uav_resources[0, 0, 0], state.uav_choice[0, 0]) == (0.0, 0.0, -1)
    assert worlds.outcomes(state.ended)["deadlock_rate"].tolist() == [1.0]


def test_depot__makespan_counts_the_way_home(quick_demo: Config) -> None:
    uavs = [uav(1000, [50.0]), uav(2000, [50.0], fails_s=30.0)]
    worlds = given(quick_demo, uavs, [target(1400, [50.0])], depot_m=[2400.0, 1000.0], weights={"path": 1500.0})

    reward = fly(worlds, [0, -1])
    while not worlds.state.ended[0]:
        assert not worlds.observe().decides.any()
        reward += fly(worlds, [-1, -1])

    # Closed after 12 s at 1300 m; 1000 m on to within 100 m of the depot. The other gets there (300 m) before it fails.
    outcomes = worlds.outcomes(worlds.state.ended)
    assert worlds.state.target_closed_time_s[0, 0] == 12.0
    assert (outcomes["makespan_s"][0], outcomes["success_rate"][0]) == (52.0, 1.0)
    assert worlds.state.uav_flown_m[0].tolist() == [1300.0, 300.0]
    np.testing.assert_allclose(reward, [-1300.0, -300.0], rtol=1e-6)


def test_depot__is_not_waited_for_by_who_cannot_fly(quick_demo: Config) -> None:
    uavs = [uav(1000, [50.0]), uav(4500, [50.0], fails_s=15.0)]
    worlds = given(quick_demo, uavs, [target(1400, [50.0])], depot_m=[1500.0, 1000.0])

    fly(worlds, [0, -1])

    # The first is home after (1400 - 1000) / 25 = 16 s, the other has failed 1 s before.
    assert worlds.outcomes(worlds.state.ended)["makespan_s"].tolist() == [16.0]


def test_depot__out_of_time_on_the_way_home_is_no_success(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [50.0])], [target(1400, [50.0])], depot_m=[2400.0, 1000.0], time_limit_s=30.0)

    fly(worlds, [0])
    fly(worlds, [-1])

    outcomes = worlds.outcomes(worlds.state.ended)
    rates = ("satisfied_rate", "success_rate", "timeout_rate", "deadlock_rate")
    assert [outcomes[name][0] for name in rates] == [1.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize(("range_m", "is_legal"), [(1399.0, False), (1400.0, True)])
def test_depot__must_be_in_range_from_the_target(quick_demo: Config, range_m: float, is_legal: bool) -> None:
    worlds = given(quick_demo, [uav(1000, [50.0], range_m=range_m)], [target(1400, [50.0])], depot_m=[2400.0, 1000.0])

    assert worlds.observe().action_mask[0, 0].tolist() == [True, is_legal]
