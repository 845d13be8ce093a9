"""Measures time by laps: the time since the last lap goes to the named phase."""

import time

__all__ = ["Stopwatch"]


class Stopwatch:
    """Seconds by phase. Work on a GPU counts where the CPU waits for its results."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        """phase -> seconds so far"""
        self._lap_s = time.perf_counter()

    def lap(self, phase: str) -> None:
        """Ends a lap of this phase; the next one begins."""
        now_s = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now_s - self._lap_s
        self._lap_s = now_s
