"""Heuristics by name."""

import pytest

from rl_cluster.api.heuristics import list_heuristics, make_heuristic
from rl_cluster.environment.tasks import TASKS
from rl_cluster.errors import ConfigError


@pytest.mark.parametrize("task", TASKS)
def test_make_heuristic__makes_each_that_is_listed(task: str) -> None:
    names = [name for name in list_heuristics(task) if name not in TASKS[task].extras]

    assert [make_heuristic(name, task).name for name in names] == names


def test_list_heuristics__names_extras_last() -> None:
    assert list_heuristics()[-1] == "optimum"


def test_make_heuristic__names_those_that_there_are() -> None:
    with pytest.raises(
        ConfigError, match="gready is not a heuristic of task navigate; choose from random, straight, orca"
    ):
        make_heuristic("gready", "navigate")
    with pytest.raises(ConfigError, match="task: fly is no task here; choose from allocate, navigate, or install"):
        list_heuristics("fly")
