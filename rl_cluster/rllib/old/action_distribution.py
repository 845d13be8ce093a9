"""The actions of a swarm for RLlib's old API stack: one action that joins those of all UAVs."""

from typing import Any

import gymnasium
import torch
from ray.rllib.models.torch.torch_action_dist import TorchDistributionWrapper
from ray.rllib.models.torch.torch_modelv2 import TorchModelV2
from torch import Tensor

from rl_cluster.model.distributions import MaskedCategorical, SquashedGaussian

__all__ = ["SwarmActionDistribution"]

LARGEST_CONTROL = 1.0 - 2.0**-22
"""The largest control that is converted back to its value before squashing; for 1 that would be infinite."""


class SwarmActionDistribution(TorchDistributionWrapper):
    """All UAVs' actions as one: log-probability, entropy and divergence are sums over the UAVs.

    A choice's `inputs` are log-probabilities (B, N * A); those of K controls are means and logarithms of deviations
    (B, 2 * N * K) and, as 0 and 1, which UAVs decide (B, N).
    """

    def __init__(self, inputs: Any, model: TorchModelV2) -> None:
        super().__init__(inputs, model)
        self.policy = _read(self.inputs, model.action_space)

    def sample(self) -> Tensor:
        """(B, N) choices or (B, N, K) controls, by torch's generator."""
        action = self.policy.sample(torch.rand(self.policy.noise_shape, device=self.inputs.device))
        self.last_sample = self.policy.applied(action)
        return self.last_sample

    def deterministic_sample(self) -> Tensor:
        """The most probable actions."""
        self.last_sample = self.policy.applied(self.policy.mode())
        return self.last_sample

    def logp(self, actions: Tensor) -> Tensor:
        """(B,) log-probability of actions as `sample` gives them."""
        if isinstance(self.policy, SquashedGaussian):
            actions = actions.clamp(-LARGEST_CONTROL, LARGEST_CONTROL).atanh()
        return self.policy.log_prob(actions).sum(dim=1)

    def entropy(self) -> Tensor:
        """(B,) nats."""
        return self.policy.entropy().sum(dim=1)

    def kl(self, other: "SwarmActionDistribution") -> Tensor:
        """(B,) KL(self || other) in nats."""
        return self.policy.kl(other.policy).sum(dim=1)

    @staticmethod
    def required_model_output_shape(action_space: gymnasium.Space[Any], _: Any) -> int:
        """Numbers in a row of `inputs`."""
        if isinstance(action_space, gymnasium.spaces.MultiDiscrete):
            return int(action_space.nvec.sum())
        assert isinstance(action_space, gymnasium.spaces.Box)
        num_uavs, num_controls = action_space.shape
        return num_uavs * (2 * num_controls + 1)


def _read(inputs: Tensor, action_space: Any) -> Any:
    num_uavs = action_space.shape[0]
    if isinstance(action_space, gymnasium.spaces.MultiDiscrete):
        return MaskedCategorical(inputs.unflatten(1, (num_uavs, -1)))
    mean, log_std = inputs[:, :-num_uavs].unflatten(1, (2, num_uavs, -1)).unbind(dim=1)
    return SquashedGaussian(mean, log_std, inputs[:, -num_uavs:].bool())
