"""What happened in each episode of task `allocate`: enough to recompute every episode metric by other means.

`evaluation/trace.py` says how lines are written, and what all tasks have in common. Here UAVs and targets are numbered
from 0 in the order of the scenario, and there is

    steps                one object per decision:
        time_s           at its end
        position_m       [[x, y], ..] of each UAV, at its end
        choice           target that each UAV chose, -1 = hover
        delivered        [[uav, target, [units of each kind]], ..] in this interval
        closed           [[target, time_s, [UAVs whose choice it still was]], ..] in this interval
        reward           of each UAV
        flown_m          by each UAV in this interval
        waited_s         by each UAV at targets for others in this interval
        collisions       of each UAV in this interval
        grounded         UAVs that ran out of range or failed in this interval
    choice_at_end        the choice that each UAV still had, -1 = none

Values, service times, and when targets appear and UAVs fail, stand in the scenario.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.allocate.flight import fly_again
from rl_cluster.environment.allocate.scenarios import scenario_of
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.recording import Flight, Step, change, to_plain
from rl_cluster.types import WAIT, FloatArray, Observation

__all__ = ["AllocateRecording"]


class AllocateRecording:
    """What a trace of task `allocate` holds."""

    fields: tuple[str, ...] = (
        "uav_flown_m",
        "uav_waited_s",
        "uav_range_left_m",
        "uav_collisions",
        "uav_wasted_trips",
        "target_closed_time_s",
        "delivered",
    )

    def scenario_of(self, worlds: AllocateWorlds, row: int, name: str) -> Scenario:
        """The start of a world's episode."""
        return scenario_of(worlds.state, row, name, worlds.world)

    def describe(self, step: Step, row: int) -> dict[str, Any]:
        """The decision interval of one world."""
        state = step.state
        uavs = slice(0, int(state.uav_exists[row].sum()))
        choice = _chosen_targets(step, row)
        ran_out = (state.uav_range_left_m[row] <= 0.0) & (step.before["uav_range_left_m"][row] > 0.0)
        return {
            "time_s": to_plain(state.time_s[row]),
            "position_m": to_plain(state.uav_position_m[row, uavs]),
            "choice": choice[uavs].tolist(),
            "delivered": _deliveries(step, row),
            "closed": _closures(step, row, choice),
            "reward": to_plain(step.result.reward[row, uavs]),
            "flown_m": to_plain(change(step, "uav_flown_m", row)[uavs]),
            "waited_s": to_plain(change(step, "uav_waited_s", row)[uavs]),
            "collisions": change(step, "uav_collisions", row)[uavs].astype(int).tolist(),
            "grounded": np.flatnonzero(ran_out).tolist(),
        }

    def fly_again(
        self,
        copies: AllocateWorlds,
        observation: Observation[NDArray[Any]],
        actions: NDArray[Any],
        until_s: FloatArray,
    ) -> Flight:
        """Where UAVs were within a decision interval; see `flight.py`."""
        return fly_again(copies, observation, actions, until_s)

    def describe_end(self, step: Step, row: int) -> dict[str, Any]:
        """The choices that UAVs still had."""
        num_uavs = int(step.state.uav_exists[row].sum())
        return {"choice_at_end": step.state.uav_choice[row, :num_uavs].tolist()}


def _chosen_targets(step: Step, row: int) -> NDArray[Any]:
    """(N,) target index, -1 = hover."""
    action = step.actions[row]
    candidate = np.maximum(action, 1)[:, None] - 1
    chosen = np.take_along_axis(step.observation.candidates[row], candidate, axis=1)[:, 0]
    return np.where(action == WAIT, np.int16(-1), chosen)


def _deliveries(step: Step, row: int) -> list[list[Any]]:
    units = change(step, "delivered", row)
    return [[int(i), int(j), to_plain(units[i, j])] for i, j in np.argwhere((units > 0.0).any(axis=-1))]


def _closures(step: Step, row: int, choice: NDArray[Any]) -> list[list[Any]]:
    closed_time_s = step.state.target_closed_time_s[row]
    is_wasted = step.state.uav_wasted_trips[row] > step.before["uav_wasted_trips"][row]
    return [
        [int(j), to_plain(closed_time_s[j]), np.flatnonzero(is_wasted & (choice == j)).tolist()]
        for j in np.flatnonzero(closed_time_s < step.before["target_closed_time_s"][row])
    ]
