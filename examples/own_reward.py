"""A reward term of your own: a UAV loses a little for each radian that it turns.

The term belongs to a task, which settings and checkpoints name: `allocate` with other worlds and one more weight. Only
this process knows it. `my_task/` is the same as a package to install, which the commands and Ray's workers know, too.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import rl_cluster
from rl_cluster.config.allocate import AllocateRewardConfig
from rl_cluster.config.schema import AllocateConfig
from rl_cluster.environment.allocate.task import ALLOCATE
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.interface import StepResult

SETTINGS = """\
base: dev
name: calm
task: calm
reward:
  calm: 0.05
"""


class CalmRewardConfig(AllocateRewardConfig):
    """The reward terms of `allocate`, and `calm`."""

    calm: float
    """minus this for each radian that a UAV's heading has changed since the last decision"""


class CalmConfig(AllocateConfig):
    """Settings of a run of the task."""

    task: Literal["calm"]  # type: ignore[assignment]  # each task has a name of its own
    reward: CalmRewardConfig


class CalmWorlds(AllocateWorlds):
    """The worlds of `allocate`, with the term."""

    def advance(self, actions: NDArray[np.int16]) -> StepResult:
        """One decision interval, with the term added to each UAV's reward."""
        weights: Any = self.reward
        plays = self.state.uav_exists & ~self.state.ended[:, None]  # ended worlds stand still
        before_rad = self.state.uav_heading_rad.copy()
        result = super().advance(actions)
        turned_rad = np.abs(np.angle(np.exp(1j * (self.state.uav_heading_rad - before_rad))))
        term = np.where(plays, -weights.calm * turned_rad, 0.0).astype(np.float32)
        result.reward[...] += term
        self.state.return_sum[...] += term.sum(axis=1)  # which the metric `per_agent_reward` is made of
        return result


def make_worlds(source: Any, config: Any, num_worlds: int, first_world: int, is_training: bool) -> CalmWorlds:
    """Worlds of the task, as its record wants them."""
    return CalmWorlds(source, config.world, config.reward, num_worlds, first_world, is_training)


if __name__ == "__main__":
    settings = Path(sys.argv[1]).with_suffix(".yaml")  # beside the run folder, which train makes
    settings.write_text(SETTINGS, encoding="utf-8")
    rl_cluster.register_task(
        replace(ALLOCATE, name="calm", settings=CalmConfig, preset=str(settings), make_worlds=make_worlds)
    )
    config = rl_cluster.load_config("calm", sys.argv[2:])  # key=value settings may follow the folder
    run = rl_cluster.train(config, out=sys.argv[1])
    print(f"reward.calm={run.config.reward.calm}:", run.metrics["episode/per_agent_reward"])
    print(rl_cluster.evaluate(run, episodes=20))
