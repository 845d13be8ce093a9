"""V-trace over the columns of a fragment: advantages and targets for a policy that is not the one that acted.

Letters: T decision steps, B worlds, N UAVs. Each UAV has a ratio of its own: that of a team's joint action would vary
with the product of all of them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.types import BoolArray, FloatArray

__all__ = ["vtrace"]


def vtrace(
    reward_TBN: NDArray[Any],
    value_TBN: NDArray[Any],
    next_value_TBN: NDArray[Any],
    ended_TB: BoolArray,
    ratio_TBN: NDArray[Any],
    gamma: float,
    gae_lambda: float,
) -> tuple[FloatArray, FloatArray]:
    """The advantages and value targets of every UAV at every step.

    delta_t = r_t + gamma V'_t - V_t;  c_t = min(1, pi(a_t) / mu(a_t))
    A_t = delta_t + gamma lambda (1 - ended_t) c_(t+1) A_(t+1);  target_t = V_t + c_t A_t

    The targets are V-trace's with lambda in its traces (Espeholt et al. 2018, arXiv 1802.01561, eq. 1 and remark 2,
    with both truncation levels 1). The advantages leave out the ratio of a_t, which the loss has (GePPO, Queeney et
    al. 2021, arXiv 2111.00072, eq. 12). Where all ratios are 1, both are those of `gae`, to the bit.

    Args:
        reward_TBN: (T, B, N) per-UAV rewards.
        value_TBN: (T, B, N) V of the policy pi that is to learn, in reward units.
        next_value_TBN: (T, B, N) V' of it, 0 where the episode ended.
        ended_TB: (T, B) True = the episode ended with this step.
        ratio_TBN: (T, B, N) pi(a) / mu(a), of the policy that is to learn over the one that acted; 1 where the UAV did
            not choose.
        gamma: discount per step, in [0, 1].
        gae_lambda: in [0, 1].

    Returns:
        Advantage and value target, each (T, B, N) float32.
    """
    trace_TBN = np.minimum(ratio_TBN, 1.0).astype(np.float32)
    advantage_TBN = (reward_TBN + gamma * next_value_TBN - value_TBN).astype(np.float32)
    carry_TB1 = np.where(ended_TB, 0.0, gamma * gae_lambda).astype(np.float32)[..., None]
    for t in range(len(advantage_TBN) - 2, -1, -1):
        advantage_TBN[t] += carry_TB1[t] * (trace_TBN[t + 1] * advantage_TBN[t + 1])
    return advantage_TBN, trace_TBN * advantage_TBN + value_TBN.astype(np.float32)
