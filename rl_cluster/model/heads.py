"""The heads on the entity embeddings: logits of every UAV's candidates, or its controls, and every UAV's value.

`transformer_gnn.py` makes the embeddings; `distributions.py` turns logits and controls into probabilities.

Letters: B graphs, N UAVs, Q of them in all graphs that choose, M targets, C candidates, A = 1 + C actions, K controls,
D width.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from rl_cluster.model.distributions import mask_logits
from rl_cluster.types import Observation

__all__ = ["ControlHead", "PointerHead", "PopArt", "ValueHead"]

SCORE_INIT = 0.01
"""First scale of the policy's last layer: choices are nearly uniform over legal actions, controls are near 0."""
MEAN_BOUND = 3.0
"""Largest mean of a control before it is squashed: tanh(3) = 0.995. Beyond it, gradients of the controls vanish."""
STD_INIT, STD_RANGE = 0.5, (0.05, 1.0)
"""First and largest deviation of controls before they are squashed; at 1 they are nearly uniform."""
EMA_STEP = 0.1
"""Weight of the newest batch in PopArt's running moments."""
MIN_STD = 1e-3
"""The least deviation, in reward units, so that value targets that hardly vary are not blown up."""


class PointerHead(nn.Module):
    """One logit per candidate, score(GELU(W_q h_i + W_k h_j + W_p pair_ij)), and one for WAIT.

    WAIT has a learned key and no pair row. Pointer: Vinyals et al. 2015, arXiv 1506.03134.
    """

    def __init__(self, width: int, num_pair_features: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.pair = nn.Linear(num_pair_features, width, bias=False)
        self.wait_key_D = nn.Parameter(torch.zeros(width))
        self.score = nn.Linear(width, 1)
        with torch.no_grad():
            self.score.weight.mul_(SCORE_INIT)
            self.score.bias.zero_()

    def forward(self, uav_BND: Tensor, target_BMD: Tensor, observation: Observation[Tensor]) -> Tensor:
        """Logits (B, N, A), float32, ILLEGAL_LOGIT where an action is illegal; action 0 is WAIT.

        A UAV that does not choose has one legal action, whose logit is 0: nothing is computed for it.
        """
        num_graphs, num_uavs = observation.decides.shape
        chooser_Q = observation.decides.flatten().nonzero().squeeze(-1)
        query_QD = self.query(uav_BND.flatten(0, 1).index_select(0, chooser_Q))
        # The largest tensor of the network: summed in place.
        hidden_QCD = self.pair(observation.pair.flatten(0, 1).index_select(0, chooser_Q))
        hidden_QCD += query_QD.unsqueeze(1)
        candidates_QC = observation.candidates.flatten(0, 1).index_select(0, chooser_Q)
        hidden_QCD += _gather_keys(self.key(target_BMD), chooser_Q // num_uavs, candidates_QC)
        candidate_QC = self.score(functional.gelu(hidden_QCD)).squeeze(-1)
        wait_Q1 = self.score(functional.gelu(query_QD + self.wait_key_D))
        logits_QA = torch.cat([wait_Q1, candidate_QC], dim=-1)
        logits_RA = logits_QA.new_zeros(num_graphs * num_uavs, logits_QA.shape[1]).index_copy(0, chooser_Q, logits_QA)
        return mask_logits(logits_RA.view(observation.action_mask.shape), observation.action_mask)


def _gather_keys(key_BMD: Tensor, graph_Q: Tensor, candidates_QC: Tensor) -> Tensor:
    """(Q, C, D): the key of each candidate; an arbitrary key if there is none, because its action is illegal."""
    num_targets, width = key_BMD.shape[1:]
    rows_QC = candidates_QC.long().clamp_(min=0) + num_targets * graph_Q.unsqueeze(-1)
    return functional.embedding(rows_QC, key_BMD.reshape(-1, width))


class ControlHead(nn.Module):
    """Mean of every UAV's controls before they are squashed, and one learned deviation per control.

    mean = b tanh(MLP(h_i) / b), b = MEAN_BOUND. The deviation does not depend on the state, as is customary for PPO. A
    sigmoid keeps its logarithm between the logarithms of STD_RANGE, so that no gradient is cut off at the ends.
    """

    def __init__(self, width: int, num_controls: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.mean = nn.Linear(width, num_controls)
        low, high = map(math.log, STD_RANGE)
        share = (math.log(STD_INIT) - low) / (high - low)
        self.std_logit_K = nn.Parameter(torch.full((num_controls,), math.log(share / (1.0 - share))))
        with torch.no_grad():
            self.mean.weight.mul_(SCORE_INIT)
            self.mean.bias.zero_()

    def forward(self, uav_BND: Tensor) -> tuple[Tensor, Tensor]:
        """Means (B, N, K) and logarithms of the deviations (K,), float32."""
        mean_BNK = self.mean(functional.gelu(self.hidden(uav_BND)))
        low, high = map(math.log, STD_RANGE)
        log_std_K = low + (high - low) * self.std_logit_K.sigmoid()
        return MEAN_BOUND * (mean_BNK / MEAN_BOUND).tanh(), log_std_K


class PopArt(nn.Module):
    """A linear output in standardised units that keeps its meaning when the units change.

    van Hasselt et al. 2016, arXiv 1602.07714. The running mean and second moment are exponential averages whose bias
    towards 0 is divided out; they are buffers, so checkpoints carry them.
    """

    mean_sum: Tensor
    square_sum: Tensor
    weight_sum: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        self.register_buffer("mean_sum", torch.zeros(()))
        self.register_buffer("square_sum", torch.zeros(()))
        self.register_buffer("weight_sum", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(...) standardised outputs for inputs (..., width)."""
        return self.linear(x).squeeze(-1)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the targets so far; 0 and 1 before the first."""
        weight = torch.where(self.weight_sum > 0, self.weight_sum, 1.0)
        mean = self.mean_sum / weight
        std = (self.square_sum / weight - mean.square()).clamp(min=MIN_STD**2).sqrt()
        return mean, torch.where(self.weight_sum > 0, std, 1.0)

    def normalise(self, value: Tensor) -> Tensor:
        """Values in reward units -> standardised values."""
        mean, std = self.moments()
        return (value - mean) / std

    def denormalise(self, value: Tensor) -> Tensor:
        """Standardised values -> values in reward units."""
        mean, std = self.moments()
        return value * std + mean

    @torch.no_grad()
    def update_statistics(self, mean_target: Tensor, mean_square: Tensor) -> None:
        """Adds the means of some value targets and of their squares; denormalised outputs do not change."""
        old_mean, old_std = self.moments()
        self.mean_sum.lerp_(mean_target.to(self.mean_sum), EMA_STEP)
        self.square_sum.lerp_(mean_square.to(self.square_sum), EMA_STEP)
        self.weight_sum.lerp_(torch.ones_like(self.weight_sum), EMA_STEP)
        mean, std = self.moments()
        self.linear.weight.mul_(old_std / std)
        self.linear.bias.mul_(old_std).add_(old_mean - mean).div_(std)


class ValueHead(nn.Module):
    """Value of every UAV from its own embedding and the masked means of UAV and target embeddings."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own = nn.Linear(width, width)
        self.pooled = nn.Linear(2 * width, width, bias=False)
        self.popart = PopArt(width)

    def forward(self, uav_BND: Tensor, target_BMD: Tensor, observation: Observation[Tensor]) -> Tensor:
        """(B, N) standardised values, float32."""
        num_uavs = uav_BND.shape[1]
        num_targets = target_BMD.shape[1]
        uav_mask_BN, target_mask_BM, _ = observation.mask.split(
            [num_uavs, num_targets, observation.mask.shape[1] - num_uavs - num_targets], dim=1
        )
        pooled_B2D = torch.cat([_masked_mean(uav_BND, uav_mask_BN), _masked_mean(target_BMD, target_mask_BM)], dim=-1)
        hidden_BND = self.own(uav_BND) + self.pooled(pooled_B2D).unsqueeze(1)
        return self.popart(functional.gelu(hidden_BND))


def _masked_mean(x_BKD: Tensor, mask_BK: Tensor) -> Tensor:
    """(B, D) mean over the rows where the mask is True; 0 if there are none."""
    weight_BK = mask_BK / mask_BK.sum(dim=1, keepdim=True).clamp(min=1)
    return (weight_BK.unsqueeze(1) @ x_BKD).squeeze(1)
