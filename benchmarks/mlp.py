"""A small network that replaces the TransformerGNN: one hidden layer over each UAV's own row, shared by all UAVs.

With so small a network, the worlds, the runners and the Learners do most of the work, and their cost becomes visible.
"""

import torch
from torch import Tensor, nn

from rl_cluster.config.schema import ModelConfig
from rl_cluster.model.distributions import SquashedGaussian
from rl_cluster.model.transformer_gnn import PolicyOutput
from rl_cluster.types import GraphSpec, Observation

__all__ = ["HIDDEN", "SwarmMLP", "make_net"]

HIDDEN = 32


def make_net(num_features: int, num_outputs: int) -> nn.Sequential:
    """One hidden layer."""
    return nn.Sequential(nn.Linear(num_features, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, num_outputs))


class SwarmMLP(nn.Module):
    """Controls and values of every UAV from its own row, with the interface of `TransformerGNN`; nothing is scaled."""

    def __init__(self, config: ModelConfig, spec: GraphSpec) -> None:
        super().__init__()
        assert spec.num_controls, "only of tasks with controls"
        self.config, self.spec = config, spec
        self.mean = make_net(spec.num_uav_features, spec.num_controls)
        self.log_std = nn.Parameter(torch.zeros(spec.num_controls))
        self.value = make_net(spec.num_uav_features, 1)

    def forward(self, observation: Observation[Tensor]) -> PolicyOutput:
        """Policy and values."""
        policy = SquashedGaussian(self.mean(observation.uav), self.log_std, observation.decides)
        return PolicyOutput(policy, self.value(observation.uav).squeeze(-1))

    def normalise(self, value: Tensor) -> Tensor:
        """Returns the value unchanged."""
        return value

    def denormalise(self, value: Tensor) -> Tensor:
        """Returns the value unchanged."""
        return value

    def update_value_statistics(self, mean_target: Tensor, mean_square: Tensor) -> None:
        """Does nothing: this network keeps no statistics."""
