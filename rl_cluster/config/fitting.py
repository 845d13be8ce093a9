"""Changes the number of env runners without changing the learning: keeps the train batch and its minibatches."""

import math
from typing import Any, NamedTuple

__all__ = ["Fit", "fit_runners"]


class Fit(NamedTuple):
    """The work of each env runner, and the size of a minibatch."""

    worlds_per_runner: int
    minibatch_rows: int
    train_batch_rows: int


def fit_runners(config: Any, num_env_runners: int) -> Fit:
    """The train batch nearest to the run's that this many env runners can make, in as many minibatches.

    Rows are runners * worlds * steps; K minibatches divide them if K / gcd(K, runners * steps) divides the worlds.

    Args:
        config: The run, with another number of env runners.
        num_env_runners: 0 counts as one, the trainer's process.
    """
    rows_of_a_world = max(1, num_env_runners) * config.sampling.fragment_steps
    num_minibatches = config.train_batch_rows // config.ppo.minibatch_rows
    grain = num_minibatches // math.gcd(num_minibatches, rows_of_a_world)
    num_worlds = grain * max(1, round(config.train_batch_rows / (rows_of_a_world * grain)))
    rows = num_worlds * rows_of_a_world
    return Fit(num_worlds, rows // num_minibatches, rows)
