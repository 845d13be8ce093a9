"""Plans of task `navigate` for the search at decision time: controls, and ways about others that can be changed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.navigate.heuristics.orca import Orca
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.shared.keyed_random import uniform
from rl_cluster.environment.shared.planning import ObjectiveTerm, Record
from rl_cluster.types import BoolArray, FloatArray, Observation

__all__ = ["NavigatePlanning"]

_LONGEST_S = 5.0
"""For at most so long a UAV is pushed off its way."""

TERMS = {
    "success": ObjectiveTerm(1.0, "share of UAVs that reached their goal and touched nothing"),
    "collisions": ObjectiveTerm(0.1, "minus the collisions per UAV"),
    "time": ObjectiveTerm(0.1, "minus the mean time to the goal over the time limit"),
    "effort": ObjectiveTerm(0.0, "minus the effort per UAV over the time limit"),
    "formation": ObjectiveTerm(0.0, "share of the time in which followers are near the leader"),
    "reward": ObjectiveTerm(0.0, "summed reward over active UAVs, by the run's weights"),
}
"""The terms of the objective."""


class NavigatePlanning:
    """Plans as controls, and their worth."""

    @property
    def objective(self) -> Mapping[str, ObjectiveTerm]:
        """Name -> term of the objective."""
        return TERMS

    def terms(self, worlds: NavigateWorlds, rows: BoolArray) -> dict[str, NDArray[np.float64]]:
        """The terms of `objective`, as in `Planning.terms`."""
        outcomes, limit_s = worlds.outcomes(rows), worlds.state.time_limit_s[rows]
        return {
            "success": outcomes["success_rate"],
            "collisions": -outcomes["collisions_per_uav"],
            "time": -outcomes["mean_time_s"] / limit_s,
            "effort": -outcomes["effort_s_per_uav"] / limit_s,
            "formation": outcomes["formation_keeping_rate"],
            "reward": outcomes["per_agent_reward"],
        }

    def choices(self, observation: Observation[NDArray[Any]], actions: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002 - controls mean the same everywhere
        """The controls."""
        return actions

    def actions(self, observation: Observation[NDArray[Any]], choices: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002 - all controls are legal
        """The controls."""
        return choices

    def waiting(self, observation: Observation[NDArray[Any]]) -> NDArray[Any]:
        """(B, N, 2) float32 zeros."""
        return np.zeros((*observation.decides.shape, 2), dtype=np.float32)

    def redraw_future(self, worlds: NavigateWorlds, generator: Any, keys: NDArray[np.int64]) -> None:
        """Does nothing, because all of an episode is known at its start."""

    def served(self, worlds: NavigateWorlds) -> BoolArray:
        """(B, N, 0), because there are no targets."""
        return np.zeros((*worlds.state.uav_exists.shape, 0), dtype=np.bool_)

    def variations(
        self,
        worlds: NavigateWorlds,
        record: Record,  # noqa: ARG002 - what is changed is ORCA's play
        parents: NDArray[np.int64],  # noqa: ARG002 - as above
        keys: NDArray[np.int64],
    ) -> "Nudged":
        """A pilot that flies as ORCA, and pushes UAVs off its way for a while."""
        return Nudged(keys, worlds.state.uav_exists.shape[1], worlds.physics.step_s)


class Nudged:
    """ORCA, with an offset of the controls of each UAV, drawn per plan, for a time that is drawn, too.

    Half of the UAVs have none. A plan with a negative key has none at all.
    """

    def __init__(self, keys: NDArray[np.int64], num_uavs: int, step_s: float) -> None:
        draws = np.array(
            [[uniform(np.uint64(max(key, 0)), place) for place in range(4 * num_uavs)] for key in keys.tolist()]
        ).reshape(keys.size, num_uavs, 4)
        is_pushed = (draws[..., :1] < 0.5) & (keys >= 0)[:, None, None]
        self._offset = np.where(is_pushed, 2.0 * draws[..., 1:3] - 1.0, 0.0)
        self._steps = 1 + draws[..., 3:] * (_LONGEST_S / step_s)
        self._orca = Orca()

    def act(self, worlds: NavigateWorlds, plans: NDArray[np.int64], step: int) -> FloatArray:
        """Controls (B, N, 2), as in `Pilot.act`."""
        controls = self._orca.act(worlds, worlds.observation)
        offset = np.where(step < self._steps[plans], self._offset[plans], 0.0)
        return np.clip(controls + offset, -1.0, 1.0).astype(np.float32)
