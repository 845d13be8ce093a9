"""The reward of task `navigate`: a kernel for each term, whose docstring is the formula of its amount.

A kernel gives weight * amount for one UAV and one step, unlike those of `allocate`; `step.py` adds them up. Costs are
negative amounts, so all weights are non-negative. A UAV that had arrived before the step is paid and charged nothing.
The help of the settings and `docs/navigate.md` repeat these formulas, and a test holds them to it.
"""

from typing import NamedTuple

from numba import njit

from rl_cluster.config.navigate import NavigateRewardConfig

__all__ = [
    "TERMS",
    "RewardWeights",
    "arrival",
    "collision",
    "effort",
    "formation",
    "progress",
    "reward_weights",
    "time",
    "warning",
]


class RewardWeights(NamedTuple):
    """Weights of the terms, in reward per unit of the amount."""

    progress: float
    arrival: float
    collision: float
    warning: float
    effort: float
    time: float
    formation: float
    own_weight: float
    """lambda of `mixed`"""


def reward_weights(config: NavigateRewardConfig) -> RewardWeights:
    """The settings as the kernels take them."""
    return RewardWeights(**config.model_dump())


@njit(cache=True, _nrt=False, inline="always")
def progress(weight: float, before_m: float, after_m: float, per_sensing_radius: float) -> float:
    """Metres come nearer to the goal / sensing radius; potential-based (Ng, Harada, Russell 1999)."""
    return weight * (before_m - after_m) * per_sensing_radius


@njit(cache=True, _nrt=False, inline="always")
def arrival(weight: float) -> float:
    """1 in the step of arrival."""
    return weight


@njit(cache=True, _nrt=False, inline="always")
def collision(weight: float, is_new: bool) -> float:
    """-1 in a step in which the UAV begins to touch another UAV or a no-fly zone."""
    return -weight * is_new


@njit(cache=True, _nrt=False, inline="always")
def warning(weight: float, step_s: float, depth: float) -> float:
    """-(depth in the warning band of the nearest body, in [0, 1]) per second."""
    return -weight * step_s * depth


@njit(cache=True, _nrt=False, inline="always")
def effort(weight: float, u0: float, u1: float) -> float:
    """-(mean square of the controls) per second.

    It is given for one second; the length of the step multiplies it together with `time`.
    """
    return -weight * 0.5 * (u0 * u0 + u1 * u1)


@njit(cache=True, _nrt=False, inline="always")
def time(weight: float) -> float:
    """-1 per second.

    It is given for one second, as `effort` is.
    """
    return -weight


@njit(cache=True, _nrt=False, inline="always")
def formation(weight: float, step_s: float, excess_m: float, sensing_radius_m: float) -> float:
    """-min(metres outside the formation radius / sensing radius, 1) per second, of followers."""
    return -weight * step_s * min(excess_m / sensing_radius_m, 1.0)


_KERNELS = (progress, arrival, collision, warning, effort, time, formation)
TERMS: tuple[str, ...] = tuple(kernel.__name__ for kernel in _KERNELS)
"""Names of the terms."""
