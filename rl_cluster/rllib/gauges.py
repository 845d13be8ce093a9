"""Metrics as gauges of Ray, which its exporters show to Prometheus on every node.

A key `group/name` is `ray_rl_cluster_group_name` there. Ray drops a gauge that has not been set for 20 s, so every
gauge must be set again within `HEARTBEAT_S`.
"""

import threading
from collections.abc import Mapping

from ray.util.metrics import Gauge

from rl_cluster.metrics.names import describe
from rl_cluster.metrics.prometheus import gauge_name

__all__ = ["HEARTBEAT_S", "GaugeTracker", "Gauges"]

HEARTBEAT_S = 5.0


class Gauges:
    """The gauges of one process.

    Args:
        tags: Label -> value, for all gauges.
    """

    def __init__(self, tags: Mapping[str, str]) -> None:
        self._tags = dict(tags)
        self._gauges: dict[str, Gauge] = {}

    def show(self, values: Mapping[str, float], tags: Mapping[str, str] | None = None) -> None:
        """Sets the gauges. A key must have the same further labels each time."""
        tags = {**self._tags, **(tags or {})}
        for key, value in values.items():
            if key not in self._gauges:
                unit, text = describe(key)
                self._gauges[key] = Gauge(gauge_name(key), f"{text} [{unit}]", tag_keys=tuple(tags))
            self._gauges[key].set(value, tags)


class GaugeTracker:
    """Shows the last record of a run repeatedly.

    Args:
        run: The label of all gauges, which distinguishes runs: `run_label`.
    """

    def __init__(self, run: str) -> None:
        self._gauges = Gauges({"run": run})
        self._last: dict[str, float] = {}
        self._is_over = threading.Event()
        threading.Thread(target=self._beat, name="gauges", daemon=True).start()

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:  # noqa: ARG002 - a tracker's signature
        """Takes a record, which the next beat shows. Metrics that an iteration did not measure keep their values."""
        self._last = {**self._last, **metrics}

    def _beat(self) -> None:
        while not self._is_over.wait(HEARTBEAT_S):
            self._gauges.show(self._last)

    def close(self) -> None:
        """Stops the beat; Ray then drops the gauges."""
        self._is_over.set()
