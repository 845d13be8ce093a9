"""A reward term of your own: UAVs lose a little for each radian that they turn.

A term belongs to a task, which settings and checkpoints name: here `allocate` with other worlds, known to this process.
`my_task/` is the same as a package that is installed, which commands and Ray's workers know, too.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import rl_cluster
from rl_cluster.config.schema import AllocateConfig
from rl_cluster.environment.allocate.task import ALLOCATE
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.interface import StepResult

WEIGHT = 0.05


class CalmConfig(AllocateConfig):
    """Settings of a run: those of `allocate`, under the name of the new task."""

    task: Literal["calm"]  # type: ignore[assignment]  # each task has a name of its own


class CalmWorlds(AllocateWorlds):
    """The worlds of `allocate`, with the term."""

    def advance(self, actions: NDArray[np.int16]) -> StepResult:
        """One decision interval."""
        plays = self.state.uav_exists & ~self.state.ended[:, None]  # ended worlds stand still
        before_rad = self.state.uav_heading_rad.copy()
        result = super().advance(actions)
        turned_rad = np.abs(np.angle(np.exp(1j * (self.state.uav_heading_rad - before_rad))))
        term = np.where(plays, -WEIGHT * turned_rad, 0.0).astype(np.float32)
        result.reward[...] += term
        self.state.return_sum[...] += term.sum(axis=1)  # which the metric `per_agent_reward` is made of
        return result


def make_worlds(source: Any, config: Any, num_worlds: int, first_world: int, is_training: bool) -> CalmWorlds:
    """Worlds of the task, as its record wants them."""
    return CalmWorlds(source, config.world, config.reward, num_worlds, first_world, is_training)


if __name__ == "__main__":
    settings = Path(sys.argv[1]).with_suffix(".yaml")
    settings.write_text("base: dev\nname: calm\ntask: calm\n", encoding="utf-8")
    task = replace(ALLOCATE, name="calm", settings=CalmConfig, preset=str(settings), make_worlds=make_worlds)
    rl_cluster.register_task(task)
    run = rl_cluster.train(rl_cluster.load_config("calm", sys.argv[2:]), out=sys.argv[1])
    print(rl_cluster.evaluate(run, episodes=20))
