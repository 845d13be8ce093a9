"""The settings of a run of the task: those of `allocate`, and the weight of the new reward term."""

from typing import Literal

from rl_cluster.config.allocate import AllocateRewardConfig
from rl_cluster.config.schema import AllocateConfig


class MyRewardConfig(AllocateRewardConfig):
    """The reward terms of `allocate`, and `calm`."""

    calm: float
    """minus this for each radian that a UAV's heading has changed since the last decision"""


class MyTaskConfig(AllocateConfig):
    """A run of task `my_task`."""

    task: Literal["my_task"]  # type: ignore[assignment]  # each task has a name of its own
    reward: MyRewardConfig
