"""How the last episode of each world ended: what its outcomes need beyond its state."""

from typing import NamedTuple

import numpy as np

from rl_cluster.environment.shared.interface import StepResult
from rl_cluster.types import BoolArray

__all__ = ["Ends"]


class Ends(NamedTuple):
    """Arrays are written in place."""

    terminated: BoolArray
    """(B,) True = the task was done"""
    deadlocked: BoolArray
    """(B,) True = it was cut because no UAV could do anything more"""

    @classmethod
    def empty(cls, num_worlds: int) -> "Ends":
        """The ends of worlds in which no episode has ended."""
        return cls(np.zeros(num_worlds, dtype=np.bool_), np.zeros(num_worlds, dtype=np.bool_))

    def note(self, result: StepResult) -> None:
        """Records the ends of a step."""
        has_ended = result.terminated | result.truncated
        np.copyto(self.terminated, result.terminated, where=has_ended)
        np.copyto(self.deadlocked, result.deadlocked, where=has_ended)
