"""The interface of every task's worlds, for the code that drives them: rollouts, evaluation, traces, standard faces.

The folder of each task implements it; `tasks.py` picks one by a run's settings. Letters as in `types.py`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self, TypeAlias, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.types import BoolArray, FloatArray, IntArray, Observation, StageMix

__all__ = [
    "EpisodeMetric",
    "EpisodeSource",
    "LimitedPolicy",
    "Policy",
    "PolicyOf",
    "Sizes",
    "SourceOf",
    "StepResult",
    "SwarmState",
    "TakeTurns",
    "Worlds",
]


class Sizes(NamedTuple):
    """Padded maxima of a batch of worlds."""

    num_uavs: int
    num_targets: int
    num_obstacles: int
    num_resources: int
    num_vertices: int = 0
    """Corners of the no-fly zone with the most of them; 0 = all zones are circles"""
    num_depots: int = 1
    """Places to which UAVs must return; there is room for one in any case"""


class EpisodeMetric(NamedTuple):
    """A number that an episode is scored by."""

    name: str
    """Key in the outcomes."""
    label: str
    """The name in tables and figures."""
    unit: str
    """`1` for shares, counts and numbers without a unit."""
    decimals: int
    """Decimal places in tables."""
    text: str
    """What the metric means, in one line."""


class StepResult(NamedTuple):
    """The result of one step."""

    reward: FloatArray
    """(B, N) per-UAV reward; 0 where the UAV does not exist or the world had ended before"""
    terminated: BoolArray
    """(B,) True = the task was done in this step"""
    truncated: BoolArray
    """(B,) True = cut in this step, by the time limit or a deadlock"""
    deadlocked: BoolArray
    """(B,) True = cut because no UAV has anything left to do"""

    @classmethod
    def empty(cls, num_worlds: int, num_uavs: int) -> "StepResult":
        """A step without rewards and without ends."""
        return cls(
            reward=np.zeros((num_worlds, num_uavs), dtype=np.float32),
            terminated=np.zeros(num_worlds, dtype=np.bool_),
            truncated=np.zeros(num_worlds, dtype=np.bool_),
            deadlocked=np.zeros(num_worlds, dtype=np.bool_),
        )


class SwarmState(Protocol):
    """The part of every task's state: where each world and each UAV stands."""

    @property
    def num_worlds(self) -> int:
        """B"""

    @property
    def uav_exists(self) -> BoolArray:
        """(B, N) True = the UAV exists."""

    @property
    def uav_position_m(self) -> FloatArray:
        """(B, N, 2) metres east and north of the area's corner."""

    @property
    def uav_heading_rad(self) -> FloatArray:
        """(B, N) counter-clockwise from east."""

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


StateT_contra = TypeVar("StateT_contra", contravariant=True)


