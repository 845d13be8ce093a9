"""Fragments as a rollout would make them, of random observations."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from rl_cluster.config.schema import PPOConfig
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Fragment, Observation, map_observation


@pytest.fixture(scope="session")
def make_fragment() -> Callable[..., Fragment]:
    """A factory: a model acts once in each row of an observation; rewards are random unless a function gives them."""

    def make(
        model: TransformerGNN,
        observation: Observation[Tensor],
        num_steps: int = 2,
        seed: int = 0,
        reward: Callable[[Tensor], Tensor] | None = None,
        ended_share: float = 0.3,
    ) -> Fragment:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            policy, value = model(observation)
            action = policy.sample(torch.rand(policy.noise_shape, generator=generator))
            value = model.denormalise(value)
        noise = torch.randn(2, *value.shape, generator=generator)
        is_ended = torch.rand(len(value), generator=generator) < ended_share

        def column(rows: Tensor) -> np.ndarray:
            return rows.numpy().reshape(num_steps, len(rows) // num_steps, *rows.shape[1:])

        return Fragment(
            observation=map_observation(column, observation),
            action=column(action if action.is_floating_point() else action.to(torch.int16)),
            logp=column(policy.log_prob(action)),
            value=column(value),
            next_value=column(torch.where(is_ended[:, None], 0.0, noise[0])),
            reward=column(noise[1] if reward is None else reward(action)),
            ended=column(is_ended),
            outcomes={},
            weights_version=0,
        )

    return make


@pytest.fixture(scope="session")
def ppo() -> PPOConfig:
    """Settings of a small update."""
    return PPOConfig(
        lr=(1e-3, 1e-4),
        gamma=0.9,
        gae_lambda=0.8,
        clip=0.2,
        value_weight=0.5,
        entropy_weight=(0.01, 0.0),
        num_epochs=2,
        minibatch_rows=16,
        max_grad_norm=0.5,
        imitation_weight=0.0,
    )
