"""Measures what rounds of intent and choices in turn are worth: one checkpoint plays the same episodes in each manner.

    python -m benchmarks.measure.intent_rounds RUN [--quick] [--json FILE]

RUN was trained on `allocate`. It is compared with the reference heuristic, which plans for all UAVs together and needs
no rounds. The policy also plays with one round at shorter intervals, which correct a bad choice earlier and take as
many decisions.
"""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import torch

from benchmarks.report import Row, finish
from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import Policy
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.evaluation.ladder import Regime, rung_config
from rl_cluster.evaluation.scoring import load_policy
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.episodes import ModelPolicy, evaluate

__all__ = ["ROWS", "main"]

SEED = 2000
NCS = "normalized_completion_score"
UAV_EPISODES, QUICK_UAV_EPISODES = 6400, 128
"""The number of UAVs in all episodes of a row together."""


class Team(NamedTuple):
    """The size and density of a team."""

    num_uavs: int
    regime: Regime


class Manner(NamedTuple):
    """How UAVs decide."""

    rounds: int
    interval_s: float
    is_in_turn: bool = False
    """True = in each round one after the other"""

    @property
    def words(self) -> str:
        """For the names of rows."""
        return f"rounds: {self.rounds}, every {self.interval_s:g} s{', in turn' if self.is_in_turn else ''}"


TEAMS = (Team(8, "constant density"), Team(64, "constant density"), Team(64, "fixed area"))
MANNERS = (
    *(Manner(rounds, 20.0) for rounds in (1, 3, 6)),
    Manner(1, 5.0),
    *(Manner(rounds, 20.0, is_in_turn=True) for rounds in (1, 2, 3, 6)),
)

CASES = [(team, manner) for team in TEAMS for manner in MANNERS]
ROWS = tuple(f"{team.num_uavs} UAVs, {team.regime}, {manner.words}" for team, manner in CASES)


def settings(config: Config, team: Team, manner: Manner) -> Config:
    """The settings of the episodes."""
    rung = rung_config(config, team.num_uavs, team.regime)
    assert rung, f"{team.num_uavs} UAVs find room in the area of training"
    data = rung.model_dump(mode="json")
    data["world"] |= {
        "intent_rounds": manner.rounds, "decision_interval_s": manner.interval_s, "choose_in_turn": manner.is_in_turn
    }  # fmt: skip
    return type(rung).model_validate_json(json.dumps(data), strict=True)


def score(policy: Policy, config: Config, num_episodes: int) -> float:
    """Mean NCS."""
    source = make_source(config, SEED, is_training=False)
    return float(evaluate(policy, source, config, num_episodes)[NCS].mean())


def rows_of(model: TransformerGNN, config: Config, uav_episodes: int) -> Iterator[Row]:
    """Rows that compare every team and manner with the reference."""
    name = task_of(config).reference
    for row, (team, manner) in zip(ROWS, CASES, strict=True):
        played, num_episodes = settings(config, team, manner), uav_episodes // team.num_uavs
        expected = score(task_of(played).heuristics[name](SEED), played, num_episodes)
        yield Row.of(row, score(ModelPolicy(model, "argmax", SEED), played, num_episodes), expected, name, "NCS")


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="run or checkpoint folder")
    parser.add_argument("--quick", action="store_true", help="few episodes: within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, config = load_policy(arguments.run)
    rows = list(rows_of(model, config, QUICK_UAV_EPISODES if arguments.quick else UAV_EPISODES))
    finish("Rounds of intent", rows, ROWS, arguments.json)


if __name__ == "__main__":
    main()
