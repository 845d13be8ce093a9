"""The standard faces: gymnasium's own checks, then what they must hand through unchanged."""

import doctest
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorStatistics

import rl_cluster.environment.faces.gymnasium_face as module
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.face import Setup, make_legal
from rl_cluster.environment.faces.gymnasium_face import SwarmEnv, SwarmVectorEnv
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS
from rl_cluster.environment.shared.interface import Worlds
from rl_cluster.environment.tasks import graph_spec, make_source, make_worlds, task_of
from rl_cluster.errors import CallError
from rl_cluster.types import WAIT

SEED = 5
NUM_WORLDS = 3
GREEDY = {"allocate": "greedy", "navigate": "orca"}
SHORT = ["generator.num_uavs=[2, 4]", "generator.spacing_m=200.0", "world.time_limit_sides=1.0"]
IDS = {"allocate": "rl_cluster/Allocate-v0", "navigate": "rl_cluster/Navigate-v0"}
SETTINGS = {
    "allocate": load_config("quick_demo"),
    "navigate": load_config("navigate_demo", SHORT),
}


@pytest.fixture(params=list(SETTINGS))
def config(request: pytest.FixtureRequest) -> Config:
    return SETTINGS[request.param]


@pytest.fixture
def env(config: Config) -> SwarmEnv:
    return SwarmEnv(Setup(config))


@pytest.fixture
def envs(config: Config) -> SwarmVectorEnv:
    return SwarmVectorEnv(Setup(config), NUM_WORLDS)


def batched(config: Config, num_worlds: int) -> Worlds:
    return make_worlds(config, make_source(config, SEED, is_training=True), num_worlds)


def assert_same(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    """Nested dicts of equal arrays."""
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, dict):
            assert_same(actual[name], value)
        elif isinstance(value, np.ndarray) and value.dtype == object:
            assert [one is None for one in actual[name]] == [one is None for one in value]
            for one, other in zip(actual[name], value, strict=True):
                assert other is None or assert_same(one, other) is None  # type: ignore[func-returns-value]  # it raises where they differ
        else:
            np.testing.assert_allclose(actual[name], value, rtol=1e-6)


def test_env__passes_gymnasiums_checks(env: SwarmEnv) -> None:
    check_env(env, skip_render_check=True)


@pytest.mark.parametrize("task", IDS)
def test_env__is_registered(task: str) -> None:
    env = gymnasium.make(IDS[task], overrides=["generator.num_uavs=[3, 3]", "generator.spacing_m=1500.0"])

    check_env(env.unwrapped, skip_render_check=True)  # it would open a window, too
    observation, _ = env.reset(seed=SEED)

    assert observation in env.observation_space
    assert env.action_space.shape is not None
    assert env.action_space.shape[0] == 3


@pytest.mark.parametrize("task", IDS)
def test_vector_env__is_registered(task: str) -> None:
    envs = gymnasium.make_vec(IDS[task], num_envs=2, vectorization_mode="vector_entry_point")

    observations, _ = envs.reset(seed=SEED)

    assert isinstance(envs, SwarmVectorEnv)
    assert observations in envs.observation_space
    assert envs.num_envs == 2


def test_env__plays_a_scenario() -> None:
    env = gymnasium.make("rl_cluster/Allocate-v0", scenario=str(SHIPPED_SCENARIOS["small"]))

    first, _ = env.reset(seed=SEED)
    second, _ = env.reset()

    assert first in env.observation_space
    np.testing.assert_array_equal(first["position"], second["position"])


