"""Measures expert iteration against plain PPO that is given the same CPU time.

    python -m benchmarks.measure.expert_iteration FOLDER [--quick] [--json FILE]

Both train on `quick_demo`, without Ray, from the same seeds, each in a folder of its own in FOLDER; a run that is there
already is not trained again. Plain PPO searches nothing, so it makes more iterations in the same time; `ITERATIONS`
fixes how many, so that both lower their learning rates to the end, and a row compares the CPU time that each took. All
play the same held-out episodes without a search (argmax). Differences are paired by episode and averaged over seeds.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.report import Row, finish
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.evaluation.intervals import paired_difference
from rl_cluster.evaluation.scoring import load_policy
from rl_cluster.sampling.episodes import ModelPolicy, evaluate

__all__ = ["CPU_TIME", "ROWS", "main"]

SEEDS, EVALUATION_SEED = (0, 1, 2), 2000
EPISODES, QUICK_EPISODES = 600, 20
METRICS = {"normalized_completion_score": "NCS", "satisfied_rate": "satisfied rate", "makespan_s": "makespan"}
HEURISTICS = ("complete-first", "complete-only")
SHOWN = ("normalized_completion_score", "satisfied_rate")
"""The metrics that are compared with the heuristics' and seed by seed."""
ITERATIONS = {"expert": 70, "plain": 132}
QUICK_ITERATIONS = {"expert": 1, "plain": 2}
CPU_TIME = "cpu_s.json"
"""File in a run's folder: what its training took."""
ROWS = (
    "CPU time of a run",
    *METRICS.values(),
    *(f"{METRICS[metric]}, beside {name}" for name in HEURISTICS for metric in SHOWN),
    *(f"{METRICS[metric]}, seed {seed}" for seed in SEEDS for metric in SHOWN),
)

Outcomes = dict[str, NDArray[np.float64]]
"""Metric -> (E,) values of the episodes."""


class Learnt(NamedTuple):
    """What one way of learning reached."""

    cpu_s: list[float]
    """by seed"""
    outcomes: list[Outcomes]
    """by seed"""

    def mean(self, metric: str) -> NDArray[np.float64]:
        """(E,) means over seeds."""
        mean: NDArray[np.float64] = np.mean([outcomes[metric] for outcomes in self.outcomes], axis=0)
        return mean


def trained(folder: Path, way: str, seed: int, iterations: int) -> Path:
    """The folder of a run, which is trained first if it is not there."""
    run = folder / f"{way}-{seed}"
    if (run / CPU_TIME).is_file():
        return run
    print(f"training {run}", file=sys.stderr, flush=True)
    settings = [f"seed={seed}", "engine=local", f"training.iterations={iterations}", "training.time_limit_s=36000"]
    settings += ["training.evaluate_every=0", *(["ppo.imitation_weight=0"] if way == "plain" else [])]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "rl_cluster", "train", "quick_demo", *settings, "--out", str(run)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (run / CPU_TIME).write_text(json.dumps(cpu_s), encoding="utf-8")
    return run


def learnt(folder: Path, way: str, iterations: int, num_episodes: int) -> Learnt:
    """Trains one way of learning with each seed, and plays."""
    result = Learnt([], [])
    for seed in SEEDS:
        run = trained(folder, way, seed, iterations)
        model, config = load_policy(run)
        source = make_source(config, EVALUATION_SEED, is_training=False)
        result.cpu_s.append(json.loads((run / CPU_TIME).read_text(encoding="utf-8")))
        result.outcomes.append(evaluate(ModelPolicy(model, "argmax"), source, config, num_episodes))
    return result


def heuristics(run: Path, num_episodes: int) -> dict[str, Outcomes]:
    """What the heuristics reach in the same episodes."""
    _, config = load_policy(run)
    source, task = make_source(config, EVALUATION_SEED, is_training=False), task_of(config)
    return {name: evaluate(task.heuristics[name](EVALUATION_SEED), source, config, num_episodes) for name in HEURISTICS}


def compared(name: str, ours: NDArray[np.float64], theirs: NDArray[np.float64], peer: str, metric: str) -> Row:
    """A row with the paired difference in its unit."""
    gap = paired_difference(ours, theirs)
    unit = f"difference {gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
    make = Row.of_cost if metric == "makespan_s" else Row.of
    return make(name, ours.mean(), theirs.mean(), peer, unit)


def rows_of(expert: Learnt, plain: Learnt, known: dict[str, Outcomes]) -> Iterator[Row]:
    """In the order of `ROWS`."""
    names = iter(ROWS)
    yield Row.of_cost(next(names), float(np.mean(expert.cpu_s)), float(np.mean(plain.cpu_s)), "plain PPO", "CPU-s")
    for metric in METRICS:
        yield compared(next(names), expert.mean(metric), plain.mean(metric), "plain PPO", metric)
    for name in HEURISTICS:
        for metric in SHOWN:
            yield compared(next(names), expert.mean(metric), known[name][metric], name, metric)
    for ours, theirs in zip(expert.outcomes, plain.outcomes, strict=True):
        for metric in SHOWN:
            yield compared(next(names), ours[metric], theirs[metric], "plain PPO", metric)


def main() -> None:
    """Trains, plays, prints, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the runs are, or go")
    parser.add_argument("--quick", action="store_true", help="few iterations and episodes: says that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    iterations = QUICK_ITERATIONS if arguments.quick else ITERATIONS
    num_episodes = QUICK_EPISODES if arguments.quick else EPISODES
    arguments.folder.mkdir(parents=True, exist_ok=True)
    expert, plain = (learnt(arguments.folder, way, iterations[way], num_episodes) for way in ("expert", "plain"))
    known = heuristics(arguments.folder / f"expert-{SEEDS[0]}", num_episodes)
    rows = list(rows_of(expert, plain, known))
    title = f"Expert iteration, {len(SEEDS)} seeds"
    finish(title, rows, ROWS, arguments.json, num_episodes=num_episodes, iterations=iterations)


if __name__ == "__main__":
    main()
