"""k-local attention: every entity looks at its neighbours and at itself, nearer ones first.

Dense backend: one fused attention over all entities with an additive mask. Who is whose neighbour is decided where the
observation is built (`Observation.neighbours`), never here. The features of entities live in `transformer_gnn.py`.

Letters: B graphs, E = N + M rows that have neighbours, S entities, K >= S places for keys, W neighbour
slots, H heads, D width, d = D / H, P = 8 dimensions added to each head for the distance bias.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from rl_cluster.types import Observation

__all__ = ["NeighbourAttention", "Neighbourhood", "TransformerBlock", "make_neighbourhood"]

POSITION_DIMS = 8
"""P: the three that the distance bias needs, padded to what fused kernels like."""
VECTOR_WIDTH = 16
"""Keys are padded to a multiple of this: fused kernels run up to three times slower on a ragged last vector."""
FIRST_LANES, FIRST_LANES_WITHOUT_TARGETS = (0, 8, 14), (0, 8, 8)
"""Keys of UAVs, targets and obstacles start at these positions modulo VECTOR_WIDTH; see `_lay_out_keys`."""
UNIT_SCALE_KEYS = 9
"""Number of keys at which the content logits start unscaled."""


class Neighbourhood(NamedTuple):
    """What all blocks need of an observation's graph, built once per forward pass."""

    mask_B1SK: Tensor
    """0 where row attends to column, -inf elsewhere. A row always attends to itself."""
    log_num_keys_BS11: Tensor
    """ln(1 + number of keys of the row), the row itself included."""
    position_query_BS1P: Tensor
    """[2 x, 2 y, -1, 0...]: times its slope it is the query's part of the distance bias."""
    position_key_BK1P: Tensor
    """[x, y, x^2 + y^2, 0...]: the key's part."""
    entity_of_key_K: Tensor
    """Which entity stands at each place; entity 0 at places that nobody attends to."""


def make_neighbourhood(observation: Observation[Tensor]) -> Neighbourhood:
    """The graph of an observation as attention wants it; float32 whatever the precision of the model."""
    neighbours_BEW, position_BS2 = observation.neighbours.long(), observation.position
    (num_graphs, num_rows, _), num_entities = neighbours_BEW.shape, position_BS2.shape[1]
    key_of_entity_S, entity_of_key_K = _lay_out_keys(observation)
    # An empty slot points to its own row, which attends to itself anyway.
    own_E1 = torch.arange(num_rows, device=position_BS2.device).unsqueeze(-1)
    keys_BEW = key_of_entity_S[torch.where(neighbours_BEW < 0, own_E1, neighbours_BEW)]
    is_key_BSK = torch.zeros(
        num_graphs, num_entities, len(entity_of_key_K), dtype=torch.bool, device=position_BS2.device
    )
    is_key_BSK[:, :num_rows].scatter_(2, keys_BEW, True)
    is_key_BSK.scatter_(2, key_of_entity_S.expand(num_graphs, -1).unsqueeze(-1), True)
    mask_BSK = torch.zeros(is_key_BSK.shape, device=position_BS2.device).masked_fill_(~is_key_BSK, -math.inf)

    ones_BS1 = torch.ones_like(position_BS2[..., :1])
    query_BS3 = torch.cat([2.0 * position_BS2, -ones_BS1], dim=-1)
    key_BS3 = torch.cat([position_BS2, position_BS2.square().sum(dim=-1, keepdim=True)], dim=-1)
    return Neighbourhood(
        mask_B1SK=mask_BSK.unsqueeze(1),
        log_num_keys_BS11=is_key_BSK.sum(dim=-1).float().log1p()[..., None, None],
        position_query_BS1P=functional.pad(query_BS3, (0, POSITION_DIMS - 3)).unsqueeze(2),
        position_key_BK1P=functional.pad(key_BS3, (0, POSITION_DIMS - 3)).index_select(1, entity_of_key_K).unsqueeze(2),
        entity_of_key_K=entity_of_key_K,
    )


def _lay_out_keys(observation: Observation[Tensor]) -> tuple[Tensor, Tensor]:
    """Place of each entity's key (S,), and the entity at each place (K,).

    Kernels sum over keys lane by lane. As each kind starts at a fixed lane, more padding only puts zeros between the
    same terms in the same lanes: outputs do not change by a bit. That is what lets bf16 keep its log-probabilities when
    a learner trims what a rollout padded; a last-bit difference here would be rounded to one of 2^-8 in the next layer.
    """
    places, end = [], 0
    first_lanes = FIRST_LANES if observation.target.shape[1] else FIRST_LANES_WITHOUT_TARGETS
    for kind, first_lane in zip((observation.uav, observation.target, observation.obstacle), first_lanes, strict=True):
        size = kind.shape[1]
        start = end + (first_lane - end) % VECTOR_WIDTH
        places.append(torch.arange(start, start + size, device=kind.device))
        end = start + size if size else end
    key_of_entity_S = torch.cat(places)
    num_keys = math.ceil(end / VECTOR_WIDTH) * VECTOR_WIDTH
    entity_of_key_K = torch.zeros(num_keys, dtype=torch.long, device=key_of_entity_S.device)
    entity_of_key_K[key_of_entity_S] = torch.arange(len(key_of_entity_S), device=key_of_entity_S.device)
    return key_of_entity_S, entity_of_key_K


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
        """(B, S, H, d) attended values."""
        head_dim = qkv_BS3Hd.shape[-1]
        scale_BSH1 = graph.log_num_keys_BS11 * (self.scale_H / math.sqrt(head_dim)).unsqueeze(-1)
        slope_H1 = functional.softplus(self.inverse_softplus_slope_H).unsqueeze(-1)
        query_BSHd = torch.cat([qkv_BS3Hd[:, :, 0] * scale_BSH1, graph.position_query_BS1P * slope_H1], dim=-1)
        key_value_BK2Hd = qkv_BS3Hd[:, :, 1:].index_select(1, graph.entity_of_key_K)
        key_BKHd, value_BKHd = functional.pad(key_value_BK2Hd, (0, POSITION_DIMS)).unbind(dim=2)
        key_BKHd = key_BKHd + functional.pad(graph.position_key_BK1P, (head_dim, 0))
        attended_BHSd = functional.scaled_dot_product_attention(
            query_BSHd.transpose(1, 2),
            key_BKHd.transpose(1, 2),
            value_BKHd.transpose(1, 2),
            attn_mask=graph.mask_B1SK,
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
