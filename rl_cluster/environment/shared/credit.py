"""How a UAV's reward is split between its own and the team's."""

from numba import njit

__all__ = ["mixed"]


@njit(cache=True, _nrt=False, inline="always")
def mixed(own: float, mean: float, own_weight: float) -> float:
    """r_i = lambda * own_i + (1 - lambda) * mean over UAVs of own.

    Args:
        own: own_i = sum over terms of weight * amount.
        mean: The mean of own over the UAVs that exist.
        own_weight: lambda.
    """
    return own_weight * own + (1.0 - own_weight) * mean
