"""The table of a comparison that fits a terminal of 80 columns: a line for each policy, and the metrics that matter.

`comparison.py` has the tables of all metrics with their intervals, `verdict.py` the words above the table.
"""

import textwrap
from collections.abc import Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.evaluation.comparison import CONFIDENCE, Comparison
from rl_cluster.evaluation.intervals import Interval
from rl_cluster.evaluation.split_table import WIDTH
from rl_cluster.evaluation.verdict import ranking

__all__ = ["summary_caption", "summary_table"]

HEADING_WIDTH = 7
"""Characters of a line of a heading; a longer word has its own line."""


def summary_caption(comparison: Comparison, headline: EpisodeMetric) -> str:
    """What the table shows, and what its last metric means."""
    unit = comparison.unit if comparison.num_episodes == 1 else f"{comparison.unit}s"
    words = f"Means of {comparison.num_episodes} {unit}, best first. {headline.label}: {headline.text}."
    return textwrap.fill(words, WIDTH)


def summary_table(comparison: Comparison, shown: Sequence[EpisodeMetric], headline: EpisodeMetric) -> Table:
    """A table for rich to print: policies best first, then how far each is from the best in the headline.

    Args:
        comparison: The scores.
        shown: The metrics of its columns, some of the comparison's.
        headline: The metric that ranks.
    """
    best, *others = ranking(comparison, headline)
    table = Table(padding=(0, 1, 0, 0), box=None, pad_edge=False)
    table.add_column(overflow="fold", vertical="bottom")
    for metric in shown:
        table.add_column(_heading(metric.label), justify="right", no_wrap=True, vertical="bottom")
    if others:
        heading = f"{headline.label} minus the best's,\n{100 * CONFIDENCE:.0f} % interval"
        table.add_column(Text(heading), justify="right", no_wrap=True, vertical="bottom")
    for name in (best, *others):
        differences = [_difference(comparison.paired(name, best, headline), headline)] if name != best else []
        table.add_row(Text(name.replace(",", ",\n")), *_means(comparison, name, shown), *differences)
    return table


def _heading(label: str) -> Text:
    """The label in lines, broken at blanks and behind slashes."""
    words = label.replace("/", "/ ")
    lines = textwrap.wrap(words, HEADING_WIDTH, break_long_words=False, break_on_hyphens=False)
    return Text("\n".join(lines).replace("/ ", "/"))


def _means(comparison: Comparison, name: str, shown: Sequence[EpisodeMetric]) -> list[str]:
    """The policy's means; a dash where one is not defined."""
    columns = [list(comparison.metrics).index(metric) for metric in shown]
    means = [float(comparison.means[name].mean[column]) for column in columns]
    return ["-" if np.isnan(mean) else f"{mean:.{metric.decimals}f}" for mean, metric in zip(means, shown, strict=True)]


def _difference(interval: Interval, metric: EpisodeMetric) -> Text:
    """A mean and its bounds on one line; without bounds where there is no interval."""
    mean, low, high = (f"{float(number):+.{metric.decimals}f}" for number in interval)
    if np.isnan(interval.mean):
        return Text("-")
    if np.isnan(interval.low):
        return Text(mean)
    return Text.assemble(mean, (f" [{low}, {high}]", "dim"))
