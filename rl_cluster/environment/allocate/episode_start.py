"""The state of a world at the start of an episode: the source's values, and what follows from them and the rules."""

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateWorldConfig
from rl_cluster.environment.allocate.crowding import write_ideals
from rl_cluster.environment.allocate.route import plan_routes
from rl_cluster.environment.allocate.rules import write_rules
from rl_cluster.environment.allocate.state import AllocateState

__all__ = ["clear_rows", "equip_rows"]


def clear_rows(
    state: AllocateState, rows: NDArray[np.int64], episodes: NDArray[np.int64], world: AllocateWorldConfig
) -> None:
    """Clears the rows for their next episodes: no UAV fails, all preferences are 1, and the settings' rules hold.

    The source of the episodes then writes its values, and may write other rules.
    """
    for array in state:
        array[rows] = 0
    state.episode[rows] = episodes
    state.uav_fails_s[rows] = np.inf
    state.preference[rows] = 1.0
    write_rules(state, rows, world)


def equip_rows(state: AllocateState, rows: NDArray[np.int64]) -> None:
    """Writes what follows from the entities and the rules: ways round zones, all remaining work, and teams."""
    plan_routes(state, rows)
    state.uav_initial_resources[rows] = state.uav_resources[rows]
    state.target_remaining[rows] = state.target_demand[rows]
    write_ideals(
        rows,
        state.uav_exists,
        state.uav_position_m,
        state.uav_initial_resources,
        state.target_position_m,
        state.target_demand,
        state.target_ideal,
    )
    state.uav_choice[rows] = -1
    state.uav_service_ends_s[rows] = np.inf
    state.target_closed_time_s[rows] = np.inf
