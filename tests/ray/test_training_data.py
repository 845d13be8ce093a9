"""Worlds are shared out among Learners in their order, every one once."""

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.rllib.env_runner import RunnerFragment
from rl_cluster.rllib.training_data import FragmentData
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout


@pytest.fixture(scope="module")
def sampled(tiny: Config) -> list[RunnerFragment]:
    """Two runners of two worlds."""
    model = make_model(tiny)
    return [RunnerFragment(runner, make_rollout(tiny, runner, model).sample(3)) for runner in (0, 1)]


@pytest.mark.parametrize(("num_learners", "worlds_of_each"), [(1, [4]), (2, [2, 2]), (3, [1, 1, 2]), (4, [1, 1, 1, 1])])
def test_shard__gives_every_world_to_one_learner(
    sampled: list[RunnerFragment], num_learners: int, worlds_of_each: list[int]
) -> None:
    shards = FragmentData(episodes=sampled).shard(num_learners, len_lookback_buffer=1)

    assert [settings for _, settings in shards] == [{}] * num_learners
    parts = [data.episodes for data, _ in shards]
    assert [sum(part.fragment.num_worlds for part in own) for own in parts] == worlds_of_each
    joined = [part for own in parts for part in own]
    assert [part.runner for part in joined] == sorted(part.runner for part in joined)
    for name in ("action", "logp", "reward", "next_value"):
        whole = np.concatenate([getattr(each.fragment, name) for each in sampled], axis=1)
        np.testing.assert_array_equal(np.concatenate([getattr(part.fragment, name) for part in joined], axis=1), whole)
