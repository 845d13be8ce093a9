"""Writes and reads traces: one JSON object per episode and policy, on a line of its own.

What a step holds depends on the task; its `recording.py` says it. All lines have

    format               the number of this format. Format 1 has no turns; lines of the first versions have no
                         number, and are of format 1
    group                where the episodes come from: the scenario file, or the generator and its seed
    policy, episode      who played, and the episode's number within the group
    scenario             the start, in the form of a scenario file, with the names of the file that it came from
    steps                one object per step of the world, with position_m [[x, y], ..] of each UAV at its end, and
                         turns [[[time_s, x, y], ..] ..] of each UAV where a step has substeps: between these and the
                         ends of the step it flew straight at constant speed
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
from rl_cluster.environment.scenario.map_export import FlownPath
from rl_cluster.environment.scenario.names import named
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import StepResult, Worlds
from rl_cluster.environment.shared.recording import Flight, FlownInSubsteps, Recording, Step
from rl_cluster.errors import ConfigError
from rl_cluster.types import Observation

__all__ = ["FORMAT", "Trace", "read_paths"]

FORMAT = 2
"""Raised when older code would misread a line. It would take the flight within a step of format 2 to be straight."""

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
        self._copies: Worlds | None = None

    def on_start(self, policy_name: str, worlds: Worlds) -> None:
        """Records the scenarios."""
        self._remember(worlds)
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
        flight = self._flight(worlds, observation, actions)
        for row in np.flatnonzero(state.decision > self._before["decision"]).tolist():
            episode = self._episodes[row]
            turns = {"turns": flight.turns(row, int(state.uav_exists[row].sum()))} if flight else {}
            episode["steps"].append({**self._recording.describe(step, row), **turns})
            if state.ended[row]:
                episode.update({"end": _ending(result, row), **self._recording.describe_end(step, row)})
        self._remember(worlds)

    def _flight(self, worlds: Worlds, observation: Observation[NDArray[Any]], actions: NDArray[Any]) -> Flight | None:
        """What happened within the step; None = it has no substeps."""
        if not isinstance(self._recording, FlownInSubsteps):
            return None
        return self._recording.fly_again(self._copies, observation, actions, worlds.state.time_s)

    def on_end(self, outcomes: dict[str, NDArray[np.float64]]) -> None:
        """Writes the episodes in their order."""
        for row, episode in enumerate(self._episodes):
            values = {name: float(column[row]) for name, column in outcomes.items()}
            metrics = {name: None if math.isnan(value) else value for name, value in values.items()}
            self._file.write(json.dumps({**episode, "metrics": metrics}, allow_nan=False) + "\n")

    def _remember(self, worlds: Worlds) -> None:
        """Keeps the state before the next step."""
        fields = (*self._recording.fields, "decision")
        self._before = {name: getattr(worlds.state, name).copy() for name in fields}
        if isinstance(self._recording, FlownInSubsteps):
            self._copies = worlds.fork(np.arange(worlds.state.num_worlds))


def _ending(result: StepResult, row: int) -> str:
    if result.terminated[row]:
        return "terminated"
    return "deadlock" if result.deadlocked[row] else "time limit"


def read_paths(path: Path, scenario: Scenario) -> list[FlownPath]:
    """Where each UAV was in a trace's first episode, from its start to its end.

    Args:
        path: What `evaluate --trace` wrote. In a trace of format 1, UAVs fly straight within a step.
        scenario: The one that the episode was played on.

    Raises:
        ConfigError: The file cannot be read, or its first line is not an episode, or is one of another scenario or a
            newer version.
    """
    remedy = "name a file of evaluate --trace"
    try:
        line = read_first_line(path, _MAX_LINE_BYTES)
        episode = parse_json(line.decode(), str(path))
        newer = refusal(episode.get(FORMAT_KEY, 1), FORMAT)
        ids, paths = ([], []) if newer else _paths(episode)
    except FileNotFoundError as error:
        raise ConfigError(str(path), f"cannot be read ({error.strerror})", remedy) from None
    except FileFault as fault:
        raise ConfigError(str(path), fault.what, remedy) from None
    except (AttributeError, ValueError, TypeError, LookupError, ConfigError):
        raise ConfigError(str(path), "its first line is no episode", remedy) from None
    if newer:
        raise ConfigError(str(path), *newer)
    starts_m = np.array([one.position_m[0] for one in paths]).reshape(-1, 2)
    is_same = ids == list(scenario.uav_ids)
    if not is_same or np.abs(starts_m - scenario.uav_position_m).max() > _SAME_PLACE_M:
        what = f"its first episode does not start where the UAVs of {scenario.name} do"
        raise ConfigError(str(path), what, "name the trace of this scenario")
    return paths


def _paths(episode: Any) -> tuple[list[Any], list[FlownPath]]:
    """Ids and paths. Raises TypeError, LookupError or ValueError if the data is not an episode."""
    uavs, steps = episode["scenario"]["uavs"], episode["steps"]
    ways = [[[0.0, *uav["position_m"]]] for uav in uavs]
    for step in steps:
        turns = step.get("turns", [[]] * len(ways))
        for way, turned, position_m in zip(ways, turns, step["position_m"], strict=True):
            way += [*turned, [step["time_s"], *position_m]]
    return [uav["id"] for uav in uavs], [_path(way) for way in ways]


def _path(way: list[list[Any]]) -> FlownPath:
    """Raises TypeError or ValueError if these are no times and places, or if time does not go on."""
    if not all(type(value) in {int, float} and abs(value) <= _FARTHEST_M for point in way for value in point):
        raise TypeError
    points = np.array(way, dtype=np.float64)
    if points.shape[1:] != (3,) or not (np.diff(points[:, 0]) > 0.0).all():
        raise ValueError
    return FlownPath(points[:, 0], points[:, 1:])
