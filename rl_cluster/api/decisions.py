"""Actions by name: which UAV flies to which target."""

from typing import Any, TypeAlias

from numpy.typing import NDArray

from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import Worlds
from rl_cluster.types import WAIT

__all__ = ["Decisions", "named_actions"]

Decisions: TypeAlias = dict[str, str | tuple[float, ...] | None]
"""Id of a UAV -> id of the target that it flies to, None = it hovers; in `navigate`: its controls, each in [-1, 1]."""


def named_actions(worlds: Worlds, scenario: Scenario, actions: NDArray[Any]) -> Decisions:
    """Actions (1, N), or controls (1, N, 2), of the only world, held against its latest observation."""
    if actions.ndim > 2:
        return {uav: tuple(map(float, pair)) for uav, pair in zip(scenario.uav_ids, actions[0], strict=True)}
    candidates = worlds.observation.candidates[0]
    chosen: Decisions = {}
    for i, (uav, action) in enumerate(zip(scenario.uav_ids, actions[0], strict=True)):
        chosen[uav] = None if action == WAIT else scenario.target_ids[candidates[i, action - 1]]
    return chosen
