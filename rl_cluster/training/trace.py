"""How traces are written and read: one JSON object per episode and policy, in a line of its own.

What a step holds is each task's own: `allocate_trace.py` and `navigate_trace.py` say it. Common to all lines are

    group                where the episodes come from: the scenario file, or the generator and its seed
    policy, episode      who played, and the episode's number within the group
    scenario             the start, in the form of a scenario file
    steps                one object per step of the world, with position_m [[x, y], ..] of each UAV at its end
    end                  terminated, time limit or deadlock
    metrics              the episode's metrics as they are reported; null where one is not defined

Numbers have nine significant digits: float32 values come back exactly.
"""

import json
import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.interface import StepResult, Worlds
from rl_cluster.environment.scenario import Scenario
from rl_cluster.errors import ConfigError
from rl_cluster.types import Observation

__all__ = ["Step", "Trace", "change", "read_paths", "to_plain"]


class Step(NamedTuple):
    """One step of all worlds of a batch."""

    state: Any
    """the task's, after the step"""
    before: dict[str, NDArray[Any]]
    """field of the state -> copy from before the step, of those in `Trace.fields`"""
    observation: Observation[NDArray[Any]]
    """that the actions were chosen on"""
    actions: NDArray[Any]
    result: StepResult


class Trace(ABC):
    """An `Observer` that writes the lines of a batch of episodes when all of them have ended.

    Args:
        file: Open for writing text; whoever opened it closes it.
    """

    fields: tuple[str, ...]
    """Of the state, whose changes make up a step"""

    def __init__(self, file: TextIO) -> None:
        self.group = ""
        """Written into the episodes that start from now on."""
        self._file = file
        self._episodes: list[dict[str, Any]] = []

    @abstractmethod
    def scenario_of(self, worlds: Any, row: int, name: str) -> Scenario:
        """The start of a world's episode."""

    @abstractmethod
    def describe(self, step: Step, row: int) -> dict[str, Any]:
        """The step of one world."""

    def describe_end(self, step: Step, row: int) -> dict[str, Any]:  # noqa: ARG002 - for tasks that have more to say
        """What belongs to the episode beside its steps, seen after the last one."""
        return {}

    def on_start(self, policy_name: str, worlds: Worlds) -> None:
        """Takes down the scenarios."""
        self._before = self._copy_fields(worlds.state)
        self._episodes = []
        for row in range(worlds.state.num_worlds):
            number = worlds.first_world + row
            scenario = self.scenario_of(worlds, row, f"episode-{number}").as_dict()
            self._episodes.append(
                {"group": self.group, "policy": policy_name, "episode": number, "scenario": scenario, "steps": []}
            )

    def on_step(
        self, worlds: Worlds, observation: Observation[NDArray[Any]], actions: NDArray[Any], result: StepResult
    ) -> None:
        """Takes down the step of every world that was under way."""
        state = worlds.state
        step = Step(state, self._before, observation, actions, result)
        for row in np.flatnonzero(state.decision > self._before["decision"]).tolist():
            episode = self._episodes[row]
            episode["steps"].append(self.describe(step, row))
            if state.ended[row]:
                episode.update({"end": _ending(result, row), **self.describe_end(step, row)})
        self._before = self._copy_fields(state)

    def on_end(self, outcomes: dict[str, NDArray[np.float64]]) -> None:
        """Writes the episodes in their order."""
        for row, episode in enumerate(self._episodes):
            values = {name: float(column[row]) for name, column in outcomes.items()}
            metrics = {name: None if math.isnan(value) else value for name, value in values.items()}
            self._file.write(json.dumps({**episode, "metrics": metrics}, allow_nan=False) + "\n")

    def _copy_fields(self, state: Any) -> dict[str, NDArray[Any]]:
        return {name: getattr(state, name).copy() for name in (*self.fields, "decision")}


def _ending(result: StepResult, row: int) -> str:
    if result.terminated[row]:
        return "terminated"
    return "deadlock" if result.deadlocked[row] else "time limit"


def change(step: Step, field: str, row: int) -> NDArray[np.float64]:
    """A field after the step minus before, in float64: the changes of all steps add up to the last value exactly."""
    after: NDArray[Any] = getattr(step.state, field)[row]
    difference: NDArray[np.float64] = np.subtract(after, step.before[field][row], dtype=np.float64)
    return difference


def to_plain(values: NDArray[Any] | np.generic) -> Any:
    """The numbers as (lists of) Python's, rounded to nine significant digits."""
    return _rounded(values.tolist())


def _rounded(values: Any) -> Any:
    return [_rounded(value) for value in values] if isinstance(values, list) else float(f"{values:.9g}")


def read_paths(path: Path) -> NDArray[np.float64]:
    """(T, N, 2) metres: where the UAVs of a trace's first episode were at its start and after each of its steps.

    Raises:
        ConfigError: The file cannot be read, or its first line is no episode of a trace.
    """
    try:
        with path.open(encoding="utf-8") as file:
            episode = json.loads(file.readline())
        start_m = [uav["position_m"] for uav in episode["scenario"]["uavs"]]
        return np.array([start_m, *(step["position_m"] for step in episode["steps"])], dtype=np.float64)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}", "name a file of evaluate --trace") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(str(path), "its first line is no episode", "name a file of evaluate --trace") from error
