"""Rules that a scenario gives: they hold in its world alone, and are written back where they differ from the settings.

The laws of `ScenarioFiles` that scenarios without rules keep are in `tests/unit/environment/scenario`.
"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.scenarios import ScenarioFiles, scenario_of
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import Scenario, parse_scenario
from rl_cluster.environment.scenario.world_rules import NO_RULES, WorldRules
from rl_cluster.errors import ScenarioError

CONFIG = load_config("quick_demo")
GIVEN: dict[str, Any] = {
    "coalition": "sync",
    "resource_kind": "capability",
    "capture_radius_m": 50.1,
    "decision_interval_s": 8.0,
    "substep_s": 0.8,
    "clearance_m": 20.0,
}
UAV = {
    "id": "u",
    "position_m": [100, 200],
    "heading_rad": 0.1,
    "resources": [60],
    "range_m": 9000,
    "speed_mps": [15, 40],
    "cruise_mps": 25,
    "max_turn_rate_radps": 0.5,
}
DATA: dict[str, Any] = {
    "name": "ruled",
    "area": {"width_m": 5000, "height_m": 4000},
    "uavs": [UAV],
    "targets": [{"id": "t", "position_m": [4000, 900], "demand": [50], "value": 1.0}],
}
MANY = [{}, {"substep_s": 0.5}, GIVEN, {"decision_interval_s": 5.0, "capture_radius_m": 200}, {"coalition": "sync"}]


def worlds_of(scenarios: list[Scenario], first_world: int = 0, config: Config = CONFIG) -> AllocateWorlds:
    source = ScenarioFiles(scenarios, config.world, seed=0)
    worlds = AllocateWorlds(source, config.world, config.reward, len(scenarios), first_world)
    worlds.reset()
    return worlds


def drawn_scenarios(rules: list[dict[str, Any]]) -> list[Scenario]:
    """Drawn by the generator, with rules of their own."""
    changes = {"num_obstacles": (1, 2), "service_time_s": (0.0, 30.0), "speed_share": (0.3, 1.5)}
    generator = CONFIG.generator.model_copy(update=changes)
    source = AllocateGenerator(generator, CONFIG.world, 3, is_training=False)
    worlds = AllocateWorlds(source, CONFIG.world, CONFIG.reward, len(rules))
    worlds.reset()
    drawn = [scenario_of(worlds.state, row, world=CONFIG.world).as_dict() for row in range(len(rules))]
    return [parse_scenario({**data, "rules": own}, "drawn") for data, own in zip(drawn, rules, strict=True)]


def played(worlds: AllocateWorlds) -> list[list[NDArray[Any]]]:
    """Of each world what happened in each of its intervals."""
    policy, observation = HEURISTICS["complete-first"](0), worlds.observe()
    told: list[list[NDArray[Any]]] = [[] for _ in range(worlds.state.num_worlds)]
    while not worlds.state.ended.all():
        standing = np.flatnonzero(~worlds.state.ended)
        result = worlds.advance(policy.act(worlds, observation))
        observation = worlds.observe()
        state = worlds.state
        for b in standing:
            exists = state.uav_exists[b]
            told[b] += [
                result.reward[b, exists], state.time_s[b], state.uav_position_m[b, exists],
                observation.uav[b, exists], observation.target[b, state.target_exists[b]],
            ]  # fmt: skip
    return told


def test_worlds_of_unlike_rules__play_together_as_each_alone() -> None:
    scenarios = drawn_scenarios(MANY)

    together = played(worlds_of(scenarios))

    assert len({len(steps) for steps in together}) > 1
    for scenario, steps in zip(scenarios, together, strict=True):
        (alone,) = played(worlds_of([scenario]))
        assert len(alone) == len(steps)
        for one, other in zip(alone, steps, strict=True):
            np.testing.assert_array_equal(one, other)


def test_rules_that_are_the_settings__change_no_bit() -> None:
    world = CONFIG.world
    rules = {
        "coalition": world.coalition,
        "resource_kind": world.resource_kind,
        "capture_radius_m": world.capture_radius_m,
        "decision_interval_s": world.decision_interval_s,
        "substep_s": world.substep_s,
        "clearance_m": world.obstacle_clearance_m,
    }
    without, ruled = (worlds_of(drawn_scenarios([own] * 3)) for own in ({}, rules))

    for name, array in without.state_dict().items():
        np.testing.assert_array_equal(ruled.state_dict()[name], array, err_msg=name)
    for one, other in zip(played(without), played(ruled), strict=True):
        for expected, actual in zip(one, other, strict=True):
            np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("name", GIVEN)
def test_rule__holds_in_the_world_of_its_scenario_alone(name: str) -> None:
    worlds = worlds_of([parse_scenario(DATA, "d"), parse_scenario({**DATA, "rules": {name: GIVEN[name]}}, "d")])
    state = worlds.state

    fields = {"coalition": "is_sync", "resource_kind": "is_capability"}
    plain, ruled = getattr(state, fields.get(name, name)).tolist()
    assert ruled == (GIVEN[name] if name not in fields else True)
    assert plain != ruled


def test_rules__are_written_back_where_they_differ_from_the_settings() -> None:
    scenarios = [parse_scenario({**DATA, "rules": rules}, "d") for rules in ({}, GIVEN, {"substep_s": 0.5})]
    worlds = worlds_of(scenarios)

    back = [scenario_of(worlds.state, row, world=CONFIG.world) for row in range(3)]

    assert [scenario.rules for scenario in back] == [NO_RULES, WorldRules(**GIVEN), WorldRules(substep_s=0.5)]
    assert "rules" not in back[0].as_dict()
    assert back[1].as_dict()["rules"] == GIVEN
    whole = scenario_of(worlds.state, 0).rules
    assert (whole.substep_s, whole.clearance_m) == (CONFIG.world.substep_s, CONFIG.world.obstacle_clearance_m)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"substep_s": 3}, r"ruled: rules: decision_interval_s=20.0 is not 1 to 10000 times substep_s=3.0; give both"),
        ({"decision_interval_s": 0.5}, r"ruled: rules: decision_interval_s=0.5 is not .* substep_s=1.0; give both"),
        (
            {"substep_s": 0.001, "decision_interval_s": 1},
            r"ruled: an episode of .* flight steps of 0.001 s, .*; lower its time_limit_s, or raise its rules.sub",
        ),
        (
            {"capture_radius_m": 20},
            r"ruled: uavs.0: .* 30 m, above the capture radius of 20 m, .*; raise rules.capture_radius_m, raise max",
        ),
    ],
)
def test_rules__that_do_not_fit_the_world_are_refused(rules: dict[str, Any], message: str) -> None:
    scenario = parse_scenario({**DATA, "time_limit_s": 2000, "rules": rules}, "d")

    with pytest.raises(ScenarioError, match=message):
        ScenarioFiles([scenario], CONFIG.world, seed=0)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"coalition": "both"}, r'd: rules\.coalition: got "both"; give one of sum, sync'),
        ({"resource_kind": 3}, r"d: rules\.resource_kind: got 3; give one of consumed, capability"),
        ({"capture_radius_m": 0}, r"d: rules\.capture_radius_m: got 0; give a finite number at least 0.001"),
        ({"clearance_m": -1}, r"d: rules\.clearance_m: got -1; give a finite number at least 0"),
        ({"clearence_m": 1}, r"d: rules\.clearence_m: unknown key; did you mean rules\.clearance_m\?"),
        ({"decision_interval_s": 10, "substep_s": 3}, r"d: rules: decision_interval_s=10.0 is not 1 to .*; choose a"),
        (3, r"d: rules: got 3; give a mapping with the keys coalition, resource_kind, capture_radius_m"),
    ],
)
def test_rules__that_make_no_sense_are_refused(rules: object, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        parse_scenario({**DATA, "rules": rules}, "d")
