"""What a UAV knows about the bodies around it, in its own frame, as a vector that is added to its token.

Attention among entities sees only distances. The pair rows hold where a neighbour is and where it is flying. Only tasks
with continuous controls have encounters; `transformer_gnn.py` adds them before its blocks.

Letters: B graphs, N UAVs, C encounters, H heads, D width, d = D / H.
"""

from torch import Tensor, nn
from torch.nn import functional

from rl_cluster.model.distributions import ILLEGAL_LOGIT
from rl_cluster.types import Observation

__all__ = ["EncounterEncoder"]


class EncounterEncoder(nn.Module):
    """Attention pooling: h_ij = GELU(W_q x_i + W_p pair_ij), and per head the mean of h_ij by learned softmax weights.

    Weights over what exists add up to 1, so the scale does not depend on the number of encounters. A UAV without any
    gets only the output layer's bias.
    """

    def __init__(self, width: int, num_heads: int, num_pair_features: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.pair = nn.Linear(num_pair_features, width, bias=False)
        self.score = nn.Linear(width, num_heads, bias=False)
        self.output = nn.Linear(width, width)

    def forward(self, uav_BND: Tensor, observation: Observation[Tensor]) -> Tensor:
        """(B, N, D) to be added to the UAVs' tokens (B, N, D)."""
        hidden_BNCD = functional.gelu(self.query(uav_BND).unsqueeze(2) + self.pair(observation.pair))
        is_empty_BNC1 = (observation.candidates < 0).unsqueeze(-1)
        # Softmax and sum run over C, which is not the last dimension: term by term, so padding does not change a bit.
        score_BNCH = self.score(hidden_BNCD).float().masked_fill(is_empty_BNC1, ILLEGAL_LOGIT)
        weight_BNCH = score_BNCH.softmax(dim=2).masked_fill(is_empty_BNC1, 0.0)
        hidden_BNCHd = hidden_BNCD.float().unflatten(-1, (weight_BNCH.shape[-1], -1))
        return self.output((weight_BNCH.unsqueeze(-1) * hidden_BNCHd).sum(dim=2).flatten(start_dim=2))
