"""Teams that can begin under coalition sync, by hand."""

import numpy as np
import pytest

from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.heuristics.planning import legal_distances
from rl_cluster.environment.allocate.heuristics.whole_teams import gather_if_stuck
from rl_cluster.types import WAIT
from tests.unit.environment.allocate.heuristics.cases import HOVERS, SYNC, chosen, given, plan, played

# Two targets that each need both UAVs, one near each of them.
APART = [(500.0, 500.0, [50.0]), (2000.0, 500.0, [50.0])], [(700.0, 500.0, [80.0]), (1850.0, 500.0, [90.0])]


@pytest.mark.parametrize("name", ["hungarian", "commitment-aware", "cbba"])
def test_whole_teams__go_together_where_each_alone_would_wait(name: str) -> None:
    assert plan(name, given(*APART)) == [0, 1]
    # The teams of one UAV cover 50 of 80 and 50 of 90: the second target is barred.
    assert plan(name, given(*APART, (SYNC,))) == [0, 0]


@pytest.mark.parametrize("name", ["hungarian", "commitment-aware", "cbba"])
def test_whole_teams__leave_those_that_can_begin_alone(name: str) -> None:
    uavs, alone = APART[0], [(700.0, 500.0, [80.0]), (1850.0, 500.0, [40.0])]

    # UAV 1 covers target 1; UAV 0 alone does not cover target 0, so it waits for a later plan.
    assert plan(name, given(uavs, alone, (SYNC,))) == [HOVERS, 1]


@pytest.mark.parametrize("name", ["hungarian", "commitment-aware", "cbba"])
def test_whole_teams__that_have_set_out_go_on(name: str) -> None:
    worlds = given(*APART, (SYNC,))
    worlds.reset()
    worlds.state.uav_choice[0] = 1
    observation = worlds.observe()

    # Both are on their way to target 1, which they cover; planned anew they would fly to target 0.
    assert chosen(observation, HEURISTICS[name](0).act(worlds, observation)).tolist() == [[1, 1]]


@pytest.mark.parametrize("name", ["random", "greedy"])
def test_gather__ends_a_stand_off(name: str) -> None:
    worlds = played(name, given(APART[0], [(700.0, 500.0, [50.0]), (1850.0, 500.0, [50.0])], (SYNC,)))
    assert worlds.outcomes(worlds.state.ended)["satisfied_rate"] == 1.0

    worlds, policy = given(*APART, (SYNC,)), HEURISTICS["greedy"](0)
    observation = worlds.reset()
    while worlds.state.uav_present.sum() < 2:
        assert chosen(observation, policy.act(worlds, observation)).tolist() == [[0, 1]]
        worlds.advance(policy.act(worlds, observation))
        observation = worlds.observe()

    # UAV 1 is 1150 m from the target at which UAV 0 waits, as UAV 0 is from the other; the first one wins the tie.
    assert len(set(chosen(observation, policy.act(worlds, observation))[0].tolist())) == 1


def test_gather__leaves_worlds_in_which_somebody_flies() -> None:
    worlds = given(*APART, (SYNC,))
    observation = worlds.reset()
    targets = np.array([[0, 1]], dtype=np.int16)

    gather_if_stuck(
        worlds.state, legal_distances(worlds.state, observation), observation.action_mask[..., WAIT], targets
    )

    assert targets.tolist() == [[0, 1]]


def test_gather__leaves_worlds_of_coalition_sum() -> None:
    worlds = given(*APART, ("generator.service_time_s=[0, 0]",))
    observation = worlds.reset()
    worlds.state.uav_choice[0], worlds.state.uav_present[0] = [0, 1], True
    targets = np.array([[0, 1]], dtype=np.int16)

    gather_if_stuck(
        worlds.state, legal_distances(worlds.state, observation), observation.action_mask[..., WAIT], targets
    )

    assert targets.tolist() == [[0, 1]]
