"""Nearest first, and to stick to it."""

from rl_cluster.environment.allocate.heuristics import HEURISTICS
from tests.unit.environment.allocate.heuristics.cases import chosen, given, plan


def test_greedy__meets_at_the_nearest_target() -> None:
    worlds = given([(500, 500, [50.0]), (700, 500, [50.0])], [(1000, 500, [50.0]), (500, 1500, [50.0])])

    assert plan("greedy", worlds) == [0, 0]


def test_greedy__keeps_its_target_when_another_comes_nearer() -> None:
    worlds = given([(500, 500, [50.0])], [(1000, 500, [50.0]), (500, 1500, [50.0])])
    worlds.reset()
    worlds.state.uav_choice[0, 0] = 1
    observation = worlds.observe()

    actions = HEURISTICS["greedy"](0).act(worlds, observation)

    assert chosen(observation, actions).tolist() == [[1]]
