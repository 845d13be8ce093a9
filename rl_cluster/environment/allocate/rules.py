"""The settings of the world that the kernels of task `allocate` take, as numbers in one record.

The generator's settings are in `generator_ranges.py`. Rules that episodes may differ in stand in the state:
`write_rules` takes them from the settings, and the source of an episode may then write others.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateWorldConfig
from rl_cluster.environment.allocate.state import AllocateState

__all__ = ["Rules", "rules_of", "write_rules"]


class Rules(NamedTuple):
    """Settings of the world; see `config/allocate.py` for their meanings."""

    num_substeps: int
    """Substeps of one decision interval"""
    substep_s: float
    capture_radius_m: float
    clearance_m: float
    """The distance that the autopilot keeps from zones"""
    sensing_radius_m: float
    replan: bool
    idle_decisions: int


def rules_of(world: AllocateWorldConfig) -> Rules:
    """The settings in the kernels' form."""
    return Rules(
        num_substeps=round(world.decision_interval_s / world.substep_s),
        substep_s=world.substep_s,
        capture_radius_m=world.capture_radius_m,
        clearance_m=world.obstacle_clearance_m,
        sensing_radius_m=world.sensing_radius_m,
        replan=world.replan,
        idle_decisions=world.idle_decisions,
    )


def write_rules(state: AllocateState, rows: NDArray[np.int64], world: AllocateWorldConfig) -> None:
    """Writes the settings' rules into the rows; `WORLD_RULES` are those in which parts of a mixture may differ."""
    state.is_sync[rows] = world.coalition == "sync"
    state.is_capability[rows] = world.resource_kind == "capability"