def test_env__plays_the_batched_world_with_the_team_reward(env: SwarmEnv, config: Config) -> None:
    worlds = batched(config, 1)
    expected, (observation, _) = worlds.reset(), env.reset(seed=SEED)
    env.action_space.seed(0)
    has_ended = False

    while not has_ended:
        actions = env.action_space.sample()
        legal, _ = make_legal(actions[None], expected, graph_spec(config).num_controls)
        result = worlds.advance(legal)
        expected = worlds.observe()
        observation, reward, terminated, truncated, info = env.step(actions)
        assert_same(observation, {name: array[0] for name, array in expected._asdict().items()})
        np.testing.assert_array_equal(info["uav_reward"], result.reward[0])
        # The mean over the UAVs that exist; the padded ones have none.
        assert reward == pytest.approx(result.reward[0].sum() / worlds.state.uav_exists[0].sum(), rel=1e-6, abs=1e-7)
        assert (terminated, truncated) == (result.terminated[0], result.truncated[0])
        has_ended = terminated or truncated

    assert info["outcomes"].keys() == {metric.name for metric in task_of(config).metrics}
    assert_same(info["outcomes"], {name: values[0] for name, values in worlds.outcomes(worlds.state.ended).items()})


def test_env__reset_without_seed_starts_the_next_episode(env: SwarmEnv) -> None:
    first, _ = env.reset(seed=SEED)
    second, _ = env.reset()
    again, _ = env.reset(seed=SEED)

    assert not np.array_equal(first["position"], second["position"])
    np.testing.assert_array_equal(first["position"], again["position"])


def test_env__what_a_caller_writes_into_an_observation_changes_nothing() -> None:
    """The worlds look choices up in the candidates and masks that they returned last."""
    one, other = (SwarmEnv(Setup(SETTINGS["allocate"])) for _ in range(2))
    observation, info = one.reset(seed=SEED)
    other.reset(seed=SEED)
    action = info["action_mask"].shape[1] - 1 - info["action_mask"][:, ::-1].argmax(axis=1)
    for array in (*observation.values(), info["action_mask"]):
        array[...] = 0

    assert_same(one.step(action)[0], other.step(action)[0])


def test_env__replaces_an_illegal_action_by_waiting() -> None:
    env = SwarmEnv(Setup(SETTINGS["allocate"]))
    _, info = env.reset(seed=SEED)
    illegal = info["action_mask"].argmin(axis=1)  # 0, which is to wait, for a UAV to which everything is legal
    num_illegal = (illegal != WAIT).sum()

    observation, _, _, _, info = env.step(illegal)

    assert num_illegal > 0
    assert info["num_illegal_actions"] == num_illegal
    env.reset(seed=SEED)
    waited, *_ = env.step(np.full_like(illegal, WAIT))
    assert_same(observation, waited)


def test_vector_env__begins_with_the_world_of_an_env_and_differs_beyond(env: SwarmEnv, envs: SwarmVectorEnv) -> None:
    one, _ = env.reset(seed=SEED)

    many, _ = envs.reset(seed=SEED)

    assert_same({name: array[0] for name, array in many.items()}, one)
    assert not np.array_equal(many["position"][0], many["position"][1])


