"""A random target, kept, and each about equally often."""

import numpy as np

from rl_cluster.environment.allocate.heuristics import HEURISTICS
from tests.unit.environment.allocate.heuristics.cases import chosen, given


def test_random__keeps_its_target() -> None:
    worlds = given([(500, 500, [50.0])], [(4000, 500 + 300 * j, [80.0]) for j in range(8)])
    policy, observation = HEURISTICS["random"](0), worlds.reset()
    targets = []

    for _ in range(6):
        actions = policy.act(worlds, observation)
        targets.append(int(chosen(observation, actions)[0, 0]))
        worlds.advance(actions)
        observation = worlds.observe()

    assert len(set(targets)) == 1


def test_random__draws_every_target_about_equally_often() -> None:
    worlds = given([(500, 500, [50.0])] * 50, [(4000, 500 + 300 * j, [80.0]) for j in range(4)])

    counts = sum(
        np.bincount(chosen(worlds.reset(), HEURISTICS["random"](seed).act(worlds, worlds.reset()))[0], minlength=4)
        for seed in range(20)
    )

    # 1000 draws: 250 each, standard deviation sqrt(1000 / 4 * 3 / 4) = 13.7; four of them is 55.
    np.testing.assert_allclose(counts, 250, atol=55)
