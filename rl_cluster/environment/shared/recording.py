"""What a task records of its episodes while they are played, for traces.

`evaluation/trace.py` writes it. Numbers have nine significant digits, so float32 values are restored exactly.
"""

from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import StepResult
from rl_cluster.types import FloatArray, Observation

__all__ = ["Flight", "FlownInSubsteps", "Recording", "Step", "change", "to_plain"]

_ROUNDINGS = 8.0
"""Spacings of single precision by which positions may be off a straight flight at constant speed."""


class Step(NamedTuple):
    """One step of all worlds of a batch."""

    state: Any
    """the task's state after the step"""
    before: dict[str, NDArray[Any]]
    """field of the state, for those in `Recording.fields` -> copy from before the step"""
    observation: Observation[NDArray[Any]]
    """the observation that the actions were chosen on"""
    actions: NDArray[Any]
    result: StepResult


class Flight(NamedTuple):
    """Where UAVs were within a step of all worlds."""

    time_s: FloatArray
    """(K + 1, B) at the step's start, and after each of its K substeps; a world that has none left stands still"""
    position_m: FloatArray
    """(K + 1, B, N, 2)"""

    def turns(self, row: int, num_uavs: int) -> list[list[list[float]]]:
        """[[[time_s, x, y], ..] of each UAV] of one world: where it changed its course or speed, both ends left out.

        Between these, the start and the end, it flew straight at constant speed, to rounding.
        """
        time_s = self.time_s[:, row]
        kept = np.flatnonzero(np.diff(time_s) > 0.0) + 1
        time_s = time_s[[0, *kept]]
        way_m = self.position_m[[0, *kept], row, :num_uavs].astype(np.float64)
        if len(time_s) < 3:
            return [[] for _ in range(num_uavs)]
        velocity = np.diff(way_m, axis=0) / np.diff(time_s)[:, None, None]
        off_m = np.abs(np.diff(velocity, axis=0)).max(axis=-1) * np.diff(time_s)[:-1, None]
        is_turn = off_m > _ROUNDINGS * np.spacing(np.abs(way_m).max().astype(np.float32))
        return [
            [to_plain(np.array([time_s[1 + k], *way_m[1 + k, uav]])) for k in np.flatnonzero(is_turn[:, uav])]
            for uav in range(num_uavs)
        ]


WorldsT_contra = TypeVar("WorldsT_contra", contravariant=True)


class Recording(Protocol[WorldsT_contra]):
    """What happened in the worlds of one task, step by step: enough to compute its metrics by other means."""

    fields: tuple[str, ...]
    """Fields of the state whose changes make up a step."""

    def scenario_of(self, worlds: WorldsT_contra, row: int, name: str) -> Scenario:
        """The start of a world's episode."""

    def describe(self, step: Step, row: int) -> dict[str, Any]:
        """The step of one world."""

    def describe_end(self, step: Step, row: int) -> dict[str, Any]:
        """What the trace holds of the episode besides its steps, recorded after the last one."""


@runtime_checkable
class FlownInSubsteps(Protocol):
    """A recording of a task whose UAVs may turn between the ends of a step."""

    def fly_again(
        self, copies: Any, observation: Observation[NDArray[Any]], actions: NDArray[Any], until_s: FloatArray
    ) -> Flight:
        """Where UAVs were within a step.

        Args:
            copies: A fork of the worlds at the step's start; it is used up.
            observation: What the actions were chosen on.
            actions: As they were flown.
            until_s: (B,) the time of each world at the step's end.
        """


def change(step: Step, field: str, row: int) -> NDArray[np.float64]:
    """A field after the step minus before, in float64: the changes of all steps add up to the last value exactly."""
    after: NDArray[Any] = getattr(step.state, field)[row]
    difference: NDArray[np.float64] = np.subtract(after, step.before[field][row], dtype=np.float64)
    return difference


def to_plain(values: NDArray[Any] | np.generic) -> Any:
    """The numbers as (lists of) Python numbers, rounded to nine significant digits."""
    return _rounded(values.tolist())


def _rounded(values: Any) -> Any:
    return [_rounded(value) for value in values] if isinstance(values, list) else float(f"{values:.9g}")
