"""Measures how well one checkpoint follows preferences: what it reaches for each, beside every heuristic.

    python -m benchmarks.measure.tradeoff RUN [--beside RUN ..] [--quick] [--json FILE] [--plot FILE]

RUN was trained with ranges of `generator.prefer_crowding` and `generator.prefer_time`. All policies play the same
held-out episodes of `quick_demo`, without a search. The hypervolume is the share of the square of (served share,
1 - crowding) that a set of policies dominates (Zitzler and Thiele 1999); its peer is that of the runs beside, each
trained for one preference, or of the heuristics.
"""

import argparse
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.report import Row, finish
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import EpisodeSource, Policy
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.evaluation.intervals import paired_difference
from rl_cluster.evaluation.preference import parse_preference
from rl_cluster.evaluation.scoring import load_policy
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.types import FloatArray, Observation

__all__ = ["ROWS", "hypervolume", "main"]

SEED, EPISODES, QUICK_EPISODES = 3000, 400, 20
CROWDING, TIME = (0.25, 0.5, 1.0, 2.0, 4.0), (0.25, 1.0, 4.0)
PREFERENCES = tuple(f"crowding={crowding:g},time={hurry:g}" for hurry, crowding in itertools.product(TIME, CROWDING))
BETTER = {"satisfied_rate": 1.0, "normalized_completion_score": 1.0, "makespan_s": -1.0}
"""Metrics in which a preference should lead the reference all at once, and the sign of better."""
LEADS = "preferences that lead in served share, NCS and makespan, intervals apart"
ROWS = (*(f"{words}: NCS" for words in PREFERENCES), LEADS, "hypervolume of served share and crowding")
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


Outcomes = dict[str, NDArray[np.float64]]
"""Metric -> (E,) values of the episodes."""
Means = dict[str, dict[str, float]]
"""Policy -> metric -> mean."""


def play(
    policies: Mapping[str, Policy], source: EpisodeSource, config: Config, num_episodes: int
) -> dict[str, Outcomes]:
    """Policy -> what it reaches in each episode."""
    return {name: evaluate(policy, source, config, num_episodes) for name, policy in policies.items()}


def means_of(played: Mapping[str, Outcomes]) -> Means:
    """The means over episodes."""
    return {name: {metric: float(outcomes[metric].mean()) for metric in METRICS} for name, outcomes in played.items()}


def differences(ours: Mapping[str, Outcomes], reference: Outcomes) -> dict[str, dict[str, list[float]]]:
    """Preference -> metric -> mean difference to the reference, and the bounds of its interval."""
    gaps = {
        words: {metric: paired_difference(outcomes[metric], reference[metric]) for metric in BETTER}
        for words, outcomes in ours.items()
    }
    return {
        words: {metric: [float(gap.mean), float(gap.low), float(gap.high)] for metric, gap in of_metrics.items()}
        for words, of_metrics in gaps.items()
    }


def num_leading(gaps: Mapping[str, Mapping[str, Sequence[float]]]) -> int:
    """How many preferences are better in all metrics at once, by their intervals."""

    def leads(metric: str, gap: Sequence[float]) -> bool:
        _, low, high = gap
        return low > 0.0 if BETTER[metric] > 0.0 else high < 0.0

    return sum(all(leads(metric, gap) for metric, gap in of_metrics.items()) for of_metrics in gaps.values())


def places_of(means: Mapping[str, Mapping[str, float]]) -> list[Place]:
    """Where each policy stands."""
    return [Place(values["satisfied_rate"], values["congestion"]) for values in means.values()]


def told(run: Path, words: Sequence[str]) -> dict[str, Policy]:
    """The policy of a run, told each of the preferences."""
    model, config = load_policy(run)
    return {text: _told(model, config, parse_preference(text, config)) for text in words}


