"""Generalised advantage estimation over the columns of a fragment; in numpy, like fragments.

Letters: T decision steps, B worlds, N UAVs. A world's column is in order of time and may hold several episodes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.types import BoolArray, FloatArray

__all__ = ["gae"]


def gae(
    reward_TBN: NDArray[Any],
    value_TBN: NDArray[Any],
    next_value_TBN: NDArray[Any],
    ended_TB: BoolArray,
    gamma: float,
    gae_lambda: float,
) -> tuple[FloatArray, FloatArray]:
    """The advantages and value targets of every UAV at every step (Schulman et al. 2016, arXiv 1506.02438, eq. 16).

    delta_t = r_t + gamma V'_t - V_t;  A_t = delta_t + gamma lambda (1 - ended_t) A_(t+1);  target_t = A_t + V_t.

    V' is the value of the successor within the same episode. A rollout gives 0 for it where the episode ended: time
    left is observed, so running out of it ends the return, too (Pardo et al. 2018, arXiv 1712.00378). A caller that
    prefers to bootstrap puts a value there; the sum over later steps is still cut at `ended`.

    Args:
        reward_TBN: (T, B, N) per-UAV rewards.
        value_TBN: (T, B, N) V, in reward units.
        next_value_TBN: (T, B, N) V', in reward units.
        ended_TB: (T, B) True = the episode ended with this step.
        gamma: discount per step, in [0, 1].
        gae_lambda: in [0, 1]; 0 = one-step, 1 = all steps of the fragment.

    Returns:
        Advantage and value target, each (T, B, N) float32.
    """
    advantage_TBN = (reward_TBN + gamma * next_value_TBN - value_TBN).astype(np.float32)
    carry_TB1 = np.where(ended_TB, 0.0, gamma * gae_lambda).astype(np.float32)[..., None]
    for t in range(len(advantage_TBN) - 2, -1, -1):
        advantage_TBN[t] += carry_TB1[t] * advantage_TBN[t + 1]
    return advantage_TBN, advantage_TBN + value_TBN.astype(np.float32)
