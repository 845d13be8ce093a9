"""The table of one screen: what an operator asks first stands first, and everything fits 80 columns."""

import io

import numpy as np
import pytest
from rich.console import Console

from rl_cluster.environment.tasks import TASKS
from rl_cluster.evaluation.comparison import Comparison
from rl_cluster.evaluation.summary import summary_caption, summary_table

LARGEST = {"1": 0.999, "s": 9999.9, "km": 99.99, "1/km": 9.999, "reward": -99.99, "m": 9999.9}


def _lines(task_name: str, names: list[str], num_episodes: int = 20) -> list[str]:
    """The table of policies whose metrics are as long as they get."""
    task, random = TASKS[task_name], np.random.default_rng(0)
    outcomes = {
        name: {metric.name: LARGEST[metric.unit] - 0.1 * random.random(num_episodes) for metric in task.metrics}
        for name in names
    }
    comparison = Comparison.of(outcomes, names[1:], task.metrics)
    text = io.StringIO()
    console = Console(file=text, width=80)
    console.print(summary_caption(comparison, task.headline).splitlines()[0])
    console.print(summary_table(comparison, task.shown, task.headline))
    return text.getvalue().splitlines()


@pytest.mark.parametrize("task_name", TASKS)
def test_summary__fits_80_columns_and_one_screen_with_every_heuristic(task_name: str) -> None:
    names = ["policy argmax", "policy sampled", "policy search", *TASKS[task_name].heuristics]

    lines = _lines(task_name, names)

    assert max(len(line.rstrip()) for line in lines) <= 80
    assert not any("…" in line for line in lines)
    assert all(sum(line.startswith(f"{name} ") for line in lines) == 1 for name in names)
    assert len(lines) <= 16
    assert sum("[" in line for line in lines) == len(names) - 1


def test_summary__shows_whole_names_however_long_they_are() -> None:
    lines = _lines("allocate", ["checkpoint-000123 time=2,crowding=0.5 argmax", "greedy"])

    assert max(len(line.rstrip()) for line in lines) <= 80
    told = "".join(line.split("  ")[0].strip() for line in lines[4:])
    assert "checkpoint-000123" in told.replace(" ", "")


def test_summary__breaks_preferences_between_them() -> None:
    lines = _lines("allocate", ["pretrained time=0.125,distance=0.25,crowding=0.5 argmax", "greedy"])

    first_words = [word for line in lines if line.strip() for word in line.split()[:2]]
    assert {"time=0.125,", "distance=0.25,", "crowding=0.5"} <= set(first_words)


@pytest.mark.parametrize("task_name", TASKS)
def test_summary__has_at_most_eight_metrics_the_headline_among_them(task_name: str) -> None:
    task = TASKS[task_name]

    assert task.headline in task.shown
    assert len(set(task.shown)) == len(task.shown) <= 8
    assert set(task.shown) <= set(task.metrics)


def test_summary_of_allocate__begins_with_what_was_served_when_and_how_far() -> None:
    assert [metric.name for metric in TASKS["allocate"].shown[:3]] == [
        "satisfied_rate", "last_service_s", "path_km_per_uav"
    ]  # fmt: skip


def test_summary__ranks_and_shows_the_paired_interval() -> None:
    task = TASKS["allocate"]
    base = {metric.name: np.full(4, np.nan) for metric in task.metrics}
    outcomes = {
        name: {**base, task.headline.name: np.array([score, score + 0.2] * 2)}
        for name, score in (("worse", 0.1), ("better", 0.25))
    }
    text = io.StringIO()
    comparison = Comparison.of(outcomes, ["worse"], task.metrics)

    Console(file=text, width=80).print(summary_table(comparison, task.shown, task.headline))

    *_, first, second = (line.split() for line in text.getvalue().splitlines())
    assert first == ["better", "-", "-", "-", "-", "0.350"]
    assert second == ["worse", "-", "-", "-", "-", "0.200", "-0.150", "[-0.150,", "-0.150]"]
