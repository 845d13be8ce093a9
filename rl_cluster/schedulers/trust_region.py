"""The weight of a KL penalty that holds KL at a target: an integral controller in log space.

e <- (e + ln(KL / target)) / 2;   if |e| > DEAD_BAND: ln beta <- ln beta + clip(GAIN e, +-MAX_STEP)

In log space a KL of twice and one of half the target move beta equally, so its geometric mean settles on the target
(rules that raise beta by 1.5 and lower it by 0.8 settle elsewhere); averaging and the dead band keep noise out. The
penalty is of Schulman et al. 2017 (arXiv 1707.06347, eq. 8); the rule there doubles and halves beta.
"""

import math
from typing import Annotated, NamedTuple

from pydantic import Field

from rl_cluster.config.controllers import ControllersConfig

__all__ = ["TrustRegionState", "adapt_kl_weight"]

GAIN, DEAD_BAND, MAX_STEP = 0.35, 0.2, 0.7
SMALLEST_RATIO = 1e-3
"""The least ratio of KL to its target, for the logarithm: weights that did not move have a KL of 0."""


class TrustRegionState(NamedTuple):
    """The state of the controller."""

    weight: Annotated[float, Field(gt=0.0, le=1e6)]
    """beta"""
    error: Annotated[float, Field(ge=-1e3, le=1e3)] = 0.0
    """average of ln(KL / target); the last value counts half"""


def adapt_kl_weight(config: ControllersConfig, state: TrustRegionState, kl: float) -> TrustRegionState:
    """The weight for the next update, after one with KL(old || new) of `kl` nats; if that is not finite, it doubles."""
    low, high = config.kl_weight_range
    if not math.isfinite(kl):
        return TrustRegionState(min(2.0 * state.weight, high), state.error)
    error = 0.5 * (state.error + math.log(max(kl / config.kl_target, SMALLEST_RATIO)))
    step = min(max(GAIN * error, -MAX_STEP), MAX_STEP) if abs(error) > DEAD_BAND else 0.0
    return TrustRegionState(min(max(state.weight * math.exp(step), low), high), error)
