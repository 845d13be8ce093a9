"""Metrics as gauges of Ray, which its exporters show to Prometheus on every node.

A key `group/name` is `ray_rl_cluster_group_name` there. Ray drops a gauge that has not been set for 20 s, so whoever
shows one must show it again before: `HEARTBEAT_S`.
"""

import threading
from collections.abc import Mapping

from ray.util.metrics import Gauge

from rl_cluster.metrics.names import describe
from rl_cluster.metrics.prometheus import gauge_name

__all__ = ["HEARTBEAT_S", "GaugeTracker", "Gauges"]

HEARTBEAT_S = 5.0


class Gauges:
    """Of one process.

    Args:
        tags: Label -> value, of all of them.
    """

    def __init__(self, tags: Mapping[str, str]) -> None:
        self._tags = dict(tags)
        self._gauges: dict[str, Gauge] = {}

    def show(self, values: Mapping[str, float], tags: Mapping[str, str] | None = None) -> None:
        """Sets these; further labels must be the same ones each time that a key is shown."""
        tags = {**self._tags, **(tags or {})}
        for key, value in values.items():
            if key not in self._gauges:
                unit, text = describe(key)
                self._gauges[key] = Gauge(gauge_name(key), f"{text} [{unit}]", tag_keys=tuple(tags))
            self._gauges[key].set(value, tags)


class GaugeTracker:
    """Shows the last record of a run, again and again.

    Args:
        run: The label of all gauges, by which runs are told apart: `run_label`.
    """

    def __init__(self, run: str) -> None:
        self._gauges = Gauges({"run": run})
        self._last: dict[str, float] = {}
        self._is_over = threading.Event()
        threading.Thread(target=self._beat, name="gauges", daemon=True).start()

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:  # noqa: ARG002 - a tracker's signature
        """Takes a record, which the next beat shows. What an iteration did not measure stays as it was."""
        self._last = {**self._last, **metrics}

    def _beat(self) -> None:
        while not self._is_over.wait(HEARTBEAT_S):
            self._gauges.show(self._last)

    def close(self) -> None:
        """Lets the gauges fade away."""
        self._is_over.set()
