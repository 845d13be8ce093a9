"""The loss of proximal policy optimisation, with a ratio, an advantage and a value per UAV.

Schulman et al. 2017, arXiv 1707.06347. Terms of the policy are sums over UAVs that decide, terms of the value sums over
UAVs that exist, each over a count that the caller gives: minibatches (or learners) whose own counts differ then still
add up to the mean over all. `batch.py` makes the batches, and `update.py` uses the loss.

Letters: B graphs, N UAVs.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from rl_cluster.learning.ranks import Ranks, masked_moments
from rl_cluster.model.transformer_gnn import PolicyOutput

__all__ = ["PPOSample", "PPOWeights", "explained_variance", "ppo_loss"]


class PPOSample(NamedTuple):
    """The sampled data that the loss compares the network's output with."""

    action: Tensor
    """(B, N, ..) as the policy's distribution sampled it"""
    logp_BN: Tensor
    """log-probability of the action when it was taken"""
    advantage_BN: Tensor
    """standardised over the deciding UAVs of the whole batch"""
    value_target_BN: Tensor
    """standardised as the network's value is"""
    decides_BN: Tensor
    """bool; True = the UAV chose: it counts in the policy's terms"""
    exists_BN: Tensor
    """bool; True = the UAV exists: it counts in the value's term"""
    expert_BN: Tensor | None = None
    """actions that a search would take; None = nothing was searched"""
    imitates_BN: Tensor | None = None
    """bool; True = the UAV counts in the imitation's term"""
    start_logp_BN: Tensor | None = None
    """log-probability of the action under the weights that the update began with; None = those acted"""


class PPOWeights(NamedTuple):
    """Constants of the loss."""

    clip: float
    """Ratios are clipped to 1 +- this."""
    value_weight: float
    entropy_weight: float
    kl_weight: float
    """beta of the penalty on KL(old || new); 0 = none."""
    num_deciding: float
    """What the policy's sums are divided by: the mean number of deciding UAVs in a minibatch."""
    num_existing: float
    """What the value's sum is divided by."""
    imitation_weight: float = 0.0
    """Weight of imitating searched choices; 0 = none."""
    num_imitating: float = 1.0
    """What the imitation's sum is divided by."""


def ppo_loss(output: PolicyOutput, sample: PPOSample, weights: PPOWeights) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss (scalar, float32) and its detached statistics.

    policy_loss = -mean min(rho A, clip(rho, s - c, s + c) A),   rho = s x,   x = pi(a) / pi_old(a)
                   pi_old is the policy with which the update begins, and mu the one that acted. Where they are the
                   same, s = 1: PPO's loss. Else s = min(1, pi_old(a) / mu(a)), V-trace's weight of the policy gradient
                   (Espeholt et al. 2018, arXiv 1802.01561), and ratios are clipped around pi_old, not around the older
                   policy (GePPO, Queeney et al. 2021, arXiv 2111.00072, eq. 7)
    value_loss  =  mean (V - target)^2 / 2 on standardised values: no clipping (RLlib's vf_clip_param cuts the squared
                   error itself, and with it all gradient of rewards larger than about its root)
    approx_kl   =  mean s (x - 1 - ln x)
    imitation_loss = -mean ln pi(searched action): expert iteration (Anthony et al. 2017, arXiv 1705.08439) on states
                   that the policy itself visits (Ross et al. 2011, arXiv 1011.0686)
    loss        =  policy_loss + value_weight * value_loss - entropy_weight * mean entropy + kl_weight * approx_kl
                   + imitation_weight * imitation_loss

    approx_kl is the low-variance unbiased estimator k3 of KL(pi_old || pi) (Schulman, "Approximating KL divergence",
    2020). As a penalty (arXiv 1707.06347, eq. 8) its gradient is unbiased too: under pi_old the mean of x is 1.

    Statistics: policy_loss, value_loss, entropy (nats), approx_kl, clip_fraction, imitation_loss (0 without searched
    actions), and ratio_deviation = max |x - 1|.
    All but the last are sums over counts, so those of a minibatch's parts add up.
    """
    policy = output.policy
    start_logp_BN = sample.logp_BN if sample.start_logp_BN is None else sample.start_logp_BN
    log_moved_BN = torch.where(sample.decides_BN, policy.log_prob(sample.action) - start_logp_BN, 0.0)
    moved_BN = log_moved_BN.exp()
    centre = _start_weight(sample)
    ratio_BN = moved_BN * centre
    clipped_BN = ratio_BN.clamp(centre - weights.clip, centre + weights.clip)
    surrogate_BN = torch.minimum(ratio_BN * sample.advantage_BN, clipped_BN * sample.advantage_BN)
    policy_loss = -_mean(surrogate_BN, sample.decides_BN, weights.num_deciding)
    entropy = _mean(policy.entropy(), sample.decides_BN, weights.num_deciding)
    squared_BN = 0.5 * functional.mse_loss(output.value_BN, sample.value_target_BN, reduction="none")
    value_loss = _mean(squared_BN, sample.exists_BN, weights.num_existing)
    approx_kl = _mean(centre * (moved_BN - 1.0 - log_moved_BN), sample.decides_BN, weights.num_deciding)
    loss = policy_loss + weights.value_weight * value_loss - weights.entropy_weight * entropy
    if weights.kl_weight:
        loss = loss + weights.kl_weight * approx_kl
    imitation_loss = _imitation_loss(output, sample, weights)
    if weights.imitation_weight:
        loss = loss + weights.imitation_weight * imitation_loss
    with torch.no_grad():
        is_clipped_BN = ((ratio_BN - centre).abs() > weights.clip).float()
        statistics = {
            "policy_loss": policy_loss.detach(),
            "value_loss": value_loss.detach(),
            "entropy": entropy.detach(),
            "approx_kl": approx_kl.detach(),
            "clip_fraction": _mean(is_clipped_BN, sample.decides_BN, weights.num_deciding),
            "imitation_loss": imitation_loss.detach(),
            "ratio_deviation": (moved_BN - 1.0).abs().max(),
        }
    return loss, statistics


def _start_weight(sample: PPOSample) -> Any:
    """s, (B, N), 1 where the UAV did not choose; the number 1 if the batch is on-policy."""
    if sample.start_logp_BN is None:
        return 1.0
    log_ratio_BN = sample.start_logp_BN - sample.logp_BN
    return torch.where(sample.decides_BN, log_ratio_BN, 0.0).clamp(max=0.0).exp()


def _imitation_loss(output: PolicyOutput, sample: PPOSample, weights: PPOWeights) -> Tensor:
    if sample.expert_BN is None or sample.imitates_BN is None:
        return output.value_BN.new_zeros(())
    logp_BN = output.policy.log_prob(sample.expert_BN.clamp(min=0))
    return -_mean(logp_BN, sample.imitates_BN, weights.num_imitating)


def _mean(x_BN: Tensor, mask_BN: Tensor, count: float) -> Tensor:
    return torch.where(mask_BN, x_BN, 0.0).sum() / count


def explained_variance(value: Tensor, target: Tensor, mask: Tensor, ranks: Ranks) -> Tensor:
    """1 - Var(target - value) / Var(target) over the entries of all ranks where `mask` is True.

    1 is perfect, 0 is no better than a constant. It is also 0 if the targets do not vary.
    """
    variance = masked_moments(target, mask, ranks).variance
    unexplained = masked_moments(target - value, mask, ranks).variance
    return torch.where(variance > 0, 1.0 - unexplained / variance, 0.0)
