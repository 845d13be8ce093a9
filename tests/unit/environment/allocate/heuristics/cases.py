"""Worlds for heuristics: generated ones, and a few UAVs and targets whose best plan is found by hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateWorldConfig
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import AllocateConfig
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.scenarios import ScenarioFiles
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import parse_scenario
from rl_cluster.types import WAIT, Observation

CONFIG = load_config("quick_demo")
WORLD, REWARD, GENERATOR = CONFIG.world, CONFIG.reward, CONFIG.generator
NAMES = list(HEURISTICS)
PLANNERS = ["hungarian", "commitment-aware", "complete-first"]
SYNC, CAPABILITY = "world.coalition=sync", "world.resource_kind=capability"
VARIANTS = {
    "plain": [],
    "sync": [SYNC],
    "capability": [CAPABILITY],
    "sync and capability": [SYNC, CAPABILITY],
    "sync and service times": [SYNC, "generator.service_time_s=[0, 90]"],
    "depot": ["generator.has_depot=true"],
    "appearing": ["generator.appearing_share=0.5"],
    "failing": ["generator.failing_share=0.5"],
    "service times": ["generator.service_time_s=[0, 90]"],
    "values": ["generator.target_value=[1, 10]"],
    "scarce": ["generator.supply_demand_ratio=[0.5, 0.5]"],
    "rich": ["generator.supply_demand_ratio=[4, 4]"],
    "sync without replanning": [SYNC, "world.replan=false", "world.intent_rounds=1", "world.training_intent_rounds=1"],
}
"""Kinds of worlds -> settings."""
HOVERS = -1

# On a line: u0 at 0, t0 at 200, u1 at 300, t1 at 900 (all + 500). The shortest pair is (u1, t0) with 100 m, which
# leaves (u0, t1) with 900 m, together 1000 m; (u0, t0) and (u1, t1) are 200 + 600 = 800 m.
LINE_UAVS = [(500.0, 500.0, [50.0]), (800.0, 500.0, [50.0])]
LINE_TARGETS = [(700.0, 500.0, [50.0]), (1400.0, 500.0, [50.0])]


def generated(num_worlds: int, first_world: int = 0, world: AllocateWorldConfig = WORLD) -> AllocateWorlds:
    source = AllocateGenerator(GENERATOR, world, seed=3, is_training=False)
    return AllocateWorlds(source, world, REWARD, num_worlds, first_world)


def generated_by(overrides: list[str], num_worlds: int, first_world: int = 0) -> AllocateWorlds:
    """Worlds of quick_demo with other settings."""
    config = load_config("quick_demo", overrides)
    assert isinstance(config, AllocateConfig)
    source = AllocateGenerator(config.generator, config.world, seed=3, is_training=False)
    return AllocateWorlds(source, config.world, config.reward, num_worlds, first_world)


def given(
    uavs: list[tuple[float, float, list[float]]],
    targets: list[tuple[float, float, list[float]]],
    overrides: tuple[str, ...] = (),
    values: tuple[float, ...] = (),
) -> AllocateWorlds:
    """One world of UAVs (x, y, resources) and targets (x, y, demand), of value 1 if no values are given."""
    world = load_config("quick_demo", list(overrides)).world
    assert isinstance(world, AllocateWorldConfig)
    flight = {"heading_rad": 0.0, "range_m": 9000.0, "speed_mps": [15.0, 40.0], "cruise_mps": 25.0}
    data: dict[str, Any] = {
        "name": "given",
        "area": {"width_m": 5000.0, "height_m": 5000.0},
        "uavs": [{"id": f"u{i}", "position_m": [x, y], "resources": r, **flight} for i, (x, y, r) in enumerate(uavs)],
        "targets": [
            {"id": f"t{j}", "position_m": [x, y], "demand": d, "value": values[j] if values else 1.0}
            for j, (x, y, d) in enumerate(targets)
        ],
    }
    return AllocateWorlds(ScenarioFiles([parse_scenario(data, "given")], world, seed=0), world, REWARD, num_worlds=1)


def chosen(observation: Observation[NDArray[Any]], actions: NDArray[np.int16]) -> NDArray[np.int16]:
    """Target (B, N) of each action; HOVERS for waiting."""
    candidate = np.take_along_axis(observation.candidates, np.maximum(actions - 1, 0)[..., None], axis=2)[..., 0]
    return np.where(actions == WAIT, HOVERS, candidate)


def played(name: str, worlds: AllocateWorlds) -> AllocateWorlds:
    """The worlds after their first episodes, each played to its end."""
    policy, observation = HEURISTICS[name](0), worlds.reset()
    while not worlds.state.ended.all():
        worlds.advance(policy.act(worlds, observation))
        observation = worlds.observe()
    return worlds


def plan(name: str, worlds: AllocateWorlds) -> list[int]:
    observation = worlds.reset()
    return chosen(observation, HEURISTICS[name](0).act(worlds, observation))[0].tolist()
