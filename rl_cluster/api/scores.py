"""The scores of one policy: each metric of each episode, their means, and intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.evaluation.comparison import Comparison
from rl_cluster.evaluation.intervals import Interval

__all__ = ["Scores"]


@dataclass(frozen=True)
class Scores:
    """What `evaluate` returns; `print` shows it as a table."""

    policy: str
    """Its name."""
    values: dict[str, NDArray[np.float64]]
    """Metric -> (E,) value of each episode, nan where it is not defined."""
    metrics: Sequence[EpisodeMetric]
    """The task's metrics, with label, unit and meaning."""
    intervals: dict[str, Interval]
    """Metric -> mean over the episodes and the bounds of its 95 % bootstrap interval."""

    @classmethod
    def of(cls, comparison: Comparison, policy: str) -> Self:
        """Those of one policy in a comparison."""
        names = [metric.name for metric in comparison.metrics]
        values = dict(zip(names, comparison.values[policy].T, strict=True))
        found = comparison.means[policy]
        intervals = {name: Interval(*(part[column] for part in found)) for column, name in enumerate(names)}
        return cls(policy, values, tuple(comparison.metrics), intervals)

    @cached_property
    def means(self) -> dict[str, float]:
        """Metric -> mean over the episodes in which it is defined; nan if there is none."""
        return {name: float(interval.mean) for name, interval in self.intervals.items()}

    def __getitem__(self, metric: str) -> float:
        """The mean of a metric."""
        return self.means[metric]

    def __str__(self) -> str:
        num_episodes = len(next(iter(self.values.values())))
        defined = [metric for metric in self.metrics if not np.isnan(self[metric.name])]
        width = max(len(metric.label) for metric in defined)
        lines = [f"{self.policy}: mean of {num_episodes} episodes, 95 % interval"]
        for metric in defined:
            mean, low, high = (f"{float(part):.{metric.decimals}f}" for part in self.intervals[metric.name])
            lines.append(f"  {metric.label:{width}}  {mean:>8}" + ("" if low == "nan" else f"  [{low}, {high}]"))
        return "\n".join(lines)
