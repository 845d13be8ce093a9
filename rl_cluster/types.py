"""The values that pass between layers: what a policy sees, and what a rollout hands to a learner.

Letters: B worlds, T decision steps, N UAVs, M targets, O obstacles, S = N + M + O entities, C candidates,
W neighbour slots, R resource kinds. Sizes are the padded maxima of the config; a mask's True means "exists".
Nothing here knows numpy from torch beyond annotations, numba or Ray.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_NEIGHBOURS",
    "MIN_NEIGHBOURS",
    "WAIT",
    "BoolArray",
    "Controls",
    "FloatArray",
    "Fragment",
    "GraphSpec",
    "IntArray",
    "NeighbourSlots",
    "Observation",
    "StageMix",
    "map_observation",
    "neighbour_slots",
]

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int16]

ArrayT = TypeVar("ArrayT")
OtherT = TypeVar("OtherT")

WAIT = 0
"""Action 0: hover (no range is used). Action c + 1 flies to the UAV's c-th candidate."""
MIN_NEIGHBOURS, MAX_NEIGHBOURS = 1, 16
"""Range of attention's k: how many neighbours of each kind a row attends to."""


class GraphSpec(NamedTuple):
    """What a network must fit: widths of the feature rows of an `Observation`, and the kind of action."""

    num_uav_features: int
    num_target_features: int
    num_obstacle_features: int
    num_pair_features: int
    num_controls: int
    """Continuous controls per UAV, each in [-1, 1]; 0 = a UAV chooses among its candidates"""


class StageMix(NamedTuple):
    """From which stages of a curriculum episodes are drawn."""

    stage: int = 1
    """the current one, from 1"""
    current_share: float = 1.0
    """of the steps; earlier stages share the rest equally"""
    draw: int = 0
    """how often the stage has changed; each change draws again which worlds play which stage"""


class Controls(NamedTuple):
    """The controllers' decisions for one iteration, the same for all env runners and Learners."""

    lr: float
    """Adam's learning rate"""
    entropy_weight: float
    kl_weight: float
    """beta of the penalty on KL(old policy || new policy); 0 = none"""
    mix: StageMix | None = None
    """None = the run has no curriculum"""


class NeighbourSlots(NamedTuple):
    """Which slots of a row of `Observation.neighbours` hold which kind of entity: UAVs first, from slot 0."""

    targets: int
    """the first slot of targets, and so the number of slots for UAVs"""
    obstacles: int
    """the first slot of obstacles"""
    width: int
    """W, all slots"""


def neighbour_slots(num_uavs: int, num_targets: int, num_obstacles: int) -> NeighbourSlots:
    """The slots of each kind for these padded maxima: one for each neighbour that a row can have. For kernels, too."""
    targets = min(MAX_NEIGHBOURS, num_uavs)
    obstacles = targets + min(MAX_NEIGHBOURS, num_targets)
    return NeighbourSlots(targets, obstacles, obstacles + min(MAX_NEIGHBOURS, num_obstacles))


