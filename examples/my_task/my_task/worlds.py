"""The worlds of `allocate` with one more reward term, `calm`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.interface import StepResult


class CalmWorlds(AllocateWorlds):
    """A UAV loses `reward.calm` for each radian by which it points elsewhere than at the last decision."""

    def advance(self, actions: NDArray[np.int16]) -> StepResult:
        """One decision interval, with the term added to each UAV's reward."""
        reward: Any = self.reward
        plays = self.state.uav_exists & ~self.state.ended[:, None]  # ended worlds stand still
        before_rad = self.state.uav_heading_rad.copy()
        result = super().advance(actions)
        turned_rad = np.abs(np.angle(np.exp(1j * (self.state.uav_heading_rad - before_rad))))
        calm = np.where(plays, -reward.calm * turned_rad, 0.0).astype(np.float32)
        result.reward[...] += calm
        self.state.return_sum[...] += calm.sum(axis=1)  # which the metric `per_agent_reward` is made of
        return result
