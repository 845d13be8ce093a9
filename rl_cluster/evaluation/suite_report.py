"""Scores of suites as one table, as a list and as plain data. `suite_scoring.py` plays the suites."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from rl_cluster.evaluation.comparison import interval_cell
from rl_cluster.evaluation.split_table import WIDTH, Column, heading, split_table
from rl_cluster.evaluation.suite import Suite
from rl_cluster.evaluation.suite_scoring import SuiteScores

__all__ = ["list_table", "suite_caption", "suite_tables", "to_dict"]

UPPER, LOWER = "normalized_completion_score", "satisfied_rate"
"""Metrics of a cell, one above the other. A suite with another objective than these shows that instead of the lower."""
BEST = "*"
"""Marks the best heuristic of a suite."""
HEADING_WIDTH = 11
"""Characters of a line of a policy's name: as many as the longest label of a heuristic has."""


def list_table(suites: Sequence[Suite]) -> Table:
    """What each suite tests."""
    table = Table(padding=(0, 2, 0, 0), box=None, pad_edge=False)
    table.add_column("suite", no_wrap=True)
    table.add_column("what it tests")
    for suite in suites:
        table.add_row(Text(suite.title), Text(suite.what))
    return table


def suite_tables(scores: Sequence[SuiteScores]) -> list[Table]:
    """A row for each suite, a column for each policy, NCS above the share of targets served, or of their value.

    Below them each network's lead, by the suite's objective, over the suite's best heuristic. Columns that have no room
    in 80 characters are continued in another table.
    """
    means, leads = scores[0].comparison.means, scores[0].networks
    upper = [Column(heading(name, HEADING_WIDTH), [_mean_cell(one, name) for one in scores]) for name in means]
    lower = [Column(f"{_short(name)}\nminus the {BEST}", [_lead_cell(one, name) for one in scores]) for name in leads]
    tables = split_table(Column("", [_name_cell(one) for one in scores]), upper)
    return tables + (split_table(Column("", [Text(one.suite.title) for one in scores]), lower) if lower else [])


def _short(name: str) -> str:
    return heading(name.removesuffix(" argmax"), HEADING_WIDTH)


def _name_cell(one: SuiteScores) -> Text:
    lower = one.comparison.metrics[_position(one, _lower(one))].label
    return Text.assemble(one.suite.title, "\n", (f"  {lower}", "dim"))


def _lower(one: SuiteScores) -> str:
    """The metric in the lower line of a suite's cells."""
    return LOWER if one.suite.objective == UPPER else one.suite.objective


def _position(one: SuiteScores, name: str) -> int:
    return [metric.name for metric in one.comparison.metrics].index(name)


def _mean_cell(one: SuiteScores, name: str) -> Text:
    mean = one.comparison.means[name].mean
    upper, lower = (f"{mean[_position(one, metric)]:.3f}" for metric in (UPPER, _lower(one)))
    mark = BEST if name == one.best_heuristic else ""
    return Text.assemble((f"{mark}{upper}", "bold"), "\n", (lower, "dim"))


def _lead_cell(one: SuiteScores, name: str) -> Text:
    metric = one.comparison.metrics[one.objective]
    lead = interval_cell(one.lead(name), metric.decimals, "+")
    first, newline, bounds = lead.plain.partition("\n")
    return Text.assemble((f"{metric.label} {first}", "bold"), newline, (bounds, "dim"))


def suite_caption(scores: Sequence[SuiteScores]) -> str:
    """What the tables show, wrapped to 80 columns."""
    episodes = " or ".join(map(str, sorted({one.comparison.num_episodes for one in scores})))
    words = f"NCS above the named share, {episodes} episodes each, 95 % intervals; {BEST} best heuristic of the suite"
    return textwrap.fill(words, WIDTH)


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
