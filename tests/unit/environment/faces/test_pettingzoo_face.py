"""The face of many agents: PettingZoo's own checks, then what it must hand through unchanged."""

import doctest
import importlib
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.face import Setup
from rl_cluster.environment.faces.gymnasium_face import SwarmEnv
from rl_cluster.errors import CallError

pettingzoo = pytest.importorskip("pettingzoo", reason="the extra is not installed")

import rl_cluster.environment.faces.pettingzoo_face as module  # noqa: E402 - it needs the extra
from rl_cluster.environment.faces.pettingzoo_face import SwarmParallelEnv  # noqa: E402 - and so does this

SEED = 5
FIXED = ["generator.num_uavs=[4, 4]"]
"""PettingZoo's check of the interface warns where an episode has fewer agents than the environment."""
SETTINGS = {"allocate": load_config("quick_demo", FIXED), "navigate": load_config("navigate_demo", FIXED)}


@pytest.fixture(params=list(SETTINGS))
def config(request: pytest.FixtureRequest) -> Config:
    return SETTINGS[request.param]


@pytest.fixture
def env(config: Config) -> SwarmParallelEnv:
    return SwarmParallelEnv(Setup(config))


def sampled(env: SwarmParallelEnv) -> dict[str, Any]:
    return {agent: env.action_space(agent).sample() for agent in env.agents}


