"""A row for each scenario file: what a cell shows, and how wide tables are."""

import io

import numpy as np
from rich.console import Console

from rl_cluster.environment.tasks import TASKS
from rl_cluster.evaluation.comparison import Comparison
from rl_cluster.evaluation.scenario_rows import scenario_rows, shown_metrics

METRICS = TASKS["allocate"].metrics
SHOWN = shown_metrics(METRICS, TASKS["allocate"].headline)


def _comparison(names: list[str], score: float, served: float) -> Comparison:
    values = {"normalized_completion_score": score, "satisfied_rate": served}
    outcomes = {name: {metric.name: np.full(1, values.get(metric.name, 300.0)) for metric in METRICS} for name in names}
    return Comparison.of(outcomes, names, METRICS)


def _print(rows: list[tuple[str, Comparison]]) -> list[str]:
    file = io.StringIO()
    for table in scenario_rows(rows, SHOWN):
        Console(file=file, width=80).print(table)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_shown__is_the_headline_and_what_tables_begin_with() -> None:
    assert [metric.name for metric in SHOWN] == ["normalized_completion_score", "satisfied_rate"]
    navigate = TASKS["navigate"]
    assert shown_metrics(navigate.metrics, navigate.headline) == [navigate.headline]


def test_rows__hold_a_file_and_two_figures_of_each_policy() -> None:
    rows = [("a.yaml", _comparison(["greedy"], 0.25, 0.75)), ("b.yaml", _comparison(["greedy"], np.nan, 1.0))]

    lines = _print(rows)

    assert [line.split() for line in lines] == [
        ["NCS/satisfied", "greedy"],
        ["a.yaml", "0.250/0.750"],
        ["b.yaml", "-/1.000"],
    ]


def test_rows__of_many_policies_and_long_names_fit_80_columns() -> None:
    names = [f"checkpoint-{number:06d} argmax" for number in range(6)]

    lines = _print([("a-very-long-name-of-a-scenario-file.yaml", _comparison(names, 0.5, 0.5))])

    assert max(map(len, lines)) <= 80
    assert sum(line.count("0.500/0.500") for line in lines) == len(names)
    assert [line.split()[0] for line in lines if "/0.500" in line] == ["a-very-long-name-of-a-sce…"] * 2
