"""The old API stack plays and learns with the same network, and its checkpoints are everybody's."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from ray.rllib.algorithms.ppo import PPO
from ray.rllib.core.columns import Columns
from ray.rllib.policy.sample_batch import SampleBatch

from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.face import Setup, to_dict
from rl_cluster.environment.faces.gymnasium_face import SwarmEnv
from rl_cluster.environment.faces.spaces import spaces_of
from rl_cluster.environment.shared.interface import Worlds
from rl_cluster.environment.tasks import make_source
from rl_cluster.errors import CheckpointError, ClusterError
from rl_cluster.metrics.names import is_timed
from rl_cluster.model.distributions import MaskedCategorical, SquashedGaussian
from rl_cluster.rllib.algorithm_config import make_algorithm_config
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.old.action_distribution import SwarmActionDistribution
from rl_cluster.rllib.old.engine import OldStackEngine, make_ppo_config
from rl_cluster.rllib.old.model_v2 import SwarmModelV2
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.network import make_model
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start, resumed_start
from rl_cluster.types import Observation


def old(config: Config, num_env_runners: int = 0) -> Config:
    """The same run on the old stack."""
    sampling = config.sampling.model_copy(update={"num_env_runners": num_env_runners, "fragment_steps": 20})
    return config.model_copy(update={"engine": "ray", "api_stack": "old", "sampling": sampling})


@pytest.fixture
def columns(tiny_of_task: Config) -> dict[str, torch.Tensor]:
    """What RLlib would batch of one observation."""
    observation, _ = SwarmEnv(Setup(tiny_of_task, is_training=False)).reset(seed=1)
    return {name: torch.from_numpy(array)[None] for name, array in observation.items()}


@pytest.fixture
def model(tiny_of_task: Config) -> SwarmModelV2:
    spaces = spaces_of(tiny_of_task)
    num_outputs = SwarmActionDistribution.required_model_output_shape(spaces[1], {})
    return SwarmModelV2(*spaces, num_outputs, {"_disable_preprocessor_api": True}, "model", run=tiny_of_task)


def test_shells__have_the_same_weights_logits_and_values(
    model: SwarmModelV2, tiny_of_task: Config, columns: dict[str, torch.Tensor]
) -> None:
    module = make_algorithm_config(tiny_of_task).get_rl_module_spec().build()
    trained = {name: weight + 0.1 * torch.randn(weight.shape) for name, weight in module.state_dict().items()}
    module.load_state_dict(trained)

    model.load_state_dict(module.state_dict())

    with torch.inference_mode():
        logits, state = model({"obs": columns}, [], None)
        expected = module.forward_inference({Columns.OBS: columns})[Columns.ACTION_DIST_INPUTS]
        torch.testing.assert_close(logits[:, : expected.shape[1]], expected, rtol=0, atol=1e-5)
        torch.testing.assert_close(
            model.value_function(), module.compute_values({Columns.OBS: columns}), rtol=0, atol=1e-5
        )
    assert state == []
    assert logits.shape[1] == model.num_outputs


def test_model_v2__dummy_batch_of_zeros_gives_finite_numbers(
    model: SwarmModelV2, columns: dict[str, torch.Tensor]
) -> None:
    logits, _ = model({"obs": {name: torch.zeros_like(array) for name, array in columns.items()}}, [], None)

    distribution = SwarmActionDistribution(logits, model)
    assert torch.isfinite(distribution.logp(distribution.sample())).all()
    assert torch.isfinite(model.value_function()).all()


def test_action_distribution__sums_the_cores_numbers_over_the_uavs(
    model: SwarmModelV2, tiny_of_task: Config, columns: dict[str, torch.Tensor]
) -> None:
    torch.manual_seed(0)
    masks = {"mask", "action_mask", "decides"}
    observation = Observation(**{name: x.bool() if name in masks else x for name, x in columns.items()})
    core: MaskedCategorical | SquashedGaussian = make_model(tiny_of_task)(observation).policy
    logits, _ = model({"obs": columns}, [], None)

    distribution = SwarmActionDistribution(logits, model)

    sampled = distribution.sample()
    stored = sampled.atanh() if isinstance(core, SquashedGaussian) else sampled
    torch.testing.assert_close(distribution.sampled_action_logp(), core.log_prob(stored).sum(dim=1), rtol=0, atol=1e-4)
    torch.testing.assert_close(distribution.entropy(), core.entropy().sum(dim=1), rtol=0, atol=1e-5)
    torch.testing.assert_close(distribution.deterministic_sample(), core.applied(core.mode()))
    torch.testing.assert_close(distribution.kl(distribution), torch.zeros(1))
    space: Any = model.action_space
    assert space.contains(sampled[0].detach().numpy().astype(space.dtype))


@pytest.fixture(scope="module", params=[0, 2])
def engine(request: pytest.FixtureRequest, tiny: Config, cluster: Cluster) -> Iterator[OldStackEngine]:
    engine = OldStackEngine(old(tiny, request.param))
    yield engine
    engine.close()


def test_engine__trains_on_all_rows_and_reports_what_happened(engine: OldStackEngine) -> None:
    before, local = engine.state().weights, LocalEngine(engine.config)

    record = engine.iterate(0, schedule(engine.config.ppo, 0.0))

    assert engine.algorithm._counters["num_env_steps_trained"] == engine.config.train_batch_rows
    after = engine.state().weights
    assert any(not torch.equal(weight, after[name]) for name, weight in before.items())
    assert record["sampling/episodes"] > 0
    assert record["sampling/agent_steps"] > engine.config.train_batch_rows
    assert 0.0 < record["episode/normalized_completion_score"] <= 1.0
    expected = {key for key in local.iterate(0, schedule(local.config.ppo, 0.0)) if not is_timed(key)}
    assert expected - record.keys() == {
        "learning/approx_kl", "learning/clip_fraction", "learning/first_ratio_deviation", "learning/skipped_updates",
        "learning/part_rows", "learning/last_epoch_kl", "learning/kl_weight",
    }  # fmt: skip
    assert {key for key in record if not is_timed(key)} <= expected


def test_engine__env_runners_get_the_weights_and_play_worlds_of_their_own(engine: OldStackEngine) -> None:
    runners = engine.algorithm.env_runner_group.foreach_env_runner(
        lambda runner: (runner.get_weights()["default_policy"], runner.env.worlds.first_world if runner.env else None)
    )

    expected = engine.state().weights
    for weights, _ in runners:
        for name, weight in expected.items():
            np.testing.assert_array_equal(weights[f"model.{name}"], weight)
    first_worlds = [first for _, first in runners if first is not None]
    assert first_worlds == ([0, 2] if engine.config.sampling.num_env_runners else [0])


def test_engine__same_seed_same_run(cluster: Cluster, tiny: Config) -> None:
    records = []
    for _ in range(2):
        engine = OldStackEngine(old(tiny))
        records.append([engine.iterate(iteration, schedule(engine.config.ppo, 0.0)) for iteration in range(2)])
        engine.close()

    untimed = [
        {name: value for name, value in record.items() if not is_timed(name)} for record in (*records[0], *records[1])
    ]
    assert untimed[:2] == untimed[2:]


class PolicyOfTheOldStack:
    """An old stack's policy behind the protocol by which all policies are scored."""

    name = "old"
    is_deterministic = True

    def __init__(self, engine: OldStackEngine) -> None:
        self._policy = engine.algorithm.get_policy()

    def act(self, _: Worlds, observation: Observation[NDArray[Any]]) -> NDArray[Any]:
        columns = SampleBatch({SampleBatch.OBS: to_dict(observation)})
        actions, _, _ = self._policy.compute_actions_from_input_dict(columns, explore=False)
        return actions.astype(np.int16 if actions.ndim == 2 else np.float32)


