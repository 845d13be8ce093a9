from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.outcome import NAMES
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.interface import Policy, StepResult
from rl_cluster.environment.tasks import TASKS, make_source
from rl_cluster.errors import CheckpointError
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.network import make_model
from rl_cluster.types import IntArray, Observation

CONFIG = load_config("debug", ["model.width=8", "model.num_heads=2", "model.precision=fp32"])
HEURISTICS = TASKS["allocate"].heuristics
SOURCE = make_source(CONFIG, seed=3, is_training=False)
MODEL = make_model(CONFIG)


class Recorder:
    """An observer that notes what it is told."""

    def __init__(self) -> None:
        self.starts: list[NDArray[np.float32]] = []
        self.policy_names: list[str] = []
        self.num_steps = 0
        self.num_ended = 0
        self.rewards = 0.0

    def on_start(self, policy_name: str, worlds: AllocateWorlds) -> None:
        self.policy_names.append(policy_name)
        self.starts += list(worlds.state.uav_position_m.copy())

    def on_step(
        self, worlds: AllocateWorlds, observation: Observation[NDArray[Any]], actions: IntArray, result: StepResult
    ) -> None:
        assert np.take_along_axis(observation.action_mask, actions[..., None], axis=2)[~worlds.state.ended].all()
        self.num_steps += 1
        self.num_ended += int((result.terminated | result.truncated).sum())
        self.rewards += float(result.reward.sum(dtype=np.float64))

    def on_end(self, outcomes: dict[str, NDArray[np.float64]]) -> None:
        assert {len(values) for values in outcomes.values()} == {self.num_ended}


def _evaluate(
    policy: Policy, num_episodes: int = 20, config: Config = CONFIG, **options: Any
) -> dict[str, NDArray[np.float64]]:
    return evaluate(policy, SOURCE, config, num_episodes, **options)


def _model_policy(mode: Literal["argmax", "sampled"], seed: int = 0) -> ModelPolicy:
    return ModelPolicy(MODEL, mode, seed)


def test_evaluate__observer_sees_what_actions_are_held_against_after_rounds_of_intent() -> None:
    config = load_config("debug", ["world.intent_rounds=3"])
    recorder = Recorder()

    outcomes = _evaluate(_model_policy("sampled"), 10, config, observer=recorder)

    assert recorder.num_steps > 10
    assert recorder.rewards != 0.0
    one_round = _evaluate(_model_policy("sampled"), 10)
    assert any(not np.array_equal(values, one_round[name]) for name, values in outcomes.items())


def test_evaluate__gives_every_metric_of_every_episode() -> None:
    outcomes = _evaluate(HEURISTICS["greedy"](0))

    assert tuple(outcomes) == NAMES
    assert {values.shape for values in outcomes.values()} == {(20,)}
    assert {values.dtype for values in outcomes.values()} == {np.dtype(np.float64)}
    nothing = outcomes["satisfied_rate"] == 0.0
    np.testing.assert_array_equal(np.isnan(outcomes.pop("last_service_s")), nothing)
    assert all(np.isfinite(values).all() for values in outcomes.values())


@pytest.mark.parametrize(
    "policy",
    [*(make(0) for make in HEURISTICS.values()), _model_policy("argmax"), _model_policy("sampled")],
    ids=lambda policy: policy.name,
)
def test_evaluate__does_not_depend_on_the_batch_size(policy: Policy) -> None:
    by_batch_size = [_evaluate(policy, batch_size=batch_size) for batch_size in (1, 7, 64)]

    for outcomes in by_batch_size[1:]:
        for name, values in outcomes.items():
            np.testing.assert_array_equal(values, by_batch_size[0][name], err_msg=name)


@pytest.mark.parametrize("mode", ["argmax", "sampled"])
def test_evaluate__of_controls_depends_on_the_batch_size_by_rounding_alone(
    mode: Literal["argmax", "sampled"], tiny_navigate: Config
) -> None:
    policy = ModelPolicy(make_model(tiny_navigate), mode)
    source = make_source(tiny_navigate, seed=3, is_training=False)

    by_batch_size = [evaluate(policy, source, tiny_navigate, 20, batch_size=batch_size) for batch_size in (1, 7, 64)]

    for outcomes in by_batch_size[1:]:
        for name, values in outcomes.items():
            np.testing.assert_allclose(values, by_batch_size[0][name], rtol=1e-4, atol=1e-4, err_msg=name)


def test_evaluate__of_more_episodes_begins_with_the_same() -> None:
    few, many = (_evaluate(HEURISTICS["random"](0), num_episodes) for num_episodes in (5, 12))

    for name, values in few.items():
        np.testing.assert_array_equal(values, many[name][:5])


def test_evaluate__shows_all_policies_the_same_episodes() -> None:
    recorders = [Recorder(), Recorder()]

    for policy, recorder in zip((HEURISTICS["greedy"](0), _model_policy("sampled")), recorders, strict=True):
        _evaluate(policy, observer=recorder)

    np.testing.assert_array_equal(recorders[0].starts, recorders[1].starts)
    assert len(np.unique(recorders[0].starts, axis=0)) == 20


def test_evaluate__tells_the_observer_and_is_not_changed_by_it() -> None:
    recorder = Recorder()

    observed = _evaluate(HEURISTICS["greedy"](0), 7, observer=recorder)

    alone = _evaluate(HEURISTICS["greedy"](0), 7)
    assert all(np.array_equal(observed[name], alone[name], equal_nan=True) for name in NAMES)
    assert recorder.policy_names == ["greedy"]
    interval_s = CONFIG.world.decision_interval_s
    assert recorder.num_steps == np.ceil(observed["makespan_s"].max() / interval_s)
    assert recorder.num_ended == 7


def test_model_policy__is_named_after_its_mode() -> None:
    assert _model_policy("argmax").name == "policy argmax"
    assert ModelPolicy(MODEL, "sampled", name="checkpoint-000010").name == "checkpoint-000010 sampled"


def test_model_policy__argmax_ignores_the_seed_and_sampled_is_keyed_by_it() -> None:
    name = "makespan_s"
    argmax = [_evaluate(_model_policy("argmax", seed), 10)[name] for seed in (0, 1)]
    sampled = [_evaluate(_model_policy("sampled", seed), 10)[name] for seed in (0, 1, 1)]

    np.testing.assert_array_equal(argmax[0], argmax[1])
    assert (sampled[0] != sampled[1]).any()
    np.testing.assert_array_equal(sampled[1], sampled[2])


def test_evaluate__of_a_network_whose_weights_are_too_large_says_so(tiny_navigate: Config) -> None:
    model = make_model(tiny_navigate)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1e30)

    with pytest.raises(CheckpointError, match="controls that are not finite: its weights are too large"):
        evaluate(ModelPolicy(model, "argmax"), make_source(tiny_navigate, 0, is_training=False), tiny_navigate, 1)
