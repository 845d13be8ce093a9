"""What happened in each episode, as JSON lines: enough to recompute every episode metric by other means.

One object per episode and policy:

    group                where the episodes come from: the scenario file, or the generator and its seed
    policy, episode      who played, and the episode's number within the group
    scenario             the start, in the form of a scenario file; UAVs and targets are numbered from 0 in its order
    steps                one object per decision:
        time_s           at its end
        position_m       [[x, y], ..] of each UAV, at its end
        choice           target that each UAV chose, -1 = hover
        delivered        [[uav, target, [units of each kind]], ..] in this interval
        closed           [[target, time_s, [UAVs that were still under way to it]], ..] in this interval
        reward           of each UAV
        flown_m          by each UAV in this interval
        collisions       of each UAV in this interval
        grounded         UAVs that ran out of range in this interval
    end                  terminated, time limit or deadlock
    choice_at_end        target that each UAV was still under way to, -1 = none
    metrics              the episode's metrics as they are reported

Numbers have nine significant digits: float32 values come back exactly.
"""

import json
from typing import Any, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.allocate.scenarios import scenario_of
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.interface import StepResult, Worlds
from rl_cluster.types import WAIT, IntArray, Observation

__all__ = ["Trace"]


class Counters(NamedTuple):
    """The arrays of the state whose changes make up a step; named as there."""

    uav_flown_m: NDArray[Any]
    uav_range_left_m: NDArray[Any]
    uav_collisions: NDArray[Any]
    uav_wasted_trips: NDArray[Any]
    target_closed_time_s: NDArray[Any]
    delivered: NDArray[Any]
    decision: NDArray[Any]


class Trace:
    """An `Observer` that writes the lines of a batch of episodes when all of them have ended.

    Args:
        file: Open for writing text; whoever opened it closes it.
    """

    def __init__(self, file: TextIO) -> None:
        self.group = ""
        """Written into the episodes that start from now on."""
        self._file = file
        self._episodes: list[dict[str, Any]] = []

    def on_start(self, policy_name: str, worlds: Worlds) -> None:
        """Takes down the scenarios."""
        self._before = _copy_counters(worlds.state)
        self._episodes = []
        for row in range(worlds.state.num_worlds):
            number = worlds.first_world + row
            scenario = scenario_of(worlds.state, row, name=f"episode-{number}").as_dict()
            self._episodes.append(
                {"group": self.group, "policy": policy_name, "episode": number, "scenario": scenario, "steps": []}
            )

    def on_step(
        self, worlds: Worlds, observation: Observation[NDArray[Any]], actions: NDArray[Any], result: StepResult
    ) -> None:
        """Takes down the step of every world that was under way."""
        state, before = worlds.state, self._before
        choices = _chosen_targets(observation, actions)
        for row in np.flatnonzero(state.decision > before.decision):
            episode = self._episodes[row]
            episode["steps"].append(_step(state, before, int(row), choices[row], result.reward[row]))
            if state.ended[row]:
                num_uavs = int(state.uav_exists[row].sum())
                episode["end"] = _ending(result, int(row))
                episode["choice_at_end"] = state.uav_choice[row, :num_uavs].tolist()
        self._before = _copy_counters(state)

    def on_end(self, outcomes: dict[str, NDArray[np.float64]]) -> None:
        """Writes the episodes in their order."""
        for row, episode in enumerate(self._episodes):
            metrics = {name: float(values[row]) for name, values in outcomes.items()}
            self._file.write(json.dumps({**episode, "metrics": metrics}, allow_nan=False) + "\n")


def _copy_counters(state: AllocateState) -> Counters:
    return Counters(*(getattr(state, name).copy() for name in Counters._fields))


def _chosen_targets(observation: Observation[NDArray[Any]], actions: IntArray) -> IntArray:
    """(B, N) target index, -1 = hover."""
    candidate = np.maximum(actions, 1)[..., None] - 1
    chosen = np.take_along_axis(observation.candidates, candidate, axis=2)[..., 0]
    return np.where(actions == WAIT, np.int16(-1), chosen)


def _step(state: AllocateState, before: Counters, row: int, choice: IntArray, reward: NDArray[Any]) -> dict[str, Any]:
    uavs = slice(0, int(state.uav_exists[row].sum()))
    ran_out = (state.uav_range_left_m[row] <= 0.0) & (before.uav_range_left_m[row] > 0.0)
    return {
        "time_s": _plain(state.time_s[row]),
        "position_m": _plain(state.uav_position_m[row, uavs]),
        "choice": choice[uavs].tolist(),
        "delivered": _deliveries(state, before, row),
        "closed": _closures(state, before, row, choice),
        "reward": _plain(reward[uavs]),
        "flown_m": _plain(_change(state.uav_flown_m, before.uav_flown_m, row)[uavs]),
        "collisions": (state.uav_collisions[row] - before.uav_collisions[row])[uavs].tolist(),
        "grounded": np.flatnonzero(ran_out).tolist(),
    }


def _deliveries(state: AllocateState, before: Counters, row: int) -> list[list[Any]]:
    units = _change(state.delivered, before.delivered, row)
    return [[int(i), int(j), _plain(units[i, j])] for i, j in np.argwhere((units > 0.0).any(axis=-1))]


def _closures(state: AllocateState, before: Counters, row: int, choice: IntArray) -> list[list[Any]]:
    closed_time_s = state.target_closed_time_s[row]
    is_wasted = state.uav_wasted_trips[row] > before.uav_wasted_trips[row]
    return [
        [int(j), _plain(closed_time_s[j]), np.flatnonzero(is_wasted & (choice == j)).tolist()]
        for j in np.flatnonzero(closed_time_s < before.target_closed_time_s[row])
    ]


def _change(after: NDArray[Any], before: NDArray[Any], row: int) -> NDArray[np.float64]:
    """After minus before in float64: the changes of all steps add up to the last value exactly."""
    change: NDArray[np.float64] = np.subtract(after[row], before[row], dtype=np.float64)
    return change


def _ending(result: StepResult, row: int) -> str:
    if result.terminated[row]:
        return "terminated"
    return "deadlock" if result.deadlocked[row] else "time limit"


def _plain(values: NDArray[Any] | np.floating[Any]) -> Any:
    """The numbers as (lists of) Python's, rounded to nine significant digits."""
    return _rounded(values.tolist())


def _rounded(values: Any) -> Any:
    return [_rounded(value) for value in values] if isinstance(values, list) else float(f"{values:.9g}")
