"""Turns the actions of a batch of worlds into choices of targets, and takes announced choices back."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.service import choose
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.types import BoolArray, IntArray, Observation

__all__ = ["Announcements", "take_choices"]


class Announcements:
    """The UAVs' choices before they began to announce choices that they do not yet follow."""

    def __init__(self, state: AllocateState) -> None:
        self._state = state
        self._before: list[NDArray[np.generic]] = []

    @property
    def are_open(self) -> bool:
        """True = the state holds announced choices."""
        return bool(self._before)

    def begin(self) -> None:
        """Saves the fields that the first announcement will change."""
        if not self._before:
            self._before = [array.copy() for array in self._chosen()]

    def retract(self) -> None:
        """Restores the saved fields: choices, presence and service."""
        for array, before in zip(self._chosen(), self._before, strict=self.are_open):
            array[...] = before
        self.forget()

    def forget(self) -> None:
        """Drops the saved fields, because the whole state has changed."""
        self._before = []

    def _chosen(self) -> tuple[NDArray[np.generic], ...]:
        """The fields of the state that a choice changes."""
        return self._state.uav_choice, self._state.uav_present, self._state.uav_service_ends_s


def take_choices(state: AllocateState, observation: Observation[NDArray[np.generic]], actions: IntArray) -> None:
    """Turns actions (B, N) in [0, C] into choices; ended worlds are skipped.

    Raises ValueError if an action is masked in the observation; then nothing is changed.
    """
    b, i = _take_choices(state, observation.candidates, observation.action_mask, actions)
    if b >= 0:
        raise ValueError(f"action {actions[b, i]} of UAV {i} in world {b} is masked; choose where action_mask is True")


@njit(cache=True, _nrt=False)
def _take_choices(
    state: AllocateState, candidates: IntArray, action_mask: BoolArray, actions: IntArray
) -> tuple[int, int]:
    """Returns (-1, -1), or (world, UAV) of the first illegal action."""
    num_worlds, num_uavs = actions.shape
    for b in range(num_worlds):
        for i in range(num_uavs):
            action = actions[b, i]
            if not state.ended[b] and not (0 <= action < action_mask.shape[2] and action_mask[b, i, action]):
                return b, i
    for b in range(num_worlds):
        if not state.ended[b]:
            for i in range(num_uavs):
                choose(state, b, i, candidates[b, i, actions[b, i] - 1] if actions[b, i] > 0 else -1)
    return -1, -1
