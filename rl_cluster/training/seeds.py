"""Several seeds of a run: which, in which folders, how many at once, what they scored. `cli/seeds.py` runs them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.environment.tasks import task_of
from rl_cluster.errors import ConfigError
from rl_cluster.metrics.names import evaluation_key
from rl_cluster.training.files.metrics_lines import read_metrics
from rl_cluster.training.files.run_names import METRICS

__all__ = ["evaluated_last", "num_side_by_side", "parse_seeds", "seed_folder", "shown_metrics"]

MAX_SEEDS = 100
MAX_METRICS = 5
"""Metrics in the table: as many as fit into 80 characters."""


def parse_seeds(text: str) -> list[int]:
    """`0,1,2` as numbers. Raises ConfigError for anything else; the settings say which numbers are seeds."""
    where = f"--seeds {text[:80]}"
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and word.isascii() and len(word) < 12 for word in words):
        raise ConfigError(where, "is no list of whole numbers", "write them with commas: --seeds 0,1,2")
    seeds = [int(word) for word in words]
    if twice := next((seed for seed in seeds if seeds.count(seed) > 1), None):
        raise ConfigError(where, f"names {twice} twice", "name each seed once")
    if len(seeds) > MAX_SEEDS:
        raise ConfigError(where, f"names {len(seeds)} seeds", f"name at most {MAX_SEEDS}")
    return seeds


def seed_folder(folder: Path, seed: int) -> Path:
    """The run folder of a seed."""
    return folder / f"seed-{seed}"


def num_side_by_side(config: Config, num_cpus: int, *, is_shared: bool) -> int:
    """How many such runs a machine holds at once, at least one.

    Args:
        config: The settings of one of them.
        num_cpus: CPUs of this machine. Runs that use a GPU go one after the other: none knows of the others' GPUs.
        is_shared: True = they run on a cluster, which may have room for one only: one after the other.
    """
    sampling, learners = config.sampling, config.learners
    if is_shared or learners.gpus_per_learner or sampling.gpus_per_runner:
        return 1
    needed = max(1.0, learners.cpus_per_learner)
    if config.engine == "ray":
        actors = sampling.num_env_runners * sampling.cpus_per_runner + learners.num_learners * learners.cpus_per_learner
        needed = 1.0 + actors
    return max(1, int(num_cpus / needed))


def shown_metrics(config: Config) -> Sequence[EpisodeMetric]:
    """The metrics of the table at the end: the task's headline, then those that its tables begin with."""
    task = task_of(config)
    return list(dict.fromkeys((task.headline, *task.metrics)))[:MAX_METRICS]


def evaluated_last(run: Path, metrics: Sequence[EpisodeMetric]) -> Mapping[EpisodeMetric, float]:
    """The metrics of a run's last evaluation; NaN where there was none."""
    scores = dict.fromkeys(metrics, math.nan)
    for line in read_metrics(run / METRICS):
        scores |= {metric: line[key] for metric in metrics if (key := evaluation_key(metric.name)) in line}
    return scores
