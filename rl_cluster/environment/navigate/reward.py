"""The named terms of the reward of task `navigate`; `step.py` adds them up with their weights.

own_i = sum_t weight_t * amount_ti and r_i = lambda * own_i + (1 - lambda) * mean over existing UAVs of own. Costs are
negative amounts, so all weights are non-negative. A UAV that had arrived before the step is paid and charged nothing.
"""

from typing import NamedTuple

from rl_cluster.config.navigate import NavigateRewardConfig

__all__ = ["RewardWeights", "reward_weights"]


class RewardWeights(NamedTuple):
    """Weights of the terms, in reward per unit of the amount."""

    progress: float
    """amount: metres come nearer to the goal / sensing radius; their sum telescopes (Ng, Harada, Russell 1999)"""
    arrival: float
    """amount: 1 in the step of arrival"""
    collision: float
    """amount: -1 in a step in which the UAV begins to touch something"""
    warning: float
    """amount: -dt * depth in the warning band of the nearest body, in [0, 1]"""
    effort: float
    """amount: -dt * mean square of the controls"""
    time: float
    """amount: -dt"""
    formation: float
    """amount: -dt * min(metres outside the formation radius / sensing radius, 1), of followers"""
    own_weight: float
    """lambda"""


def reward_weights(config: NavigateRewardConfig) -> RewardWeights:
    """The settings as the kernel takes them."""
    return RewardWeights(**config.model_dump())
