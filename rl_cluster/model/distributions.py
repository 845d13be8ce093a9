"""The batched masked categorical that every UAV draws its action from.

What an illegal action is, and that a row without any legal one counts as all legal, is said here once, for `heads.py`.
"""

import torch
from torch import Tensor

__all__ = ["ILLEGAL_LOGIT", "MaskedCategorical", "mask_logits"]

ILLEGAL_LOGIT = -1e9
"""Finite, so that 0 * logp stays 0 in entropies; far enough below any logit that its probability is exactly 0."""
LARGEST_UNIFORM = 1.0 - 2.0**-24
"""Keeps Gumbel noise finite (below 17) where float32 noise has been rounded to 1."""


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

    def log_prob(self, action: Tensor) -> Tensor:
        """(...) log-probability of each integer action (...)."""
        return self.logp_all.gather(-1, action.long().unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """(...) entropy in nats."""
        return -(self.logp_all.exp() * self.logp_all).sum(dim=-1)

    def kl(self, other: "MaskedCategorical") -> Tensor:
        """(...) KL(self || other) in nats; both must have the same legal actions."""
        return (self.logp_all.exp() * (self.logp_all - other.logp_all)).sum(dim=-1)

    def argmax(self) -> Tensor:
        """(...) int64, the most probable action; of equals the lowest."""
        return self.logp_all.argmax(dim=-1)

    def sample(self, uniform: Tensor) -> Tensor:
        """(...) int64 actions by the Gumbel-max trick: argmax(logp - ln(-ln u)), u = `uniform` (..., A) in (0, 1).

        The noise comes from outside, so that a UAV's draw does not depend on the batch it is evaluated in.
        """
        tiny = torch.finfo(uniform.dtype).tiny
        gumbel = -(-uniform.clamp(tiny, LARGEST_UNIFORM).log()).log()
        return (self.logp_all + gumbel).argmax(dim=-1)
