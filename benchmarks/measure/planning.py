"""Measures search at decision time: what a decision costs, and what it gains over the reference heuristic.

    python -m benchmarks.measure.planning RUN [--quick] [--json FILE] [--episodes 200]

RUN was trained on `allocate`. Costs are CPU time on one core, the mean over the decisions of an episode; the first
decision, at which all heuristics are played, has a row of its own. Scores are of episodes that were never trained on.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.report import Row, finish
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import Policy, StepResult, Worlds
from rl_cluster.environment.shared.planning import Planning
from rl_cluster.environment.tasks import make_source, make_worlds, task_of
from rl_cluster.evaluation.scoring import load_policy
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.search.budget import Budget
from rl_cluster.sampling.search.objective import Objective
from rl_cluster.sampling.search.search_policy import SearchPolicy
from rl_cluster.types import Observation

__all__ = ["ROWS", "main"]

SEED = 1000
PLANS = 64
COSTS = {8: 100.0, 64: 3000.0}
"""Teams -> what a decision may cost, in milliseconds."""
PLAYERS = ("heuristics alone", "with the network")
METRICS = {"satisfied_rate": "satisfied rate", "normalized_completion_score": "NCS", "makespan_s": "makespan"}
NAVIGATE_METRICS = {"success_rate": "success rate", "mean_time_s": "time to the goal"}


class Size(NamedTuple):
    """How much is measured."""

    episodes: int
    decisions: int
    """whose cost is measured"""


FULL, QUICK = Size(200, 12), Size(8, 2)

_COST_ROWS = tuple(
    f"{team} UAVs, {player}: {what}"
    for team in COSTS
    for player in PLAYERS
    for what in ("ms a decision", "ms for the first decision")
)
_SCORE_ROWS = tuple(
    f"allocate, {player}: {what}" for player in PLAYERS for what in (*METRICS.values(), "episodes below a heuristic")
)
_NAVIGATE_ROWS = tuple(f"navigate, heuristics alone: {what}" for what in NAVIGATE_METRICS.values())
ROWS = (*_COST_ROWS, *_SCORE_ROWS, *_NAVIGATE_ROWS)

Outcomes = dict[str, NDArray[np.float64]]


def team_config(config: Config, size: int) -> Config:
    """The settings with teams of this many UAVs and targets."""
    data = config.model_dump(mode="json")
    data["generator"] |= {"num_uavs": [size, size], "num_targets": [size, size]}
    return type(config).model_validate_json(json.dumps(data), strict=True)


def decision_costs_ms(policy: SearchPolicy, config: Config, num_decisions: int) -> list[float]:
    """CPU milliseconds of each of the first decisions of an episode; kernels have been compiled."""
    source = make_source(config, SEED, is_training=False)
    costs: list[float] = []
    for _ in range(2):
        worlds, costs = make_worlds(config, source, 1), []
        observation = worlds.reset()
        while len(costs) < num_decisions and not worlds.state.ended.all():
            start_s = time.process_time()
            actions = policy.act(worlds, observation)
            costs.append(1000.0 * (time.process_time() - start_s))
            worlds.advance(actions)
            observation = worlds.observe()
    return costs


def cost_rows(network: ModelPolicy, config: Config, num_decisions: int) -> Iterator[Row]:
    """What decisions cost."""
    names = iter(_COST_ROWS)
    for team, limit_ms in COSTS.items():
        played = team_config(config, team)
        for searched in (None, network):
            first, *others = decision_costs_ms(
                SearchPolicy(played, Budget(PLANS), SEED, searched), played, num_decisions
            )
            yield Row.at_most(next(names), statistics.mean(others), "CPU-ms", limit_ms)
            yield Row.at_most(next(names), first, "CPU-ms", limit_ms)


class Valued:
    """An observer that notes the objective of each episode."""

    def __init__(self, objective: Objective, planning: Planning[Worlds]) -> None:
        self.values: list[float] = []
        self._objective, self._planning = objective, planning
        self._worlds: Worlds | None = None

    def on_start(self, policy_name: str, worlds: Worlds) -> None:  # noqa: ARG002 - as observers are told
        """Remembers the worlds."""
        self._worlds = worlds

    def on_step(
        self, worlds: Worlds, observation: Observation[NDArray[Any]], actions: NDArray[Any], result: StepResult
    ) -> None:
        """Does nothing."""

    def on_end(self, outcomes: dict[str, NDArray[np.float64]]) -> None:  # noqa: ARG002 - as observers are told
        """Adds the episodes' values."""
        assert self._worlds, "episodes begin before they end"
        terms = self._planning.terms(self._worlds, self._worlds.state.ended)
        self.values += self._objective.value(terms).tolist()


def play(policy: Policy, config: Config, num_episodes: int, objective: Objective) -> tuple[Outcomes, list[float]]:
    """Metric -> values, and the objective, episode by episode."""
    valued = Valued(objective, task_of(config).planning)
    outcomes = evaluate(policy, make_source(config, SEED, is_training=False), config, num_episodes, observer=valued)
    return outcomes, valued.values


def score_rows(
    names: Iterator[str], policy: SearchPolicy, config: Config, metrics: Mapping[str, str], num_episodes: int
) -> Iterator[Row]:
    """Scores beside the reference heuristic's, and in how many episodes any heuristic was better."""
    task = task_of(config)
    others = {
        name: play(make(SEED), config, num_episodes, policy.objective)
        for name, make in task.heuristics.items()
        if name != "random"
    }
    outcomes, values = play(policy, config, num_episodes, policy.objective)
    for metric in metrics:
        unit = next(known.unit for known in task.metrics if known.name == metric)
        ours, peer = float(outcomes[metric].mean()), float(others[task.reference][0][metric].mean())
        make_row = Row.of_cost if unit == "s" else Row.of
        yield make_row(next(names), ours, peer, task.reference, unit)
    if "normalized_completion_score" in metrics:
        best = np.max([other for _, other in others.values()], axis=0)
        yield Row.at_most(next(names), float((np.array(values) < best).sum()), "episodes", 0.0)


def rows_of(network: ModelPolicy, config: Config, size: Size) -> Iterator[Row]:
    """All rows."""
    yield from cost_rows(network, config, size.decisions)
    names = iter((*_SCORE_ROWS, *_NAVIGATE_ROWS))
    for searched in (None, network):
        policy = SearchPolicy(config, Budget(PLANS), SEED, searched)
        yield from score_rows(names, policy, config, METRICS, size.episodes)
    navigate = load_config("navigate_demo")
    policy = SearchPolicy(navigate, Budget(PLANS), SEED)
    yield from score_rows(names, policy, navigate, NAVIGATE_METRICS, size.episodes)


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="run or checkpoint folder")
    parser.add_argument("--quick", action="store_true", help="few episodes: within minutes")
    parser.add_argument("--episodes", type=int, help="by default 200")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, config = load_policy(arguments.run)
    size = QUICK if arguments.quick else FULL
    size = size._replace(episodes=arguments.episodes or size.episodes)
    rows = list(rows_of(ModelPolicy(model, "argmax"), config, size))
    finish(f"Search with {PLANS} plans", rows, ROWS, arguments.json, num_episodes=size.episodes)


if __name__ == "__main__":
    main()
