"""k-local attention: every entity looks at its neighbours and at itself, nearer ones first.

Dense backend: one fused attention over all entities with an additive mask. Who is whose neighbour is decided where the
observation is built (`Observation.neighbours`), never here. The features of entities live in `transformer_gnn.py`.

Letters: B graphs, E = N + M rows that have neighbours, S entities, W neighbour slots, H heads, D width, d = D / H,
P = 8 dimensions added to each head for the distance bias.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from rl_cluster.types import Observation

__all__ = ["Neighbourhood", "NeighbourAttention", "TransformerBlock", "make_neighbourhood"]

POSITION_DIMS = 8
"""P: the three that the distance bias needs, padded to what fused kernels like."""
UNIT_SCALE_KEYS = 9
"""Number of keys at which the content logits start unscaled."""


class Neighbourhood(NamedTuple):
    """What all blocks need of an observation's graph, built once per forward pass."""

    mask_B1SS: Tensor
    """0 where row attends to column, -inf elsewhere. A row always attends to itself."""
    log_num_keys_BS11: Tensor
    """ln(1 + number of keys of the row), the row itself included."""
    position_query_BS1P: Tensor
    """[2 x, 2 y, -1, 0...]: times its slope it is the query's part of the distance bias."""
    position_key_BS1P: Tensor
    """[x, y, x^2 + y^2, 0...]: the key's part."""


def make_neighbourhood(observation: Observation[Tensor]) -> Neighbourhood:
    """The graph of an observation as attention wants it; float32 whatever the precision of the model."""
    neighbours_BEW, position_BS2 = observation.neighbours.long(), observation.position
    (num_graphs, num_rows, _), num_entities = neighbours_BEW.shape, position_BS2.shape[1]
    is_key_BST = torch.zeros(
        num_graphs, num_entities, num_entities + 1, dtype=torch.bool, device=position_BS2.device
    )
    slots_BEW = torch.where(neighbours_BEW < 0, num_entities, neighbours_BEW)
    is_key_BST[:, :num_rows].scatter_(2, slots_BEW, True)  # the last column swallows the empty slots
    is_key_BSS = is_key_BST[..., :num_entities]
    is_key_BSS.diagonal(dim1=1, dim2=2).fill_(True)
    mask_BSS = torch.zeros(is_key_BSS.shape, device=position_BS2.device).masked_fill_(~is_key_BSS, -math.inf)

    ones_BS1 = torch.ones_like(position_BS2[..., :1])
    query_BS3 = torch.cat([2.0 * position_BS2, -ones_BS1], dim=-1)
    key_BS3 = torch.cat([position_BS2, position_BS2.square().sum(dim=-1, keepdim=True)], dim=-1)
    padding = (0, POSITION_DIMS - 3)
    return Neighbourhood(
        mask_B1SS=mask_BSS.unsqueeze(1),
        log_num_keys_BS11=is_key_BSS.sum(dim=-1).float().log1p()[..., None, None],
        position_query_BS1P=functional.pad(query_BS3, padding).unsqueeze(2),
        position_key_BS1P=functional.pad(key_BS3, padding).unsqueeze(2),
    )


class NeighbourAttention(nn.Module):
    """Multi-head attention over neighbours with a distance bias and a logit scale that grows with ln k.

    logit_ij = t_h ln(1 + k_i) (q_i . k_j) / sqrt(d) - s_h |x_i - x_j|^2,   s_h > 0 and t_h learned, k_i keys of row i.

    The first part is SSMax (Nakanishi 2025, arXiv 2501.19399): without it attention flattens as neighbourhoods grow
    (Velickovic et al. 2024, arXiv 2410.01104). The second part is folded into the inner product, because
    -s |x_i - x_j|^2 = [2 s x_i, -s] . [x_j, |x_j|^2] + a constant of row i, which the softmax drops: no S x S x H
    tensor is made and the mask needs no gradient, so the fused kernel applies.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.scale_H = nn.Parameter(torch.full((num_heads,), 1.0 / math.log1p(UNIT_SCALE_KEYS)))
        # Geometric, as ALiBi's slopes (arXiv 2108.12409): heads start with reaches of 1 to 10 sensing radii.
        slopes_H = torch.logspace(0.0, -2.0, num_heads)
        self.inverse_softplus_slope_H = nn.Parameter(slopes_H.expm1().log())

    def forward(self, x_BSD: Tensor, graph: Neighbourhood) -> Tensor:
        """Attention's output (B, S, D) for inputs (B, S, D)."""
        num_graphs, num_entities, width = x_BSD.shape
        qkv_BS3Hd = self.qkv(x_BSD).view(num_graphs, num_entities, 3, self.num_heads, width // self.num_heads)
        with torch.autocast(x_BSD.device.type, enabled=False):  # positions on wide maps do not bear bf16
            attended_BSD = self._attend(qkv_BS3Hd.float(), graph).reshape(x_BSD.shape)
        return self.output(attended_BSD)

    def _attend(self, qkv_BS3Hd: Tensor, graph: Neighbourhood) -> Tensor:
        q_BSHd, k_BSHd, v_BSHd = qkv_BS3Hd.unbind(dim=2)
        head_dim = q_BSHd.shape[-1]
        scale_BSH1 = graph.log_num_keys_BS11 * (self.scale_H / math.sqrt(head_dim)).unsqueeze(-1)
        position_query_BSHP = graph.position_query_BS1P * functional.softplus(self.inverse_softplus_slope_H).unsqueeze(-1)
        position_key_BSHP = graph.position_key_BS1P.expand_as(position_query_BSHP)
        attended_BHSd = functional.scaled_dot_product_attention(
            torch.cat([q_BSHd * scale_BSH1, position_query_BSHP], dim=-1).transpose(1, 2),
            torch.cat([k_BSHd, position_key_BSHP], dim=-1).transpose(1, 2),
            functional.pad(v_BSHd, (0, POSITION_DIMS)).transpose(1, 2),
            attn_mask=graph.mask_B1SS,
            scale=1.0,
        )
        return attended_BHSd[..., :head_dim].transpose(1, 2)


class TransformerBlock(nn.Module):
    """Pre-LayerNorm block (Xiong et al. 2020, arXiv 2002.04745): x += attention(norm(x)); x += GELU MLP(norm(x))."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = NeighbourAttention(width, num_heads)
        self.feedforward_norm = nn.LayerNorm(width)
        self.feedforward = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x_BSD: Tensor, graph: Neighbourhood) -> Tensor:
        """The residual stream (B, S, D) after this block; float32 in, float32 out."""
        x_BSD = x_BSD + self.attention(self.attention_norm(x_BSD), graph)
        return x_BSD + self.feedforward(self.feedforward_norm(x_BSD))
