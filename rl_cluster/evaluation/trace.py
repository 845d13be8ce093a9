"""Writes and reads traces: one JSON object per episode and policy, on a line of its own.

What a step holds depends on the task; its `recording.py` says it. All lines have

    format               the number of this format; lines of older versions have none, and are of format 1
    group                where the episodes come from: the scenario file, or the generator and its seed
    policy, episode      who played, and the episode's number within the group
    scenario             the start, in the form of a scenario file, with the names of the file that it came from
    steps                one object per step of the world, with position_m [[x, y], ..] of each UAV at its end
    end                  terminated, time limit or deadlock
    metrics              the episode's metrics as they are reported; null where one is not defined

Numbers have nine significant digits, so float32 values are restored exactly.
"""

import json
import math
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.bounded_file import FileFault, read_first_line
from rl_cluster.config.formats import FORMAT_KEY, refusal
from rl_cluster.config.json_file import parse_json
from rl_cluster.environment.scenario.names import named
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import StepResult, Worlds
from rl_cluster.environment.shared.recording import Recording, Step
from rl_cluster.errors import ConfigError
from rl_cluster.types import Observation

__all__ = ["FORMAT", "Trace", "read_paths"]

FORMAT = 1
"""Raised when older code would misread a line; all versions so far have written alike what is read here."""

_MAX_LINE_BYTES = 2**25
"""The longest line that is read back; as Python objects, an episode takes 20 times the memory."""
_FARTHEST_M = 1e9
_SAME_PLACE_M = 1.0


class Trace:
    """An `Observer` that writes the lines of a batch of episodes when all of them have ended.

    Args:
        file: A text file that is open for writing; the caller closes it.
        recording: The recording of the task that is played.
    """

    def __init__(self, file: TextIO, recording: Recording[Worlds]) -> None:
        self.group = ""
        """The group that is written into the episodes that start from now on."""
        self._file, self._recording = file, recording
        self._episodes: list[dict[str, Any]] = []
        self._before: dict[str, NDArray[Any]] = {}

    def on_start(self, policy_name: str, worlds: Worlds) -> None:
        """Records the scenarios."""
        self._before = self._copy_fields(worlds.state)
        self._episodes = []
        for row in range(worlds.state.num_worlds):
            number = int(worlds.world_numbers[row])
            drawn = self._recording.scenario_of(worlds, row, f"episode-{number}")
            scenario = named(drawn, worlds.source, number, int(worlds.state.episode[row])).as_dict()
            who = {"group": self.group, "policy": policy_name, "episode": number}
            self._episodes.append({FORMAT_KEY: FORMAT, **who, "scenario": scenario, "steps": []})

    def on_step(
        self, worlds: Worlds, observation: Observation[NDArray[Any]], actions: NDArray[Any], result: StepResult
    ) -> None:
        """Records the step of every world that was under way."""
        state = worlds.state
        step = Step(state, self._before, observation, actions, result)
        for row in np.flatnonzero(state.decision > self._before["decision"]).tolist():
            episode = self._episodes[row]
            episode["steps"].append(self._recording.describe(step, row))
            if state.ended[row]:
                episode.update({"end": _ending(result, row), **self._recording.describe_end(step, row)})
        self._before = self._copy_fields(state)

    def on_end(self, outcomes: dict[str, NDArray[np.float64]]) -> None:
        """Writes the episodes in their order."""
        for row, episode in enumerate(self._episodes):
            values = {name: float(column[row]) for name, column in outcomes.items()}
            metrics = {name: None if math.isnan(value) else value for name, value in values.items()}
            self._file.write(json.dumps({**episode, "metrics": metrics}, allow_nan=False) + "\n")

    def _copy_fields(self, state: Any) -> dict[str, NDArray[Any]]:
        return {name: getattr(state, name).copy() for name in (*self._recording.fields, "decision")}


def _ending(result: StepResult, row: int) -> str:
    if result.terminated[row]:
        return "terminated"
    return "deadlock" if result.deadlocked[row] else "time limit"


def read_paths(path: Path, scenario: Scenario) -> NDArray[np.float64]:
    """(T, N, 2) metres: where the UAVs of a trace's first episode were at its start and after each of its steps.

    Args:
        path: What `evaluate --trace` wrote.
        scenario: The one that the episode was played on.

    Raises:
        ConfigError: The file cannot be read, or its first line is not an episode, or is one of another scenario or a
            newer version.
    """
    remedy = "name a file of evaluate --trace"
    try:
        line = read_first_line(path, _MAX_LINE_BYTES)
        episode = parse_json(line.decode(), str(path))
        newer = refusal(episode.get(FORMAT_KEY, FORMAT), FORMAT)
        ids, paths_m = ([], np.empty((0, 0, 2))) if newer else _paths(episode)
    except FileNotFoundError as error:
        raise ConfigError(str(path), f"cannot be read ({error.strerror})", remedy) from None
    except FileFault as fault:
        raise ConfigError(str(path), fault.what, remedy) from None
    except (AttributeError, ValueError, TypeError, LookupError, ConfigError):
        raise ConfigError(str(path), "its first line is no episode", remedy) from None
    if newer:
        raise ConfigError(str(path), *newer)
    start_m = scenario.uav_position_m
    is_same = ids == list(scenario.uav_ids) and paths_m.shape[1:] == start_m.shape
    if not is_same or np.abs(paths_m[0] - start_m).max() > _SAME_PLACE_M:
        what = f"its first episode does not start where the UAVs of {scenario.name} do"
        raise ConfigError(str(path), what, "name the trace of this scenario")
    return paths_m


def _paths(episode: Any) -> tuple[list[Any], NDArray[np.float64]]:
    """Ids and paths. Raises TypeError, LookupError or ValueError if the data is not an episode."""
    uavs = episode["scenario"]["uavs"]
    placed = [[uav["position_m"] for uav in uavs], *(step["position_m"] for step in episode["steps"])]
    values = [value for row in placed for position_m in row for value in position_m]
    if not all(type(value) in {int, float} and abs(value) <= _FARTHEST_M for value in values):
        raise TypeError
    paths_m = np.array(placed, dtype=np.float64)
    if paths_m.ndim != 3 or paths_m.shape[2] != 2:
        raise ValueError
    return [uav["id"] for uav in uavs], paths_m
