"""TransformerGNN as an RLModule, the form of policies in RLlib's Learners and other tools.

It is a shell: the network and its initial weights come from the core, and its parameters keep their names below
`model.`.
"""

from typing import Any

from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import (
    TorchDeterministic,
    TorchMultiCategorical,
    TorchSquashedGaussian,
)
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from torch import Tensor

from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.rllib.swarm_agent import distribution_parameters, observe, team_value
from rl_cluster.sampling.network import make_model

__all__ = ["SwarmRLModule", "SwarmSquashedGaussian"]


class SwarmSquashedGaussian(TorchSquashedGaussian):
    """All controls (B, N, K) of the swarm as one action in [-1, 1].

    RLlib's own distribution takes flat actions, and its deterministic action is not squashed.
    """

    def _squashed_logp(self, unsquashed: Tensor) -> Tensor:
        """(B,)."""
        return super()._squashed_logp(unsquashed).sum(-1)

    @classmethod
    def from_logits(cls, logits: Tensor, num_controls: int = 2, **_: Any) -> "SwarmSquashedGaussian":
        """From (B, 2 N K): the means of all controls before they are squashed, then the logarithms of deviations."""
        loc, log_std = (half.unflatten(-1, (-1, num_controls)) for half in logits.chunk(2, dim=-1))
        return cls(loc=loc, scale=log_std.exp())

    def to_deterministic(self) -> TorchDeterministic:
        """The squashed means."""
        return TorchDeterministic(loc=self._squash(self.loc))


class SwarmRLModule(TorchRLModule, ValueFunctionAPI):
    """The swarm as one agent; the value is the mean over its UAVs.

    The action is MultiDiscrete, one entry per UAV, or a Box of every UAV's controls.

    `model_config["run"]` is the run's config. Observations are the dict of `environment/faces/gymnasium_face.py`.
    Training does not use these methods: env runners and Learners call `model` itself, whose values are per UAV.
    """

    model: TransformerGNN
    action_dist_cls: Any

    def setup(self) -> None:
        """Builds the network; every process of a run builds the same one."""
        self.model = make_model(self.model_config["run"])
        num_controls = self.model.spec.num_controls
        if num_controls:
            self.action_dist_cls = SwarmSquashedGaussian.get_partial_dist_cls(num_controls=num_controls)
        else:
            num_uavs, num_actions = len(self.action_space.nvec), int(self.action_space.nvec[0])
            self.action_dist_cls = TorchMultiCategorical.get_partial_dist_cls(input_lens=(num_actions,) * num_uavs)

    def _forward(self, batch: dict[str, Any], **_: Any) -> dict[str, Tensor]:
        """The result of `distribution_parameters`.

        The rows of RLlib's all-zero dummy batches have no legal action and count as all legal.
        """
        return {Columns.ACTION_DIST_INPUTS: distribution_parameters(self.model(observe(batch[Columns.OBS])).policy)}

    def compute_values(self, batch: dict[str, Any], embeddings: Tensor | None = None) -> Tensor:  # noqa: ARG002 - RLlib's signature
        """(B,) predicted return in reward units, the mean over the UAVs that exist; `embeddings` are not used."""
        observation = observe(batch[Columns.OBS])
        return team_value(self.model, self.model(observation), observation)
