"""What every task's worlds offer to those who drive them: rollouts, evaluation, traces, standard faces.

`allocate/` and `navigate/` implement it, `tasks.py` picks between them by a run's settings. Letters as in `types.py`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rl_cluster.types import BoolArray, FloatArray, Observation, StageMix

__all__ = ["Clock", "LimitedPolicy", "Policy", "Sizes", "StepResult", "Worlds"]


class Sizes(NamedTuple):
    """Padded maxima of a batch of worlds."""

    num_uavs: int
    num_targets: int
    num_obstacles: int
    num_resources: int
    num_vertices: int = 0
    """Corners of the no-fly zone with the most of them; 0 = all zones are circles"""


class StepResult(NamedTuple):
    """What one step gave."""

    reward: FloatArray
    """(B, N) per-UAV reward; 0 where the UAV does not exist or the world had ended before"""
    terminated: BoolArray
    """(B,) True = the task was done in this step"""
    truncated: BoolArray
    """(B,) True = cut in this step, by the time limit or a deadlock"""
    deadlocked: BoolArray
    """(B,) True = cut because nothing is left that anybody could do"""


class Clock(Protocol):
    """The part of a task's state that says where each world stands."""

    @property
    def num_worlds(self) -> int:
        """B"""

    @property
    def uav_exists(self) -> BoolArray:
        """(B, N) True = the UAV exists."""

    @property
    def episode(self) -> NDArray[np.int64]:
        """(B,) number of the episode within its world."""

    @property
    def decision(self) -> NDArray[np.int64]:
        """(B,) steps taken in this episode."""

    @property
    def ended(self) -> BoolArray:
        """(B,) True = the episode is over; the world stands still until it is reset."""

    @property
    def time_s(self) -> FloatArray:
        """(B,) seconds since the episode began."""


class Worlds(Protocol):
    """B worlds that step together: worlds first_world .. first_world + B - 1 of a source of episodes."""

    first_world: int
    intent_rounds: int
    """How often a policy chooses before UAVs fly; 1 = at once."""

    @property
    def observation(self) -> Observation[NDArray[Any]]:
        """What was observed last, against which actions are held."""

    @property
    def metrics(self) -> Sequence[str]:
        """Names of the episode metrics."""

    @property
    def state(self) -> Any:
        """The task's state: a `Clock`, and what else the task has."""

    def reset(self) -> Observation[NDArray[Any]]:
        """Starts episode 0 of every world."""

    def set_mix(self, mix: StageMix) -> Observation[NDArray[Any]]:
        """Draws episodes from another mixture of stages, those too in which nobody has acted yet.

        Raises ValueError if the source has no such stage.
        """

    def announce(self, actions: NDArray[Any]) -> Observation[NDArray[Any]]:
        """What is seen once all UAVs have said what they mean to do. Nothing moves. Raises ValueError as `advance`."""

    def retract(self) -> None:
        """Takes announcements back; `advance` does so too."""

    def advance(self, actions: NDArray[Any]) -> StepResult:
        """Applies actions (B, N, ..) for one step; ended worlds stand still. Raises ValueError if one is illegal."""

    def observe(self) -> Observation[NDArray[Any]]:
        """What the policy sees now, in fresh arrays."""

    def outcomes(self, rows: BoolArray) -> dict[str, NDArray[np.float64]]:
        """Episode metrics of the ended worlds that `rows` (B,) marks True: name -> (E,) float64."""

    def reset_ended(self) -> None:
        """Starts the next episode in every world that has ended."""

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Observation[NDArray[Any]], StepResult, dict[str, NDArray[np.float64]]]:
        """`advance`, then outcomes of the worlds that ended, their reset, and the observation of all."""

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """All that the worlds need to go on, as arrays by name."""

    def load_state_dict(self, arrays: dict[str, NDArray[np.generic]]) -> Observation[NDArray[Any]]:
        """Puts `state_dict`'s arrays back; returns the observation. Raises KeyError or ValueError if they differ."""


class Policy(Protocol):
    """Anything that acts for all UAVs of a batch of worlds."""

    @property
    def name(self) -> str:
        """Under which its results are reported."""

    def act(self, worlds: Any, observation: Observation[NDArray[Any]]) -> NDArray[Any]:
        """Actions (B, N) of `allocate`, or controls (B, N, 2) of `navigate`, for the worlds as they are observed."""


@runtime_checkable
class LimitedPolicy(Policy, Protocol):
    """A policy that cannot play every episode, and that has more to tell than its scores."""

    def check(self, source: Any, config: Any) -> None:
        """Raises ConfigError if it cannot play all episodes of the source by the rules of the config."""

    def remark(self, source: Any) -> str:
        """What it has found out about the episodes of the source that it has played."""
