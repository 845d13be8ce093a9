"""Scores of suites as one table, as a list and as plain data. `suite_scoring.py` plays the suites."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table
from rich.text import Text

from rl_cluster.evaluation.comparison import interval_cell
from rl_cluster.evaluation.suite import Suite
from rl_cluster.evaluation.suite_scoring import SuiteScores

__all__ = ["list_table", "suite_caption", "suite_tables", "to_dict"]

TABLE_COLUMNS = 100
UPPER, LOWER = "normalized_completion_score", "satisfied_rate"
"""Metrics of a cell, one above the other. A suite with another objective than these shows that instead of the lower."""
BEST = "*"
"""Marks the best heuristic of a suite."""


class _Column(NamedTuple):
    title: str
    cell: Callable[[SuiteScores], Text]
    width: int
    """Characters, with the space to the next column"""


def list_table(suites: Sequence[Suite]) -> Table:
    """What each suite tests."""
    table = Table(padding=(0, 2, 0, 0), box=None)
    for title in ("suite", "what it tests"):
        table.add_column(title, no_wrap=True)
    for suite in suites:
        table.add_row(Text(suite.title), Text(suite.what))
    return table


def suite_tables(scores: Sequence[SuiteScores]) -> list[Table]:
    """A row for each suite, a column for each policy, NCS above the share of targets served, or of their value.

    Behind them each network's lead, by the suite's objective, over the suite's best heuristic. Columns that have no
    room in 100 characters are continued in another table.
    """
    first = max(len(one.suite.title) for one in scores) + 1
    tables, room = list[list[_Column]]([[]]), TABLE_COLUMNS - first
    for column in _columns(scores):
        if tables[-1] and sum(part.width for part in tables[-1]) + column.width > room:
            tables.append([])
        tables[-1].append(column)
    return [_table(columns, scores) for columns in tables]


def _table(columns: Sequence[_Column], scores: Sequence[SuiteScores]) -> Table:
    table = Table(padding=(0, 1, 0, 0), box=None)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(Text(column.title), justify="right", no_wrap=True)
    for one in scores:
        lower = one.comparison.metrics[_position(one, _lower(one))].label
        name = Text.assemble(one.suite.title, "\n", (f"  {lower}", "dim"))
        table.add_row(name, *(column.cell(one) for column in columns))
    return table


def _columns(scores: Sequence[SuiteScores]) -> list[_Column]:
    first = scores[0]
    columns = [_mean_column(name) for name in first.comparison.means]
    return columns + [_lead_column(name) for name in first.networks]


def _mean_column(name: str) -> _Column:
    title = name.replace("-", "-\n").replace(" ", "\n")
    return _Column(title, lambda one: _mean_cell(one, name), max(6, *map(len, title.split("\n"))) + 1)


def _lead_column(name: str) -> _Column:
    title = f"{name.removesuffix(' argmax')}\nminus the {BEST}"
    return _Column(title, lambda one: _lead_cell(one, name), max(13, *map(len, title.split("\n"))) + 1)


def _lower(one: SuiteScores) -> str:
    """The metric in the lower line of a suite's cells."""
    return LOWER if one.suite.objective == UPPER else one.suite.objective


def _position(one: SuiteScores, name: str) -> int:
    return [metric.name for metric in one.comparison.metrics].index(name)


def _mean_cell(one: SuiteScores, name: str) -> Text:
    mean = one.comparison.means[name].mean
    upper, lower = (f"{mean[_position(one, metric)]:.3f}" for metric in (UPPER, _lower(one)))
    mark = BEST if name == one.best_heuristic else " "
    return Text.assemble((f"{upper}{mark}", "bold"), "\n", (f"{lower} ", "dim"))


def _lead_cell(one: SuiteScores, name: str) -> Text:
    metric = one.comparison.metrics[one.objective]
    lead = interval_cell(one.lead(name), metric.decimals, "+")
    first, newline, bounds = lead.plain.partition("\n")
    return Text.assemble((f"{metric.label} {first}", "bold"), newline, (bounds, "dim"))


def suite_caption(scores: Sequence[SuiteScores]) -> str:
    """What the tables show, in one line."""
    episodes = " or ".join(map(str, sorted({one.comparison.num_episodes for one in scores})))
    return f"NCS above the named share, {episodes} episodes each, 95 % intervals; {BEST} best heuristic of the suite"


def to_dict(scores: Sequence[SuiteScores], notes: Sequence[str]) -> dict[str, Any]:
    """All scores as plain data for JSON; undefined values are None."""
    return {"policies": list(notes), "suites": [_suite_to_dict(one) for one in scores]}


def _suite_to_dict(one: SuiteScores) -> dict[str, Any]:
    suite = one.suite
    return {
        "name": suite.name,
        "version": suite.version,
        "what": suite.what,
        "preset": suite.preset,
        "settings": list(suite.settings),
        "episodes": suite.episodes,
        "seed": suite.seed,
        "objective": suite.objective,
        "heuristics": list(one.heuristics),
        "best_heuristic": one.best_heuristic,
        **one.comparison.to_dict(),
        "episodes_by_name": {name: _episode_to_dict(policies) for name, policies in one.episodes.items()},
    }


def _episode_to_dict(policies: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    return {
        policy: {metric: None if np.isnan(value) else value for metric, value in scores.items()}
        for policy, scores in policies.items()
    }
