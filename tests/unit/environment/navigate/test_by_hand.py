"""Flights, collisions, arrivals and formations, calculated by hand."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.environment.navigate.worlds import NavigateWorlds

MakeWorlds = Callable[..., NavigateWorlds]


def fly(worlds: NavigateWorlds, controls: list[list[float]], num_steps: int = 1) -> NDArray[np.float32]:
    """Flies a single world by constant controls; returns each UAV's summed reward."""
    given = np.array([controls], dtype=np.float32)
    return np.sum([worlds.advance(given).reward[0] for _ in range(num_steps)], axis=0)


def test_unicycle__moves_as_by_hand(given: MakeWorlds) -> None:
    worlds = given([(100.0, 100.0, 0.0, 900.0, 900.0)], world__dynamics="unicycle")
    state = worlds.state
    fly(worlds, [[1.0, 0.0]])  # v = 8 * 0.5 = 4; 2 m east
    np.testing.assert_allclose(state.uav_position_m[0, 0], [102.0, 100.0])
    fly(worlds, [[0.5, 1.0]])  # v = 6, theta = 0.75; 3 m
    expected = [102.0 + 3.0 * math.cos(0.75), 100.0 + 3.0 * math.sin(0.75)]
    np.testing.assert_allclose(state.uav_position_m[0, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(state.uav_velocity_mps[0, 0], [6 * math.cos(0.75), 6 * math.sin(0.75)], rtol=1e-6)
    assert state.uav_flown_m[0, 0] == pytest.approx(5.0)
    assert state.uav_effort_s[0, 0] == pytest.approx(0.5 * 0.5 + 0.5 * 0.625)
    fly(worlds, [[-1.0, 1.0]], 3)  # v = 2, then 0: it cannot fly backwards
    assert state.uav_speed_mps[0, 0] == 0.0
    fly(worlds, [[1.0, 1.0]], 9)  # v = 20 after five of them
    assert state.uav_speed_mps[0, 0] == 20.0
    heading = 13 * 0.75
    assert state.uav_heading_rad[0, 0] == pytest.approx(math.atan2(math.sin(heading), math.cos(heading)), abs=1e-5)


def test_double_integrator__moves_as_by_hand(given: MakeWorlds) -> None:
    worlds = given([(100.0, 100.0, 2.0, 900.0, 900.0)], world__dynamics="double_integrator")
    state = worlds.state
    fly(worlds, [[1.0, -0.5]])  # v = (4, -2)
    np.testing.assert_allclose(state.uav_velocity_mps[0, 0], [4.0, -2.0])
    np.testing.assert_allclose(state.uav_position_m[0, 0], [102.0, 99.0])
    assert state.uav_flown_m[0, 0] == pytest.approx(math.sqrt(5.0))
    fly(worlds, [[1.0, 1.0]], 20)
    np.testing.assert_allclose(np.linalg.norm(state.uav_velocity_mps[0, 0]), 20.0, rtol=1e-6)
    assert state.uav_heading_rad[0, 0] == 0.0


def test_collisions__count_when_touching_begins(given: MakeWorlds) -> None:
    """Two UAVs at 20 m/s pass each other 5 m apart: at 100, 80, .. m along the way they touch once."""
    uavs = [(300.0, 300.0, 0.0, 800.0, 300.0), (400.0, 305.0, math.pi, 100.0, 305.0), (300.0, 320.0, 0.0, 800.0, 320.0)]
    worlds = given(uavs, weights={"collision": 2.0, "own_weight": 1.0}, world__speed_mps=[20.0, 20.0])
    straight = [[0.0, 0.0]] * 3
    assert fly(worlds, straight, 4).tolist() == [0.0, 0.0, 0.0]  # at 340 and 360
    assert fly(worlds, straight).tolist() == [-2.0, -2.0, 0.0]  # both at 350
    assert fly(worlds, straight, 10).tolist() == [0.0, 0.0, 0.0]
    assert worlds.state.uav_collisions[0].tolist() == [1, 1, 0]
    assert not worlds.state.uav_touching.any()


def test_collisions__count_again_after_a_parting(given: MakeWorlds) -> None:
    """One UAV flies over two zones in a row, 10 m a step; it touches nearer than 3 m to an edge."""
    zones: list[dict[str, object]] = [
        {"kind": "circle", "center_m": [345.0, 300.0], "radius_m": 14.0},
        {"kind": "polygon", "vertices_m": [[375.0, 290.0], [405.0, 290.0], [405.0, 310.0], [375.0, 310.0]]},
    ]
    worlds = given([(300.0, 300.0, 0.0, 800.0, 300.0)], zones, world__speed_mps=[20.0, 20.0])
    touching = []
    for _ in range(12):
        fly(worlds, [[0.0, 0.0]])
        touching.append(bool(worlds.state.uav_touching[0, 0]))
    assert touching == [False, False, True, True, True, True, False, True, True, True, False, False]
    assert worlds.state.uav_collisions[0, 0] == 2


def test_zones__warn_in_their_band(given: MakeWorlds) -> None:
    """3 m of its own to the zone, then a band of 4 m: 5 m from the edge it is half deep in the band."""
    zones: list[dict[str, object]] = [{"kind": "circle", "center_m": [300.0, 300.0], "radius_m": 20.0}]
    uavs = [(300.0, 325.0, 0.0, 900.0, 900.0), (300.0, 272.9, 0.0, 900.0, 900.0)]
    worlds = given(uavs, zones, {"warning": 1.0, "own_weight": 1.0})
    np.testing.assert_allclose(fly(worlds, [[0.0, 0.0]] * 2), [-0.25, 0.0], atol=1e-5)


def test_arrival__ends_a_way_but_not_the_body(given: MakeWorlds) -> None:
    """The first arrives after two steps of 10 m; the second flies into it 10 m on."""
    uavs = [(300.0, 300.0, 0.0, 325.0, 300.0), (340.0, 300.0, math.pi, 100.0, 300.0)]
    weights = {"arrival": 3.0, "time": 1.0, "collision": 10.0, "own_weight": 1.0}
    worlds = given(uavs, weights=weights, world__speed_mps=[20.0, 20.0])
    state = worlds.state
    assert fly(worlds, [[0.0, 0.0]] * 2).tolist() == [-0.5, -0.5]
    assert fly(worlds, [[0.0, 0.0]] * 2).tolist() == [2.5 - 10.0, -0.5 - 10.0]  # both at 320
    assert state.uav_arrived[0].tolist() == [True, False]
    assert state.uav_arrival_s[0, 0] == 1.0
    assert worlds.observe().decides[0].tolist() == [False, True]
    assert fly(worlds, [[0.0, 0.0]] * 2, 3).tolist() == [0.0, -1.5]
    np.testing.assert_array_equal(state.uav_position_m[0, 0], [320.0, 300.0])
    np.testing.assert_array_equal(state.uav_velocity_mps[0, 0], [0.0, 0.0])
    assert state.uav_flown_m[0].tolist() == [20.0, 50.0]


def test_last_arrival__terminates(given: MakeWorlds) -> None:
    worlds = given([(300.0, 300.0, 0.0, 304.0, 300.0)], time_limit_s=0.5)
    result = worlds.advance(np.zeros((1, 1, 2), dtype=np.float32))
    assert result.terminated.tolist() == [True]
    assert result.truncated.tolist() == [False]
    outcomes = worlds.outcomes(worlds.state.ended)
    assert outcomes["all_reached_rate"] == outcomes["success_rate"] == 1.0
    assert outcomes["timeout_rate"] == 0.0


def test_time_limit__truncates(given: MakeWorlds) -> None:
    worlds = given([(300.0, 300.0, 0.0, 900.0, 300.0)], time_limit_s=1.0)
    results = [worlds.advance(np.zeros((1, 1, 2), dtype=np.float32)) for _ in range(2)]
    assert [bool(result.truncated[0]) for result in results] == [False, True]
    assert not results[-1].terminated.any()
    assert not results[-1].deadlocked.any()
    outcomes = worlds.outcomes(worlds.state.ended)
    assert (outcomes["timeout_rate"][0], outcomes["mean_time_s"][0], outcomes["makespan_s"][0]) == (1.0, 1.0, 1.0)


def test_progress__telescopes(given: MakeWorlds) -> None:
    """Whatever the way: the sum of the rewards is the way come nearer over the sensing radius."""
    worlds = given([(300.0, 300.0, 1.0, 500.0, 420.0)], weights={"progress": 1.0, "own_weight": 1.0})
    total = sum(
        float(worlds.advance(np.full((1, 1, 2), math.sin(0.4 * step), dtype=np.float32)).reward[0, 0])
        for step in range(30)
    )
    state = worlds.state
    assert total == pytest.approx((state.uav_straight_m[0, 0] - state.uav_goal_distance_m[0, 0]) / 50.0, abs=1e-5)


def test_formation__is_kept_by_share_and_by_all(given: MakeWorlds) -> None:
    """One follower 20 m behind, one 10 m to the left; at 20 m the leader leaves them, 10 m a step: 30, 40 m and on."""
    uavs = [(300.0, 300.0, 0.0, 900.0, 300.0), (280.0, 300.0, 0.0, 900.0, 500.0), (300.0, 310.0, 0.0, 900.0, 700.0)]
    worlds = given(
        uavs, weights={"formation": 1.0, "own_weight": 1.0}, time_limit_s=2.0, world__formation_radius_m=25.0,
        world__speed_mps=[0.0, 20.0], world__max_acceleration_mps2=40.0,
    )  # fmt: skip
    rewards = [fly(worlds, [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]) for _ in range(4)]
    second = [0.0, 0.0, -0.5 * (math.hypot(30.0, 10.0) - 25.0) / 50.0, -0.5 * (math.hypot(40.0, 10.0) - 25.0) / 50.0]
    first = [-0.5 * (distance - 25.0) / 50.0 for distance in (30.0, 40.0, 50.0, 60.0)]
    np.testing.assert_allclose(rewards, [(0.0, *pair) for pair in zip(first, second, strict=True)], atol=1e-6)
    outcomes = worlds.outcomes(worlds.state.ended)
    assert outcomes["formation_keeping_rate"][0] == pytest.approx((0.5 + 0.5 + 0.0 + 0.0) / 4)
    assert outcomes["strict_formation_keeping_rate"][0] == 0.0


def test_formation_rates__are_not_defined_without_a_formation(given: MakeWorlds) -> None:
    worlds = given([(300.0, 300.0, 0.0, 900.0, 300.0)] * 2, time_limit_s=0.5)
    fly(worlds, [[0.0, 0.0]] * 2)
    outcomes = worlds.outcomes(worlds.state.ended)
    assert np.isnan(outcomes["formation_keeping_rate"][0])
    assert np.isnan(outcomes["strict_formation_keeping_rate"][0])


def test_own_weight__mixes_own_and_mean(given: MakeWorlds) -> None:
    uavs = [(300.0, 300.0, 0.0, 304.0, 300.0), (500.0, 300.0, 0.0, 900.0, 300.0)]
    worlds = given(uavs, weights={"arrival": 1.0, "own_weight": 0.25})
    np.testing.assert_allclose(fly(worlds, [[0.0, 0.0]] * 2), [0.25 + 0.75 * 0.5, 0.75 * 0.5])
