"""Computes the k-local attention with one of two backends: equal weights give equal outputs and gradients.

The worlds decide who is whose neighbour when they build the observation (`Observation.neighbours`). No key stands twice
in a row's list.
"""

import importlib
from typing import Literal, Protocol

from torch import Tensor

from rl_cluster.model.dense_attention import make_dense_neighbourhood
from rl_cluster.types import Observation

__all__ = ["AttentionBackend", "Neighbourhood", "make_neighbourhood"]

AttentionBackend = Literal["auto", "dense", "sparse"]

SPARSE_FROM = 2048
"""Entities of a graph from which `auto` is sparse; `benchmarks/measure/attention.py` shows where the two cross."""


class Neighbourhood(Protocol):
    """What all blocks need from an observation's graph, built once per forward pass."""

    @property
    def log_num_keys_BS11(self) -> Tensor:
        """ln(1 + number of keys of the row), the row itself included."""

    def attend(self, query_BSHd: Tensor, key_value_BS2Hd: Tensor, slope_H: Tensor) -> Tensor:
        """(B, S, H, d) values, weighted by the softmax over the keys of q . k - slope |x_i - x_j|^2.

        Args:
            query_BSHd: Scaled queries.
            key_value_BS2Hd: Keys and values.
            slope_H: Per head, above 0; distances are in sensing radii.
        """


def make_neighbourhood(observation: Observation[Tensor], backend: AttentionBackend) -> Neighbourhood:
    """The graph of an observation for a backend; `auto` chooses by the number of entities, padding included."""
    is_large = observation.position.shape[1] >= SPARSE_FROM
    if backend == "sparse" or (backend == "auto" and is_large):
        # Not at the top: torch_geometric takes two seconds to import, and few graphs are so large.
        sparse = importlib.import_module("rl_cluster.model.sparse_attention")
        neighbourhood: Neighbourhood = sparse.make_sparse_neighbourhood(observation)
        return neighbourhood
    return make_dense_neighbourhood(observation)
