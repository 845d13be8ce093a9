"""Tables with a row for each scenario file: how each policy scored there.

`comparison.py` has the tables of all metrics, over episodes and over scenarios.
"""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.evaluation.comparison import Comparison
from rl_cluster.evaluation.split_table import Column, heading, split_table

__all__ = ["scenario_rows", "shown_metrics"]

NAME_WIDTH, HEADING_WIDTH = 26, 12
"""Characters of a file's name, and of a line of a policy's name."""


def shown_metrics(metrics: Sequence[EpisodeMetric], headline: EpisodeMetric) -> list[EpisodeMetric]:
    """What a row shows of each policy: the task's headline, and what its tables begin with, if that is another one."""
    return list(dict.fromkeys((headline, metrics[0])))


def scenario_rows(rows: Sequence[tuple[str, Comparison]], shown: Sequence[EpisodeMetric]) -> list[Table]:
    """Tables for rich to print, at most 80 characters wide, as many as the number of policies requires.

    Args:
        rows: File name and comparison of each scenario, all of the same policies.
        shown: The metrics whose means a cell shows, one behind the other.
    """
    files = Column("/".join(metric.label for metric in shown), [Text(_shortened(file_name)) for file_name, _ in rows])
    columns = [
        Column(heading(name, HEADING_WIDTH), [Text(_cell(comparison, name, shown)) for _, comparison in rows])
        for name in rows[0][1].means
    ]
    return split_table(files, columns)


def _shortened(file_name: str) -> str:
    return file_name if len(file_name) <= NAME_WIDTH else f"{file_name[: NAME_WIDTH - 1]}…"


def _cell(comparison: Comparison, name: str, shown: Sequence[EpisodeMetric]) -> str:
    """The means; a dash where one is not defined."""
    means = {metric: float(comparison.means[name].mean[column]) for column, metric in enumerate(comparison.metrics)}
    return "/".join(
        "-" if means[metric] != means[metric] else f"{means[metric]:.{metric.decimals}f}" for metric in shown
    )
