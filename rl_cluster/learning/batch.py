"""One iteration's experience as torch rows: fragments joined, advantages and value targets added.

A row is a graph: one world at one decision step. `minibatch.py` draws from the rows, `gae.py` holds the recursion.

Letters: K rows, T steps and B worlds of a fragment, N UAVs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rl_cluster.config.schema import PPOConfig
from rl_cluster.learning.gae import gae
from rl_cluster.learning.off_policy import Current, importance
from rl_cluster.learning.vtrace import vtrace
from rl_cluster.types import FloatArray, Fragment, Observation, map_observation

__all__ = ["TrainBatch", "make_train_batch"]


@dataclass(frozen=True, slots=True)
class TrainBatch:
    """Columns of K graphs, all of the run's padded sizes."""

    observation: Observation[Tensor]
    """each array is (K, ...)"""
    action: Tensor
    """(K, N) int16 choices, or (K, N, 2) float32 controls before they are squashed"""
    logp_KN: Tensor
    """log-probability of the action when it was taken"""
    value_KN: Tensor
    """the value that was predicted when the rows were sampled, in reward units"""
    advantage_KN: Tensor
    """in reward units; the update standardises them over all Learners' rows"""
    value_target_KN: Tensor
    """in reward units"""
    expert_KN: Tensor | None = None
    """int16, the actions that a search would take, -1 = none was searched; None = nothing was searched"""
    start_logp_KN: Tensor | None = None
    """log-probability of the action under the weights that the update begins with; None = those are the ones that
    acted"""

    @property
    def num_rows(self) -> int:
        """K"""
        return self.action.shape[0]

    @property
    def decides_KN(self) -> Tensor:
        """True = the UAV chose at this step."""
        return self.observation.decides

    @property
    def imitates_KN(self) -> Tensor:
        """True = the UAV chose, and a search has found a choice for it that was legal then."""
        if self.expert_KN is None:
            return torch.zeros_like(self.decides_KN)
        legal_KN = self.observation.action_mask.gather(-1, self.expert_KN.long().clamp(min=0).unsqueeze(-1)).squeeze(-1)
        return self.decides_KN & (self.expert_KN >= 0) & legal_KN

    @property
    def exists_KN(self) -> Tensor:
        """True = the UAV exists."""
        return self.observation.mask[:, : self.action.shape[1]]

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The batch with `function` applied to each of its tensors: to pick rows, or to move it to a device."""
        columns = (self.action, self.logp_KN, self.value_KN, self.advantage_KN, self.value_target_KN)
        mapped = type(self)(map_observation(function, self.observation), *map(function, columns))
        optional: dict[str, Tensor | None] = {"expert_KN": self.expert_KN, "start_logp_KN": self.start_logp_KN}
        given: dict[str, Any] = {name: function(column) for name, column in optional.items() if column is not None}
        return replace(mapped, **given) if given else mapped


def make_train_batch(
    fragments: Sequence[Fragment], config: PPOConfig, current: Sequence[Current | None] | None = None
) -> TrainBatch:
    """The rows of all fragments, in order of (fragment, world, t), with advantages and value targets.

    Rows stand world after world, so that Learners that divide the worlds hold consecutive rows. Arrays are copied.
    Raises ValueError if there are no fragments.

    Args:
        fragments: What was sampled.
        config: Discounts.
        current: What the weights to be updated say of each fragment, None = they have made it; None for all together =
            the batch is on-policy.
    """
    if not fragments:
        raise ValueError("a train batch needs at least one fragment")
    known = [None] * len(fragments) if current is None else current
    estimates = [_estimate(one, its, config) for one, its in zip(fragments, known, strict=True)]
    observation = Observation(*(_join(arrays) for arrays in zip(*(f.observation for f in fragments), strict=True)))
    advantage_KN, value_target_KN = (_join(arrays) for arrays in zip(*estimates, strict=True))
    return TrainBatch(
        observation=observation,
        action=_join([f.action for f in fragments]),
        logp_KN=_join([f.logp for f in fragments]),
        value_KN=_join([f.value if its is None else its.value_TBN for f, its in zip(fragments, known, strict=True)]),
        advantage_KN=advantage_KN,
        value_target_KN=value_target_KN,
        expert_KN=_join_experts(fragments),
        start_logp_KN=None if current is None else _join(_start_logps(fragments, current)),
    )


def _estimate(fragment: Fragment, current: Current | None, config: PPOConfig) -> tuple[FloatArray, FloatArray]:
    """Advantages and value targets."""
    f = fragment
    if current is None:
        return gae(f.reward, f.value, f.next_value, f.ended, config.gamma, config.gae_lambda)
    ratio_TBN = importance(current.logp_TBN, f.logp)
    values = current.value_TBN, current.next_value_TBN
    return vtrace(f.reward, *values, f.ended, ratio_TBN, config.gamma, config.gae_lambda)


def _start_logps(fragments: Sequence[Fragment], current: Sequence[Current | None]) -> list[FloatArray]:
    return [f.logp if its is None else its.logp_TBN for f, its in zip(fragments, current, strict=True)]


def _join_experts(fragments: Sequence[Fragment]) -> Tensor | None:
    """Those of all fragments; None if nothing was searched in any of them."""
    if all(fragment.expert is None for fragment in fragments):
        return None
    nothing = [np.full(fragment.logp.shape, -1, dtype=np.int16) for fragment in fragments]
    experts = [none if f.expert is None else f.expert for f, none in zip(fragments, nothing, strict=True)]
    return _join(experts)


def _join(columns_TB: Sequence[NDArray[Any]]) -> Tensor:
    """[T, B, ...] columns of several fragments -> one tensor [K, ...]."""
    # Not -1: for an array without elements (targets of a task that has none), that could be any number.
    rows_K = [
        column.swapaxes(0, 1).reshape(column.shape[0] * column.shape[1], *column.shape[2:]) for column in columns_TB
    ]
    # Concatenating copies: arrays that came through shared memory are read-only, and torch has no read-only tensors.
    return torch.from_numpy(np.concatenate(rows_K))
