"""The distributions of every UAV's action: a choice among its legal actions, or continuous controls.

Both kinds implement `ActionDistribution`, which is all that acting and learning use. This module also defines, for
`heads.py`, what an illegal action is, and that a row without any legal action counts as all legal.
"""

import math
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["ILLEGAL_LOGIT", "ActionDistribution", "MaskedCategorical", "SquashedGaussian", "mask_logits"]

ILLEGAL_LOGIT = -1e9
"""A finite logit, so that 0 * logp stays 0 in entropies; so low that its probability is exactly 0."""
LARGEST_UNIFORM = 1.0 - 2.0**-24
"""Keeps noise finite (Gumbel's below 17, the normal's below 5.3) if float32 noise has been rounded to 1."""
QUADRATURE = np.polynomial.hermite_e.hermegauss(16)
"""Nodes and weights of E f(z) sqrt(2 pi) ~ sum_i weight_i f(node_i) for a standard normal z (Gauss-Hermite)."""


class ActionDistribution(Protocol):
    """A distribution of each UAV's action, independent of the others'. (...) are worlds and UAVs.

    A UAV that does not decide has log-probability 0 and entropy 0, exactly.
    """

    @property
    def noise_shape(self) -> torch.Size:
        """Shape (..., X) of the uniform numbers that `sample` takes: X for each UAV."""

    def log_prob(self, action: Tensor) -> Tensor:
        """(...) log-probability of actions, as `sample` gives them."""

    def entropy(self) -> Tensor:
        """(...) entropy in nats."""

    def kl(self, other: Self) -> Tensor:
        """(...) KL(self || other) in nats."""

    def mode(self) -> Tensor:
        """The actions of deterministic play."""

    def sample(self, uniform: Tensor) -> Tensor:
        """Actions in the form that is stored and learnt from, as a function of `uniform` (..., X) in (0, 1).

        The noise comes from outside, so that a UAV's draw does not depend on the batch it is evaluated in.
        """

    def applied(self, action: Tensor) -> Tensor:
        """The form that worlds take, for actions of `sample` or `mode`."""


def mask_logits(logits: Tensor, mask: Tensor) -> Tensor:
    """Logits (..., A) with ILLEGAL_LOGIT where `mask` (..., A; True = legal) is False.

    A row without a legal action, as in RLlib's all-zero dummy batches, counts as all legal.
    """
    is_illegal = ~mask & mask.any(dim=-1, keepdim=True)
    return logits.masked_fill(is_illegal, ILLEGAL_LOGIT)


