"""TransformerGNN as a TorchModelV2, the form of models in RLlib's old API stack.

It is a shell, like `rl_module.py` for the new stack: the network and its initial weights come from the core, and its
parameters keep their names below `model.`.
"""

from typing import Any

import gymnasium
import torch
from ray.rllib.models import ModelCatalog
from ray.rllib.models.torch.torch_modelv2 import TorchModelV2
from torch import Tensor, nn

from rl_cluster.config.schema import Config
from rl_cluster.rllib.old.action_distribution import SwarmActionDistribution
from rl_cluster.rllib.swarm_agent import distribution_parameters, observe, team_value
from rl_cluster.sampling.network import make_model

__all__ = ["SwarmModelV2", "model_settings"]

DISTRIBUTION = "rl_cluster"
"""Name under which RLlib looks the action distribution up."""


class SwarmModelV2(TorchModelV2, nn.Module):
    """The swarm as one agent; the value is the mean over its UAVs, so that stock PPO trains on the team's reward.

    Args:
        run: The run's config.
    """

    _value_B: Tensor  # noqa: N815 - a shape suffix
    """Values of the rows in the last `forward`."""

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
        """(B,) predicted return in reward units of the rows in the last `forward`."""
        return self._value_B


def model_settings(run: Config) -> dict[str, Any]:
    """RLlib's `model` settings for a run. Ray must be running, because the distribution is registered with it."""
    ModelCatalog.register_custom_action_dist(DISTRIBUTION, SwarmActionDistribution)
    return {
        "custom_model": SwarmModelV2,
        "custom_model_config": {"run": run},
        "custom_action_dist": DISTRIBUTION,
    }
