"""Other implementations of the network, which `measure/attention.py` compares with ours.

    gather   keys and values of every row's neighbours, collected with plain indexing; equal outputs
    sdpa     torch's fused attention among all entities: no mask and no distance, so no neighbours
    pyg      torch_geometric's TransformerConv (Shi et al. 2020, arXiv 2009.03509) along the same edges; no distance

Letters: as in `rl_cluster/model/sparse_attention.py`; V = W + 1 keys of a row, itself included.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn.conv import TransformerConv

from rl_cluster.config.schema import ModelConfig
from rl_cluster.model.attention_backend import AttentionBackend, Neighbourhood
from rl_cluster.model.sparse_attention import SparseNeighbourhood, make_sparse_neighbourhood
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import GraphSpec, Observation

__all__ = ["make_network"]


class GatherNeighbourhood(NamedTuple):
    """A `Neighbourhood` as a table of keys per row."""

    log_num_keys_BS11: Tensor
    key_BSV: Tensor
    """Numbered through all graphs; the row itself where a slot is empty."""
    bias_BSV1: Tensor
    """0, or -inf where a slot is empty."""
    square_BSV1: Tensor
    """Squared distances."""

    def attend(self, query_BSHd: Tensor, key_value_BS2Hd: Tensor, slope_H: Tensor) -> Tensor:
        """As `Neighbourhood.attend`."""
        key_RHd, value_RHd = key_value_BS2Hd.flatten(0, 1).unbind(dim=1)
        logit_BSVH = (query_BSHd.unsqueeze(2) * key_RHd[self.key_BSV]).sum(dim=-1)
        weight_BSVH = (logit_BSVH - slope_H * self.square_BSV1 + self.bias_BSV1).softmax(dim=2)
        return (weight_BSVH.unsqueeze(-1) * value_RHd[self.key_BSV]).sum(dim=2)


class FullNeighbourhood(NamedTuple):
    """All entities attend to all others, at any distance."""

    log_num_keys_BS11: Tensor

    def attend(self, query_BSHd: Tensor, key_value_BS2Hd: Tensor, slope_H: Tensor) -> Tensor:  # noqa: ARG002 - all peers share the signature
        """As `Neighbourhood.attend`, without distances."""
        key_BSHd, value_BSHd = key_value_BS2Hd.unbind(dim=2)
        attended_BHSd = functional.scaled_dot_product_attention(
            query_BSHd.transpose(1, 2), key_BSHd.transpose(1, 2), value_BSHd.transpose(1, 2), scale=1.0
        )
        return attended_BHSd.transpose(1, 2)


class TransformerConvAttention(nn.Module):
    """TransformerConv and an output layer, which replace `NeighbourAttention`."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.convolution = TransformerConv(width, width // num_heads, heads=num_heads, root_weight=False)
        self.output = nn.Linear(width, width)

    def forward(self, x_BSD: Tensor, graph: SparseNeighbourhood) -> Tensor:
        """(B, S, D)."""
        output_BSD: Tensor = self.output(self.convolution(x_BSD.flatten(0, 1), graph.edges_2L)).view(x_BSD.shape)
        return output_BSD


def make_gather_neighbourhood(observation: Observation[Tensor]) -> GatherNeighbourhood:
    """The graph of an observation."""
    num_graphs, num_entities, _ = observation.position.shape
    own_S1 = torch.arange(num_entities).unsqueeze(-1)
    rest = num_entities - observation.neighbours.shape[1]
    listed_BSW = functional.pad(observation.neighbours.long(), (0, 0, 0, rest), value=-1)
    key_BSV = torch.cat([listed_BSW, own_S1.expand(num_graphs, -1, -1)], dim=-1)
    is_empty_BSV = key_BSV < 0
    key_BSV = torch.where(is_empty_BSV, own_S1, key_BSV) + num_entities * torch.arange(num_graphs)[:, None, None]
    offset_BSV2 = observation.position.unsqueeze(2) - observation.position.flatten(0, 1)[key_BSV]
    return GatherNeighbourhood(
        log_num_keys_BS11=(~is_empty_BSV).sum(dim=-1).float().log1p()[..., None, None],
        key_BSV=key_BSV,
        bias_BSV1=torch.zeros(is_empty_BSV.shape).masked_fill_(is_empty_BSV, -math.inf).unsqueeze(-1),
        square_BSV1=offset_BSV2.square().sum(dim=-1, keepdim=True),
    )


def make_full_neighbourhood(observation: Observation[Tensor]) -> FullNeighbourhood:
    """The graph of any observation."""
    num_graphs, num_entities, _ = observation.position.shape
    return FullNeighbourhood(torch.full((num_graphs, num_entities, 1, 1), math.log1p(num_entities)))


class PeerGNN(TransformerGNN):
    """Our network with the attention of a peer."""

    def __init__(self, config: ModelConfig, spec: GraphSpec, peer: str) -> None:
        super().__init__(config, spec)
        self.peer = peer
        if peer == "pyg":
            for block in self.blocks:
                block.attention = TransformerConvAttention(config.width, config.num_heads)

    def neighbourhood(self, observation: Observation[Tensor]) -> Neighbourhood:
        """The graph in the form that the peer's attention needs."""
        makers: dict[str, Callable[[Observation[Tensor]], Neighbourhood]] = {
            "gather": make_gather_neighbourhood,
            "sdpa": make_full_neighbourhood,
            "pyg": make_sparse_neighbourhood,
        }
        return makers[self.peer](observation)


def make_network(name: AttentionBackend | str, config: ModelConfig, spec: GraphSpec) -> TransformerGNN:
    """Our network with the named backend, or the named peer. Initial weights are the same for all except pyg."""
    torch.manual_seed(0)
    if name in {"dense", "sparse"}:
        return TransformerGNN(config.model_copy(update={"attention": name}), spec)
    return PeerGNN(config, spec, name)
