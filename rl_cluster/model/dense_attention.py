"""Dense backend of the k-local attention: one fused attention over all entities with an additive mask.

The distance bias is folded into the inner product, because -s |x_i - x_j|^2 = [2 s x_i, -s] . [x_j, |x_j|^2] + a
constant of row i, which the softmax drops: no S x S x H tensor is made and the mask needs no gradient, so that torch's
fused kernel applies. Time and the mask grow with S^2, the rest with S.

Letters: B graphs, E = N + M rows that have neighbours, S entities, K >= S places for keys, W neighbour slots, H heads,
d dimensions of a head, P = 8 dimensions added to each head for the distance bias.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from rl_cluster.types import Observation

__all__ = ["DenseNeighbourhood", "make_dense_neighbourhood"]

POSITION_DIMS = 8
"""P: the three dimensions that the distance bias needs, padded to a width that suits fused kernels."""
VECTOR_WIDTH = 16
"""Keys are padded to a multiple of this: fused kernels run up to three times slower on a ragged last vector."""
FIRST_LANES, FIRST_LANES_WITHOUT_TARGETS = (0, 8, 14), (0, 8, 8)
"""Keys of UAVs, targets and obstacles start at these positions modulo VECTOR_WIDTH; see `_lay_out_keys`."""


class DenseNeighbourhood(NamedTuple):
    """A `Neighbourhood` as a mask over all pairs of entities."""

    log_num_keys_BS11: Tensor
    """ln(1 + number of keys of the row), the row itself included."""
    mask_B1SK: Tensor
    """0 where row attends to column, -inf elsewhere. A row always attends to itself."""
    position_query_BS1P: Tensor
    """[2 x, 2 y, -1, 0...]: times its slope it is the query's part of the distance bias."""
    position_key_BK1P: Tensor
    """[x, y, x^2 + y^2, 0...]: the key's part."""
    entity_of_key_K: Tensor
    """The entity at each place; entity 0 at places that no row attends to."""

    def attend(self, query_BSHd: Tensor, key_value_BS2Hd: Tensor, slope_H: Tensor) -> Tensor:
        """(B, S, H, d) values, weighted by the softmax over the keys of q . k - slope |x_i - x_j|^2."""
        head_dim = query_BSHd.shape[-1]
        query_BSHd = torch.cat([query_BSHd, self.position_query_BS1P * slope_H.unsqueeze(-1)], dim=-1)
        key_value_BK2Hd = key_value_BS2Hd.index_select(1, self.entity_of_key_K)
        key_BKHd, value_BKHd = functional.pad(key_value_BK2Hd, (0, POSITION_DIMS)).unbind(dim=2)
        key_BKHd = key_BKHd + functional.pad(self.position_key_BK1P, (head_dim, 0))
        attended_BHSd = functional.scaled_dot_product_attention(
            query_BSHd.transpose(1, 2),
            key_BKHd.transpose(1, 2),
            value_BKHd.transpose(1, 2),
            attn_mask=self.mask_B1SK,
            scale=1.0,
        )
        return attended_BHSd[..., :head_dim].transpose(1, 2)


def make_dense_neighbourhood(observation: Observation[Tensor]) -> DenseNeighbourhood:
    """The graph of an observation; float32 whatever the precision of the model."""
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
    return DenseNeighbourhood(
        log_num_keys_BS11=is_key_BSK.sum(dim=-1).float().log1p()[..., None, None],
        mask_B1SK=mask_BSK.unsqueeze(1),
        position_query_BS1P=functional.pad(query_BS3, (0, POSITION_DIMS - 3)).unsqueeze(2),
        position_key_BK1P=functional.pad(key_BS3, (0, POSITION_DIMS - 3)).index_select(1, entity_of_key_K).unsqueeze(2),
        entity_of_key_K=entity_of_key_K,
    )


def _lay_out_keys(observation: Observation[Tensor]) -> tuple[Tensor, Tensor]:
    """Place of each entity's key (S,), and the entity at each place (K,).

    Kernels sum over keys lane by lane. As each kind starts at a fixed lane, more padding only puts zeros between the
    same terms in the same lanes: outputs do not change by a bit. So log-probabilities in bf16 stay the same when a
    learner trims what a rollout padded; the next layer would round a last-bit difference to one of 2^-8.
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
