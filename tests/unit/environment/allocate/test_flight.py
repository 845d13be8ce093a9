"""What UAVs did between two decisions: flown again on copies, it ends where it ended, to the last bit."""

from itertools import pairwise

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.flight import fly_again
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.tasks import TASKS, make_source, make_worlds
from tests.reference.zones import zones_of
from tests.unit.environment.allocate.all_rules import with_all_rules

ZONES = load_config(
    "debug",
    ["generator.num_obstacles=[4, 8]", "generator.polygon_share=0.5", "generator.obstacle_radius_m=[80.0, 200.0]"],
)
NUM_WORLDS = 6


@pytest.mark.parametrize("config", [ZONES, with_all_rules(ZONES, coalition="sync")], ids=["zones", "all rules"])
def test_flight__ends_where_the_worlds_do_and_touches_no_zone(config: Config) -> None:
    worlds = make_worlds(config, make_source(config, seed=3, is_training=False), NUM_WORLDS)
    assert isinstance(worlds, AllocateWorlds)
    policy, observation = TASKS["allocate"].heuristics["greedy"](0), worlds.reset()
    zones = [zones_of(worlds.state, row) for row in range(NUM_WORLDS)]
    num_around = 0
    while not worlds.state.ended.all():
        before_s, had_ended = worlds.state.time_s.copy(), worlds.state.ended.copy()
        copies = worlds.fork(np.arange(NUM_WORLDS))
        actions, seen = policy.act(worlds, observation), worlds.observation
        worlds.advance(actions)

        flight = fly_again(copies, seen, actions, worlds.state.time_s)

        np.testing.assert_array_equal(flight.time_s[0], before_s)
        np.testing.assert_array_equal(flight.time_s[-1], worlds.state.time_s)
        np.testing.assert_array_equal(flight.position_m[-1], worlds.state.uav_position_m)
        np.testing.assert_array_equal(copies.state.uav_flown_m, worlds.state.uav_flown_m)
        np.testing.assert_array_equal(copies.state.target_closed_time_s, worlds.state.target_closed_time_s)
        steps_s = np.diff(flight.time_s, axis=0)
        assert set(np.unique(steps_s)) <= {0.0, config.world.substep_s}
        assert (flight.time_s[:, had_ended] == before_s[had_ended]).all()
        for row, uav in zip(*np.nonzero(worlds.state.uav_exists & ~had_ended[:, None]), strict=True):
            way_m = [tuple(xy) for xy in flight.position_m[:, row, uav].tolist()]
            for zone in zones[row]:
                assert all(zone.distance(start, end) > -0.01 for start, end in pairwise(way_m) if start != end)
                num_around += zone.distance(way_m[0], way_m[-1]) < -1.0
        observation = worlds.observe()
    assert num_around > 0, "no way led round a zone: the test says nothing"
