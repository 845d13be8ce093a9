"""Measures the floor of a stage's passing score: random play and a heuristic on the stage's evaluation episodes.

The episodes are the same each time, and so is the floor; `schedulers/pass_score.py` has the rule.
"""

from typing import NamedTuple

from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import EpisodeSource
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.sampling.episodes import evaluate
from rl_cluster.schedulers.pass_score import floor_between
from rl_cluster.training.events import Floor

__all__ = ["PassFloor", "measure_pass_floor"]


class PassFloor(NamedTuple):
    """The measured scores, and the floor that follows from them."""

    random: float
    """score of random play"""
    heuristic: float
    """score of the task's reference heuristic"""
    heuristic_name: str
    floor: float

    def told(self, stage: int, pass_score: float) -> Floor:
        """The run's event about it."""
        return Floor("floor", stage, pass_score, self.random, self.heuristic, self.heuristic_name)


def measure_pass_floor(config: Config, stage: int) -> PassFloor:
    """Plays a stage, from 1, of a curriculum whose `floor_share` is set."""
    source = make_source(config, config.seed, is_training=False, stage=stage)
    name = task_of(config).reference
    random, heuristic = (_score(config, source, policy) for policy in ("random", name))
    return PassFloor(random, heuristic, name, floor_between(config.curriculum.floor_share, random, heuristic))


def _score(config: Config, source: EpisodeSource, name: str) -> float:
    policy = task_of(config).heuristics[name](config.seed)
    outcomes = evaluate(policy, source, config, config.training.evaluation_episodes)
    return float(outcomes[config.curriculum.metric].mean())
