"""Plans that are played out: their worth is that of the episode they lead to."""

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.environment.tasks import make_source, make_worlds, task_of
from rl_cluster.sampling.episodes import ModelPolicy
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.search.objective import Objective
from rl_cluster.sampling.search.playing import FollowedPolicy, Recorded, Sampled, play

CONFIG = load_config("quick_demo", ["model.width=8", "model.num_heads=2", "model.precision=fp32"])
TASK = task_of(CONFIG)
OBJECTIVE = Objective(TASK.planning.objective)
NUM_WORLDS = 6


@pytest.fixture
def worlds():  # type: ignore[no-untyped-def]  # of the task
    worlds = make_worlds(CONFIG, make_source(CONFIG, 4, is_training=False), NUM_WORLDS)
    worlds.reset()
    return worlds


def test_play__values_what_the_policy_reaches(worlds) -> None:  # type: ignore[no-untyped-def]  # as above
    policy = TASK.heuristics["complete-first"](0)
    played = play(worlds.fork(np.arange(NUM_WORLDS)), FollowedPolicy(policy), TASK.planning, OBJECTIVE)

    while not worlds.state.ended.all():
        worlds.advance(policy.act(worlds, worlds.observation))
        worlds.observe()
    terms = TASK.planning.terms(worlds, worlds.state.ended)
    np.testing.assert_array_equal(played.value, OBJECTIVE.value(terms))
    np.testing.assert_array_equal(played.record.served[-1], TASK.planning.served(worlds))


def test_recorded__plays_the_same_episode_again(worlds) -> None:  # type: ignore[no-untyped-def]  # as above
    rows = np.arange(NUM_WORLDS)
    first = play(worlds.fork(rows), FollowedPolicy(TASK.heuristics["random"](0)), TASK.planning, OBJECTIVE)
    again = play(worlds.fork(rows), Recorded(TASK.planning, first.record.choices), TASK.planning, OBJECTIVE)

    np.testing.assert_array_equal(again.value, first.value)
    np.testing.assert_array_equal(again.record.choices, first.record.choices)


def test_sampled__differs_between_plans_but_not_between_batches(worlds) -> None:  # type: ignore[no-untyped-def]  # as above
    model = ModelPolicy(make_model(CONFIG).eval(), "argmax")

    def values(seeds: list[int]) -> list[float]:
        fork = worlds.fork(np.zeros(len(seeds), dtype=np.int64))
        played = play(fork, Sampled(model, np.array(seeds), 1), TASK.planning, OBJECTIVE)
        return played.value.tolist()

    together = values([3, 4, 5, -1])

    assert len(set(together)) > 1
    assert values([4]) == together[1:2]
    assert values([-1, -1]) == together[3:] * 2
