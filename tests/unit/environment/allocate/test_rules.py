"""The rules of a world: the settings', unless the source of its episode writes others."""

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.rules import Rules, rules_in, shared_rules
from tests.unit.environment.allocate.given_world import given, target, uav


def test_rules__are_those_of_the_settings(quick_demo: Config) -> None:
    worlds = given(
        quick_demo, [uav(500.0, [1.0])], [target(900.0, [1.0])],
        coalition="sync", decision_interval_s=0.6, substep_s=0.1, capture_radius_m=70.1,
    )  # fmt: skip

    rules = rules_in(worlds.state, 0, shared_rules(worlds.world))

    world = worlds.world
    assert rules == Rules(
        6, 0.1, 70.1, world.obstacle_clearance_m, world.sensing_radius_m, world.replan, world.idle_decisions
    )
    assert (worlds.state.is_sync.tolist(), worlds.state.is_capability.tolist()) == ([True], [False])


@pytest.mark.parametrize("interval_s", [1.0, 10.0])
def test_clock__is_that_of_the_world(quick_demo: Config, interval_s: float) -> None:
    worlds = given(quick_demo, [uav(500.0, [1.0])], [target(4000.0, [1.0])])
    worlds.state.decision_interval_s[:] = interval_s

    worlds.advance(np.ones((1, 1), dtype=np.int16))

    assert worlds.state.time_s.tolist() == [interval_s]