def single(run: Path) -> tuple[str, Policy]:
    """What a run was trained for, in words, and its policy, told that one preference."""
    model, config = load_policy(run)
    weights = {name: low for name, (low, _) in task_of(config).preference_ranges(config).items()}
    words = ",".join(f"{name}={weights[name]:g}" for name in ("crowding", "time"))
    return f"alone {words}", _told(model, config, np.array(list(weights.values()), dtype=np.float32))


def _told(model: TransformerGNN, config: Config, weights: FloatArray) -> Policy:
    def tell(observation: Observation[NDArray[Any]]) -> Observation[NDArray[Any]]:
        return task_of(config).tell(observation, weights, config)

    return ModelPolicy(model, "argmax", tell=tell, trained=config)


def save_plot(ours: Means, known: Means, singles: Means, path: Path) -> None:
    """Served share over 1 - crowding: a line for each weight of time, a point for every other policy; then near by."""
    figure = Figure(figsize=(9.0, 4.5), layout="constrained")
    everywhere, near = figure.subplots(1, 2)
    for axes in (everywhere, near):
        for hurry in TIME:
            line = [_point(ours[f"crowding={crowding:g},time={hurry:g}"]) for crowding in CROWDING]
            axes.plot(*zip(*line, strict=True), marker="o", markersize=4, label=f"one checkpoint, time={hurry:g}")
        for policies, marker in ((singles, "s"), (known, "x")):
            points = [_point(values) for values in policies.values()]
            label = "trained for one preference each" if policies is singles else "heuristics"
            if points:
                axes.plot(*zip(*points, strict=True), marker=marker, linestyle="", color="black", label=label)
        axes.set_xlabel("1 - crowding")
        axes.set_ylabel("share of targets served")
    for name, values in known.items():
        everywhere.annotate(name, _point(values), fontsize=8, xytext=(4, 4), textcoords="offset points")
    learnt = [_point(values) for values in (*ours.values(), *singles.values())]
    for set_limits, ends in zip((near.set_xlim, near.set_ylim), zip(*learnt, strict=True), strict=True):
        set_limits(min(ends) - 0.01, max(ends) + 0.01)
    for name, values in singles.items():
        words = name.removeprefix("alone ")
        near.annotate(words, _point(values), fontsize=8, xytext=(0, -12), ha="center", textcoords="offset points")
    everywhere.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def _point(values: Mapping[str, float]) -> tuple[float, float]:
    return 1.0 - values["congestion"], values["satisfied_rate"]


def rows_of(ours: Means, known: Means, singles: Means, num_leads: int, reference: str) -> Iterator[Row]:
    """In the order of `ROWS`."""
    ncs = "normalized_completion_score"
    for row, words in zip(ROWS, PREFERENCES, strict=False):
        yield Row.of(row, ours[words][ncs], known[reference][ncs], reference, "NCS")
    yield Row.of(LEADS, num_leads, len(PREFERENCES), "preferences", "preferences")
    peers, peer = (singles, "runs for one preference each") if singles else (known, "heuristics")
    yield Row.of(ROWS[-1], hypervolume(places_of(ours)), hypervolume(places_of(peers)), peer, "area")


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
    config = load_config("quick_demo")
    num_episodes = QUICK_EPISODES if arguments.quick else EPISODES
    source, task = make_source(config, SEED, is_training=False), task_of(config)
    heuristics = {name: make(SEED) for name, make in task.heuristics.items()}
    beside = dict(single(run) for run in arguments.beside)
    ours, known, singles = (
        play(policies, source, config, num_episodes)
        for policies in (told(arguments.run, PREFERENCES), heuristics, beside)
    )
    gaps, means = differences(ours, known[task.reference]), means_of(ours)
    others, alone = means_of(known), means_of(singles)
    rows = list(rows_of(means, others, alone, num_leading(gaps), task.reference))
    stored = {"means": {**means, **others, **alone}, "differences": gaps, "reference": task.reference}
    finish("Preferences", rows, ROWS, arguments.json, num_episodes=num_episodes, **stored)
    if arguments.plot:
        save_plot(means, others, alone, arguments.plot)


if __name__ == "__main__":
    main()
