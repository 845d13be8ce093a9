"""Measures how well one checkpoint follows preferences: what it reaches for each, beside every heuristic.

    python -m benchmarks.measure.tradeoff RUN [--beside RUN ..] [--quick] [--json FILE] [--plot FILE]

RUN was trained with ranges of `generator.prefer_crowding` and `generator.prefer_time`. All policies play the same
held-out episodes. The hypervolume is the share of the square of (served share, 1 - crowding) that a set of policies
dominates (Zitzler and Thiele 1999); its peer is that of the runs beside, each trained for one preference, or of the
heuristics.
"""

import argparse
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import torch
from matplotlib.figure import Figure

from benchmarks.report import Row, finish
from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import EpisodeSource, Policy
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.evaluation.preference import parse_preference
from rl_cluster.evaluation.scoring import load_policy
from rl_cluster.sampling.episodes import ModelPolicy, evaluate

__all__ = ["ROWS", "hypervolume", "main"]

SEED, EPISODES, QUICK_EPISODES = 3000, 400, 20
CROWDING, TIME = (0.25, 0.5, 1.0, 2.0, 4.0), (0.25, 1.0, 4.0)
PREFERENCES = tuple(f"crowding={crowding:g},time={hurry:g}" for hurry, crowding in itertools.product(TIME, CROWDING))
ROWS = (*(f"{words}: NCS" for words in PREFERENCES), "hypervolume of served share and crowding")
METRICS = {
    "satisfied_rate": "served",
    "congestion": "crowding",
    "normalized_completion_score": "NCS",
    "makespan_s": "makespan s",
    "path_km_per_uav": "km/UAV",
}


class Place(NamedTuple):
    """What a policy reaches."""

    served: float
    crowding: float


def hypervolume(places: Iterable[Place]) -> float:
    """Area that the places dominate, of the square of served share and 1 - crowding; both are better when larger."""
    area, height = 0.0, 0.0
    for place in sorted(places, reverse=True):  # from the right: each adds the strip above those that serve more
        gain = (1.0 - place.crowding) - height
        if gain > 0.0:
            area += place.served * gain
            height += gain
    return area


def play(
    policies: Mapping[str, Policy], source: EpisodeSource, config: Config, num_episodes: int
) -> dict[str, dict[str, float]]:
    """Policy -> metric -> mean."""
    table = {}
    for name, policy in policies.items():
        outcomes = evaluate(policy, source, config, num_episodes)
        table[name] = {metric: float(outcomes[metric].mean()) for metric in METRICS}
    return table


def places_of(means: Mapping[str, Mapping[str, float]]) -> list[Place]:
    """Where each policy stands."""
    return [Place(values["satisfied_rate"], values["congestion"]) for values in means.values()]


def told(run: Path, words: Sequence[str]) -> tuple[dict[str, Policy], Config]:
    """The policy of a run, told each of the preferences."""
    model, config = load_policy(run)

    def tell(text: str) -> Policy:
        weights = parse_preference(text, config)
        return ModelPolicy(model, "argmax", tell=lambda observation: task_of(config).tell(observation, weights, config))

    return {text: tell(text) for text in words}, config


def save_plot(ours: Mapping[str, Mapping[str, float]], others: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Served share over 1 - crowding: a line for each weight of time, a point for every other policy."""
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    axes = figure.subplots()
    for hurry in TIME:
        line = [ours[f"crowding={crowding:g},time={hurry:g}"] for crowding in CROWDING]
        x, y = [1.0 - values["congestion"] for values in line], [values["satisfied_rate"] for values in line]
        axes.plot(x, y, marker="o", markersize=4, label=f"one checkpoint, time={hurry:g}")
    for name, values in others.items():
        axes.plot(1.0 - values["congestion"], values["satisfied_rate"], marker="x", linestyle="", color="black")
        axes.annotate(
            name,
            (1.0 - values["congestion"], values["satisfied_rate"]),
            fontsize=8,
            xytext=(4, 4),
            textcoords="offset points",
        )
    axes.set_xlabel("1 - crowding")
    axes.set_ylabel("share of targets served")
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Plays, prints, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="run or checkpoint folder, trained with preferences")
    parser.add_argument("--beside", type=Path, nargs="*", default=[], metavar="RUN", help="runs trained for one each")
    parser.add_argument("--quick", action="store_true", help="few episodes: within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the trade-off there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    policies, config = told(arguments.run, PREFERENCES)
    num_episodes = QUICK_EPISODES if arguments.quick else EPISODES
    source = make_source(config, SEED, is_training=False)
    heuristics = {name: make(SEED) for name, make in task_of(config).heuristics.items()}
    beside: dict[str, Policy] = {run.name: ModelPolicy(load_policy(run)[0], "argmax") for run in arguments.beside}
    ours = play(policies, source, config, num_episodes)
    known, single = play(heuristics, source, config, num_episodes), play(beside, source, config, num_episodes)
    reference, ncs = task_of(config).reference, "normalized_completion_score"
    rows = [
        Row.of(row, ours[words][ncs], known[reference][ncs], reference, "NCS")
        for row, words in zip(ROWS, PREFERENCES, strict=False)
    ]
    peer, peer_name = (single, "runs for one preference each") if single else (known, "heuristics")
    rows.append(Row.of(ROWS[-1], hypervolume(places_of(ours)), hypervolume(places_of(peer)), peer_name, "area"))
    finish("Preferences", rows, ROWS, arguments.json, means={**ours, **known, **single}, num_episodes=num_episodes)
    if arguments.plot:
        save_plot(ours, {**known, **single}, arguments.plot)


if __name__ == "__main__":
    main()
