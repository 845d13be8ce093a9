"""Does a search find better settings than random ones do, for the same number of trials?

    python -m benchmarks.measure.search [--quick] [--json FILE]

The searches are those of a study (`tune/search.py`), called as Tune calls them, one trial after another. The functions
are known, so the regret of the final choice can be computed. A search sees noisy values, like the scores of training,
and chooses the trial with the best noisy value. Regrets are medians over seeds.
"""

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Row, finish
from rl_cluster.config.load import load_config
from rl_cluster.config.study import Dimension, StudyConfig
from rl_cluster.tune.search import make_search
from rl_cluster.tune.search_space import study_of

NUM_TRIALS, NUM_SEEDS = 50, 10


class Task(NamedTuple):
    """A function to maximise; its best value is 0."""

    name: str
    space: dict[str, tuple[float, float, bool]]
    """name -> low, high, whether on a logarithmic scale"""
    value: Callable[[Mapping[str, float]], float]
    noise: float
    """standard deviation of the noise in the values that a search sees"""


def branin(x: Mapping[str, float]) -> float:
    """The negative of Branin's function (Dixon & Szego 1978), whose minimum is .397887."""
    a, b = x["a"], x["b"]
    inner = b - 5.1 / (4 * math.pi**2) * a**2 + 5 / math.pi * a - 6
    return 0.397887 - (inner**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10)


A_HARTMANN = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
P_HARTMANN = 1e-4 * np.array(
    [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650],
     [4047, 8828, 8732, 5743, 1091, 381]]
)  # fmt: skip


def hartmann(x: Mapping[str, float]) -> float:
    """Hartmann's function of six variables, whose maximum is 3.32237."""
    point = np.array([x[f"x{number}"] for number in range(6)])
    inner = (A_HARTMANN * (point - P_HARTMANN) ** 2).sum(axis=1)
    return float(np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-inner)) - 3.32237


def training(x: Mapping[str, float]) -> float:
    """Shaped like a score over settings of training: a ridge in lr and entropy, flat in the rest."""
    lr, entropy = math.log10(x["lr"]), math.log10(x["entropy"])
    return -0.2 * (lr + 3.0) ** 2 - 0.05 * (entropy + 2.0 - 0.3 * (lr + 3.0)) ** 2 - 0.5 * (x["clip"] - 0.2) ** 2


TASKS = (
    Task("branin", {"a": (-5.0, 10.0, False), "b": (0.0, 15.0, False)}, branin, noise=1.0),
    Task("hartmann6", {f"x{number}": (0.0, 1.0, False) for number in range(6)}, hartmann, noise=0.1),
    Task(
        "training",
        {
            "lr": (1e-5, 1e-1, True),
            "entropy": (1e-4, 1e-1, True),
            "clip": (0.1, 0.3, False),
            "lambda": (0.9, 1.0, False),
        },
        training,
        noise=0.03,
    ),
)

SEARCHES = ("tpe", "gp")
"""The searches that are compared with random search."""


def row_name(search: str, task: str) -> str:
    """The row of a search on a function."""
    return f"{search}, {task}"


ROWS = tuple(row_name(search, task.name) for task in TASKS for search in SEARCHES)


def regret(task: Task, study: StudyConfig, seed: int, num_trials: int) -> float:
    """The regret of the trial with the best noisy value."""
    noise = np.random.default_rng([seed, 1]).normal(scale=task.noise, size=num_trials)
    samples = _samples(task, study, seed, num_trials, noise)
    told = [task.value(sample) + error for sample, error in zip(samples, noise, strict=True)]
    return -task.value(samples[int(np.argmax(told))])


def _samples(
    task: Task, study: StudyConfig, seed: int, num_trials: int, noise: NDArray[np.float64]
) -> list[dict[str, float]]:
    space = tuple(Dimension(key=name, low=low, high=high, log=log) for name, (low, high, log) in task.space.items())
    search = make_search(study.model_copy(update={"space": space}), seed)
    samples = []
    for number in range(num_trials):
        samples.append(search.ask(number))
        search.tell(number, task.value(samples[-1]) + noise[number])
    return samples


def measure(num_trials: int, num_seeds: int) -> list[Row]:
    """A row for each search and function."""
    study = study_of(load_config("tune_demo")).model_copy(update={"num_trials": num_trials})
    rows = []
    for task in TASKS:
        medians = {
            search: float(
                np.median(
                    [
                        regret(task, study.model_copy(update={"search": search}), seed, num_trials)
                        for seed in range(num_seeds)
                    ]
                )
            )
            for search in ("random", *SEARCHES)
        }
        rows += [
            Row.of_cost(row_name(search, task.name), medians[search], medians["random"], "random", "regret", goal=1.0)
            for search in SEARCHES
        ]
    return rows


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer trials and seeds: within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    num_trials, num_seeds = (20, 3) if arguments.quick else (NUM_TRIALS, NUM_SEEDS)
    rows = measure(num_trials, num_seeds)
    finish(f"Regret after {num_trials} trials, medians of {num_seeds} seeds", rows, ROWS, arguments.json)


if __name__ == "__main__":
    main()
