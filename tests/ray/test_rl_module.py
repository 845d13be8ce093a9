"""The network's face to RLlib: same weights, same numbers, and RLlib's dummy batches do no harm."""

from typing import Any

import pytest
import torch
from ray.rllib.core.columns import Columns

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.gymnasium import AllocateEnv
from rl_cluster.rllib.algorithm_config import make_algorithm_config
from rl_cluster.rllib.rl_module import SwarmRLModule
from rl_cluster.training.engine import make_model
from rl_cluster.types import Observation


@pytest.fixture
def module(tiny: Config) -> SwarmRLModule:
    module = make_algorithm_config(tiny).get_rl_module_spec().build()
    assert isinstance(module, SwarmRLModule)
    return module


@pytest.fixture
def columns(tiny: Config) -> dict[str, torch.Tensor]:
    """What RLlib would batch of one observation."""
    face = AllocateEnv(lambda seed: AllocateGenerator(tiny.generator, tiny.world, seed, False), tiny.world, tiny.reward)
    observation, _ = face.reset(seed=1)
    return {name: torch.from_numpy(array)[None] for name, array in observation.items()}


def test_rl_module__is_the_core_network_below_one_prefix(module: SwarmRLModule, tiny: Config) -> None:
    core = make_model(tiny).state_dict()

    assert list(module.state_dict()) == [f"model.{name}" for name in core]
    assert all(torch.equal(module.state_dict()[f"model.{name}"], weight) for name, weight in core.items())


def test_rl_module__acts_and_values_as_the_core_does(
    module: SwarmRLModule, tiny: Config, columns: dict[str, torch.Tensor]
) -> None:
    masks = {"mask", "action_mask", "decides"}
    observation = Observation(**{name: x.bool() if name in masks else x for name, x in columns.items()})
    with torch.inference_mode():
        expected = make_model(tiny)(observation)

    output = module.forward_inference({Columns.OBS: columns})
    with torch.inference_mode():
        value = module.compute_values({Columns.OBS: columns})

    distribution = module.get_inference_action_dist_cls().from_logits(output[Columns.ACTION_DIST_INPUTS])
    action = distribution.to_deterministic().sample()
    assert torch.equal(action, expected.logits_BNA.argmax(dim=-1))
    exists = observation.mask[:, : action.shape[1]]
    assert value.item() == pytest.approx(expected.value_BN[exists].mean().item(), abs=1e-6)


@pytest.mark.parametrize("forward", ["forward_inference", "forward_exploration", "forward_train"])
def test_rl_module__dummy_batch_of_zeros_gives_finite_numbers(
    module: SwarmRLModule, columns: dict[str, torch.Tensor], forward: str
) -> None:
    zeros: dict[str, Any] = {name: torch.zeros_like(array) for name, array in columns.items()}

    logits = getattr(module, forward)({Columns.OBS: zeros})[Columns.ACTION_DIST_INPUTS]

    assert torch.isfinite(logits).all()
    module.get_exploration_action_dist_cls().from_logits(logits).sample()
    assert torch.isfinite(module.compute_values({Columns.OBS: zeros})).all()
