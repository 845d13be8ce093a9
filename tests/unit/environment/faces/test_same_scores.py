"""The faces play as `evaluate` does: the same policy scores the same on the same 60 episodes.

With rounds of intent and choices in turn, too: through the calls that know our policies, and through those by which
other libraries do the same.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.faces.face import Setup
from rl_cluster.environment.faces.gymnasium_face import SwarmEnv, SwarmVectorEnv
from rl_cluster.environment.tasks import make_source
from rl_cluster.errors import CallError
from rl_cluster.model.distributions import MaskedCategorical
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.network import make_model
from rl_cluster.types import Observation

NUM_EPISODES, SEED = 60, 1000
RULES = {"at once": (1, False), "in turn": (1, True), "rounds": (3, False), "rounds in turn": (2, True)}


@pytest.fixture(params=list(RULES))
def config(request: pytest.FixtureRequest) -> Config:
    rounds, in_turn = RULES[request.param]
    rules = [f"world.intent_rounds={rounds}", f"world.choose_in_turn={str(in_turn).lower()}", "model.width=16"]
    return load_config("quick_demo", [*rules, "generator.num_uavs=[2, 5]", "model.num_heads=2", "model.precision=fp32"])


@pytest.fixture
def model(config: Config) -> TransformerGNN:
    """A network whose choices differ from UAV to UAV, and from round to round."""
    torch.manual_seed(0)
    model = make_model(config).eval()
    with torch.no_grad():
        model.pointer_head.score.weight.normal_(std=0.5)
    return model


def _scores(policy: Any, config: Config) -> dict[str, NDArray[np.float64]]:
    return evaluate(policy, make_source(config, SEED, is_training=False), config, NUM_EPISODES)


def _first_outcomes(envs: SwarmVectorEnv, act: Callable[[], Any]) -> dict[str, NDArray[np.float64]]:
    """Metric -> (60,) of the first episode of each world."""
    found: dict[int, dict[str, float]] = {}
    envs.reset(seed=SEED)
    while len(found) < NUM_EPISODES:
        *_, infos = envs.step(act())
        for world in np.flatnonzero(infos.get("_final_info", ())):
            outcomes = {
                name: float(values[world]) for name, values in infos["final_info"]["outcomes"].items() if name[0] != "_"
            }
            found.setdefault(int(world), outcomes)
    return {name: np.array([found[world][name] for world in range(NUM_EPISODES)]) for name in found[0]}


def _assert_equal(scores: dict[str, NDArray[np.float64]], expected: dict[str, NDArray[np.float64]]) -> None:
    assert scores.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(scores[name], values, err_msg=name)


@pytest.mark.parametrize("mode", ["argmax", "sampled"])
def test_network__scores_the_same_through_the_face(config: Config, model: TransformerGNN, mode: Any) -> None:
    policy = ModelPolicy(model, mode, seed=SEED)
    envs = SwarmVectorEnv(Setup(config, is_training=False), NUM_EPISODES)

    scores = _first_outcomes(envs, lambda: envs.actions_of(policy))

    _assert_equal(scores, _scores(policy, config))


def test_heuristic__scores_the_same_through_the_face() -> None:
    config = load_config("quick_demo")
    policy: Any = HEURISTICS["complete-first"](0)
    envs = SwarmVectorEnv(Setup(config, is_training=False), NUM_EPISODES)

    scores = _first_outcomes(envs, lambda: envs.actions_of(policy))

    _assert_equal(scores, _scores(policy, config))


def _logp(model: TransformerGNN, seen: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """What another library's network would give: log-probabilities from an observation of the face."""
    masks = {"mask", "action_mask", "decides"}
    batch = {
        name: torch.from_numpy(np.ascontiguousarray(array)[None]).to(torch.bool if name in masks else None)
        for name, array in seen.items()
    }
    with torch.inference_mode():
        policy, _ = model(Observation(**batch))
    assert isinstance(policy, MaskedCategorical)
    return policy.logp_all[0].numpy()


def test_own_loop__with_announcements_and_turns_plays_as_the_policy_does(config: Config, model: TransformerGNN) -> None:
    expected = _scores(ModelPolicy(model, "argmax"), config)
    env = SwarmEnv(Setup(config, is_training=False))

    for episode in (0, 7, NUM_EPISODES - 1):
        seen, info = env.reset(seed=SEED, options={"world": episode})
        is_over = False
        while not is_over:
            for _ in range(env.intent_rounds - 1):
                seen, info = env.announce(env.choose(_logp(model, seen)))
            seen, _, terminated, truncated, info = env.step(env.choose(_logp(model, seen)))
            is_over = terminated or truncated
        np.testing.assert_equal(info["outcomes"], {name: values[episode] for name, values in expected.items()})


def test_policy__asked_twice_or_after_an_announcement_answers_the_same(config: Config, model: TransformerGNN) -> None:
    policy, env = ModelPolicy(model, "argmax"), SwarmEnv(Setup(config, is_training=False))
    _, info = env.reset(seed=SEED)
    first = env.action_of(policy)

    np.testing.assert_array_equal(env.action_of(policy), first)
    env.announce(info["action_mask"].argmax(axis=1))
    np.testing.assert_array_equal(env.action_of(policy), first)


def test_next_episode__knows_nothing_of_an_announcement_in_the_last(config: Config) -> None:
    plain, announcing = (SwarmEnv(Setup(config)) for _ in range(2))
    _, info = announcing.reset(seed=SEED)
    plain.reset(seed=SEED)
    announcing.announce(np.array([mask.nonzero()[0][-1] for mask in info["action_mask"]]))

    for env in (plain, announcing):
        env.reset()
    seen, other = (env.step(np.zeros(len(info["action_mask"]), int))[0] for env in (plain, announcing))

    for name, values in seen.items():
        np.testing.assert_array_equal(other[name], values, err_msg=name)


def test_world_of_the_options__needs_a_seed() -> None:
    env = SwarmEnv(Setup(load_config("quick_demo")))

    with pytest.raises(CallError, match="the world of the options needs a seed; give the seed, too"):
        env.reset(options={"world": 3})
