"""TransformerGNN as an RLModule: what RLlib's Learners hold, and what a policy is to RLlib's other tools.

A shell: the network and its initial weights come from the core, and its parameters keep their names below `model.`.
"""

from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchMultiCategorical
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from torch import Tensor

from rl_cluster.training.engine import make_model
from rl_cluster.types import Observation

__all__ = ["SwarmRLModule"]


class SwarmRLModule(TorchRLModule, ValueFunctionAPI):
    """The swarm as one agent: the action is MultiDiscrete, one entry per UAV; the value is the mean over its UAVs.

    `model_config["run"]` is the run's config. Observations are the dict of `environment/gymnasium.py`. Training goes
    past these methods: env runners and Learners call `model` itself, whose values are per UAV.
    """

    def setup(self) -> None:
        """Builds the network; every process of a run builds the same one."""
        self.model = make_model(self.model_config["run"])
        num_uavs, num_actions = len(self.action_space.nvec), int(self.action_space.nvec[0])
        self.action_dist_cls = TorchMultiCategorical.get_partial_dist_cls(input_lens=(num_actions,) * num_uavs)

    def _forward(self, batch: dict[str, Any], **_: Any) -> dict[str, Tensor]:
        """Logits (B, N * A). The rows of RLlib's all-zero dummy batches have no legal action and count as all legal."""
        output = self.model(_observe(batch[Columns.OBS]))
        return {Columns.ACTION_DIST_INPUTS: output.logits_BNA.flatten(start_dim=1)}

    def compute_values(self, batch: dict[str, Any], embeddings: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(B,) predicted return in reward units, the mean over the UAVs that exist; `embeddings` are not used."""
        observation = _observe(batch[Columns.OBS])
        value_BN = self.model.denormalise(self.model(observation).value_BN)  # noqa: N806
        exists_BN = observation.mask[:, : value_BN.shape[1]]  # noqa: N806
        return (value_BN * exists_BN).sum(dim=1) / exists_BN.sum(dim=1).clamp(min=1)


def _observe(columns: dict[str, Tensor]) -> Observation[Tensor]:
    """Masks come as int8: gymnasium's spaces know no bool."""
    return Observation(
        *(
            array.bool() if array.dtype is torch.int8 else array
            for array in map(columns.__getitem__, Observation._fields)
        )
    )