class SourceOf(Protocol[StateT_contra]):
    """Where the episodes of one task come from: its generator, or scenario files."""

    @property
    def sizes(self) -> Sizes:
        """Padded maxima of all its episodes."""

    @property
    def seed(self) -> int:
        """The seed that keys every draw of its episodes."""

    @property
    def has_hidden_events(self) -> bool:
        """True = in some of its episodes, something happens that no policy can foresee."""

    def hidden_shares(self, worlds: NDArray[np.int64], episodes: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """(E, 2) shares of targets that appear and of UAVs that fail which these episodes are drawn with.

        None where nobody drew them, as in scenario files.
        """

    def fill(self, state: StateT_contra, rows: NDArray[np.int64], first_world: int) -> None:
        """Writes episode `state.episode[row]` of world first_world + row into each of the rows, which hold zeros."""

    def set_mix(self, mix: StageMix) -> None:
        """Draws the next episodes from another mixture of stages. Raises ValueError if there is no such stage."""


EpisodeSource: TypeAlias = SourceOf[SwarmState]
"""A source, for code that does not know the task: it fills the state of the task that it was made for."""


class TakeTurns(Protocol):
    """Choices one after the other, so that each depends on those before it."""

    def __call__(
        self, observation: Observation[NDArray[Any]], logp: FloatArray, scores: FloatArray
    ) -> tuple[IntArray, Observation[NDArray[Any]]]:
        """Actions (B, N), and the observation with what was left to each UAV as its legal actions. Nothing moves.

        Args:
            observation: Of the worlds as they are; it is not changed.
            logp: (B, N, 1 + C) log-probabilities of the actions.
            scores: (B, N, 1 + C); each UAV takes the action of the highest score that is left to it.
        """


class Worlds(Protocol):
    """B worlds of a source of episodes that step together."""

    source: SourceOf[Any]
    """Where the episodes come from."""
    first_world: int
    """The number of the first world; the next rows have the next numbers, except in a fork."""
    world_numbers: NDArray[np.int64]
    """(B,) the number of each row's world in the source, which keys the draws of play."""
    intent_rounds: int
    """How often a policy chooses before the UAVs fly; 1 = they fly at once."""
    take_turns: TakeTurns | None
    """How UAVs choose one after the other in each round; None = all choose at once."""

    @property
    def observation(self) -> Observation[NDArray[Any]]:
        """The latest observation, which actions are checked against."""

    @property
    def metrics(self) -> Sequence[str]:
        """Names of the episode metrics."""

    @property
    def state(self) -> SwarmState:
        """The task's state: a `SwarmState` and the task's own fields."""

    def reset(self) -> Observation[NDArray[Any]]:
        """Starts episode 0 of every world."""

    def set_mix(self, mix: StageMix) -> Observation[NDArray[Any]]:
        """Draws episodes from another mixture of stages, also where no UAV has acted yet in the current one.

        Raises ValueError if the source has no such stage.
        """

    def announce(self, actions: NDArray[Any]) -> Observation[NDArray[Any]]:
        """The observation after all UAVs have announced their intent. Nothing moves. Raises ValueError as `advance`."""

    def retract(self) -> None:
        """Takes announcements back; `advance` does so too."""

    def advance(self, actions: NDArray[Any]) -> StepResult:
        """Applies actions (B, N, ..) for one step; ended worlds stand still. Raises ValueError if one is illegal."""

    def observe(self) -> Observation[NDArray[Any]]:
        """The current observation, in fresh arrays."""

    def outcomes(self, rows: BoolArray) -> dict[str, NDArray[np.float64]]:
        """Episode metrics of the ended worlds that `rows` (B,) marks True: name -> (E,) float64."""

    def give_up(self, rows: BoolArray) -> None:
        """Ends the episodes of the worlds that `rows` (B,) marks True, wherever they stand.

        This gives no reward and no outcomes. `reset_ended` starts the next episodes.
        """

    def reset_ended(self) -> None:
        """Starts the next episode in every world that has ended."""

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Observation[NDArray[Any]], StepResult, dict[str, NDArray[np.float64]]]:
        """`advance`, then outcomes of the worlds that ended, their reset, and the observation of all."""

    def fork(self, rows: NDArray[np.int64]) -> Self:
        """Copies of the worlds `rows` (B',), in which play can go on without changing these; a row may be named twice.

        Each copy has the number and the latest observation of its original, and so draws and plays as that would. It is
        for episodes under way: a copy must never be reset. Raises ValueError while announcements stand.
        """

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """Everything that the worlds need in order to continue, as arrays by name."""

    def load_state_dict(self, arrays: dict[str, NDArray[np.generic]]) -> Observation[NDArray[Any]]:
        """Puts `state_dict`'s arrays back; returns the observation. Raises KeyError or ValueError if they differ."""


WorldsT_contra = TypeVar("WorldsT_contra", contravariant=True)


class PolicyOf(Protocol[WorldsT_contra]):
    """Anything that acts for all UAVs of a batch of worlds; a heuristic knows those of its own task."""

    @property
    def name(self) -> str:
        """The name under which its results are reported."""

    @property
    def is_deterministic(self) -> bool:
        """True = it draws nothing: an episode that starts alike is played alike each time."""

    def act(self, worlds: WorldsT_contra, observation: Observation[NDArray[Any]]) -> NDArray[Any]:
        """Actions (B, N) of `allocate`, or controls (B, N, 2) of `navigate`, for the worlds as they are observed."""


Policy: TypeAlias = PolicyOf[Worlds]
"""A policy, for code that does not know the task: it plays the worlds of the task that it was made for."""


@runtime_checkable
class LimitedPolicy(Policy, Protocol):
    """A policy that cannot play every episode, and that reports more than its scores."""

    def check(self, source: EpisodeSource, config: Config) -> None:
        """Raises ConfigError if it cannot play all episodes of the source by the rules of the config."""

    def remark(self, source: EpisodeSource) -> str:
        """What it found out about the episodes of the source that it played."""
