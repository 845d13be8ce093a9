"""The named terms of the reward, and how they become one number per UAV.

Kernels of `delivery.py` and `interval.py` write each term's raw amount per UAV; weights and mixing are applied here:
own_i = sum_t weight_t * term_ti and r_i = lambda * own_i + (1 - lambda) * mean over existing UAVs of own.
Costs are negative amounts, so all weights are non-negative.
"""

import numpy as np
from numba import njit

from rl_cluster.config.allocate import AllocateRewardConfig
from rl_cluster.types import BoolArray, FloatArray

__all__ = ["TERMS", "mix_terms", "term_index", "term_weights"]

TERMS = (
    "completion",  # own share of what was delivered to a target, when it closes
    "share",  # own share of demand newly met: units delivered over the target's whole demand
    "waste",  # -1 when the chosen target closes under the UAV
    "congestion",  # -(own part of clip(n_j / ideal_j - 1, 0, 1)) when target j closes, or at the end if it does not
    "path",  # -metres flown / sensing radius
    "time",  # -1 per decision
    "approach",  # potential after - before; potential = -distance to the chosen target / sensing radius, or 0
    "collision",  # -1 for entering a no-fly zone
    "all_done",  # 1 / N when all targets are closed
)
"""Names of the terms, in the order of the last axis of the term arrays."""


def term_index(name: str) -> int:
    """Position of a term on the last axis."""
    return TERMS.index(name)


def term_weights(config: AllocateRewardConfig) -> FloatArray:
    """(len(TERMS),) weights in the order of TERMS."""
    return np.array([getattr(config, name) for name in TERMS], dtype=np.float32)


@njit(cache=True, _nrt=False)
def mix_terms(
    terms: FloatArray, weights: FloatArray, own_weight: float, uav_exists: BoolArray, reward: FloatArray
) -> None:
    """Writes reward (B, N) from raw terms (B, N, len(TERMS)); 0 where the UAV does not exist (True = exists)."""
    num_worlds, num_uavs, num_terms = terms.shape
    for b in range(num_worlds):
        total, count = 0.0, 0
        for i in range(num_uavs):
            own = 0.0
            if uav_exists[b, i]:
                for t in range(num_terms):
                    own += weights[t] * terms[b, i, t]
                total += own
                count += 1
            reward[b, i] = own
        mean = total / max(count, 1)
        for i in range(num_uavs):
            if uav_exists[b, i]:
                reward[b, i] = own_weight * reward[b, i] + (1.0 - own_weight) * mean
