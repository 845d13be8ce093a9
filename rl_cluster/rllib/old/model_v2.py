"""TransformerGNN as a TorchModelV2, and its actions: what RLlib's old API stack holds.

A shell, as `rl_module.py` is for the new stack: the network and its initial weights come from the core, and its
parameters keep their names below `model.`.
"""

from typing import Any

import gymnasium
import torch
from ray.rllib.models import ModelCatalog
from ray.rllib.models.torch.torch_action_dist import TorchDistributionWrapper
from ray.rllib.models.torch.torch_modelv2 import TorchModelV2
from torch import Tensor, nn

from rl_cluster.config.schema import Config
from rl_cluster.model.distributions import MaskedCategorical, SquashedGaussian
from rl_cluster.rllib.swarm_agent import distribution_parameters, observe, team_value
from rl_cluster.sampling.network import make_model

__all__ = ["SwarmActionDistribution", "SwarmModelV2", "model_settings"]

DISTRIBUTION = "rl_cluster"
"""Name under which RLlib looks the action distribution up."""
LARGEST_CONTROL = 1.0 - 2.0**-22
"""Controls are taken back to what they were before they were squashed; at 1 that would be infinite."""


class SwarmModelV2(TorchModelV2, nn.Module):
    """The swarm as one agent; the value is the mean over its UAVs, so that stock PPO trains on the team's reward.

    Args:
        run: The run's config.
    """

    def __init__(
        self,
        obs_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        num_outputs: int,
        model_config: dict[str, Any],
        name: str,
        *,
        run: Config,
    ) -> None:
        TorchModelV2.__init__(self, obs_space, action_space, num_outputs, model_config, name)
        nn.Module.__init__(self)
        self.model = make_model(run)

    def forward(self, input_dict: dict[str, Any], state: list[Tensor], _: Any) -> tuple[Tensor, list[Tensor]]:
        """The parameters of `SwarmActionDistribution`, and no state; values are kept for `value_function`.

        The rows of RLlib's all-zero dummy batches have no legal action and count as all legal.
        """
        observation = observe(input_dict["obs"])
        output = self.model(observation)
        self._value_B = team_value(self.model, output, observation)
        parameters = distribution_parameters(output.policy)
        if self.model.spec.num_controls:
            parameters = torch.cat([parameters, observation.decides.float()], dim=1)
        return parameters, state

    def value_function(self) -> Tensor:
        """(B,) predicted return in reward units of the rows that went through `forward` last."""
        return self._value_B


class SwarmActionDistribution(TorchDistributionWrapper):
    """All UAVs' actions as one: log-probability, entropy and divergence are sums over the UAVs.

    A choice's `inputs` are log-probabilities (B, N * A); those of K controls are means and logarithms of deviations
    (B, 2 * N * K) and, as 0 and 1, which UAVs decide (B, N).
    """

    def __init__(self, inputs: Any, model: SwarmModelV2) -> None:
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


def model_settings(run: Config) -> dict[str, Any]:
    """RLlib's `model` settings for a run. Ray must be up: the distribution is registered with it."""
    ModelCatalog.register_custom_action_dist(DISTRIBUTION, SwarmActionDistribution)
    return {
        "custom_model": SwarmModelV2,
        "custom_model_config": {"run": run},
        "custom_action_dist": DISTRIBUTION,
    }
