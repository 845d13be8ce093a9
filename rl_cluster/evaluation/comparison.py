"""Policies side by side on the same episodes: means, paired differences, their intervals, and both as tables.

Scores come from `sampling/episodes.py`, intervals from `intervals.py`. The caller decides where tables and JSON go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rich.console import Group
from rich.text import Text

from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import EpisodeMetric, EpisodeSource, LimitedPolicy, Policy
from rl_cluster.environment.tasks import task_of
from rl_cluster.evaluation.intervals import Interval, bootstrap_interval, paired_difference
from rl_cluster.evaluation.split_table import Column, heading, split_table
from rl_cluster.sampling.episodes import Observer, Progress, evaluate

__all__ = ["CONFIDENCE", "Comparison", "compare", "interval_cell"]

CONFIDENCE = 0.95
HEADING_WIDTH = 13
"""Characters of a line of a policy's name above its column: about as wide as an interval."""
FEW_EPISODES, MANY_EPISODES = 4, 64
"""Episodes that are played side by side."""


@dataclass(frozen=True)
class Comparison:
    """The scores of each policy in the same E episodes or scenarios, and the differences between policies."""

    num_episodes: int
    """E; or scenarios, if that is the unit."""
    metrics: Sequence[EpisodeMetric]
    """The task's metrics, in row order."""
    values: dict[str, NDArray[np.float64]]
    """Policy -> (E, K) metrics of each episode, in the order of `metrics`; (1, K) where it plays all of them alike."""
    means: dict[str, Interval]
    """Policy -> mean and interval of every metric, each in the order of `metrics`."""
    differences: dict[str, dict[str, Interval]]
    """Policy -> other policy -> mean and interval of the first's metrics minus the second's, paired by episode."""
    remarks: tuple[str, ...] = ()
    """What policies found out about the episodes."""
    unit: str = "episode"
    """What values, means and differences are of: `episode` or `scenario`."""

    @classmethod
    def of(
        cls,
        outcomes: dict[str, dict[str, NDArray[np.float64]]],
        baselines: Sequence[str],
        metrics: Sequence[EpisodeMetric],
        remarks: Sequence[str] = (),
    ) -> Self:
        """Compares each policy with each baseline. If there are only baselines, compares the first with the others.

        Args:
            outcomes: Policy -> metric -> (E,) values, episode by episode; or (1,), if it plays all of them alike.
            baselines: Names among the policies.
            metrics: The task's metrics.
            remarks: What policies found out about the episodes.
        """
        columns = {
            name: np.stack([scores[metric.name] for metric in metrics], axis=1) for name, scores in outcomes.items()
        }
        compared = [name for name in columns if name not in baselines] or list(columns)[:1]
        pairs = {name: [other for other in baselines if other != name] for name in compared}
        return cls._made(columns, pairs, metrics, remarks, "episode")

    @classmethod
    def pooled(cls, parts: Sequence[Self]) -> Self:
        """Compares the policies over scenarios, paired by scenario.

        Args:
            parts: One comparison of the same policies for each scenario. A policy's value there is its mean over what
                it played; scenarios are drawn again for intervals.
        """
        first = parts[0]
        columns = {name: np.stack([_mean(part.values[name]) for part in parts]) for name in first.values}
        pairs = {name: list(others) for name, others in first.differences.items()}
        return cls._made(columns, pairs, first.metrics, (), "scenario")

    @classmethod
    def _made(
        cls,
        columns: dict[str, NDArray[np.float64]],
        pairs: dict[str, list[str]],
        metrics: Sequence[EpisodeMetric],
        remarks: Sequence[str],
        unit: str,
    ) -> Self:
        """With the differences of these pairs, whose rows belong together; a single row belongs to all of them."""
        return cls(
            num_episodes=max(map(len, columns.values())),
            metrics=metrics,
            values=columns,
            means={name: bootstrap_interval(values, CONFIDENCE) for name, values in columns.items()},
            differences={
                name: {other: _difference(columns[name], columns[other]) for other in others}
                for name, others in pairs.items()
            },
            remarks=tuple(remarks),
            unit=unit,
        )

    def paired(self, first: str, second: str, metric: EpisodeMetric) -> Interval:
        """Mean and interval of one metric of the first policy minus the second's, paired by episode; scalars."""
        column = list(self.metrics).index(metric)
        return _difference(*(self.values[name][:, column] for name in (first, second)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; an undefined mean is None."""
        return {
            f"num_{self.unit}s": self.num_episodes,
            "confidence": CONFIDENCE,
            "means": {name: self._to_dict(interval) for name, interval in self.means.items()},
            "differences": {
                name: {other: self._to_dict(interval) for other, interval in others.items()}
                for name, others in self.differences.items()
            },
            "remarks": list(self.remarks),
        }

    def tables(self) -> list[Group]:
        """Tables for rich to print, at most 80 characters wide: the means, then paired differences, then remarks."""
        episodes, kind = f"{self.num_episodes} {self.unit}s", f"{100 * CONFIDENCE:.0f} % bootstrap interval below"
        if self.num_episodes == 1:
            episodes, kind = f"1 {self.unit}", "which has no interval"
        is_mixed = any(len(values) < self.num_episodes for values in self.values.values())
        alike = " (1 of a policy that draws nothing)" if is_mixed else ""
        tables = self._make_tables(f"Mean of {episodes}{alike}, {kind}", self.means, sign="")
        for name, others in self.differences.items():
            title = f"{name} minus .., paired on the same {episodes}, {kind.replace('bootstrap ', '')}"
            tables += self._make_tables(title, others, sign="+")
        return [*tables, *(Group(Text(remark)) for remark in self.remarks)]

    def _to_dict(self, interval: Interval) -> dict[str, dict[str, float | None]]:
        return {
            metric.name: {part: _defined(values[column]) for part, values in interval._asdict().items()}
            for column, metric in enumerate(self.metrics)
        }

    def _make_tables(self, title: str, intervals: dict[str, Interval], sign: str) -> list[Group]:
        """As many tables as the width requires, each below the title.

        They have a row for each metric that some policy defines, a column for each policy. Cells: mean above interval.
        """
        shown = [
            column
            for column in range(len(self.metrics))
            if not all(np.isnan(interval.mean[column]) for interval in intervals.values())
        ]
        columns = [
            Column(
                heading(name, HEADING_WIDTH),
                [
                    interval_cell(Interval(*(part[column] for part in interval)), self.metrics[column].decimals, sign)
                    for column in shown
                ],
            )
            for name, interval in intervals.items()
        ]
        labels = Column("", [Text(self.metrics[column].label) for column in shown])
        return [Group(Text(title), table) for table in split_table(labels, columns)]


def compare(
    policies: Sequence[Policy],
    baselines: Sequence[Policy],
    source: EpisodeSource,
    config: Config,
    num_episodes: int,
    *,
    are_alike: bool = False,
    observer: Observer | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Plays the same episodes with `policies` and `baselines`, whose names must all differ, and compares the scores.

    If all episodes start alike (`are_alike`), a policy that draws nothing plays one of them for all.
    """
    names = [policy.name for policy in (*policies, *baselines)]
    assert len(set(names)) == len(names), "the name tells policies apart"
    everyone = (*policies, *baselines)
    outcomes = {}
    for policy in everyone:
        # policies that plan for seconds play few at a time, so that progress shows
        batch_size = FEW_EPISODES if isinstance(policy, LimitedPolicy) else MANY_EPISODES
        num_played = 1 if are_alike and policy.is_deterministic else num_episodes
        outcomes[policy.name] = evaluate(
            policy, source, config, num_played, batch_size=batch_size, observer=observer, progress=progress
        )
    remarks = [policy.remark(source) for policy in everyone if isinstance(policy, LimitedPolicy)]
    return Comparison.of(outcomes, [policy.name for policy in baselines], task_of(config).metrics, remarks)


def _difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> Interval:
    """The paired difference of two policies' metrics, each (E, ..), or (1, ..) if it plays all episodes alike."""
    shape = max(first.shape, second.shape)
    return paired_difference(np.broadcast_to(first, shape), np.broadcast_to(second, shape), CONFIDENCE)


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) means of the defined values of (E, K); NaN where there is none."""
    return bootstrap_interval(values, CONFIDENCE, num_resamples=1).mean


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def interval_cell(interval: Interval, decimals: int, sign: str = "") -> Text:
    """A mean above its interval, for a table of rich; a dash if it is undefined."""
    mean, low, high = map(float, interval)
    if np.isnan(mean):
        return Text("-")
    number = f"{sign}.{decimals}f"
    if np.isnan(low):
        return Text(f"{mean:{number}}", "bold")
    return Text.assemble((f"{mean:{number}}", "bold"), "\n", (f"{low:{number}} {high:{number}}", "dim"))
