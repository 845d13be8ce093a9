"""Does memory grow without end? The slope of the used bytes over iterations, with its interval.

Theil-Sen: the median of the slopes between all pairs of points (Sen 1968), which a few jumps do not move; the interval
is the one that scipy derives from Kendall's tau.
"""

from collections import deque

from scipy.stats import theilslopes

from rl_cluster.metrics import names

__all__ = ["EVERY", "WINDOW", "LeakWatch"]

WINDOW = 50
"""Iterations over which the slope is taken."""
EVERY = 10
"""Iterations between slopes."""
CONFIDENCE = 0.95


class LeakWatch:
    """Used bytes of the last iterations. The first slope comes once the window is full."""

    def __init__(self) -> None:
        self._used: deque[float] = deque(maxlen=WINDOW)
        self._num_noted = 0

    def note(self, used_bytes: float) -> dict[str, float]:
        """Takes the used bytes after an iteration; returns the slope and its interval when they are due."""
        self._used.append(used_bytes)
        self._num_noted += 1
        if len(self._used) < WINDOW or self._num_noted % EVERY:
            return {}
        fit = theilslopes(list(self._used), alpha=CONFIDENCE)
        return {
            names.MEMORY_LEAK_BYTES_PER_ITERATION: float(fit.slope),
            names.MEMORY_LEAK_LOW_BYTES_PER_ITERATION: float(fit.low_slope),
            names.MEMORY_LEAK_HIGH_BYTES_PER_ITERATION: float(fit.high_slope),
        }
