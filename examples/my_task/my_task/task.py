"""The task as a record: everything that it does not replace is as in `allocate`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from my_task.heuristic import LargestFirst
from my_task.network import MyNetwork
from my_task.settings import MyTaskConfig
from my_task.worlds import CalmWorlds
from rl_cluster.environment.allocate.task import ALLOCATE


def _make_worlds(source: Any, config: Any, num_worlds: int, first_world: int, is_training: bool) -> CalmWorlds:
    return CalmWorlds(source, config.world, config.reward, num_worlds, first_world, is_training)


MY_TASK = replace(
    ALLOCATE,
    name="my_task",
    settings=MyTaskConfig,
    preset=str(Path(__file__).parent / "my_task.yaml"),
    make_worlds=_make_worlds,
    make_network=MyNetwork,
    heuristics={**ALLOCATE.heuristics, "largest-first": lambda seed: LargestFirst()},
)
