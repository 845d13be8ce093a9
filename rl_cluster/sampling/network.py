"""The network of a run, built from its settings and its task."""

import torch

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import graph_spec
from rl_cluster.model.transformer_gnn import TransformerGNN

__all__ = ["make_model"]


def make_model(config: Config) -> TransformerGNN:
    """The untrained network of a run; the same seed gives the same weights everywhere."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return TransformerGNN(config.model, graph_spec(config))
