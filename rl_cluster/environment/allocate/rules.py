"""The rules of one world as the kernels of flight, service and delivery take them: numbers in one record.

Rules that episodes may differ in stand in the state: `write_rules` takes them from the settings, and the source of an
episode may then write others. `Shared` holds the settings that all worlds of a run have in common. The generator's
settings are in `generator_ranges.py`.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateWorldConfig
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.scenario.world_rules import WorldRules

__all__ = ["Rules", "Shared", "ruled", "rules_in", "rules_of", "shared_rules", "write_rules"]

_SETTINGS = {"clearance_m": "obstacle_clearance_m"}
"""Rule of a scenario -> setting of another name."""


class Shared(NamedTuple):
    """Settings that hold in all worlds; see `config/allocate.py` for their meanings."""

    sensing_radius_m: float
    replan: bool
    idle_decisions: int


class Rules(NamedTuple):
    """The rules of one world; `is_sync` and `is_capability` are read from the state."""

    num_substeps: int
    """Substeps of one decision interval"""
    substep_s: float
    capture_radius_m: float
    clearance_m: float
    """The distance that the autopilot keeps from zones"""
    sensing_radius_m: float
    replan: bool
    idle_decisions: int


def shared_rules(world: AllocateWorldConfig) -> Shared:
    """The settings in the kernels' form."""
    return Shared(sensing_radius_m=world.sensing_radius_m, replan=world.replan, idle_decisions=world.idle_decisions)


def write_rules(state: AllocateState, rows: NDArray[np.int64], world: AllocateWorldConfig) -> None:
    """Writes the settings' rules into the rows."""
    state.is_sync[rows] = world.coalition == "sync"
    state.is_capability[rows] = world.resource_kind == "capability"
    state.capture_radius_m[rows] = world.capture_radius_m
    state.clearance_m[rows] = world.obstacle_clearance_m
    state.decision_interval_s[rows] = world.decision_interval_s
    state.substep_s[rows] = world.substep_s


def ruled(world: AllocateWorldConfig, rules: WorldRules) -> AllocateWorldConfig:
    """The settings with the rules of a scenario in place of theirs."""
    return world.model_copy(update={_SETTINGS.get(name, name): value for name, value in rules.given.items()})


def rules_of(state: AllocateState, row: int, world: AllocateWorldConfig | None) -> WorldRules:
    """The rules of a world for a scenario: those that differ from the settings, or all without settings."""
    rules = WorldRules(
        coalition="sync" if state.is_sync[row] else "sum",
        resource_kind="capability" if state.is_capability[row] else "consumed",
        capture_radius_m=float(state.capture_radius_m[row]),
        decision_interval_s=float(state.decision_interval_s[row]),
        substep_s=float(state.substep_s[row]),
        clearance_m=float(state.clearance_m[row]),
    )
    if world is None:
        return rules
    same = {name: None for name, value in rules.given.items() if value == getattr(world, _SETTINGS.get(name, name))}
    return rules._replace(**same)


@njit(cache=True, _nrt=False, inline="always")
def rules_in(state: AllocateState, b: int, shared: Shared) -> Rules:
    """The rules of world b."""
    return Rules(
        round(state.decision_interval_s[b] / state.substep_s[b]),
        state.substep_s[b],
        state.capture_radius_m[b],
        state.clearance_m[b],
        shared.sensing_radius_m,
        shared.replan,
        shared.idle_decisions,
    )
