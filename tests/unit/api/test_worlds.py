"""Worlds from Python are those that runs and evaluations play."""

import numpy as np

from rl_cluster.api.heuristics import make_heuristic
from rl_cluster.api.worlds import make_worlds
from rl_cluster.config.schema import Config
from rl_cluster.environment import tasks
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario


def test_make_worlds__plays_the_episodes_of_the_seed(tiny_of_task: Config) -> None:
    ours = make_worlds(tiny_of_task, 3, seed=4)
    source = tasks.make_source(tiny_of_task, 4, is_training=False)

    theirs = tasks.make_worlds(tiny_of_task, source, 3)

    for array, other in zip(ours.reset(), theirs.reset(), strict=True):
        assert np.array_equal(array, other)


def test_make_worlds__has_episodes_for_training_too(tiny: Config) -> None:
    held_out, training = (make_worlds(tiny, is_training=is_training) for is_training in (False, True))
    held_out.reset(), training.reset()

    assert not np.array_equal(held_out.state.uav_position_m, training.state.uav_position_m)


def test_make_worlds__of_a_scenario_can_be_stepped_by_a_heuristic(tiny: Config) -> None:
    worlds = make_worlds(tiny, 2, scenario=load_scenario(SHIPPED_SCENARIOS["small"]))
    greedy, observation = make_heuristic("greedy"), worlds.reset()
    ended: list[dict[str, np.ndarray]] = []

    while not ended:
        observation, result, outcomes = worlds.step(greedy.act(worlds, observation))
        ended += [outcomes] if (result.terminated | result.truncated).any() else []

    assert ended[0]["satisfied_rate"].shape == (2,)
