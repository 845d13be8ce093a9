"""Scores of suites: a table that fits 80 characters, and plain data that hold everything."""

import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from rl_cluster.config.load import load_config
from rl_cluster.environment.tasks import TASKS, task_of
from rl_cluster.evaluation.comparison import Comparison
from rl_cluster.evaluation.suite import SUITES, find_suites, load_suite
from rl_cluster.evaluation.suite_report import list_table, suite_caption, suite_tables, to_dict
from rl_cluster.evaluation.suite_scoring import SuiteScores

NCS, SATISFIED = (
    [metric.name for metric in TASKS["allocate"].metrics].index(name)
    for name in ("normalized_completion_score", "satisfied_rate")
)

METRICS = task_of(load_config("quick_demo")).metrics
HEURISTICS = ["random", "greedy", "hungarian", "commitment-aware", "cbba", "complete-first"]


def _scores(name: str, networks: list[str], seed: int = 0) -> SuiteScores:
    generator = np.random.default_rng(seed)
    outcomes = {policy: {metric.name: generator.random(8) for metric in METRICS} for policy in [*networks, *HEURISTICS]}
    return SuiteScores(load_suite(SUITES[name]), Comparison.of(outcomes, HEURISTICS, METRICS), HEURISTICS)


def _printed(*tables: Table) -> list[str]:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        for table in tables:
            console.print(table)
    return capture.get().splitlines()


@pytest.mark.parametrize("networks", [[], ["policy argmax"], ["pretrained argmax", "first argmax", "second argmax"]])
def test_suite_tables__have_every_mean_and_every_lead_in_80_characters(networks: list[str]) -> None:
    scores = [_scores(name, networks, number) for number, name in enumerate(["equal_coalitions", "demo"])]

    lines = _printed(*suite_tables(scores))

    text = "\n".join(lines)
    assert max(map(len, lines)) <= 80
    assert "…" not in text
    for one in scores:
        for interval in one.comparison.means.values():
            assert f"{interval.mean[NCS]:.3f}" in text
            assert f"{interval.mean[SATISFIED]:.3f}" in text
        for name in networks:
            assert f"{one.comparison.metrics[one.objective].label} {one.lead(name).mean:+.3f}" in text


def test_suite_tables__mark_the_best_heuristic_of_each_suite() -> None:
    scores = _scores("demo", ["policy argmax"])

    marked = [word for line in _printed(*suite_tables([scores])) for word in line.split() if word.startswith("*0")]

    assert marked == [f"*{scores.comparison.means[scores.best_heuristic].mean[NCS]:.3f}"]


def test_suite_tables__show_the_value_where_it_is_the_objective() -> None:
    scores = _scores("unlike_values", [])

    text = "\n".join(_printed(*suite_tables([scores])))

    assert "  value" in text
    assert f"{scores.comparison.means['cbba'].mean[scores.objective]:.3f}" in text


def test_suite_caption__counts_episodes() -> None:
    assert "8 episodes each" in suite_caption([_scores("demo", []), _scores("sync", [])])


def test_list_table__names_version_and_idea() -> None:
    lines = _printed(list_table(find_suites(["sync", "demo"])))

    assert [line.split()[0:2] for line in lines[1:]] == [["sync", "v1"], ["demo", "v1"]]
    assert load_suite(SUITES["sync"]).what in lines[1]


def test_list_table__fits_every_suite() -> None:
    lines = _printed(list_table(find_suites(["all"])))

    assert sum(" v1 " in line for line in lines) == len(SUITES)
    assert max(map(len, lines)) <= 80


def test_to_dict__holds_versions_means_and_differences() -> None:
    scores = _scores("sync", ["policy argmax"])

    (suite,) = json.loads(json.dumps(to_dict([scores], ["a note"]), allow_nan=False))["suites"]

    assert (suite["name"], suite["version"], suite["objective"]) == ("sync", 1, "satisfied_rate")
    assert suite["settings"] == ["world.coalition=sync"]
    assert suite["heuristics"] == HEURISTICS
    assert list(suite["means"]) == ["policy argmax", *HEURISTICS]
    assert list(suite["differences"]["policy argmax"]) == HEURISTICS
    assert suite["num_episodes"] == 8
    assert suite["episodes_by_name"] == {}


def test_to_dict__holds_each_named_episode_and_no_nan() -> None:
    episodes = {"harbour": {"greedy": {"satisfied_rate": 0.5, "efficiency_per_km": float("nan")}}}

    (suite,) = to_dict([replace(_scores("sync", []), episodes=episodes)], [])["suites"]

    named = {"harbour": {"greedy": {"satisfied_rate": 0.5, "efficiency_per_km": None}}}
    assert suite["episodes_by_name"] == named
