"""A network of your own: a TransformerGNN whose UAVs are encoded by one more layer."""

from torch import nn

from rl_cluster.config.schema import ModelConfig
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import GraphSpec


class MyNetwork(TransformerGNN):
    """Anything with the members of a TransformerGNN can stand here; deriving from it is the shortest way."""

    def __init__(self, config: ModelConfig, spec: GraphSpec) -> None:
        super().__init__(config, spec)
        width = config.width
        self.uav_encoder = nn.Sequential(*self.uav_encoder, nn.GELU(), nn.Linear(width, width))
