"""Scenarios as episodes of `navigate`: where goals come from, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.navigate.scenarios import NavigateScenarios
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, Scenario, load_scenario, parse_scenario
from rl_cluster.errors import ScenarioError


def scenario_with(uavs: list[dict[str, Any]], targets: list[tuple[float, float]]) -> Scenario:
    common = {"heading_rad": 7.0, "resources": [1.0], "range_m": 1e4, "speed_mps": [1.0, 2.0], "cruise_mps": 1.0}
    data = {
        "name": "three",
        "area": {"width_m": 400.0, "height_m": 900.0},
        "uavs": [{"id": f"u{i}", **common, **uav} for i, uav in enumerate(uavs)],
        "targets": [
            {"id": f"t{j}", "position_m": list(place), "demand": [1.0], "value": 1.0} for j, place in enumerate(targets)
        ],
    }
    return parse_scenario(data, "three")


UAVS: list[dict[str, Any]] = [{"position_m": [10.0, 10.0]}, {"position_m": [200.0, 10.0]}, {"position_m": [30.0, 10.0]}]


def played(config: Config, scenarios: list[Scenario], num_worlds: int = 1, first_world: int = 0) -> NavigateWorlds:
    source = NavigateScenarios(scenarios, config.world, seed=5)
    worlds = NavigateWorlds(source, config.world, config.reward, num_worlds, first_world)
    worlds.reset()
    return worlds


def test_goals__are_those_of_the_scenario(crowded: Callable[..., Config]) -> None:
    uavs = [{**uav, "goal_m": [50.0 * (i + 1), 300.0]} for i, uav in enumerate(UAVS)]
    worlds = played(crowded(), [scenario_with(uavs, [(5.0, 5.0)])])
    state = worlds.state
    assert state.uav_goal_m[0].tolist() == [[50.0, 300.0], [100.0, 300.0], [150.0, 300.0]]
    np.testing.assert_allclose(state.uav_heading_rad[0], 7.0 - 2.0 * np.pi, rtol=1e-6)
    assert state.time_limit_s[0] == pytest.approx(4.0 * 600.0 / 20.0)


def test_targets__become_the_goals_of_least_distance(crowded: Callable[..., Config]) -> None:
    """The UAV that is left over stays where it is, and arrives in the first step."""
    worlds = played(crowded(), [scenario_with(UAVS, [(210.0, 10.0), (30.0, 60.0)])])
    assert worlds.state.uav_goal_m[0].tolist() == [[10.0, 10.0], [210.0, 10.0], [30.0, 60.0]]
    worlds.advance(np.zeros((1, 3, 2), dtype=np.float32))
    assert worlds.state.uav_arrived[0].tolist() == [True, False, False]


def test_worlds__play_scenarios_in_turn(crowded: Callable[..., Config]) -> None:
    few, many = scenario_with(UAVS[:2], [(50.0, 50.0)] * 2), scenario_with(UAVS, [(50.0, 50.0)] * 3)
    worlds = played(crowded(), [few, many], num_worlds=3, first_world=1)
    assert worlds.state.uav_exists.sum(axis=1).tolist() == [3, 2, 3]
    assert worlds.sizes == (3, 0, 0, 0, 0, 1)


@pytest.mark.parametrize("name", list(SHIPPED_SCENARIOS))
def test_shipped_scenarios__can_be_flown(crowded: Callable[..., Config], name: str) -> None:
    worlds = played(crowded(), [load_scenario(SHIPPED_SCENARIOS[name])])
    _, result, _ = worlds.step(np.zeros((1, worlds.sizes.num_uavs, 2), dtype=np.float32))
    assert np.isfinite(result.reward).all()


def test_some_goals_missing__is_refused(crowded: Callable[..., Config]) -> None:
    uavs = [{**UAVS[0], "goal_m": [50.0, 300.0]}, *UAVS[1:]]
    with pytest.raises(ScenarioError, match=r"three: uavs\.1: .*goal_m"):
        played(crowded(), [scenario_with(uavs, [(5.0, 5.0)])])


def test_rules_of_the_other_task__are_refused_by_name(crowded: Callable[..., Config]) -> None:
    scenario = scenario_with(UAVS, [(300.0, 300.0)])
    ruled = parse_scenario({**scenario.as_dict(), "rules": {"substep_s": 0.5, "clearance_m": 3}}, "three")

    with pytest.raises(
        ScenarioError, match=r"three: rules\.substep_s: task navigate has no such rule; remove it, or run"
    ):
        played(crowded(), [ruled])
