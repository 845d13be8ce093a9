"""Goals for task `navigate` from a policy of task `allocate`: every UAV flies to the target that the policy chose."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import Scenario, parse_scenario
from rl_cluster.environment.scenario.world_rules import NO_RULES
from rl_cluster.environment.shared.interface import Policy
from rl_cluster.environment.tasks import make_scenario_source, make_worlds, task_of
from rl_cluster.errors import ConfigError
from rl_cluster.sampling.episodes import ModelPolicy
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.pretrained import PRETRAINED, load_pretrained, num_resources_of
from rl_cluster.types import WAIT

__all__ = ["Assignment", "assign_goals", "find_allocator"]

PRESET = "quick_demo"
"""The preset whose world heuristics choose in."""


class Assignment(NamedTuple):
    """The result of `assign_goals`."""

    scenario: Scenario
    """The scenario, with a goal for each UAV"""
    num_idle: int
    """UAVs for which no target was chosen: their goal is where they are"""


def find_allocator(name: str, seed: int, num_resources: int) -> tuple[Policy, Config]:
    """A heuristic, the pretrained policy or the policy of a checkpoint, with the settings whose world it chooses in.

    Args:
        name: Of the heuristic, `pretrained`, or the path of a run or checkpoint folder.
        seed: Keys the draws of a heuristic that draws.
        num_resources: Kinds of resource in the scenario.

    Raises:
        ConfigError: It is none of them, or the checkpoint is of another task or number of kinds.
        CheckpointError: The checkpoint, or the pretrained policy, cannot be used.
    """
    config = load_config(PRESET)
    known = task_of(config).heuristics
    if name in known:
        return known[name](seed), config
    if name == PRETRAINED:
        found = load_pretrained(config.task, num_resources)
        return ModelPolicy(found.model(), "argmax", name=PRETRAINED), found.config
    if not name or not Path(name).exists():
        remedy = f"choose a run folder or one of {', '.join([*known, PRETRAINED])}"
        raise ConfigError("--policy", f"{name!r} is neither a heuristic nor a run folder", remedy)
    checkpoint = Checkpoint.load(find_checkpoint(Path(name)).folder)
    if checkpoint.config.task != config.task:
        raise ConfigError("--policy", f"{name} was not trained on task {config.task}", "choose a checkpoint that was")
    if (kinds := num_resources_of(checkpoint.config)) != num_resources:
        what = f"{name} knows {kinds} kinds of resource, and the scenario has {num_resources}"
        raise ConfigError("--policy", what, "choose a checkpoint trained with as many kinds, or a heuristic")
    return ModelPolicy(load_model(checkpoint).eval(), "argmax"), checkpoint.config


def assign_goals(scenario: Scenario, policy: Policy, config: Config, spacing_m: float) -> Assignment:
    """The scenario with a goal for each UAV: the place that the policy's first choice leads to.

    UAVs that choose the same target get goals on a circle about it, neighbours `spacing_m` apart; a UAV that chooses
    none stays where it is. The result has no rules of task `allocate`, since `navigate` plays it.

    Args:
        scenario: A scenario with targets.
        policy: A policy of task `allocate`.
        config: Settings of a run of `allocate`, whose world the policy chooses in.
        spacing_m: Metres between goals at one target; more than the distance at which UAVs collide.

    Raises:
        ScenarioError: The scenario does not fit task `allocate`, or a goal is in a no-fly zone or outside the area.
    """
    worlds = make_worlds(config, make_scenario_source(config, [scenario], seed=0), num_worlds=1)
    observation = worlds.reset()
    actions = policy.act(worlds, observation)[0]
    chosen = [
        -1 if action == WAIT else int(candidates[action - 1])
        for action, candidates in zip(actions, observation.candidates[0], strict=True)
    ]
    totals, seen = Counter(chosen), Counter[int]()
    goals_m = scenario.uav_position_m.copy()
    for uav, target in enumerate(chosen):
        if target >= 0:
            goals_m[uav] = scenario.target_position_m[target] + _place(seen[target], totals[target], spacing_m)
            seen[target] += 1
    assigned = replace(scenario, uav_goal_m=goals_m, rules=NO_RULES)
    return Assignment(parse_scenario(assigned.as_dict(), f"goals of {scenario.name}"), totals[-1])


def _place(index: int, count: int, spacing_m: float) -> NDArray[np.float64]:
    """Offset in metres of the index-th of `count` goals at one target."""
    if count == 1:
        return np.zeros(2)
    angle_rad = 2.0 * np.pi * index / count
    radius_m = spacing_m / (2.0 * np.sin(np.pi / count))
    return np.array([radius_m * np.cos(angle_rad), radius_m * np.sin(angle_rad)])
