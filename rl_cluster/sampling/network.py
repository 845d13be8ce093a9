"""The network of a run, built from its settings and its task."""

from typing import cast

import torch

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import graph_spec, task_of
from rl_cluster.extension.members import check_members
from rl_cluster.model.transformer_gnn import TransformerGNN

__all__ = ["make_model"]

MEMBERS = ("state_dict", "config", "spec", "forward", "normalise", "denormalise", "update_value_statistics")


def make_model(config: Config) -> TransformerGNN:
    """The untrained network of a run; the same seed gives the same weights everywhere.

    A task of a user may have a network of its own, with the members of a `TransformerGNN` that the others use.

    Raises ConfigError if such a network lacks a member.
    """
    make_network = task_of(config).make_network or TransformerGNN
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = make_network(config.model, graph_spec(config))
    where = f"network of task {config.task}"
    check_members(network, MEMBERS, where, "derive its class from TransformerGNN, or see docs/python.md")
    return cast("TransformerGNN", network)
