"""Depots of UAVs: each flies home to its own, and one for all is what it was."""

from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.columns import UavBlock, UavColumn
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.heuristics.optimum import instance_of
from rl_cluster.environment.allocate.scenarios import ScenarioFiles, scenario_of
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import parse_scenario
from tests.reference.allocate_world import LoopedWorld
from tests.unit.environment.allocate.test_reference import ALL_TERMS, assert_same_state, choices_of

CONFIG = load_config("quick_demo")
HOMES: list[list[float] | None] = [[200.0, 3000.0], [4000.0, 300.0], [200.0, 3000.0], None]
ZONE = {"kind": "circle", "center_m": [2400, 1500], "radius_m": 500}


def data_with(homes: list[list[float] | None], common: list[float] | None = None, **changes: Any) -> dict[str, Any]:
    uav = {"heading_rad": 0.0, "resources": [30], "range_m": 30_000, "speed_mps": [15, 40], "cruise_mps": 25}
    return {
        "name": "homes",
        "area": {"width_m": 5000, "height_m": 4000},
        "time_limit_s": 2000,
        "uavs": [
            {"id": f"u{i}", "position_m": [100 + 50 * i, 100], **uav, **({"depot_m": home} if home else {}), **changes}
            for i, home in enumerate(homes)
        ],
        "targets": [
            {"id": "t0", "position_m": [3500, 2800], "demand": [70], "value": 1.0},
            {"id": "t1", "position_m": [1500, 700], "demand": [50], "value": 1.0},
        ],
        "obstacles": [ZONE],
        **({"depot_m": common} if common else {}),
    }


def made_worlds(*data: dict[str, Any]) -> AllocateWorlds:
    source = ScenarioFiles([parse_scenario(each, "homes") for each in data], CONFIG.world, seed=0)
    worlds = AllocateWorlds(source, CONFIG.world, ALL_TERMS, len(data))
    worlds.reset()
    return worlds


def play_out(worlds: AllocateWorlds) -> None:
    policy = HEURISTICS["complete-first"](0)
    while not worlds.state.ended.all():
        worlds.advance(policy.act(worlds, worlds.observe()))


def test_every_uav__ends_at_its_own_depot() -> None:
    worlds = made_worlds(data_with(HOMES))

    play_out(worlds)

    assert worlds.outcomes(worlds.state.ended)["success_rate"] == [1.0]
    ends_m = worlds.state.uav_position_m[0].astype(np.float64)
    for end_m, home_m in zip(ends_m, HOMES, strict=True):
        if home_m:
            assert np.hypot(*(end_m - home_m)) <= CONFIG.world.capture_radius_m
    assert not worlds.state.uav_collisions.any()


def test_own_depots__are_the_looped_world() -> None:
    """A world with a depot for two UAVs, one for another and none for the last, beside one with none at all."""
    worlds = made_worlds(
        data_with(HOMES), data_with([None] * 3), data_with([None, [10.0, 20.0]], common=[400.0, 3900.0])
    )
    looped = [LoopedWorld(worlds.state, row, CONFIG.world, ALL_TERMS) for row in range(3)]
    policy, observation = HEURISTICS["complete-first"](0), worlds.observe()

    while not worlds.state.ended.all():
        actions = policy.act(worlds, observation)
        standing = np.flatnonzero(~worlds.state.ended)
        result = worlds.advance(actions)
        for row in standing.tolist():
            rewards = looped[row].advance(
                choices_of(actions[row], observation.candidates[row])[: len(looped[row].uavs)]
            )
            np.testing.assert_allclose(result.reward[row, : len(rewards)], rewards, rtol=1e-5, atol=1e-5)
            assert_same_state(looped[row], worlds.state, row)
            assert worlds.state.ended[row] == looped[row].has_ended
        observation = worlds.observe()
    assert any(world.is_terminated for world in looped)


def test_depot_of_every_uav_that_is_the_same__is_the_common_depot() -> None:
    home = [200.0, 3000.0]
    common, own = made_worlds(data_with([None] * 3, common=home)), made_worlds(data_with([home] * 3))

    for name, array in common.state_dict().items():
        np.testing.assert_array_equal(own.state_dict()[name], array, err_msg=name)
    assert common.state.depot_position_m.shape == (1, 1, 2)
    read = scenario_of(own.state, 0)
    assert read.depot_m is not None
    assert read.depot_m.tolist() == home
    assert np.isnan(read.uav_depot_m).all()


def test_own_depots__come_back_from_a_world() -> None:
    given = parse_scenario(data_with(HOMES), "homes")
    worlds = made_worlds(data_with(HOMES))

    read = scenario_of(worlds.state, 0)

    assert worlds.state.uav_depot.tolist() == [[1, 2, 1, 0]]
    assert worlds.sizes.num_depots == 2
    assert read.depot_m is None
    np.testing.assert_array_equal(read.uav_depot_m, given.uav_depot_m)


def test_columns_of_the_depot__are_of_the_uav_own() -> None:
    worlds = made_worlds(data_with(HOMES))

    first = len(UavBlock) * 1
    rows = worlds.observe().uav[0, :, first:].astype(np.float64)

    sensing_m = CONFIG.world.sensing_radius_m
    for i, home_m in enumerate(HOMES):
        has, cos, sin, distance = rows[i, UavColumn.HAS_DEPOT : UavColumn.DEPOT_DISTANCE + 1]
        if home_m is None:
            assert (has, cos, sin, distance) == (0.0, 0.0, 0.0, 0.0)
            continue
        way = np.array(home_m) - [100 + 50 * i, 100]  # it looks east
        assert has == 1.0
        np.testing.assert_allclose([cos, sin], way / np.hypot(*way), atol=1e-6)
        assert distance == pytest.approx(min(np.hypot(*way) / sensing_m, 4.0), rel=1e-6)


def test_legality__asks_for_the_way_on_to_the_uav_own_depot() -> None:
    """To t1 and home: 1,523 m + 2,642 m for the first, 1,477 m + 2,532 m, and 1,432 m + 2,642 m."""
    worlds = made_worlds(data_with(HOMES, range_m=4050))

    candidates = worlds.observe().candidates[0]

    assert [1 in row for row in candidates.tolist()] == [False, True, False, True]


def test_optimum__knows_the_way_home_of_every_uav() -> None:
    instance = instance_of(made_worlds(data_with(HOMES)).state, 0)

    assert instance.home_m.shape == (4, 2)
    assert instance.home_m[:, 0] == pytest.approx([np.hypot(3300, 200), np.hypot(500, 2500), np.hypot(3300, 200), 0])
