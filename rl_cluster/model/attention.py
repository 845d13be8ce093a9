"""k-local attention: every entity attends to itself and its neighbours, with more weight on nearer ones.

`attention_backend.py` computes it. `transformer_gnn.py` makes the features of entities.

Letters: B graphs, S entities, H heads, D width, d = D / H.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from rl_cluster.model.attention_backend import Neighbourhood

__all__ = ["NeighbourAttention", "TransformerBlock"]

UNIT_SCALE_KEYS = 9
"""Number of keys at which the content logits start unscaled."""


class NeighbourAttention(nn.Module):
    """Multi-head attention over neighbours with a distance bias and a logit scale that grows with ln k.

    logit_ij = t_h ln(1 + k_i) (q_i . k_j) / sqrt(d) - s_h |x_i - x_j|^2,   s_h > 0 and t_h learned, k_i keys of row i.

    The first part is SSMax (Nakanishi 2025, arXiv 2501.19399): without it attention flattens as neighbourhoods grow
    (Velickovic et al. 2024, arXiv 2410.01104).
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
        with torch.autocast(x_BSD.device.type, enabled=False):  # positions on wide maps need more precision than bf16
            attended_BSD = self._attend(qkv_BS3Hd.float(), graph).reshape(x_BSD.shape)
        return self.output(attended_BSD)

    def _attend(self, qkv_BS3Hd: Tensor, graph: Neighbourhood) -> Tensor:
        """(B, S, H, d) attended values."""
        head_dim = qkv_BS3Hd.shape[-1]
        scale_BSH1 = graph.log_num_keys_BS11 * (self.scale_H / math.sqrt(head_dim)).unsqueeze(-1)
        slope_H = functional.softplus(self.inverse_softplus_slope_H)
        return graph.attend(qkv_BS3Hd[:, :, 0] * scale_BSH1, qkv_BS3Hd[:, :, 1:], slope_H)


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
