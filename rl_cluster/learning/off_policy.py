"""What the policy that is to learn says of a fragment that older weights have made, and how much such rows still count.

Letters: T steps and B worlds of a fragment, R of its rows at a time, K rows of a batch, N UAVs.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rl_cluster.learning.ranks import Ranks
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import FloatArray, Fragment, map_observation

__all__ = ["Current", "effective_share", "evaluate_current", "importance"]

PART_ROWS = 256
"""Graphs that go through the network together: activations that stay in a CPU's cache."""
LARGEST_LOG_RATIO = 20.0
"""Ratios are cut there, so that none of them is infinite."""


class Current(NamedTuple):
    """A fragment's columns by the weights that the next update begins with."""

    logp_TBN: FloatArray
    """log-probability of the action; 0 where the UAV did not choose"""
    value_TBN: FloatArray
    """predicted return, in reward units"""
    next_value_TBN: FloatArray
    """that of the successor within the same episode; 0 where the episode ended"""


def importance(current_logp: NDArray[Any], logp: NDArray[Any]) -> FloatArray:
    """pi(a) / mu(a) of log-probabilities under the current policy and under the one that acted."""
    ratio: FloatArray = np.exp(np.clip(current_logp - logp, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO))
    return ratio


@torch.no_grad()
def evaluate_current(model: TransformerGNN, fragment: Fragment) -> Current:
    """Asks the network about a fragment's actions.

    The state after the last step is not in the fragment: its value stays the one that the older weights have given.
    """
    device = next(model.parameters()).device
    rows = map_observation(_as_rows, fragment.observation)
    action, decides = _as_rows(fragment.action), rows.decides
    logps, values = [], []
    for first in range(0, len(action), PART_ROWS):

        def part(column: Tensor, start: int = first) -> Tensor:
            return column[start : start + PART_ROWS].to(device)

        output = model(map_observation(part, rows))
        logp_RN = output.policy.log_prob(part(action))
        logps.append(torch.where(part(decides), logp_RN, 0.0).cpu())
        values.append(model.denormalise(output.value_BN).cpu())
    shape = fragment.logp.shape
    logp_TBN, value_TBN = (torch.cat(parts).float().numpy().reshape(shape) for parts in (logps, values))
    successor_TBN = np.concatenate([value_TBN[1:], fragment.next_value[-1:]])
    return Current(logp_TBN, value_TBN, np.where(fragment.ended[..., None], np.float32(0.0), successor_TBN))


def _as_rows(column: NDArray[Any]) -> Tensor:
    """[T, B, ...] -> [T * B, ...], copied: arrays from shared memory are read-only, and torch has no such tensors."""
    return torch.from_numpy(np.array(column.reshape(column.shape[0] * column.shape[1], *column.shape[2:])))


def effective_share(start_logp_KN: Tensor, logp_KN: Tensor, decides_KN: Tensor, ranks: Ranks) -> float:
    """The effective sample size of all ranks' rows, as a share of their number: 1 = as good as sampled anew.

    (sum w)^2 / (n sum w^2), with w = pi(a) / mu(a) of the n choices (Kong 1992).
    """
    log_ratio_KN = (start_logp_KN - logp_KN).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
    weight_KN = torch.where(decides_KN, log_ratio_KN.double().exp(), 0.0)
    sums = ranks.sum(torch.stack([weight_KN.sum(), weight_KN.square().sum(), decides_KN.sum().double()]))
    total, squares, number = sums.tolist()
    return total * total / (number * squares) if number else 1.0
