"""Divides an iteration's fragments among Learners.

Learners get consecutive worlds, in the order of runners and worlds, so that their rows together are in the same order
as a single Learner's (`learning/ranks.py`). If the worlds do not divide evenly, some Learners get one more.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from ray.rllib.core.learner.training_data import TrainingData

from rl_cluster.rllib.env_runner import RunnerFragment

__all__ = ["FragmentData"]


class FragmentData(TrainingData):
    """RLlib's training data with our own sharding, because RLlib's would cut fragments anywhere."""

    def shard(self, num_shards: int, **_: Any) -> list[tuple[TrainingData, dict[str, Any]]]:
        """The data of every Learner, without settings per Learner."""
        total = sum(sampled.fragment.num_worlds for sampled in self.episodes)
        bounds = [total * number // num_shards for number in range(num_shards + 1)]
        return [
            (TrainingData(episodes=_of_worlds(self.episodes, first, last)), {})
            for first, last in itertools.pairwise(bounds)
        ]


def _of_worlds(sampled: Sequence[RunnerFragment], first: int, last: int) -> list[RunnerFragment]:
    """The worlds `first` to `last` - 1 of all runners' worlds in a row."""
    parts, start = [], 0
    for runner, fragment in ((each.runner, each.fragment) for each in sampled):
        begin, end = max(first - start, 0), min(last - start, fragment.num_worlds)
        if begin < end:
            parts.append(RunnerFragment(runner, fragment.of_worlds(begin, end)))
        start += fragment.num_worlds
    return parts
