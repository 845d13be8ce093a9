"""The episodes of suites that no generator draws: scenarios written by hand, and equal UAVs that start at one point.

UAVs that are equal in everything can be told apart by nothing but how a policy breaks ties. Their targets lie at places
that are looked up by the suite's seed and the episode's number, so an episode is the same on every machine.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import Scenario, load_scenario, parse_scenario
from rl_cluster.environment.shared.interface import EpisodeSource
from rl_cluster.environment.shared.keyed_random import EVALUATION, key, uniform
from rl_cluster.environment.tasks import make_scenario_source, make_source
from rl_cluster.evaluation.suite import Suite

__all__ = ["HAND_MADE_SCENARIOS", "episode_names", "equal_coalitions", "equal_uavs", "suite_source"]

HAND_MADE_SCENARIOS: dict[str, Path] = {
    path.stem: path
    for path in sorted((Path(__file__).parents[1] / "environment" / "scenario" / "hand_made").glob("*.yaml"))
}
"""Name -> file of the scenarios that were written by hand, to test carrying over; none of them is trained on."""

TEAMS = tuple((num_uavs, num_uavs + more) for num_uavs in (2, 4, 8, 16) for more in (0, 1, -1))
"""UAVs and targets of the episodes, one after the other."""
UNITS = 50.0
"""Resources of a UAV, of each kind that it carries."""
SPACING_M, CRUISE_MPS, SPEED_MPS = 1500.0, 50.0, (17.0, 70.0)


def equal_uavs(num_episodes: int, seed: int) -> list[Scenario]:
    """N UAVs that are equal in everything, and N - 1 to N + 1 targets, each of which takes all that one UAV carries."""
    sizes = itertools.islice(itertools.cycle(TEAMS), num_episodes)
    return [
        _one_point(f"equal-{number}", [[UNITS, UNITS]] * num_uavs, [[UNITS, UNITS]] * num_targets, (seed, number))
        for number, (num_uavs, num_targets) in enumerate(sizes)
    ]


def equal_coalitions(num_episodes: int, seed: int) -> list[Scenario]:
    """Three UAVs of each of two skills, and 1 to 6 targets that need both at once, some two or three UAVs of a skill.

    With `coalition: sync` and `resource_kind: capability`, all targets can be served, one after the other.
    """
    uavs = [[UNITS, 0.0]] * 3 + [[0.0, UNITS]] * 3
    demands = [[UNITS, UNITS], [2.0 * UNITS, UNITS], [UNITS, 3.0 * UNITS]]
    return [
        _one_point(f"coalition-{number}", uavs, [demands[j % 3] for j in range(number % 6 + 1)], (seed, number))
        for number in range(num_episodes)
    ]


def _one_point(name: str, uavs: list[list[float]], demands: list[list[float]], drawn_by: tuple[int, int]) -> Scenario:
    """UAVs at one point of a square area, and each target in a cell of its own.

    Args:
        name: Of the scenario.
        uavs: What each carries.
        demands: Of each target.
        drawn_by: Seed and number, by which the places are looked up.
    """
    seed, number = drawn_by
    episode_key = np.uint64(key(seed, EVALUATION, number, 0))
    side_m = SPACING_M * math.sqrt((len(uavs) + len(demands)) / 2.0)
    pad_m = [round(side_m * (0.2 + 0.6 * uniform(episode_key, axis)), 1) for axis in range(2)]
    columns = math.ceil(math.sqrt(len(demands)))
    cells = sorted(range(columns**2), key=lambda cell: uniform(episode_key, 1000 + cell))
    uav = {"position_m": pad_m, "heading_rad": 0.0, "range_m": 10.0 * side_m, "speed_mps": SPEED_MPS}
    targets = []
    for j, (demand, cell) in enumerate(zip(demands, cells, strict=False)):
        within = [0.15 + 0.7 * uniform(episode_key, 2000 + 2 * j + axis) for axis in range(2)]
        position_m = [
            round(side_m / columns * (corner + part), 1)
            for corner, part in zip(divmod(cell, columns), within, strict=True)
        ]
        targets.append({"id": f"t{j + 1}", "position_m": position_m, "demand": demand, "value": 1.0})
    data: dict[str, Any] = {
        "name": name,
        "area": {"width_m": side_m, "height_m": side_m},
        "time_limit_s": round(8.0 * side_m / CRUISE_MPS),
        "uavs": [
            {"id": f"u{i + 1}", "resources": resources, "cruise_mps": CRUISE_MPS, **uav}
            for i, resources in enumerate(uavs)
        ],
        "targets": targets,
    }
    return parse_scenario(data, name)


def _by_hand(num_episodes: int, seed: int) -> list[Scenario]:
    """Every scenario that was written by hand, in the order of their names; the first ones if fewer are asked for."""
    del seed  # nothing is drawn
    return [load_scenario(path) for path in list(HAND_MADE_SCENARIOS.values())[:num_episodes]]


GIVEN: Mapping[str, Callable[[int, int], list[Scenario]]] = {
    "by_hand": _by_hand,
    "equal_uavs": equal_uavs,
    "equal_coalitions": equal_coalitions,
}
"""`Suite.episodes` -> what makes so many scenarios from a seed."""


def episode_names(suite: Suite, num_episodes: int) -> list[str]:
    """What the episodes of a suite are called: the files of scenarios written by hand; others have no names."""
    return list(HAND_MADE_SCENARIOS)[:num_episodes] if suite.episodes == "by_hand" else []


def suite_source(suite: Suite, config: Config, num_episodes: int) -> EpisodeSource:
    """The episodes of a suite, which are never trained on. Raises ScenarioError if one does not fit the settings."""
    if suite.episodes == "generated":
        return make_source(config, suite.seed, is_training=False)
    return make_scenario_source(config, GIVEN[suite.episodes](num_episodes, suite.seed), suite.seed)
