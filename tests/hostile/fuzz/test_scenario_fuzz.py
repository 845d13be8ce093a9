"""Mutated scenarios and maps: refused, or a world can be stepped that is made of them."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.config.yaml_file import dump_yaml
from rl_cluster.environment.scenario.map_export import to_geojson
from rl_cluster.environment.scenario.map_import import load_geojson
from rl_cluster.environment.scenario.scenario_file import (
    SHIPPED_SCENARIOS,
    Origin,
    Scenario,
    load_scenario,
    save_scenario,
)
from rl_cluster.environment.scenario.world_rules import WorldRules
from rl_cluster.environment.tasks import make_scenario_source, make_worlds
from tests.hostile.fuzz.mutations import mutated_data, mutated_text
from tests.hostile.fuzz.runner import FEW, MANY, Case, assert_no_faults

ALLOCATE, NAVIGATE = load_config("debug"), load_config("navigate_demo")
SCENARIOS = [load_scenario(path) for path in SHIPPED_SCENARIOS.values()]
GOALS_M = np.array([[50.0 + 400.0 * number, 60.0] for number in range(len(SCENARIOS[0].uav_ids))])
PLACED = [
    replace(SCENARIOS[0], origin=Origin(13.4, 52.5), uav_goal_m=GOALS_M, depot_m=np.array([30.0, 40.0])),
    replace(
        SCENARIOS[1],
        origin=Origin(179.999, -60.0),
        uav_depot_m=SCENARIOS[1].uav_position_m + 7.0,
        rules=WorldRules("sync", "capability", 120.0, 10.0, 0.5, 20.0),
    ),
]
MAX_UAVS = 64
"""Of a scenario that is played: others are as legal, and take longer."""


def _yaml(random: Random, folder: Path) -> object:
    path, data = folder / "s.yaml", random.choice([*SCENARIOS, *PLACED]).as_dict()
    if random.random() < 0.5:
        path.write_bytes(mutated_text(random, dump_yaml(data)))
    else:
        path.write_text(dump_yaml(_encodable(mutated_data(random, data))), encoding="utf-8")
    return _played(load_scenario(path), folder)


def _json(random: Random, folder: Path) -> object:
    path, data = folder / "s.json", random.choice([*SCENARIOS, *PLACED]).as_dict()
    path.write_bytes(_json_of(random, data))
    return _played(load_scenario(path), folder)


def _map(random: Random, folder: Path) -> object:
    path, data = folder / "m.geojson", to_geojson(random.choice(PLACED))
    if random.random() < 0.5:
        del data["scenario"]
    path.write_bytes(_json_of(random, data))
    return _played(load_geojson(path), folder)


CASES: dict[str, Case] = {"yaml": _yaml, "json": _json, "map": _map}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_mutated_scenario__is_refused_or_can_be_played(case: Case, tmp_path: Path) -> None:
    assert_no_faults(case, tmp_path, FEW, least_share=0.02)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_mutated_scenario__is_refused_or_can_be_played_in_all_of_many_cases(case: Case, tmp_path: Path) -> None:
    assert_no_faults(case, tmp_path, MANY, least_share=0.02)


def _json_of(random: Random, data: Any) -> bytes:
    if random.random() < 0.4:
        return mutated_text(random, json.dumps(data, indent=1))
    return json.dumps(mutated_data(random, data), ensure_ascii=random.random() < 0.5).encode(errors="surrogatepass")


def _encodable(data: Any) -> Any:
    """Without what no YAML file can hold."""
    return json.loads(json.dumps(data).encode(errors="replace").replace(b"\\ud83d", b"x").replace(b"\\ude00", b""))


def _played(scenario: Scenario, folder: Path) -> str:
    """Saved, read again, and stepped in both tasks as far as it is one of theirs."""
    save_scenario(scenario, folder / "again.yaml")
    assert load_scenario(folder / "again.yaml").as_dict() == scenario.as_dict()
    if scenario.origin:
        json.dumps(to_geojson(scenario), allow_nan=False)
    if len(scenario.uav_ids) > MAX_UAVS:
        return "large"
    _step(NAVIGATE if np.isfinite(scenario.uav_goal_m).any() else ALLOCATE, scenario)
    return "played"


def _step(config: Config, scenario: Scenario) -> None:
    worlds = make_worlds(config, make_scenario_source(config, [scenario], 0), 1)
    observation = worlds.reset()
    for _ in range(3):
        if config.task == "navigate":
            actions: Any = np.ones_like(worlds.state.uav_position_m)
        else:
            actions = observation.action_mask.argmax(axis=-1).astype(np.int16)
        observation, result, _ = worlds.step(actions)
        assert all(np.isfinite(array).all() for array in (observation.uav, observation.position, result.reward))
