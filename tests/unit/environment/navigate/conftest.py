"""What makes the worlds of `given_world.py`, as fixtures."""

from collections.abc import Callable

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.scenario.scenario_file import Scenario
from tests.unit.environment.navigate.given_world import (
    make_config,
    make_generated,
    make_given,
    make_played,
    make_scenario,
)


@pytest.fixture(scope="session")
def crowded() -> Callable[..., Config]:
    """Makes the settings of a small and full world, with changes."""
    return make_config


@pytest.fixture(scope="session")
def generated() -> Callable[..., NavigateWorlds]:
    """Makes B generated worlds, at their start."""
    return make_generated


@pytest.fixture(scope="session")
def scenario() -> Callable[..., Scenario]:
    """Makes a scenario with UAVs (x, y, heading, goal x, goal y)."""
    return make_scenario


@pytest.fixture(scope="session")
def played() -> Callable[..., NavigateWorlds]:
    """Makes a world for each of some scenarios, at its start."""
    return make_played


@pytest.fixture(scope="session")
def given() -> Callable[..., NavigateWorlds]:
    """Makes one world with UAVs as they are given, at its start."""
    return make_given
