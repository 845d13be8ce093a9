import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.outcome import METRICS
from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.environment.tasks import TASKS, make_source
from rl_cluster.evaluation.comparison import Comparison, compare

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
    console = Console(file=file, width=80)
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
def test_tables__fit_80_columns_uncut(task: str) -> None:
    of_task = TASKS[task].metrics

    lines = _print(_compared(_outcomes(NAMES, metrics=of_task), BASELINES))

    assert max(len(line.rstrip()) for line in lines) <= 80
    assert not any("…" in line for line in lines)
    assert sum(line.count("argmax") for line in lines if " minus .." not in line) == 1
    num_tables = sum(line.startswith(f"{of_task[0].label} ") for line in lines)
    assert num_tables > 3
    for metric in of_task:
        assert sum(line.startswith(f"{metric.label} ") for line in lines) == num_tables


def test_tables__of_many_policies_are_split() -> None:
    names = [f"checkpoint-{number:06d} argmax" for number in range(9)]

    lines = _print(_compared(_outcomes(names), names))

    assert not any("…" in line for line in lines)
    assert sum(line.startswith("NCS ") for line in lines) == 2 + 2  # nine policies, then eight differences


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

    assert lines[2].split() == ["satisfied", "0.500"]
    assert lines[3].split()[0] == "completion"


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


def _of(value: float, count: int) -> dict[str, NDArray[np.float64]]:
    return {metric.name: np.full(count, value) + 0.01 * np.arange(count) for metric in METRICS}


def test_comparison__pairs_what_is_played_once_with_every_episode() -> None:
    comparison = _compared({"sampled": _of(0.5, 3), "argmax": _of(0.7, 1), "greedy": _of(0.4, 1)}, ["greedy"])

    assert comparison.num_episodes == 3
    assert [len(comparison.values[name]) for name in ("sampled", "argmax", "greedy")] == [3, 1, 1]
    assert comparison.means["argmax"].mean[0] == 0.7
    assert np.isnan(comparison.means["argmax"].low[0])
    assert comparison.differences["argmax"]["greedy"].mean[0] == pytest.approx(0.3)
    assert np.isnan(comparison.differences["argmax"]["greedy"].low[0])
    sampled = comparison.differences["sampled"]["greedy"]
    assert [part[0] for part in sampled] == pytest.approx([0.11, 0.1, 0.12])
    assert _print(comparison)[0].startswith("Mean of 3 episodes (1 of a policy that draws nothing), 95 %")


def test_pooled__counts_every_scenario_once_and_pairs_by_scenario() -> None:
    parts = [
        _compared({"sampled": _of(0.5, 3), "greedy": _of(0.4, 1)}, ["greedy"]),
        _compared({"sampled": _of(0.8, 5), "greedy": _of(0.6, 1)}, ["greedy"]),
    ]

    pooled = Comparison.pooled(parts)

    assert (pooled.num_episodes, pooled.unit) == (2, "scenario")
    np.testing.assert_allclose(pooled.values["sampled"][:, 0], [0.51, 0.82])
    assert pooled.means["sampled"].mean[0] == pytest.approx(0.665)
    difference = pooled.differences["sampled"]["greedy"]
    assert [part[0] for part in difference] == pytest.approx([0.165, 0.11, 0.22])
    assert pooled.to_dict()["num_scenarios"] == 2
    assert _print(pooled)[0] == "Mean of 2 scenarios, 95 % bootstrap interval below"


def test_pooled__leaves_out_what_no_play_of_a_scenario_defines() -> None:
    outcomes = {"a": _of(0.5, 3), "b": _of(0.5, 1)}
    outcomes["a"]["last_service_s"][:2] = np.nan
    nothing = {"a": _of(0.5, 3), "b": _of(0.5, 1)}
    nothing["a"]["last_service_s"][:] = np.nan

    pooled = Comparison.pooled([_compared(outcomes, ["b"]), _compared(nothing, ["b"])])

    column = [metric.name for metric in METRICS].index("last_service_s")
    np.testing.assert_allclose(pooled.values["a"][:, column], [0.52, np.nan])
    assert pooled.means["a"].mean[column] == pytest.approx(0.52)


class _Counted:
    """Greedy, which counts the worlds that it plays."""

    def __init__(self, *, is_deterministic: bool) -> None:
        self.name, self.is_deterministic, self.worlds = f"counted {is_deterministic}", is_deterministic, set[int]()
        self._greedy = HEURISTICS["greedy"](0)

    def act(self, worlds: Any, observation: Any) -> Any:
        self.worlds |= {worlds.first_world + row for row in range(worlds.state.num_worlds)}
        return self._greedy.act(worlds, observation)


def test_compare__plays_episodes_that_start_alike_once_where_nothing_is_drawn() -> None:
    config = load_config("debug")
    source = make_source(config, seed=0, is_training=False)
    still, drawing = _Counted(is_deterministic=True), _Counted(is_deterministic=False)

    compare([still], [drawing], source, config, 3, are_alike=True)
    assert (still.worlds, drawing.worlds) == ({0}, {0, 1, 2})

    compare([still], [drawing], source, config, 2)
    assert still.worlds == {0, 1}
