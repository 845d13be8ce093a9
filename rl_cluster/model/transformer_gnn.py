"""TransformerGNN: the policy and value network over an entity graph of any size.

Encoders make one token of each UAV, target and obstacle; blocks of k-local attention (`attention.py`) mix neighbours;
`heads.py` computes policy and values from the tokens. A UAV either chooses among candidates or has continuous controls.
With controls there may be no targets, and the UAV sees its encounters (`encounters.py`). No parameter depends on the
number of UAVs, targets, obstacles, candidates or neighbours. Nothing here knows how actions are used or how weights are
updated.

Letters: B graphs, N UAVs, M targets, S entities, K controls, D width.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rl_cluster.config.schema import ModelConfig
from rl_cluster.model.attention import TransformerBlock
from rl_cluster.model.attention_backend import Neighbourhood, make_neighbourhood
from rl_cluster.model.distributions import ActionDistribution, MaskedCategorical, SquashedGaussian
from rl_cluster.model.encounters import EncounterEncoder
from rl_cluster.model.heads import ControlHead, PointerHead, ValueHead
from rl_cluster.types import GraphSpec, Observation

__all__ = ["PolicyOutput", "TransformerGNN"]

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""Precision -> dtype of the matrix products."""


class PolicyOutput(NamedTuple):
    """The network's output for a batch of graphs."""

    policy: ActionDistribution
    """distribution of the actions (B, N, ..); float32"""
    value_BN: Tensor
    """float32, standardised: `TransformerGNN.denormalise` gives reward units."""


def _make_encoder(num_features: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(num_features, width), nn.GELU(), nn.Linear(width, width))


class TransformerGNN(nn.Module):
    """Entity encoders -> blocks of k-local attention -> pointer over candidates or controls, and a value per UAV.

    Args:
        config: width, heads, layers, attention backend, gradient checkpointing, precision.
        spec: widths of the feature rows, and the kind of action.
    """

    def __init__(self, config: ModelConfig, spec: GraphSpec) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        width = config.width
        self.uav_encoder = _make_encoder(spec.num_uav_features, width)
        self.target_encoder = _make_encoder(spec.num_target_features, width) if spec.num_target_features else None
        self.obstacle_encoder = _make_encoder(spec.num_obstacle_features, width)
        self.blocks = nn.ModuleList(TransformerBlock(width, config.num_heads) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(width)
        if spec.num_controls:
            self.encounter_encoder = EncounterEncoder(width, config.num_heads, spec.num_pair_features)
            self.control_head = ControlHead(width, spec.num_controls)
        else:
            self.pointer_head = PointerHead(width, spec.num_pair_features)
        self.value_head = ValueHead(width)

    def forward(self, observation: Observation[Tensor]) -> PolicyOutput:
        """Policy and values of B graphs. Rows of entities that do not exist hold finite but meaningless numbers."""
        device_type = observation.uav.device.type
        half = HALVES.get(self.config.precision)
        with torch.autocast(device_type, dtype=half, enabled=half is not None):
            uav_BND, target_BMD = self._embed(observation)
        with torch.autocast(device_type, enabled=False):  # heads in float32: bf16 logits would blur the ratios of PPO
            return PolicyOutput(
                policy=self._make_policy(uav_BND, target_BMD, observation),
                value_BN=self.value_head(uav_BND, target_BMD, observation),
            )

    def _make_policy(
        self, uav_BND: Tensor, target_BMD: Tensor, observation: Observation[Tensor]
    ) -> MaskedCategorical | SquashedGaussian:
        if self.spec.num_controls:
            mean_BNK, log_std_K = self.control_head(uav_BND)
            return SquashedGaussian(mean_BNK, log_std_K, observation.decides)
        return MaskedCategorical(self.pointer_head(uav_BND, target_BMD, observation))

    def _embed(self, observation: Observation[Tensor]) -> tuple[Tensor, Tensor]:
        """Embeddings of UAVs and targets, float32: the residual stream is never rounded to half."""
        uav_BND = self.uav_encoder(observation.uav).float()
        if self.spec.num_controls:
            uav_BND = uav_BND + self.encounter_encoder(uav_BND, observation)
        targets_BMD = [self.target_encoder(observation.target)] if self.target_encoder else []
        x_BSD = torch.cat([uav_BND, *targets_BMD, self.obstacle_encoder(observation.obstacle)], dim=1).float()
        graph = self.neighbourhood(observation)
        is_checkpointed = self.config.gradient_checkpointing and torch.is_grad_enabled()
        for block in self.blocks:
            x_BSD = checkpoint(block, x_BSD, graph, use_reentrant=False) if is_checkpointed else block(x_BSD, graph)
        x_BSD = self.norm(x_BSD)
        num_uavs, num_targets = observation.uav.shape[1], observation.target.shape[1]
        return x_BSD[:, :num_uavs], x_BSD[:, num_uavs : num_uavs + num_targets]

    def neighbourhood(self, observation: Observation[Tensor]) -> Neighbourhood:
        """The graph that all blocks attend along."""
        return make_neighbourhood(observation, self.config.attention)

    def normalise(self, value: Tensor) -> Tensor:
        """Values in reward units -> standardised values."""
        return self.value_head.popart.normalise(value)

    def denormalise(self, value: Tensor) -> Tensor:
        """Standardised values -> values in reward units."""
        return self.value_head.popart.denormalise(value)

    def update_value_statistics(self, mean_target: Tensor, mean_square: Tensor) -> None:
        """Adds value targets to the running statistics; see `PopArt`."""
        self.value_head.popart.update_statistics(mean_target, mean_square)
