"""The network's face to RLlib: same weights, same numbers, and RLlib's dummy batches do no harm."""

from typing import Any

import pytest
import torch
from ray.rllib.core.columns import Columns

from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.face import Setup
from rl_cluster.environment.faces.gymnasium_face import SwarmEnv
from rl_cluster.model.distributions import SquashedGaussian
from rl_cluster.rllib.algorithm_config import make_algorithm_config
from rl_cluster.rllib.rl_module import SwarmRLModule, SwarmSquashedGaussian
from rl_cluster.sampling.network import make_model
from rl_cluster.types import Observation


@pytest.fixture
def module(tiny_of_task: Config) -> SwarmRLModule:
    module = make_algorithm_config(tiny_of_task).get_rl_module_spec().build()
    assert isinstance(module, SwarmRLModule)
    return module


@pytest.fixture
def columns(tiny_of_task: Config) -> dict[str, torch.Tensor]:
    """What RLlib would batch of one observation."""
    observation, _ = SwarmEnv(Setup(tiny_of_task, is_training=False)).reset(seed=1)
    return {name: torch.from_numpy(array)[None] for name, array in observation.items()}


def test_rl_module__is_the_core_network_below_one_prefix(module: SwarmRLModule, tiny_of_task: Config) -> None:
    core = make_model(tiny_of_task).state_dict()

    assert list(module.state_dict()) == [f"model.{name}" for name in core]
    assert all(torch.equal(module.state_dict()[f"model.{name}"], weight) for name, weight in core.items())


def test_rl_module__acts_and_values_as_the_core_does(
    module: SwarmRLModule, tiny_of_task: Config, columns: dict[str, torch.Tensor]
) -> None:
    masks = {"mask", "action_mask", "decides"}
    observation = Observation(**{name: x.bool() if name in masks else x for name, x in columns.items()})
    with torch.inference_mode():
        expected = make_model(tiny_of_task)(observation)

    output = module.forward_inference({Columns.OBS: columns})
    with torch.inference_mode():
        value = module.compute_values({Columns.OBS: columns})

    distribution = module.get_inference_action_dist_cls().from_logits(output[Columns.ACTION_DIST_INPUTS])
    action = distribution.to_deterministic().sample()
    torch.testing.assert_close(action, expected.policy.applied(expected.policy.mode()), rtol=0, atol=1e-6)
    assert module.action_space.contains(action[0].numpy())
    exists = observation.mask[:, : action.shape[1]]
    assert value.item() == pytest.approx(expected.value_BN[exists].mean().item(), abs=1e-6)


def test_rl_module__squashes_controls_and_knows_their_log_probability() -> None:
    torch.manual_seed(0)
    mean, log_std = torch.rand(4, 3, 2) - 0.5, torch.full((4, 3, 2), -1.0)
    inputs = torch.cat([mean.flatten(start_dim=1), log_std.flatten(start_dim=1)], dim=1)
    distribution = SwarmSquashedGaussian.from_logits(inputs)

    action, logp = distribution.sample_and_logp()

    assert action.shape == (4, 3, 2)
    assert action.abs().max() <= 1.0
    core = SquashedGaussian(mean, log_std, torch.ones(4, 3, dtype=torch.bool))
    torch.testing.assert_close(logp, core.log_prob(action.atanh()).sum(dim=1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(distribution.logp(action), logp, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("forward", ["forward_inference", "forward_exploration", "forward_train"])
def test_rl_module__dummy_batch_of_zeros_gives_finite_numbers(
    module: SwarmRLModule, columns: dict[str, torch.Tensor], forward: str
) -> None:
    zeros: dict[str, Any] = {name: torch.zeros_like(array) for name, array in columns.items()}

    logits = getattr(module, forward)({Columns.OBS: zeros})[Columns.ACTION_DIST_INPUTS]

    assert torch.isfinite(logits).all()
    module.get_exploration_action_dist_cls().from_logits(logits).sample()
    assert torch.isfinite(module.compute_values({Columns.OBS: zeros})).all()