def vector(seen: Any) -> Any:
    return seen["observation"] if isinstance(seen, dict) else seen


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    """PettingZoo's; to import them warns, since they import an old example."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("pettingzoo.test")


def test_env__passes_pettingzoos_checks(env: SwarmParallelEnv, checks: ModuleType) -> None:
    checks.parallel_api_test(env, num_cycles=300)


def test_env__passes_pettingzoos_seed_check(config: Config, checks: ModuleType) -> None:
    checks.parallel_seed_test(lambda: SwarmParallelEnv(Setup(config)), num_cycles=100)


def test_env__plays_the_world_of_the_env_for_one_agent(env: SwarmParallelEnv, config: Config) -> None:
    swarm = SwarmEnv(Setup(config))
    swarm.reset(seed=SEED)
    observations, _ = env.reset(seed=SEED)
    for i, agent in enumerate(env.agents):
        env.action_space(agent).seed(i)

    while env.agents:
        assert all(observations[agent] in env.observation_space(agent) for agent in env.agents)
        actions = sampled(env)
        observations, rewards, terminations, truncations, infos = env.step(actions)
        seen, reward, terminated, truncated, info = swarm.step(np.stack([actions[agent] for agent in actions]))
        own = np.stack([vector(observations[agent])[: seen["uav"].shape[1]] for agent in actions])
        np.testing.assert_array_equal(own, seen["uav"])
        np.testing.assert_array_equal(list(rewards.values()), info["uav_reward"])
        assert np.mean(list(rewards.values())) == pytest.approx(reward, abs=1e-6)
        assert set(terminations.values()) == {terminated}
        assert set(truncations.values()) == {truncated}
        assert sum(one["is_illegal"] for one in infos.values()) == info["num_illegal_actions"]

    assert terminated or truncated
    for one in infos.values():
        np.testing.assert_equal(one["outcomes"], info["outcomes"])


def test_env__names_the_uavs_of_the_episode() -> None:
    env = pettingzoo.make("parallel", "rl_cluster/Allocate-v0")
    env.reset(seed=SEED)
    teams = []
    for _ in range(8):
        observations, infos = env.reset()
        assert list(observations) == list(infos) == env.agents
        teams.append(env.agents)

    assert env.possible_agents == [f"uav_{i}" for i in range(8)]
    assert len({len(team) for team in teams}) > 1
    assert all(team == env.possible_agents[: len(team)] for team in teams)


def test_env__step_after_the_end_gives_nothing(env: SwarmParallelEnv) -> None:
    env.reset(seed=SEED)
    while env.agents:
        env.step(sampled(env))

    assert env.step({}) == ({}, {}, {}, {}, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda actions: None, "step: got None; give {agent: action", id="none"),
        pytest.param(lambda actions: {}, "there is no action of uav_", id="empty"),
        pytest.param(lambda actions: {**actions, "uav_99": 0}, "there is no agent 'uav_99' now", id="strange"),
        pytest.param(lambda actions: {**actions, "uav_0": None}, "step: uav_0: got None of type object; give", id="of"),
        pytest.param(lambda actions: {**actions, "uav_0": "1"}, "step: uav_0: got '1' of type <U1; give", id="text"),
        pytest.param(lambda actions: {**actions, "uav_0": [[1]]}, r"step: uav_0: the actions have shape", id="shape"),
        pytest.param(
            lambda actions: {**actions, "uav_0": [1, [2]]}, r"step: uav_0: got \[1, \[2\]\]; giv", id="ragged"
        ),
    ],
)
def test_env__refuses_actions_that_are_none(env: SwarmParallelEnv, change: Any, message: str) -> None:
    env.reset(seed=SEED)
    before = env.state()

    with pytest.raises(CallError, match=message):
        env.step(change(sampled(env)))

    np.testing.assert_array_equal(env.state(), before)


@pytest.mark.parametrize("choice", [1.5, 1.0, True, float("nan")])
def test_env__refuses_choices_that_are_no_whole_numbers(choice: object) -> None:
    env = SwarmParallelEnv(Setup(SETTINGS["allocate"]))
    env.reset(seed=SEED)
    actions: dict[str, Any] = {**sampled(env), "uav_1": choice}

    with pytest.raises(CallError, match=r"step: uav_1: got .*; give whole numbers"):
        env.step(actions)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "7", True])
def test_env__refuses_a_seed_that_is_none(env: SwarmParallelEnv, seed: Any) -> None:
    with pytest.raises(CallError, match=r"reset: seed=.* is no seed; give a whole number from 0 to 2\^63 - 1"):
        env.reset(seed=seed)


def test_env__refuses_a_step_out_of_turn(env: SwarmParallelEnv) -> None:
    with pytest.raises(CallError, match="no episode has begun; call reset first"):
        env.step({})
    env.reset(seed=SEED)
    actions = sampled(env)
    while env.agents:
        env.step(sampled(env))
    with pytest.raises(CallError, match="the episode has ended; call reset"):
        env.step(actions)


def test_env__knows_its_agents_and_render_modes(env: SwarmParallelEnv) -> None:
    for space in (env.observation_space, env.action_space):
        with pytest.raises(CallError, match=r"there is no agent 'nobody'; choose one of uav_0 \.\. uav_"):
            space("nobody")
    assert pettingzoo.make("parallel", "rl_cluster/Allocate-v0", render_mode=None).possible_agents
    with pytest.raises(CallError, match="there is no render_mode='ansi' here; take human or rgb_array, or omit it"):
        pettingzoo.make("parallel", "rl_cluster/Allocate-v0", render_mode="ansi")


def test_env__draws_its_world() -> None:
    env = SwarmParallelEnv(Setup(SETTINGS["allocate"], render_mode="rgb_array"))
    env.reset(seed=SEED)

    picture = env.render()

    assert picture is not None
    assert picture.shape == (600, 600, 3)


def test_env__announces_and_moves_nothing() -> None:
    env = SwarmParallelEnv(Setup(SETTINGS["allocate"]))
    _, infos = env.reset(seed=SEED)
    before = env._face.worlds.state.uav_position_m.copy()
    actions: dict[str, Any] = {agent: int(info["action_mask"].nonzero()[0][-1]) for agent, info in infos.items()}

    observations, infos = env.announce(actions)

    np.testing.assert_array_equal(env._face.worlds.state.uav_position_m, before)
    for agent, seen in observations.items():
        assert isinstance(seen, dict)
        assert infos[agent]["action_mask"].dtype == np.bool_
        np.testing.assert_array_equal(infos[agent]["action_mask"], seen["action_mask"].astype(bool))


def test_env__action_mask_is_the_worlds() -> None:
    env, swarm = SwarmParallelEnv(Setup(SETTINGS["allocate"])), SwarmEnv(Setup(SETTINGS["allocate"]))
    observations, _ = env.reset(seed=SEED)
    _, info = swarm.reset(seed=SEED)

    masks = np.stack([seen["action_mask"] for seen in observations.values() if isinstance(seen, dict)])

    np.testing.assert_array_equal(masks, info["action_mask"])


def test_env__state_is_the_whole_observation(env: SwarmParallelEnv, config: Config) -> None:
    swarm = SwarmEnv(Setup(config))
    observation, _ = swarm.reset(seed=SEED)
    env.reset(seed=SEED)

    state = env.state()

    assert state in env.state_space
    np.testing.assert_array_equal(state, np.concatenate([array.ravel() for array in observation.values()]))


def test_split__takes_vectors_apart(env: SwarmParallelEnv) -> None:
    observations, _ = env.reset(seed=SEED)
    vectors = np.stack([vector(seen) for seen in observations.values()])

    blocks = env.split(vectors)

    assert {name: block.shape for name, block in blocks.items()} == {
        name: (len(vectors), *shape) for name, shape in env.blocks.items()
    }
    flat = [block.reshape(len(vectors), -1) for block in blocks.values()]
    np.testing.assert_array_equal(np.concatenate(flat, axis=1), vectors)


def test_module__shows_examples_that_run() -> None:
    result = doctest.testmod(module)

    assert result.attempted > 0
    assert result.failed == 0
