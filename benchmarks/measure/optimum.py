"""Measures how far policies are from the optimum, on 50 small instances of `allocate`.

    python -m benchmarks.measure.optimum [--quick] [--json FILE] [--episodes 50] [--checkpoint RUN] [--search plans=64]

Every policy plays the same held-out episodes of `quick_demo`, with 2 to 6 UAVs and targets. `heuristics/optimum.py`
plays the optimum; its solver proves a bound that no policy exceeds. Instances in which the optimum meets its bound are
*proved*; the others stand in rows of their own, beside the bound.

NCS = satisfied rate * (1 - congestion) is at most the satisfied rate, so the bound on that is one on NCS, too. Whether
any plan meets it is not known: what the best policy has found in each instance stands beside it. `--checkpoint` adds a
trained policy, which plays argmax. `--search plans=64` adds a search with each of them, or with the heuristics alone.
The script needs `pip install '.[ortools]'`.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple, cast

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy is first imported, below

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.report import Row, finish, print_rows
from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.heuristics.optimum import Episode, Optimum
from rl_cluster.environment.shared.interface import EpisodeSource, Policy
from rl_cluster.environment.tasks import TASKS, make_source
from rl_cluster.evaluation.intervals import paired_difference
from rl_cluster.evaluation.scoring import load_policy
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.search.search_policy import make_searches

__all__ = ["ROWS", "main"]

SEED = 1000
SIZES = ["generator.num_uavs=[2, 6]", "generator.num_targets=[2, 6]"]
CONFIDENCE = 0.95
SATISFIED, NCS = "satisfied_rate", "normalized_completion_score"
METRICS = {SATISFIED: "satisfied", NCS: "NCS", "path_km_per_uav": "km/UAV"}
OPTIMUM, BEST = "optimum", "best found"
PARTS = ("proved", "not proved")
"""Instances in which the optimum meets its bound, and the others."""


def row_names(policy: str) -> list[str]:
    """The rows of a policy."""
    return [f"{policy}: {METRICS[metric]}, {part}" for part in PARTS for metric in (SATISFIED, NCS)]


HEURISTICS = TASKS["allocate"].heuristics
ROWS = tuple(name for policy in (*HEURISTICS, OPTIMUM, BEST) for name in row_names(policy))

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


class Bounds(NamedTuple):
    """What the solver proved, instance by instance."""

    satisfied: NDArray[np.float64]
    """(E,) satisfied rate, and so NCS, that no policy exceeds"""
    is_proved: NDArray[np.bool_]
    """(E,) True = the optimum meets it"""


def bounds_of(optimum: Optimum, source: EpisodeSource, num_episodes: int) -> Bounds:
    """The bounds of the episodes that the optimum has played."""
    bounds = [optimum.bounds[Episode(source, world, 0)] for world in range(num_episodes)]
    return Bounds(
        np.array([bound.satisfied / bound.num_targets for bound in bounds]),
        np.array([bound.is_proven for bound in bounds]),
    )


def best_of(played: dict[str, Outcomes]) -> Outcomes:
    """Episode by episode the outcomes of the policy that has the highest NCS there, and the highest satisfied rate."""
    best = np.stack([outcomes[NCS] for outcomes in played.values()]).argmax(axis=0)
    found = {
        metric: np.stack([outcomes[metric] for outcomes in played.values()])[best, np.arange(best.size)]
        for metric in METRICS
    }
    return {**found, SATISFIED: np.max([outcomes[SATISFIED] for outcomes in played.values()], axis=0)}


def rows_of(name: str, outcomes: Outcomes, bounds: Bounds) -> list[Row]:
    """A policy's means beside those of the bound; 0 beside 0 where a part has no instances."""
    rows = []
    for row_name, (is_in_part, metric) in zip(
        row_names(name),
        ((part, metric) for part in (bounds.is_proved, ~bounds.is_proved) for metric in (SATISFIED, NCS)),
        strict=True,
    ):
        ours, bound = (float(values[is_in_part].sum()) for values in (outcomes[metric], bounds.satisfied))
        count, ratio = max(int(is_in_part.sum()), 1), ours / bound if bound else None
        rows.append(Row(row_name, ours / count, bound / count, "solver's bound", "1", ratio))
    return rows


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


def trained(run: Path) -> ModelPolicy:
    """Argmax play of a run's newest checkpoint, or of a checkpoint folder."""
    return ModelPolicy(load_policy(run)[0], "argmax", name=run.absolute().name)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="8 episodes")
    parser.add_argument("--episodes", type=int, default=50, help="by default 50")
    parser.add_argument("--checkpoint", type=Path, metavar="RUN", action="append", default=[], help="may be repeated")
    parser.add_argument("--search", default="", metavar="plans=64", help="also a search, with each checkpoint if any")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    return parser.parse_args(arguments)


def more_policies(arguments: argparse.Namespace) -> list[Policy]:
    """The policies that are named on the command line, beside the heuristics."""
    networks = [trained(run) for run in arguments.checkpoint]
    return [*networks, *make_searches(arguments.search, "", load_config("quick_demo", SIZES), networks, SEED)]


def main() -> None:
    """Plays, prints, and writes JSON if asked to."""
    arguments = parse()
    num_episodes = 8 if arguments.quick else arguments.episodes
    source, optimum = make_source(load_config("quick_demo", SIZES), SEED, is_training=False), Optimum()
    more = more_policies(arguments)
    best = play(cast("Policy", optimum), source, num_episodes)
    played = {name: play(make(0), source, num_episodes) for name, make in HEURISTICS.items()}
    others = {policy.name: play(policy, source, num_episodes) for policy in more}
    shown = {**played, OPTIMUM: best, BEST: best_of({**played, OPTIMUM: best, **others}), **others}
    bounds, gaps = bounds_of(optimum, source, num_episodes), gaps_to(best, shown)
    rows = {name: rows_of(name, outcomes, bounds) for name, outcomes in shown.items()}
    more_rows = [row for name in others for row in rows[name]]
    finish(
        f"{num_episodes} instances with 2 to 6 UAVs and targets",
        [row for name in (*HEURISTICS, OPTIMUM, BEST) for row in rows[name]],
        ROWS,
        arguments.json,
        num_episodes=num_episodes,
        num_proven=int(bounds.is_proved.sum()),
        bound=float(bounds.satisfied.mean()),
        more_rows=[row._asdict() for row in more_rows],
        gaps=gaps,
    )
    print_rows("Policies that were named", more_rows)
    print_gaps(gaps)
    print(optimum.remark(source))


if __name__ == "__main__":
    main()
