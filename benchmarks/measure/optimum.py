"""Measures how far the heuristics are from the optimum, on 50 small instances of `allocate`.

    python -m benchmarks.measure.optimum [--quick] [--json FILE] [--episodes 50]

Every policy plays the same held-out episodes of `quick_demo`, with 2 to 6 UAVs and targets. `heuristics/optimum.py`
plays the optimum; its solver proves the bound that no policy exceeds. The script needs `pip install '.[ortools]'`.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import cast

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy is first imported, below

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.report import Row, finish
from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.heuristics.optimum import Optimum
from rl_cluster.environment.shared.interface import EpisodeSource, Policy
from rl_cluster.environment.tasks import TASKS, make_source
from rl_cluster.evaluation.intervals import paired_difference
from rl_cluster.sampling.episodes import evaluate

__all__ = ["ROWS", "main"]

SEED = 1000
SIZES = ["generator.num_uavs=[2, 6]", "generator.num_targets=[2, 6]"]
CONFIDENCE = 0.95
SATISFIED = "satisfied_rate"
METRICS = {SATISFIED: "satisfied", "normalized_completion_score": "NCS", "path_km_per_uav": "km/UAV"}


def row_name(policy: str) -> str:
    """The row of a policy."""
    return f"{policy}: satisfied rate"


ROWS = tuple(map(row_name, (*TASKS["allocate"].heuristics, "optimum")))

Outcomes = dict[str, NDArray[np.float64]]
Gaps = dict[str, dict[str, dict[str, float]]]


def play(policy: Policy, source: EpisodeSource, num_episodes: int) -> Outcomes:
    """The metrics of the policy, episode by episode; prints how long it took."""
    config = load_config("quick_demo", SIZES)
    if policy.name != "optimum":  # which remembers what it has solved
        evaluate(policy, source, config, 1)  # compiles
    start_s = time.process_time()
    outcomes = evaluate(policy, source, config, num_episodes, batch_size=5)
    spent_s = time.process_time() - start_s
    print(f"{policy.name}: {spent_s / num_episodes:.2f} CPU-s an episode", file=sys.stderr, flush=True)
    return outcomes


def mean_bound(optimum: Optimum) -> float:
    """Mean over episodes of the share of targets that no policy can exceed."""
    return statistics.mean(bound.satisfied / bound.num_targets for bound in optimum.bounds.values())


def gaps_to(best: Outcomes, played: dict[str, Outcomes]) -> Gaps:
    """Policy -> metric -> its mean, and its paired difference to the optimum with a 95 % interval."""
    optimal = np.stack([best[metric] for metric in METRICS], axis=1)
    table: Gaps = {}
    for name, outcomes in played.items():
        columns = np.stack([outcomes[metric] for metric in METRICS], axis=1)
        gap = paired_difference(columns, optimal, CONFIDENCE)
        table[name] = {
            metric: {
                "mean": float(columns[:, k].mean()),
                "gap": float(gap.mean[k]),
                "low": float(gap.low[k]),
                "high": float(gap.high[k]),
            }
            for k, metric in enumerate(METRICS)
        }
    return table


def print_gaps(gaps: Gaps) -> None:
    """Prints the gaps as a table."""
    table = Table("", *(f"{label} (gap to the optimum, 95 %)" for label in METRICS.values()), box=None)
    for name, metrics in gaps.items():
        cells = (f"{m['mean']:.3f} ({m['gap']:+.3f} [{m['low']:+.3f}, {m['high']:+.3f}])" for m in metrics.values())
        table.add_row(name, *cells)
    Console(width=150).print(table)


def main() -> None:
    """Plays, prints, and writes JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="8 episodes")
    parser.add_argument("--episodes", type=int, default=50, help="by default 50")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    num_episodes = 8 if arguments.quick else arguments.episodes
    source, optimum = make_source(load_config("quick_demo", SIZES), SEED, is_training=False), Optimum()
    best = play(cast("Policy", optimum), source, num_episodes)
    played = {name: play(make(0), source, num_episodes) for name, make in TASKS["allocate"].heuristics.items()}
    rows = [
        Row.of(row_name(name), outcomes[SATISFIED].mean(), best[SATISFIED].mean(), "optimum", "of targets")
        for name, outcomes in played.items()
    ]
    rows.append(
        Row.of(row_name("optimum"), best[SATISFIED].mean(), mean_bound(optimum), "solver's bound", "of targets")
    )
    gaps = gaps_to(best, {**played, "optimum": best})
    proven = sum(bound.is_proven for bound in optimum.bounds.values())
    title, details = f"{num_episodes} instances with 2 to 6 UAVs and targets", {"num_episodes": num_episodes}
    finish(title, rows, ROWS, arguments.json, **details, num_proven=proven, gaps=gaps)
    print_gaps(gaps)
    print(optimum.remark(source))


if __name__ == "__main__":
    main()