class Observation(NamedTuple, Generic[ArrayT]):
    """What the policy sees of B worlds: an entity table, who attends to whom, and what each UAV may choose.

    Entities stand in the order UAVs, targets, obstacles: UAV i is entity i, target j is entity N + j.
    Float arrays are float32, scale-free (lengths over `sensing_radius_m`) and, per UAV, in its body frame. Each task
    lists the columns of its rows in its `columns.py`; `GraphSpec` has their numbers F.
    """

    uav: ArrayT
    """(B, N, F) UAV rows; 0 where the UAV does not exist."""
    target: ArrayT
    """(B, M, F) target rows; 0 where the target is not open."""
    obstacle: ArrayT
    """(B, O, F) obstacle rows."""
    position: ArrayT
    """(B, S, 2) positions over the sensing radius, origin at the area's centre: only differences may be used."""
    mask: ArrayT
    """(B, S) bool; True = the entity exists (a target: has appeared, and is not closed)."""
    neighbours: ArrayT
    """(B, N + M, W) int16 entity index in [0, S), -1 = no neighbour. A UAV row holds its k nearest UAVs, open
    targets and obstacles, nearest first, in the slots that `neighbour_slots` gives each kind; a target row its k
    nearest UAVs. k is drawn where the observation is built, so rollout and learner see the same graph."""
    candidates: ArrayT
    """(B, N, C) int16 target index in [0, M), -1 = none: the nearest legal targets, nearest first. The current choice
    is always among them. In `navigate`, where M = 0, entity index in [0, S) of the nearest bodies (encounters), in
    order of increasing gap."""
    pair: ArrayT
    """(B, N, C, F) features of UAV and candidate together; 0 where there is no candidate."""
    action_mask: ArrayT
    """(B, N, 1 + C) bool; True = the action is legal. A UAV that does not choose has exactly one legal action.
    `navigate` ignores it: all controls are legal."""
    decides: ArrayT
    """(B, N) bool; True = the UAV chooses or is under control at this step, and counts in the policy's loss."""


def map_observation(function: Callable[[ArrayT], OtherT], observation: Observation[ArrayT]) -> Observation[OtherT]:
    """The observation with `function` applied to each of its arrays."""
    return Observation(*(function(array) for array in observation))


@dataclass(frozen=True, slots=True)
class Fragment:
    """T decision steps of B worlds, as columns that a rollout made: [T, B, ...] numpy arrays.

    Worlds reset within a step: row t + 1 may belong to the next episode, and `ended` says so.
    """

    observation: Observation[NDArray[Any]]
    """Each array (T, B, ...)."""
    action: NDArray[Any]
    """(T, B, N) int16 in [0, C], or (T, B, N, 2) float32 controls before they are squashed to (-1, 1)."""
    logp: FloatArray
    """(T, B, N) log-probability of each UAV's action; 0 where it does not choose."""
    value: FloatArray
    """(T, B, N) predicted return, in reward units."""
    next_value: FloatArray
    """(T, B, N) predicted return of the successor within the same episode; 0 where the episode ended."""
    reward: FloatArray
    """(T, B, N) per-UAV reward."""
    ended: BoolArray
    """(T, B) True = the episode ended with this step (terminated, truncated or given up)."""
    outcomes: dict[str, NDArray[np.float64]]
    """Metric name -> (E,) values of the E episodes that ended, in order of (t, world)."""
    weights_version: int
    """Number of updates behind the weights that acted."""
    expert: IntArray | None = None
    """(T, B, N) int16, the actions that a search would take, -1 = none was searched; None = nothing was searched."""
    num_broken: int = 0
    """Episodes given up because their numbers were no longer finite."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Phase -> seconds spent on it while the columns were made."""

    def of_worlds(self, first: int, last: int) -> "Fragment":
        """The same steps for worlds `first` to `last` - 1 only, as views, without the outcomes."""

        def cut(column: NDArray[Any]) -> NDArray[Any]:
            return column[:, first:last]

        names = ("action", "logp", "value", "next_value", "reward", "ended")
        columns: dict[str, Any] = {name: cut(getattr(self, name)) for name in names}
        columns["expert"] = None if self.expert is None else cut(self.expert)
        return replace(self, observation=map_observation(cut, self.observation), outcomes={}, num_broken=0, **columns)

    @property
    def num_rows(self) -> int:
        """T * B: decision steps of worlds, one row = one graph."""
        return int(self.ended.size)

    @property
    def num_worlds(self) -> int:
        """B"""
        return int(self.ended.shape[1])

    @property
    def num_episodes(self) -> int:
        """E; 0 in a cut made by `of_worlds`."""
        return len(next(iter(self.outcomes.values()), ()))

    @property
    def num_agent_steps(self) -> int:
        """How many UAVs existed, summed over the rows: one agent-step = one UAV's action applied."""
        num_uavs = self.logp.shape[-1]
        return int(self.observation.mask[..., :num_uavs].sum())
