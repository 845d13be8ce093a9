"""The swarm as RLlib's single agent: how the shells of both API stacks convert the network's inputs and outputs."""

from collections.abc import Mapping

import torch
from torch import Tensor

from rl_cluster.model.distributions import MaskedCategorical, SquashedGaussian
from rl_cluster.model.transformer_gnn import PolicyOutput, TransformerGNN
from rl_cluster.types import Observation

__all__ = ["distribution_parameters", "observe", "team_value"]


def observe(columns: Mapping[str, Tensor]) -> Observation[Tensor]:
    """A batch of `environment/faces/spaces.py`'s observations. Masks come as int8: gymnasium's spaces know no bool."""
    return Observation(
        *(
            array.bool() if array.dtype is torch.int8 else array
            for array in map(columns.__getitem__, Observation._fields)
        )
    )


def distribution_parameters(policy: MaskedCategorical | SquashedGaussian) -> Tensor:
    """Log-probabilities (B, N * A), or means and logarithms of deviations (B, 2 * N * K) of the controls."""
    if isinstance(policy, MaskedCategorical):
        return policy.logp_all.flatten(start_dim=1)
    return torch.cat([policy.mean.flatten(start_dim=1), policy.log_std.flatten(start_dim=1)], dim=1)


def team_value(model: TransformerGNN, output: PolicyOutput, observation: Observation[Tensor]) -> Tensor:
    """(B,) predicted return in reward units: the mean over the UAVs that exist."""
    value_BN = model.denormalise(output.value_BN)  # noqa: N806 - a shape suffix
    exists_BN = observation.mask[:, : value_BN.shape[1]]  # noqa: N806 - a shape suffix
    return (value_BN * exists_BN).sum(dim=1) / exists_BN.sum(dim=1).clamp(min=1)
