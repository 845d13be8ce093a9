"""Does a curriculum beat training on its last stage alone, for the same number of environment steps?

    python -m benchmarks.measure.curriculum [--quick] [--json FILE]

Both sides have the same settings, seeds, iterations and rows per iteration. They differ in the stages that episodes are
drawn from. Both are scored on the same held-out episodes of the last stage. Times are CPU times of the one thread of a
run.
"""

import argparse
import math
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from benchmarks.report import Row, finish
from benchmarks.warm_up import warm_up
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source
from rl_cluster.metrics.names import AGENT_STEPS
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.run import Run

SETTINGS = ["engine=local", "sampling.num_env_runners=0", "training.time_limit_s=1e9"]
EVALUATION_SEED = 20_000
SCORE, LOW, HIGH, TIME = ROWS = (
    "NCS of the last stage, equal steps",
    "gain, lower end of 95 %",
    "gain, upper end of 95 %",
    "CPU time to the other's last score",
)


class Point(NamedTuple):
    """The progress of a run."""

    iteration: int
    agent_steps: float
    cpu_s: float
    """CPU time of training, including the curriculum's own evaluations: the wall time of an idle core"""
    score: float
    stage: float


def settings(seed: int, iterations: int, *, has_curriculum: bool) -> Config:
    """The settings of one run."""
    config = load_config("curriculum_demo", [*SETTINGS, f"seed={seed}", f"training.iterations={iterations}"])
    if has_curriculum:
        return config
    ranges = config.curriculum.stages[-1].model_dump(exclude={"pass_score", "mix"})
    training = config.training.model_copy(update={"evaluate_every": 0})
    generator = config.generator.model_copy(update=ranges)
    return config.model_copy(update={"curriculum": None, "training": training, "generator": generator})


def train(seed: int, iterations: int, every: int, num_episodes: int, *, has_curriculum: bool) -> list[Point]:
    """Trains one run, and scores it on the last stage after every `every` iterations."""
    config = settings(seed, iterations, has_curriculum=has_curriculum)
    last_stage = settings(EVALUATION_SEED, iterations, has_curriculum=False)
    source = make_source(last_stage, EVALUATION_SEED, is_training=False)
    warm_up(config, last_stage)
    engine = LocalEngine(config)
    run = Run(engine, config, None)
    points, cpu_s, agent_steps = list[Point](), 0.0, 0.0
    for _ in range(iterations):
        start_s = time.process_time()
        metrics = run.iterate().metrics
        cpu_s += time.process_time() - start_s
        agent_steps += metrics[AGENT_STEPS]
        if run.done % every == 0:
            outcomes = evaluate(ModelPolicy(engine.model(), "argmax"), source, last_stage, num_episodes)
            score = float(outcomes["normalized_completion_score"].mean())
            points.append(Point(run.done, agent_steps, cpu_s, score, metrics.get("curriculum/stage", 0.0)))
            print(f"seed {seed}, curriculum {has_curriculum}: {points[-1]}", flush=True)
    return points


def _train(job: tuple[int, int, int, int, bool]) -> list[Point]:
    *numbers, has_curriculum = job
    return train(*numbers, has_curriculum=has_curriculum)


def t_interval(gains: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of the mean, by Student's t because seeds are few."""
    if len(gains) < 2:
        return math.nan, math.nan
    half = float(t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / math.sqrt(len(gains)))
    return float(gains.mean()) - half, float(gains.mean()) + half


def reached_s(points: list[Point], score: float) -> float:
    """Time of the first point with that score; infinite if there is none."""
    return next((point.cpu_s for point in points if point.score >= score), math.inf)


def rows_of(ours: list[list[Point]], alone: list[list[Point]]) -> list[Row]:
    """The last scores, and the times after which each side first reached the last score of the other."""
    final, other = (np.array([points[-1].score for points in side]) for side in (ours, alone))
    low, high = t_interval(final - other)
    ours_s, alone_s = (
        float(np.median([reached_s(points, score) for points, score in zip(side, other, strict=True)]))
        for side in (ours, alone)
    )
    peer = "last stage alone"
    return [
        Row.of(SCORE, float(final.mean()), float(other.mean()), peer, "NCS", goal=1.0),
        Row(LOW, low, unit="NCS", goal=0.0, met=low > 0.0),
        Row(HIGH, high, unit="NCS"),
        Row.of_cost(TIME, ours_s, alone_s, peer, "s", goal=1.0),
    ]


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="two seeds, one iteration, within a minute: says that it runs, its scores say nothing",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write rows and learning curves there")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one core each")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    seeds, iterations, episodes = (2, 1, 20) if arguments.quick else (arguments.seeds, arguments.iterations, 100)
    every = 1 if arguments.quick else 5
    jobs = [(seed, iterations, every, episodes, side) for seed in range(seeds) for side in (True, False)]
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        curves = list(pool.map(_train, jobs))
    ours, alone = curves[::2], curves[1::2]
    rows = rows_of(ours, alone)
    details: dict[str, Any] = {
        name: [[point._asdict() for point in points] for points in side]
        for name, side in (("curriculum", ours), ("last_stage_alone", alone))
    }
    finish(f"Curriculum, {seeds} seeds, {iterations} iterations", rows, ROWS, arguments.json, **details)


if __name__ == "__main__":
    main()