def _means(outcomes: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    return {name: float(np.nanmean(values)) for name, values in outcomes.items()}


@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
def test_checkpoints__go_from_stack_to_stack(cluster: Cluster, tiny_of_task: Config, tmp_path: Path) -> None:
    """New to old to new: each begins with the other's weights, and plays the same episodes with the same outcomes."""
    config = tiny_of_task
    source = make_source(config, 3, is_training=False)
    train(LocalEngine(config), new_start(config, tmp_path / "new"), lambda *_: None)
    from_new = new_start(old(config), tmp_path / "old", tmp_path / "new")
    engine = OldStackEngine(from_new.config)
    engine.load_state(engine.state()._replace(weights=from_new.weights or {}))

    model = engine.model()

    by_core = evaluate(ModelPolicy(model, "argmax"), source, config, 8)
    by_old = evaluate(PolicyOfTheOldStack(engine), source, config, 8)
    assert _means(by_core) == pytest.approx(_means(by_old), abs=1e-5, nan_ok=True)

    train(engine, from_new, lambda *_: None)
    engine.close()
    checkpoint = Checkpoint.load(find_checkpoint(tmp_path / "old").folder)
    start = new_start(config, tmp_path / "newer", tmp_path / "old")
    assert start.weights is not None
    assert all(torch.equal(start.weights[name], weight) for name, weight in checkpoint.weights.items())
    assert (checkpoint.config.api_stack, checkpoint.optimizer, checkpoint.arrays) == ("old", {}, {})
    train(LocalEngine(config), start, lambda *_: None)
    with pytest.raises(CheckpointError, match=r"api_stack=old, which keeps neither .*; begin .* --weights .*old"):
        resumed_start(tmp_path / "old")


def test_engine__towers_share_a_minibatch(cluster: Cluster, tiny: Config) -> None:
    """On processors in place of GPUs, which RLlib has for tests."""
    config = make_ppo_config(old(tiny))
    config.num_gpus, config._fake_gpus = 2, True
    algorithm = PPO(config=config)
    before = {name: weight.clone() for name, weight in algorithm.get_policy().model.state_dict().items()}

    algorithm.train()

    policy = algorithm.get_policy()
    first, second = policy.model_gpu_towers
    assert first is policy.model
    assert second is not first
    assert any(not torch.equal(weight, before[name]) for name, weight in first.state_dict().items())
    assert all(torch.isfinite(weight).all() for weight in first.state_dict().values())
    algorithm.stop()


def test_engine__refuses_towers_without_gpus(cluster: Cluster, tiny: Config) -> None:
    config = old(tiny)
    learners = config.learners.model_copy(update={"gpus_per_learner": 64.0})

    with pytest.raises(ClusterError, match=r"needed 64 GPUs in this process, available \d+; set learners.gpus_per_"):
        OldStackEngine(config.model_copy(update={"learners": learners}))
