"""The reward of task `allocate`: a kernel for each term, whose docstring is its formula, and what becomes of the terms.

A kernel gives the amount of its term for one UAV. Costs are negative amounts, so all weights are non-negative. Amounts
of one decision are summed as they arise (`interval.py`, `delivery.py`); `mix_terms` weighs them. The help of the
settings and `docs/allocate.md` repeat these formulas, and a test holds them to it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateRewardConfig
from rl_cluster.environment.allocate.state import EPSILON
from rl_cluster.environment.shared.credit import mixed
from rl_cluster.types import BoolArray, FloatArray, IntArray

__all__ = [
    "PREFERENCES",
    "TERMS",
    "Weights",
    "all_done",
    "approach",
    "collision",
    "completion",
    "congestion",
    "mix_terms",
    "path",
    "share",
    "term_index",
    "time",
    "waste",
    "weights_of",
]


@njit(cache=True, _nrt=False, inline="always")
def completion(given: float, given_by_all: float, value: float, mean_value: float) -> float:
    """When target j closes: the UAV's share of all that was delivered to it, times value_j / mean value."""
    return value / mean_value * (given / max(given_by_all, EPSILON))


@njit(cache=True, _nrt=False, inline="always")
def share(delivered: float, demand: float) -> float:
    """Units delivered / the target's whole demand."""
    return delivered / demand


@njit(cache=True, _nrt=False, inline="always")
def waste() -> float:
    """-1 when the chosen target closes under the UAV."""
    return -1.0


@njit(cache=True, _nrt=False, inline="always")
def congestion(crowding: float, num_involved: int) -> float:
    """When target j closes, or at the end if it does not: -clip(n_j / ideal_j - 1, 0, 1), split over the n_j involved.

    Args:
        crowding: The clipped figure (`crowding.py`).
        num_involved: n_j.
    """
    return -crowding / max(num_involved, 1)


@njit(cache=True, _nrt=False, inline="always")
def path(flown_m: float, sensing_radius_m: float) -> float:
    """-metres flown / sensing radius."""
    return -flown_m / sensing_radius_m


@njit(cache=True, _nrt=False, inline="always")
def time() -> float:
    """-1 per decision."""
    return -1.0


@njit(cache=True, _nrt=False, inline="always")
def approach(sign: float, distance_m: float, sensing_radius_m: float) -> float:
    """Potential after less potential before; potential = -distance to the choice / sensing radius, 0 without a choice
    and after the end (Ng, Harada, Russell 1999).

    Args:
        sign: 1 for the potential after the decision interval, -1 for that before.
        distance_m: To the choice.
        sensing_radius_m: The unit of lengths.
    """
    return sign * (-distance_m / sensing_radius_m)


@njit(cache=True, _nrt=False, inline="always")
def collision() -> float:
    """-1 for entering a no-fly zone."""
    return -1.0


@njit(cache=True, _nrt=False, inline="always")
def all_done(num_uavs: int) -> float:
    """1 / N when the episode terminates: all targets are closed, and with a depot all UAVs that fly are back."""
    return 1.0 / num_uavs


_KERNELS = (completion, share, waste, congestion, path, time, approach, collision, all_done)
TERMS: tuple[str, ...] = tuple(kernel.__name__ for kernel in _KERNELS)
"""Names of the terms, in the order of the last axis of the term arrays."""


PREFERENCES: Mapping[str, tuple[str, ...]] = {
    "crowding": ("congestion", "waste"),
    "time": ("time",),
    "distance": ("path",),
}
"""Preference -> terms that its weight multiplies, in the order of `AllocateState.preference`."""


def term_index(name: str) -> int:
    """Position of a term on the last axis."""
    return TERMS.index(name)


class Weights(NamedTuple):
    """How terms become a reward."""

    of_terms: FloatArray
    """(len(TERMS),) in the order of TERMS"""
    group_of_terms: IntArray
    """(len(TERMS),) the preference (`PREFERENCES`) that multiplies the term's weight; -1 = none"""
    own: float
    """lambda of `shared/credit.py`"""


def weights_of(config: AllocateRewardConfig) -> Weights:
    """The settings in the kernel's form."""
    groups = {term: number for number, terms in enumerate(PREFERENCES.values()) for term in terms}
    return Weights(
        of_terms=np.array([getattr(config, name) for name in TERMS], dtype=np.float32),
        group_of_terms=np.array([groups.get(term, -1) for term in TERMS], dtype=np.int16),
        own=config.own_weight,
    )


@njit(cache=True)
def mix_terms(
    terms: FloatArray,
    weights: Weights,
    preference: FloatArray,
    uav_exists: BoolArray,
    reward: FloatArray,
    return_sum: NDArray[np.float64],
) -> None:
    """Writes reward (B, N) from the amounts (B, N, len(TERMS)), and adds it to the worlds' returns (B,).

    own_i = sum over terms of weight * amount, times what the episode prefers (B, P) for the term's group. The reward is
    0 where the UAV does not exist (True = exists).
    """
    num_worlds, num_uavs, num_terms = terms.shape
    scaled = np.empty_like(weights.of_terms)
    for b in range(num_worlds):
        for t in range(num_terms):
            group = weights.group_of_terms[t]
            scaled[t] = weights.of_terms[t] * (preference[b, group] if group >= 0 else np.float32(1.0))
        total, count = 0.0, 0
        for i in range(num_uavs):
            own = 0.0
            if uav_exists[b, i]:
                for t in range(num_terms):
                    own += scaled[t] * terms[b, i, t]
                total += own
                count += 1
            reward[b, i] = own
        mean, paid = total / max(count, 1), 0.0
        for i in range(num_uavs):
            if uav_exists[b, i]:
                reward[b, i] = mixed(reward[b, i], mean, weights.own)
                paid += reward[b, i]
        return_sum[b] += paid