def test_vector_env__steps_the_batched_worlds(envs: SwarmVectorEnv, config: Config) -> None:
    worlds = batched(config, NUM_WORLDS)
    expected, _ = worlds.reset(), envs.reset(seed=SEED)
    envs.action_space.seed(0)
    num_steps, num_episodes = 0, 0

    while num_episodes <= NUM_WORLDS:  # so that one has begun its second
        actions = envs.action_space.sample()
        legal, is_illegal = make_legal(actions, expected, graph_spec(config).num_controls)
        num_uavs = worlds.state.uav_exists.sum(axis=1)
        expected, result, outcomes = worlds.step(legal)
        observations, rewards, terminated, truncated, infos = envs.step(actions)
        ended = terminated | truncated
        num_steps, num_episodes = num_steps + 1, num_episodes + ended.sum()

        assert observations in envs.observation_space
        assert_same(observations, expected._asdict())
        np.testing.assert_allclose(rewards, result.reward.sum(axis=1) / num_uavs, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(infos["uav_reward"], result.reward)
        np.testing.assert_array_equal(infos["num_illegal_actions"], is_illegal.sum(axis=1))
        np.testing.assert_array_equal(terminated, result.terminated)
        np.testing.assert_array_equal(truncated, result.truncated)
        for name, values in outcomes.items():
            if ended.any():
                np.testing.assert_array_equal(infos["final_info"]["outcomes"][name][ended], values)

    assert num_steps > num_episodes


def test_vector_env__tells_what_gymnasiums_own_vector_env_tells(config: Config) -> None:
    ours = SwarmVectorEnv(Setup(config), num_envs=1)
    theirs = SyncVectorEnv([lambda: SwarmEnv(Setup(config))], autoreset_mode=AutoresetMode.SAME_STEP)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert_same(ours.reset(seed=SEED)[0], theirs.reset(seed=SEED)[0])
    ours.action_space.seed(0)
    has_ended = False

    while not has_ended:
        actions = ours.action_space.sample()
        (observations, *numbers, infos), (their_observations, *their_numbers, their_infos) = (
            envs.step(actions) for envs in (ours, theirs)
        )
        assert_same(observations, their_observations)
        np.testing.assert_allclose(numbers, their_numbers, rtol=1e-6)
        assert_same({name: infos[name] for name in their_infos}, their_infos)
        has_ended = bool(numbers[1] | numbers[2])

    assert infos["final_obs"][0].keys() == observations.keys()
    assert infos["final_info"]["_outcomes"].all()


def test_statistics__of_two_episodes_a_world_are_those_that_the_documents_name(config: Config) -> None:
    """Returns by our own outcomes and by gymnasium's wrapper of one world; its wrapper of many misses first steps."""
    ours = RecordVectorStatistics(SwarmVectorEnv(Setup(config), num_envs=1))
    theirs = SyncVectorEnv(
        [lambda: RecordEpisodeStatistics(SwarmEnv(Setup(config)))], autoreset_mode=AutoresetMode.SAME_STEP
    )
    ours.reset(seed=SEED)
    theirs.reset(seed=SEED)
    ours.action_space.seed(0)
    episodes: list[dict[str, float]] = []
    rewards_of_episode: list[float] = []

    while len(episodes) < 2:
        actions = ours.action_space.sample()
        _, rewards, _, _, infos = ours.step(actions)
        *_, their_infos = theirs.step(actions)
        rewards_of_episode.append(rewards[0])
        if "final_info" in infos:
            episodes.append(
                {
                    "summed": sum(rewards_of_episode),
                    "outcome": infos["final_info"]["outcomes"]["per_agent_reward"][0],
                    "of one": their_infos["final_info"]["episode"]["r"][0],
                    "of many": infos["episode"]["r"][0] + (rewards_of_episode[0] if episodes else 0.0),
                }
            )
            rewards_of_episode.clear()

    for returns in episodes:
        assert list(returns.values()) == pytest.approx([returns["summed"]] * len(returns), rel=1e-5)


SEEDS = [-1, 2**63, 2**64, 1.5, "7", True, [1, 2]]
ACTIONS = [
    pytest.param(lambda actions: None, id="none"),
    pytest.param(lambda actions: "left", id="text"),
    pytest.param(lambda actions: {"uav_0": 1}, id="dict"),
    pytest.param(lambda actions: np.full(actions.shape, None), id="objects"),
    pytest.param(lambda actions: actions[..., None], id="too many axes"),
    pytest.param(lambda actions: actions[:-1], id="too few rows"),
    pytest.param(lambda actions: [actions, [actions]], id="ragged"),
    pytest.param(lambda actions: np.full(actions.shape, np.nan), id="nan"),
    pytest.param(lambda actions: np.full(actions.shape, np.inf), id="inf"),
    pytest.param(lambda actions: np.full(actions.shape, 1j), id="complex"),
    pytest.param(lambda actions: torch.zeros(actions.shape, requires_grad=True), id="gradient"),
]


@pytest.mark.parametrize("num_worlds", [0, 1, NUM_WORLDS])
@pytest.mark.parametrize("change", ACTIONS)
def test_faces__refuse_actions_that_are_none(config: Config, num_worlds: int, change: Any) -> None:
    env: Any = SwarmVectorEnv(Setup(config), num_worlds) if num_worlds else SwarmEnv(Setup(config))
    env.reset(seed=SEED)

    with pytest.raises(CallError, match=r"step: .*; give ") as caught:
        env.step(change(env.action_space.sample()))

    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("choice", [0.0, 1.5, True])
def test_faces__refuse_choices_that_are_no_whole_numbers(choice: float) -> None:
    for env in (SwarmEnv(Setup(SETTINGS["allocate"])), SwarmVectorEnv(Setup(SETTINGS["allocate"]), 2)):
        env.reset(seed=SEED)
        with pytest.raises(CallError, match="give whole numbers"):
            env.step(np.full(env.action_space.sample().shape, choice))


@pytest.mark.parametrize("seed", SEEDS)
def test_faces__refuse_a_seed_that_is_none(config: Config, seed: Any) -> None:
    for env in (SwarmEnv(Setup(config)), SwarmVectorEnv(Setup(config), 2)):
        with pytest.raises(CallError, match=r"is no seed; give a whole number from 0 to 2\^63 - 1, or None"):
            env.reset(seed=seed)


@pytest.mark.parametrize("seed", [0, np.int64(3), 2**63 - 1])
def test_faces__take_every_seed_of_their_range(config: Config, seed: Any) -> None:
    first, _ = SwarmEnv(Setup(config)).reset(seed=seed)
    again, _ = SwarmVectorEnv(Setup(config), 1).reset(seed=int(seed))

    np.testing.assert_array_equal(first["position"], again["position"][0])


def test_faces__refuse_a_step_out_of_turn(env: SwarmEnv, envs: SwarmVectorEnv) -> None:
    for one in (env, envs):
        with pytest.raises(CallError, match="no episode has begun; call reset first"):
            one.step(one.action_space.sample())
    env.reset(seed=SEED)
    has_ended = False
    while not has_ended:
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        has_ended = terminated or truncated
    with pytest.raises(CallError, match="the episode has ended; call reset"):
        env.step(env.action_space.sample())


@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec])
def test_make__takes_what_gymnasium_hands_over(make: Any) -> None:
    assert make(IDS["allocate"], render_mode=None).reset(seed=SEED)
    with pytest.raises(
        CallError, match=r"there is no render_mode='ansi' here; (take human or rgb_array|omit it, or draw)"
    ):
        make(IDS["allocate"], render_mode="ansi")
    with pytest.raises(CallError, match=r"overrides='seed=3' is no list of texts; write \['key=value'"):
        make(IDS["allocate"], overrides="seed=3")


@pytest.mark.parametrize("num_envs", [0, -1, 1.5, True, 65_537])
def test_make_vec__refuses_what_is_no_number_of_worlds(num_envs: Any) -> None:
    with pytest.raises(CallError, match="is no number of worlds; give a whole number from 1 to 65536"):
        gymnasium.make_vec(IDS["allocate"], num_envs=num_envs)


def test_module__shows_examples_that_run() -> None:
    result = doctest.testmod(module)

    assert result.attempted > 0
    assert result.failed == 0


def test_action_of__is_what_the_policy_chooses_now(config: Config, env: SwarmEnv) -> None:
    policy = task_of(config).heuristics[GREEDY[config.task]](SEED)
    worlds = make_worlds(config, make_source(config, SEED, is_training=True), 1)
    observation = worlds.reset()
    env.reset(seed=SEED)

    is_over = False
    while not is_over:
        action = env.action_of(policy)
        np.testing.assert_array_equal(action, policy.act(worlds, observation)[0])
        *_, terminated, truncated, info = env.step(action)
        is_over = terminated or truncated
        observation, _, _ = worlds.step(action[None])
        assert info.get("num_illegal_actions") == 0
    with pytest.raises(CallError, match="call reset"):
        env.action_of(policy)
