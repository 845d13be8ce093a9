"""Sparse backend of the k-local attention: messages along the edges of the neighbour index, by torch_geometric.

Time and memory grow with the number of edges, that is with S at fixed k. A message gathers query, key and value of its
edge, which costs more per edge than the dense backend's fused product; `attention_backend.py` says from which size it
pays.

Letters: B graphs, E = N + M rows that have neighbours, S entities, R = B S rows of all graphs, L edges, W neighbour
slots, H heads, d dimensions of a head.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch_geometric.nn.conv import MessagePassing
from torch_geometric.utils import softmax

from rl_cluster.types import Observation

__all__ = ["SparseNeighbourhood", "make_sparse_neighbourhood"]


class SparseNeighbourhood(NamedTuple):
    """A `Neighbourhood` as a list of edges."""

    log_num_keys_BS11: Tensor
    """ln(1 + number of keys of the row), the row itself included."""
    edges_2L: Tensor
    """Key and row of each edge, numbered through all graphs, in the order of the rows."""
    position_R2: Tensor
    """Positions of all entities."""

    def attend(self, query_BSHd: Tensor, key_value_BS2Hd: Tensor, slope_H: Tensor) -> Tensor:
        """(B, S, H, d) values, weighted by the softmax over the keys of q . k - slope |x_i - x_j|^2."""
        key_RHd, value_RHd = key_value_BS2Hd.flatten(0, 1).unbind(dim=1)
        attended_RHd = _PROPAGATE(
            self.edges_2L, query=query_BSHd.flatten(0, 1), key=key_RHd, value=value_RHd, position=self.position_R2,
            slope=slope_H,
        )  # fmt: skip
        attended_BSHd: Tensor = attended_RHd.view(query_BSHd.shape)
        return attended_BSHd


class _Attention(MessagePassing):  # type: ignore[misc]  # its base ships no types
    """Sum over the edges of a row of softmax weight times value; it has no parameters."""

    def __init__(self) -> None:
        super().__init__(aggr="sum", node_dim=0)

    def forward(self, edges_2L: Tensor, **rows: Tensor) -> Tensor:
        """(R, H, d) from rows (R, ..) of queries, keys, values and positions."""
        attended_RHd: Tensor = self.propagate(edges_2L, **rows)
        return attended_RHd

    def message(
        self,
        query_i: Tensor,
        key_j: Tensor,
        value_j: Tensor,
        position_i: Tensor,
        position_j: Tensor,
        slope: Tensor,
        index: Tensor,
        size_i: int,
    ) -> Tensor:
        """(L, H, d): by torch_geometric's names, i is the row of an edge and j its key."""
        square_L1 = (position_i - position_j).square().sum(dim=-1, keepdim=True)
        logit_LH = (query_i * key_j).sum(dim=-1) - slope * square_L1
        weighted_LHd: Tensor = softmax(logit_LH, index, num_nodes=size_i).unsqueeze(-1) * value_j
        return weighted_LHd


_PROPAGATE = _Attention()


def make_sparse_neighbourhood(observation: Observation[Tensor]) -> SparseNeighbourhood:
    """The graph of an observation; float32 whatever the precision of the model."""
    neighbours_BEW, position_BS2 = observation.neighbours.long(), observation.position
    (num_graphs, num_rows, _), num_entities = neighbours_BEW.shape, position_BS2.shape[1]
    own_BS1 = torch.arange(num_entities, device=position_BS2.device).expand(num_graphs, -1).unsqueeze(-1)
    listed_BSW = functional.pad(neighbours_BEW, (0, 0, 0, num_entities - num_rows), value=-1)
    keys_BSW1 = torch.cat([listed_BSW, own_BS1], dim=-1)
    is_key_BSW1 = keys_BSW1 >= 0
    graph_L, row_L, slot_L = is_key_BSW1.nonzero(as_tuple=True)
    first_L = graph_L * num_entities
    return SparseNeighbourhood(
        log_num_keys_BS11=is_key_BSW1.sum(dim=-1).float().log1p()[..., None, None],
        edges_2L=torch.stack([first_L + keys_BSW1[graph_L, row_L, slot_L], first_L + row_L]),
        position_R2=position_BS2.flatten(0, 1),
    )
