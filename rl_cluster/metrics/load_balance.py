"""How evenly work is spread over env runners, Learners or nodes.

imbalance = max_r t_r / mean_r t_r - 1; Jain's index (sum t)^2 / (n sum t^2) (Jain, Chiu, Hawe 1984); a rank is a
straggler if median / t_r is below 0.75, as in NVIDIA's resiliency extension. t_r are the busy seconds before anyone
waits for another, because in a collective all ranks take the time of the slowest. Each t_r is a rank's median over the
last iterations, so that a single pause of the machine does not count as imbalance.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import NamedTuple

from rl_cluster.metrics.names import balance_key

__all__ = ["STRAGGLER_SCORE", "WINDOW", "Balance", "BalanceWindow", "balance_of"]

STRAGGLER_SCORE = 0.75
WINDOW = 5
"""Iterations over which each rank's median is taken."""


class Balance(NamedTuple):
    """The balance of two ranks or more."""

    imbalance: float
    jain: float
    straggler_share: float
    wait_s: float


def balance_of(seconds: Sequence[float]) -> Balance:
    """The balance of the ranks' busy seconds in an iteration; at least one is not 0."""
    slowest, mean, middle = max(seconds), fmean(seconds), median(seconds)
    return Balance(
        imbalance=max(0.0, slowest / mean - 1.0),  # rounding may put the mean of equal values above them
        jain=min(1.0, sum(seconds) ** 2 / (len(seconds) * sum(value * value for value in seconds))),
        straggler_share=sum(middle < STRAGGLER_SCORE * value for value in seconds) / len(seconds),
        wait_s=fmean(slowest - value for value in seconds),
    )


class BalanceWindow:
    """Balance over the last iterations.

    Args:
        who: `runner`, `learner` or `node`; names the keys.
    """

    def __init__(self, who: str) -> None:
        self._who = who
        self._history: dict[str, deque[float]] = {}

    def note(self, seconds: Mapping[str, float]) -> dict[str, float]:
        """Takes rank -> busy seconds of an iteration; returns key -> value, empty for fewer than two ranks.

        A rank that has disappeared, or is new, has no past.
        """
        self._history = {rank: self._history.get(rank, deque(maxlen=WINDOW)) for rank in seconds}
        for rank, value in seconds.items():
            self._history[rank].append(value)
        medians = [median(values) for values in self._history.values()]
        if len(medians) < 2 or not any(medians):
            return {}
        return {balance_key(self._who, name): value for name, value in balance_of(medians)._asdict().items()}
