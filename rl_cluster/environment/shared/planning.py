"""What a task tells the search at decision time about plans: how to write one down, change it, fly it and value it.

`sampling/search/` plays plans on forks of the worlds. Each task implements this protocol in its `plans.py`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rl_cluster.types import BoolArray, Observation

__all__ = ["ObjectiveTerm", "Pilot", "Planning", "Record"]

WorldsT_contra = TypeVar("WorldsT_contra", contravariant=True)


class ObjectiveTerm(NamedTuple):
    """A number of an episode that an objective may weigh; more is better."""

    weight: float
    """By default."""
    text: str
    """What it is, in one line."""


class Record(NamedTuple):
    """What K worlds did from a decision on to the ends of their episodes, T steps at most."""

    choices: NDArray[Any]
    """(T, K, N, ..) in the form of `Planning.choices`; what stands after a world's end means nothing"""
    served: BoolArray
    """(T, K, N, M) True = after this step, the UAV has delivered to the target; M = 0 where no task is served"""


class Pilot(Protocol[WorldsT_contra]):
    """Flies K plans, each in a row of a fork whose rows become fewer as episodes end."""

    def act(self, worlds: WorldsT_contra, plans: NDArray[np.int64], step: int) -> NDArray[Any]:
        """Actions (B, N, ..) by the worlds' latest observation.

        Args:
            worlds: A fork of B rows.
            plans: (B,) which of the K plans each row flies.
            step: Steps since the decision that is being made.
        """


class Planning(Protocol[WorldsT_contra]):
    """Plans of one task."""

    @property
    def objective(self) -> Mapping[str, ObjectiveTerm]:
        """Name -> term of the objective."""

    def terms(self, worlds: WorldsT_contra, rows: BoolArray) -> dict[str, NDArray[np.float64]]:
        """Name -> (E,) the objective's terms of the ended worlds that `rows` (B,) marks True."""

    def choices(self, observation: Observation[NDArray[Any]], actions: NDArray[Any]) -> NDArray[Any]:
        """(B, N, ..) what the actions choose, in a form that later observations do not change."""

    def actions(self, observation: Observation[NDArray[Any]], choices: NDArray[Any]) -> NDArray[Any]:
        """(B, N, ..) legal actions that choose so; where a choice is not legal, the UAV waits or keeps its target."""

    def waiting(self, observation: Observation[NDArray[Any]]) -> NDArray[Any]:
        """(B, N, ..) choices by which no UAV does anything."""

    def redraw_future(self, worlds: WorldsT_contra, generator: Any, keys: NDArray[np.int64]) -> None:
        """Replaces what nobody can know yet in all worlds by what the generator's settings let expect.

        The new future does not depend on the one that is replaced.

        Args:
            worlds: B worlds; they are changed.
            generator: Section of the settings that says how often what happens where the worlds' source does not.
            keys: (B,) key the draws.
        """

    def served(self, worlds: WorldsT_contra) -> BoolArray:
        """(B, N, M) True = the UAV has delivered to the target."""

    def variations(
        self, worlds: WorldsT_contra, record: Record, parents: NDArray[np.int64], keys: NDArray[np.int64]
    ) -> Pilot[WorldsT_contra]:
        """A pilot for K changed plans.

        Args:
            worlds: B worlds at the decision that is being made.
            record: The best plan of each of the worlds, played.
            parents: (K,) which of the B plans each new plan changes.
            keys: (K,) key each plan's draws; the plan with a negative key changes nothing.
        """
