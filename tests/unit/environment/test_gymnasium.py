"""The standard face: gymnasium's own checks, then what it must hand through unchanged."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.outcome import METRICS
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.gymnasium import AllocateEnv, make_allocate_env
from rl_cluster.types import WAIT

CONFIG = load_config("quick_demo")
SEED = 5


@pytest.fixture
def env() -> AllocateEnv:
    return make_allocate_env("quick_demo")


def batched() -> AllocateWorlds:
    source = AllocateGenerator(CONFIG.generator, CONFIG.world, SEED, is_training=True)
    return AllocateWorlds(source, CONFIG.world, CONFIG.reward, num_worlds=1)


def test_env__passes_gymnasiums_checks(env: AllocateEnv) -> None:
    check_env(env, skip_render_check=True)


def test_env__is_registered() -> None:
    env = gymnasium.make("rl_cluster/Allocate-v0")

    observation, info = env.reset(seed=SEED)

    assert observation in env.observation_space
    assert info["action_mask"].shape == (env.action_space.shape[0], env.action_space.nvec[0])  # type: ignore[index,attr-defined]


def test_env__plays_the_batched_world_with_the_team_reward(env: AllocateEnv) -> None:
    worlds, policy = batched(), HEURISTICS["greedy"](0)
    expected, (observation, _) = worlds.reset(), env.reset(seed=SEED)
    has_ended = False

    while not has_ended:
        actions = policy.act(worlds, expected)
        result = worlds.advance(actions)
        expected = worlds.observe()
        observation, reward, terminated, truncated, info = env.step(actions[0])
        for name, array in expected._asdict().items():
            np.testing.assert_array_equal(observation[name], array[0])
        # The mean over the UAVs that exist; the padded ones have none.
        num_uavs = worlds.state.uav_exists[0].sum()
        assert reward == pytest.approx(result.reward[0].sum() / num_uavs, rel=1e-6)
        assert (terminated, truncated) == (result.terminated[0], result.truncated[0])
        has_ended = terminated or truncated

    assert info["outcomes"].keys() == set(METRICS)
    assert info["outcomes"] == {name: values[0] for name, values in worlds.outcomes(worlds.state.ended).items()}


def test_env__reset_without_seed_starts_the_next_episode(env: AllocateEnv) -> None:
    first, _ = env.reset(seed=SEED)
    second, _ = env.reset()
    again, _ = env.reset(seed=SEED)

    assert not np.array_equal(first["position"], second["position"])
    np.testing.assert_array_equal(first["position"], again["position"])


def test_env__replaces_an_illegal_action_by_waiting(env: AllocateEnv) -> None:
    _, info = env.reset(seed=SEED)
    illegal = info["action_mask"].argmin(axis=1)  # 0, which is to wait, for a UAV to which everything is legal
    num_illegal = (illegal != WAIT).sum()

    observation, _, _, _, info = env.step(illegal)

    assert num_illegal > 0
    assert info["num_illegal_actions"] == num_illegal
    env.reset(seed=SEED)
    waited, *_ = env.step(np.full_like(illegal, WAIT))
    for name, array in waited.items():
        np.testing.assert_array_equal(observation[name], array)
