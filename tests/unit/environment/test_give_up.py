"""Giving up ends the episodes that are named, pays nobody, and leaves all other worlds as they are."""

from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.environment.tasks import make_source, make_worlds, task_of


@pytest.mark.parametrize("preset", ["quick_demo", "navigate_demo"])
def test_give_up__ends_the_named_episodes_alone(preset: str) -> None:
    config = load_config(preset)
    worlds = make_worlds(config, make_source(config, 1, is_training=False), num_worlds=3)
    policy = task_of(config).heuristics["random"](0)
    worlds.advance(policy.act(worlds, worlds.reset()))
    before: dict[str, Any] = worlds.state_dict()

    worlds.give_up(np.array([False, True, False]))

    after = worlds.state_dict()
    assert [name for name in before if not np.array_equal(before[name], after[name], equal_nan=True)] == ["ended"]
    assert worlds.state.ended.tolist() == [False, True, False]
    result = worlds.advance(policy.act(worlds, worlds.observe()))
    assert not result.reward[1].any()
    assert not (result.terminated | result.truncated)[1]
    worlds.reset_ended()
    assert worlds.state.episode.tolist() == [0, 1, 0]
    assert worlds.state.decision.tolist() == [2, 0, 2]
