"""What a task records of its episodes while they are played, for traces.

`evaluation/trace.py` writes it. Numbers have nine significant digits, so float32 values are restored exactly.
"""

from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import StepResult
from rl_cluster.types import Observation

__all__ = ["Recording", "Step", "change", "to_plain"]


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
