"""Tables with a row for each scenario file: how each policy scored there.

`comparison.py` has the tables of all metrics, over episodes and over scenarios.
"""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.evaluation.comparison import Comparison

__all__ = ["scenario_rows", "shown_metrics"]

MAX_POLICIES, NAME_WIDTH = 4, 26
"""Policies per table, and characters of a file's name: as many as fit into 80 characters."""


def shown_metrics(metrics: Sequence[EpisodeMetric], headline: EpisodeMetric) -> list[EpisodeMetric]:
    """What a row shows of each policy: the task's headline, and what its tables begin with, if that is another one."""
    return list(dict.fromkeys((headline, metrics[0])))


def scenario_rows(rows: Sequence[tuple[str, Comparison]], shown: Sequence[EpisodeMetric]) -> list[Table]:
    """Tables for rich to print, at most 80 characters wide, as many as the number of policies requires.

    Args:
        rows: File name and comparison of each scenario, all of the same policies.
        shown: The metrics whose means a cell shows, one behind the other.
    """
    names = list(rows[0][1].means)
    parts = [names[first : first + MAX_POLICIES] for first in range(0, len(names), MAX_POLICIES)]
    return [_make_table(rows, part, shown) for part in parts]


def _make_table(rows: Sequence[tuple[str, Comparison]], names: Sequence[str], shown: Sequence[EpisodeMetric]) -> Table:
    table = Table(padding=(0, 1, 0, 0), box=None)
    table.add_column(Text("/".join(metric.label for metric in shown)), no_wrap=True, max_width=NAME_WIDTH)
    for name in names:
        table.add_column(Text(name.replace("-", "-\n").replace(" ", "\n")), justify="right", no_wrap=True)
    for file_name, comparison in rows:
        table.add_row(Text(file_name), *(_cell(comparison, name, shown) for name in names))
    return table


def _cell(comparison: Comparison, name: str, shown: Sequence[EpisodeMetric]) -> str:
    """The means; a dash where one is not defined."""
    means = {metric: float(comparison.means[name].mean[column]) for column, metric in enumerate(comparison.metrics)}
    return "/".join(
        "-" if means[metric] != means[metric] else f"{means[metric]:.{metric.decimals}f}" for metric in shown
    )
