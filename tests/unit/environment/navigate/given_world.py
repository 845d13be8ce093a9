"""Worlds of task `navigate` to test: crowded ones that are generated, and a few UAVs and zones as they are given."""

from collections.abc import Sequence

from rl_cluster.config.load import load_config
from rl_cluster.config.navigate import NavigateRewardConfig
from rl_cluster.config.schema import Config
from rl_cluster.environment.navigate.generator import NavigateGenerator
from rl_cluster.environment.navigate.scenarios import NavigateScenarios
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.scenario.scenario_file import Scenario, parse_scenario

Start = tuple[float, float, float, float, float]

SEED = 13
CROWDED = {
    "generator.num_uavs": [1, 5],
    "generator.num_obstacles": [0, 3],
    "generator.spacing_m": 60.0,
    "generator.obstacle_radius_m": [3.0, 4.0],
    "generator.polygon_share": 0.5,
    "generator.goal_matching": "random",
    "world.step_s": 0.5,
    "world.speed_mps": [0.0, 20.0],
    "world.max_acceleration_mps2": 8.0,
    "world.max_turn_rate_radps": 1.5,
    "world.arrival_radius_m": 6.0,
    "world.collision_distance_m": 6.0,
    "world.warning_distance_m": 10.0,
    "world.formation_radius_m": 0.0,
    "world.sensing_radius_m": 50.0,
    "world.time_limit_sides": 4.0,
    "world.num_encounters": 4,
}
"""Small and full: whoever flies straight meets something, and some arrive."""
NO_REWARD = dict.fromkeys(NavigateRewardConfig.model_fields, 0.0) | {"own_weight": 1.0}


def make_config(**changes: object) -> Config:
    """The crowded settings, changed: `world__step_s=1.0` sets world.step_s."""
    settings = CROWDED | {name.replace("__", "."): value for name, value in changes.items()}
    return load_config("navigate_demo", [f"{name}={value}" for name, value in settings.items()])


def make_generated(num_worlds: int, first_world: int = 0, seed: int = SEED, **changes: object) -> NavigateWorlds:
    """Worlds of the crowded settings."""
    config = make_config(**changes)
    source = NavigateGenerator(config.generator, config.world, seed, is_training=False)
    worlds = NavigateWorlds(source, config.world, config.reward, num_worlds, first_world)
    worlds.reset()
    return worlds


def make_scenario(
    uavs: Sequence[Start], zones: Sequence[dict[str, object]] = (), time_limit_s: float = 100.0
) -> Scenario:
    """UAVs (x, y, heading, goal x, goal y) in an area of 1 km."""
    common = {"resources": [1.0], "range_m": 1e5, "speed_mps": [1.0, 2.0], "cruise_mps": 1.0}
    data = {
        "name": "given",
        "area": {"width_m": 1000.0, "height_m": 1000.0},
        "time_limit_s": time_limit_s,
        "uavs": [
            {"id": f"u{i}", "position_m": [x, y], "heading_rad": heading, "goal_m": [goal_x, goal_y], **common}
            for i, (x, y, heading, goal_x, goal_y) in enumerate(uavs)
        ],
        "targets": [],
        "obstacles": list(zones),
    }
    return parse_scenario(data, "given")


def make_played(
    scenarios: Sequence[Scenario], weights: dict[str, float] | None = None, **changes: object
) -> NavigateWorlds:
    """A world for each scenario, at its start; without reward but for the weights."""
    world = make_config(**changes).world
    reward = NavigateRewardConfig.model_validate(NO_REWARD | (weights or {}))
    worlds = NavigateWorlds(NavigateScenarios(scenarios, world, SEED), world, reward, len(scenarios))
    worlds.reset()
    return worlds


def make_given(
    uavs: Sequence[Start],
    zones: Sequence[dict[str, object]] = (),
    weights: dict[str, float] | None = None,
    time_limit_s: float = 100.0,
    **changes: object,
) -> NavigateWorlds:
    """One world as of `make_scenario`."""
    return make_played([make_scenario(uavs, zones, time_limit_s)], weights, **changes)