class MaskedCategorical:
    """Independent categorical distributions over the last dimension; float32.

    A UAV with one legal action has log-probability 0 and entropy 0, exactly.

    Args:
        logits: (..., A) unnormalised log-probabilities.
        mask: (..., A) bool, True = legal; None if the logits are masked already.
    """

    def __init__(self, logits: Tensor, mask: Tensor | None = None) -> None:
        logits = logits.float() if mask is None else mask_logits(logits.float(), mask)
        self.logp_all = logits.log_softmax(dim=-1)
        """(..., A) log-probability of each action."""

    @property
    def noise_shape(self) -> torch.Size:
        """(..., A)."""
        return self.logp_all.shape

    def log_prob(self, action: Tensor) -> Tensor:
        """(...) log-probability of each integer action (...)."""
        return self.logp_all.gather(-1, action.long().unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """(...) entropy in nats."""
        return -(self.logp_all.exp() * self.logp_all).sum(dim=-1)

    def kl(self, other: "MaskedCategorical") -> Tensor:
        """(...) KL(self || other) in nats; both must have the same legal actions."""
        return (self.logp_all.exp() * (self.logp_all - other.logp_all)).sum(dim=-1)

    def mode(self) -> Tensor:
        """(...) int64, the most probable action; the lowest of equally probable ones."""
        return self.logp_all.argmax(dim=-1)

    def perturbed(self, uniform: Tensor) -> Tensor:
        """(..., A) logp - ln(-ln u), u = `uniform` (..., A) in (0, 1).

        The highest of any legal actions is a sample of the distribution that is restricted to them (Gumbel-max trick).
        """
        tiny = torch.finfo(uniform.dtype).tiny
        return self.logp_all - (-uniform.clamp(tiny, LARGEST_UNIFORM).log()).log()

    def restricted(self, mask: Tensor) -> "MaskedCategorical":
        """The distribution over some of the actions: `mask` (..., A), True = legal."""
        return MaskedCategorical(self.logp_all, mask)

    def sample(self, uniform: Tensor) -> Tensor:
        """(...) int64 actions, the highest of `perturbed`."""
        return self.perturbed(uniform).argmax(dim=-1)

    def applied(self, action: Tensor) -> Tensor:
        """The actions themselves."""
        return action


class SquashedGaussian:
    """Independent controls a = tanh(u), u ~ N(mean, std), of UAVs that decide; float32.

    Haarnoja et al. 2018, arXiv 1801.01290, appendix C. Actions are handled as u, before the squashing: a is rounded to
    1 where u is large, and its log-probability would be lost.

    Args:
        mean: (..., K) means of u.
        log_std: (..., K), or a shape that broadcasts to it: logarithms of the deviations of u.
        decides: (...) bool; False = the UAV does not decide: its log-probability, entropy and divergence are 0.
    """

    def __init__(self, mean: Tensor, log_std: Tensor, decides: Tensor) -> None:
        self.mean = mean.float()
        """(..., K)"""
        self.log_std = log_std.float().expand_as(mean)
        """(..., K)"""
        self._decides = decides

    @property
    def noise_shape(self) -> torch.Size:
        """(..., K)."""
        return self.mean.shape

    def log_prob(self, action: Tensor) -> Tensor:
        """(...) log-density of tanh(u) for each u = `action` (..., K): sum over k of log N(u) - log(1 - tanh(u)^2)."""
        standard = (action - self.mean) * (-self.log_std).exp()
        logp = -0.5 * (standard.square() + math.log(2.0 * math.pi)) - self.log_std - _log_slope(action)
        return self._total(logp)

    def entropy(self) -> Tensor:
        """(...) entropy of tanh(u) in nats: that of u plus E log(1 - tanh(u)^2), by Gauss-Hermite quadrature."""
        nodes, weights = (self.mean.new_tensor(numbers) for numbers in QUADRATURE)
        log_slope = _log_slope(self.mean.unsqueeze(-1) + self.log_std.exp().unsqueeze(-1) * nodes)
        squashing = log_slope @ (weights / math.sqrt(2.0 * math.pi))
        return self._total(0.5 * math.log(2.0 * math.pi * math.e) + self.log_std + squashing)

    def kl(self, other: "SquashedGaussian") -> Tensor:
        """(...) KL(self || other) in nats: that of the u, because squashing both alike does not change it."""
        log_ratio = self.log_std - other.log_std
        shift = (self.mean - other.mean) * (-other.log_std).exp()
        return self._total(0.5 * ((2.0 * log_ratio).exp() + shift.square() - 1.0) - log_ratio)

    def mode(self) -> Tensor:
        """(..., K) the most probable u; tanh of it is the median of the controls."""
        return self.mean

    def sample(self, uniform: Tensor) -> Tensor:
        """(..., K) values of u: mean + std * (inverse normal distribution of `uniform` (..., K))."""
        tiny = torch.finfo(uniform.dtype).tiny
        return self.mean + self.log_std.exp() * torch.special.ndtri(uniform.clamp(tiny, LARGEST_UNIFORM))

    def applied(self, action: Tensor) -> Tensor:
        """(..., K) controls in [-1, 1]."""
        return action.tanh()

    def _total(self, x: Tensor) -> Tensor:
        """(...) sums over the controls of UAVs that decide."""
        return torch.where(self._decides, x.sum(dim=-1), 0.0)


def _log_slope(u: Tensor) -> Tensor:
    """log(d tanh(u) / du) = log(1 - tanh(u)^2) = 2 (ln 2 - u - softplus(-2u)), which does not cancel for large u."""
    return 2.0 * (math.log(2.0) - u - functional.softplus(-2.0 * u))
