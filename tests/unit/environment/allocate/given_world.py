"""Worlds for cases that are calculated by hand: few UAVs that fly east at 25 m/s, and targets in their way."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.scenarios import ScenarioFiles
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import parse_scenario
from rl_cluster.types import WAIT

REWARD = {
    "completion": 0.0,
    "share": 0.0,
    "waste": 0.0,
    "congestion": 0.0,
    "path": 0.0,
    "time": 0.0,
    "approach": 0.0,
    "collision": 0.0,
    "all_done": 0.0,
    "own_weight": 1.0,
}
"""No reward at all; a test switches on the terms that it looks at."""


def uav(x: float, resources: list[float], y: float = 1000.0, **changes: object) -> dict[str, object]:
    """Flies east at 25 m/s."""
    given = {"heading_rad": 0.0, "range_m": 9000.0, "speed_mps": [15.0, 40.0], "cruise_mps": 25.0}
    return {"position_m": [x, y], "resources": resources, **given, **changes}


def target(x: float, demand: list[float], y: float = 1000.0, **changes: object) -> dict[str, object]:
    return {"position_m": [x, y], "demand": demand, "value": 1.0, **changes}


def given(
    config: Config,
    uavs: list[dict[str, object]],
    targets: list[dict[str, object]],
    *,
    weights: dict[str, float] | None = None,
    time_limit_s: float = 1000.0,
    depot_m: list[float] | None = None,
    **rules: object,
) -> AllocateWorlds:
    """One world, at its start. A UAV that flies east reaches a target when it has come within 100 m.

    Args:
        weights: Of the reward; those that are not given are 0.
        rules: Settings of the world that differ from the demo's.
    """
    data: dict[str, Any] = {
        "name": "given",
        "area": {"width_m": 5000.0, "height_m": 5000.0},
        "time_limit_s": time_limit_s,
        "uavs": [{"id": f"u{i}", **each} for i, each in enumerate(uavs)],
        "targets": [{"id": f"t{j}", **each} for j, each in enumerate(targets)],
    }
    if depot_m is not None:
        data["depot_m"] = depot_m
    world = config.world.model_copy(update=rules)
    reward = config.reward.model_copy(update={**REWARD, **(weights or {})})
    worlds = AllocateWorlds(ScenarioFiles([parse_scenario(data, "given")], world, seed=8), world, reward, num_worlds=1)
    worlds.reset()
    return worlds


def actions_to(worlds: AllocateWorlds, targets: list[int]) -> NDArray[np.int16]:
    """Actions of a single world that fly to the given targets; -1 waits."""
    candidates = worlds.observe().candidates[0]
    actions = [WAIT if j < 0 else candidates[i].tolist().index(j) + 1 for i, j in enumerate(targets)]
    return np.array([actions], dtype=np.int16)


def fly(worlds: AllocateWorlds, targets: list[int]) -> NDArray[np.float32]:
    """One interval towards the targets; returns the rewards (N,)."""
    reward: NDArray[np.float32] = worlds.advance(actions_to(worlds, targets)).reward[0]
    return reward
