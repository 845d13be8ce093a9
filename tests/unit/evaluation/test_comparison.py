import io
import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.outcome import METRICS
from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.environment.tasks import TASKS, make_source
from rl_cluster.evaluation.comparison import MAX_DIFFERENCES, MAX_MEANS, Comparison, compare

HEURISTICS = TASKS["allocate"].heuristics
BASELINES = list(HEURISTICS)
NAMES = ["policy argmax", "policy sampled", *BASELINES]


def _outcomes(
    names: list[str], num_episodes: int = 50, metrics: tuple[EpisodeMetric, ...] = METRICS
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Metrics of a size that is seen: shares, rewards of either sign, hundreds of seconds and metres."""
    random = np.random.default_rng(0)
    scales = {
        "makespan_s": 400.0,
        "mean_time_s": 400.0,
        "effort_s_per_uav": 99.0,
        "per_agent_reward": -9.0,
        "path_km_per_uav": 9.0,
        "path_m_per_uav": 900.0,
    }
    return {
        name: {metric.name: scales.get(metric.name, 1.0) * random.random(num_episodes) for metric in metrics}
        for name in names
    }


def _print(comparison: Comparison) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=100)
    for table in comparison.tables():
        console.print(table)
    return file.getvalue().splitlines()


def _compared(
    outcomes: dict[str, dict[str, NDArray[np.float64]]], baselines: list[str], remarks: Sequence[str] = ()
) -> Comparison:
    names = next(iter(outcomes.values())).keys()
    metrics = next(task.metrics for task in TASKS.values() if {metric.name for metric in task.metrics} == names)
    return Comparison.of(outcomes, baselines, metrics, remarks)


def test_comparison__pairs_every_policy_with_every_baseline() -> None:
    outcomes = _outcomes(NAMES)

    comparison = _compared(outcomes, BASELINES)

    assert list(comparison.means) == NAMES
    assert {name: list(others) for name, others in comparison.differences.items()} == {
        "policy argmax": BASELINES,
        "policy sampled": BASELINES,
    }
    ncs = [metric.name for metric in METRICS].index("normalized_completion_score")
    first, second = (outcomes[name]["normalized_completion_score"] for name in ("policy argmax", "greedy"))
    assert comparison.means["greedy"].mean[ncs] == pytest.approx(second.mean())
    difference = comparison.differences["policy argmax"]["greedy"]
    assert difference.mean[ncs] == pytest.approx((first - second).mean())
    assert difference.low[ncs] < difference.mean[ncs] < difference.high[ncs]


def test_comparison__of_baselines_alone_holds_the_first_against_the_others() -> None:
    comparison = _compared(_outcomes(["greedy", "random", "hungarian"]), ["greedy", "random", "hungarian"])

    assert {name: list(others) for name, others in comparison.differences.items()} == {
        "greedy": ["random", "hungarian"]
    }


def test_to_dict__is_json_without_nan() -> None:
    outcomes = _outcomes(["a", "b"])
    outcomes["a"]["efficiency_per_km"][:] = np.nan

    data = json.loads(json.dumps(_compared(outcomes, ["b"]).to_dict(), allow_nan=False))

    assert data["num_episodes"] == 50
    assert data["confidence"] == 0.95
    assert data["means"]["a"]["efficiency_per_km"] == {"mean": None, "low": None, "high": None}
    assert data["differences"]["a"]["b"]["efficiency_per_km"]["mean"] is None
    assert data["means"]["b"]["satisfied_rate"]["mean"] == pytest.approx(outcomes["b"]["satisfied_rate"].mean())
    assert set(data["differences"]["a"]["b"]) == {metric.name for metric in METRICS}


@pytest.mark.parametrize("task", TASKS)
def test_tables__fit_100_columns_uncut(task: str) -> None:
    of_task = TASKS[task].metrics

    lines = _print(_compared(_outcomes(NAMES, metrics=of_task), BASELINES))

    assert max(len(line.rstrip()) for line in lines) <= 100
    assert not any("…" in line for line in lines)
    num_tables = math.ceil(len(NAMES) / MAX_MEANS) + 2 * math.ceil(len(BASELINES) / MAX_DIFFERENCES)
    for metric in of_task:
        assert sum(line.startswith(f"{metric.label} ") for line in lines) == num_tables


def test_tables__of_many_policies_are_split() -> None:
    names = [f"checkpoint-{number:06d} argmax" for number in range(9)]

    lines = _print(_compared(_outcomes(names), names))

    assert not any("…" in line for line in lines)
    assert sum(line.startswith("NCS ") for line in lines) == 4  # nine policies, then eight differences


def test_tables__show_means_intervals_and_what_is_not_defined() -> None:
    outcomes = {
        name: {metric.name: np.full(4, value) for metric in METRICS} for name, value in (("a", 0.5), ("b", 0.25))
    }
    outcomes["b"]["congestion"][:] = np.nan

    lines = _print(_compared(outcomes, ["b"]))

    means, differences = (row for row, line in enumerate(lines) if line.startswith("NCS"))
    assert lines[means].split() == ["NCS", "0.500", "0.250"]
    assert lines[means + 1].split() == ["0.500", "0.500", "0.250", "0.250"]
    assert lines[differences].split() == ["NCS", "+0.250"]
    assert [line.split() for line in lines if line.startswith("congestion")] == [["congestion", "0.500", "-"]], (
        "the difference is defined for nobody"
    )


def test_tables__of_one_episode_show_no_intervals() -> None:
    outcomes = {"a": {metric.name: np.full(1, 0.5) for metric in METRICS}}

    lines = _print(_compared(outcomes, ["a"]))

    assert lines[2].split() == ["NCS", "0.500"]
    assert lines[3].split()[0] == "satisfied"


def test_tables__end_with_remarks() -> None:
    comparison = _compared(_outcomes(["a", "b"]), ["b"], ["a: proven best in 3 of 4 episodes"])

    assert _print(comparison)[-1] == "a: proven best in 3 of 4 episodes"
    assert comparison.to_dict()["remarks"] == ["a: proven best in 3 of 4 episodes"]


def test_tables__print_names_as_they_are() -> None:
    lines = _print(_compared(_outcomes(["[red]x", "b"]), ["b"]))

    assert "[red]x" in lines[1]


def test_compare__plays_policies_and_baselines_on_the_same_episodes() -> None:
    config = load_config("debug")
    source = make_source(config, seed=0, is_training=False)
    greedy, complete_first = (HEURISTICS[name](0) for name in ("greedy", "complete-first"))

    comparison = compare([complete_first], [greedy], source, config, 12)

    assert comparison.num_episodes == 12
    difference = comparison.differences["complete-first"]["greedy"].mean
    means = comparison.means
    np.testing.assert_allclose(difference, means["complete-first"].mean - means["greedy"].mean, atol=1e-12)
